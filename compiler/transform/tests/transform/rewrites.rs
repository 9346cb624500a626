//! Each rewrite rule changes its example and keeps its values, and leaves alone what only looks like it. Random graphs keep
//! their values through every pass, forwards and backwards.

use pfm_ir::{Builder, DType, Graph, Role, Tensor, TensorType, ValueId, interpret, print_plain, prune, verify};
use pfm_ops as ops;

use crate::random::random_graph;
use crate::values::{distance, draw};
use pfm_transform::{
    Given, Rule, decompose, decompose_all, fold, gradients, merge, recompute, rules, share, simplify, simplify_with, sums,
};
use std::collections::BTreeSet;

fn of_given(write: impl FnOnce(&mut Builder, Given) -> ValueId) -> Graph {
    let mut b = Builder::new("rule");
    let x = b.input("x", Role::Data, TensorType::f32(&[2, 3]));
    let y = b.input("y", Role::Data, TensorType::f32(&[2, 3]));
    let m = b.input("m", Role::Data, TensorType::new(DType::Bool, &[2, 3]));
    let result = write(&mut b, Given { x, y, m });
    b.output("result", result);
    b.graph
}

fn inputs_of(graph: &Graph, low: f64, high: f64, stream: u32) -> Vec<Tensor> {
    let inputs = graph.inputs.iter().enumerate();
    inputs.map(|(i, input)| draw(graph.ty(input.value), low, high, stream + i as u32)).collect()
}

fn assert_same(before: &Graph, after: &Graph, inputs: &[Tensor], what: &str) {
    assert_eq!(verify(after), vec![], "{what}");
    assert_eq!(before.inputs, after.inputs, "{what} keeps the inputs");
    let (expected, found) = (interpret(before, inputs), interpret(after, inputs));
    assert_eq!(expected.len(), found.len(), "{what} keeps the outputs");
    for (found, expected) in found.iter().zip(&expected) {
        assert!(expected.data.iter().all(|v| v.is_finite()), "{what} has finite values");
        let error = distance(found, expected);
        assert!(error <= 1e-10, "{what}: {error:e}\n{}", print_plain(before));
    }
}

#[test]
fn each_rule_changes_its_example_and_keeps_its_values() {
    for rule in rules() {
        let before = of_given(rule.example);
        assert_eq!(verify(&before), vec![], "{}", rule.name);
        let after = simplify_with(before.clone(), &[rule]);
        assert_ne!(print_plain(&before), print_plain(&after), "`{}` fits its example", rule.name);
        for stream in 0..4 {
            // Above zero, for roots and reciprocals.
            let inputs = inputs_of(&before, 0.2, 2.0, 10 * stream);
            assert_same(&before, &after, &inputs, rule.name);
        }
    }
}

#[test]
fn rules_are_named_once_and_apply_to_operations() {
    let names: BTreeSet<&str> = rules().iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), rules().len());
    for rule in rules() {
        assert!(ops::lookup(rule.op).is_some(), "`{}` is about `{}`", rule.name, rule.op);
        assert!(!rule.identity.is_empty());
    }
}

#[test]
fn simplified_examples_are_as_simple_as_they_get() {
    for rule in rules() {
        let once = simplify(of_given(rule.example));
        assert_eq!(print_plain(&once), print_plain(&simplify(once.clone())), "{}", rule.name);
    }
}

type Example = (&'static str, fn(&mut Builder, Given) -> ValueId);

/// Graphs that a careless rule would change.
const NEAR_MISSES: &[Example] = &[
    ("add a small constant", |b, g| ops::add_scalar(b, g.x, 1e-30)),
    ("zero in the divisor's place", |b, g| {
        let one = ops::constant_like(b, g.x, 1.0);
        let above = ops::add(b, g.y, one);
        ops::div(b, g.x, above)
    }),
    ("subtract the negated from another", |b, g| {
        let n = ops::neg(b, g.x);
        ops::sub(b, n, g.y)
    }),
    ("a power of one half", |b, g| {
        let half = ops::constant_like(b, g.y, 0.5);
        ops::pow(b, g.x, half)
    }),
    ("a slice that cuts into the padded", |b, g| {
        let padded = ops::pad(b, g.x, &[1, 0], &[1, 0], &[0, 0], 0.0);
        ops::slice(b, padded, &[0, 0], &[2, 3], &[1, 1])
    }),
    ("a slice of a padding with holes", |b, g| {
        let padded = ops::pad(b, g.x, &[0, 0], &[0, 0], &[0, 1], 0.0);
        ops::slice(b, padded, &[0, 0], &[2, 3], &[1, 1])
    }),
    ("a slice of the same size with another start", |b, g| {
        let wide = ops::concat(b, &[g.x, g.y], 1);
        ops::slice(b, wide, &[0, 1], &[2, 6], &[1, 2])
    }),
    ("a sum over an axis that the broadcast keeps", |b, g| {
        let wide = ops::broadcast(b, g.x, &[4, 2, 3], &[1, 2]);
        ops::reduce_sum(b, wide, &[0, 1])
    }),
    ("a square permutation", |b, g| {
        let cube = ops::concat(b, &[g.x, g.y], 0);
        let part = ops::slice_axis(b, cube, 0, 0, 3);
        ops::permute(b, part, &[1, 0])
    }),
    ("a flip of two axes, then of a third order", |b, g| {
        let first = ops::flip(b, g.x, &[0]);
        ops::flip(b, first, &[1])
    }),
    ("the maximum of two", |b, g| ops::max(b, g.x, g.y)),
    ("a select of two", |b, g| ops::select(b, g.m, g.x, g.y)),
    ("whole numbers that a product changes", |b, g| {
        let whole = ops::cast(b, g.x, DType::I32);
        let minus = ops::constant_like(b, whole, -1.0);
        let product = ops::mul(b, whole, minus);
        let twice = ops::mul(b, product, minus);
        ops::cast(b, twice, DType::F32)
    }),
];

#[test]
fn near_misses_keep_their_values() {
    for (what, example) in NEAR_MISSES {
        let before = of_given(example);
        let inputs = inputs_of(&before, 0.2, 3.0, 7);
        assert_same(&before, &simplify(before.clone()), &inputs, what);
        for rule in rules() {
            let after = simplify_with(before.clone(), &[rule]);
            assert_same(&before, &after, &inputs, &format!("{what}, {}", rule.name));
        }
    }
}

type Pass = (&'static str, fn(Graph) -> Graph);

const PASSES: &[Pass] = &[
    ("prune", prune),
    ("decompose", |g| decompose(g, &|_| false)),
    ("decompose_all", decompose_all),
    ("simplify", simplify),
    ("share", share),
    ("fold", fold),
    ("merge", merge),
    ("recompute", recompute),
    ("sums", sums),
    ("all of them", |g| prune(fold(simplify(share(merge(fold(simplify(decompose(g, &|_| false))))))))),
];

fn check_passes(graph: &Graph, seed: u32) {
    // Nodes that no output needs are not part of a sound graph.
    let graph = prune(graph.clone());
    let inputs = inputs_of(&graph, -1.0, 1.0, seed);
    for (name, pass) in PASSES {
        let after = pass(graph.clone());
        assert_same(&graph, &after, &inputs, &format!("{name}, seed {seed}"));
        assert_eq!(print_plain(&after), print_plain(&pass(graph.clone())), "{name} gives one result");
    }
}

#[test]
fn random_graphs_keep_their_values() {
    for seed in 0..300 {
        check_passes(&random_graph(seed, 3 + seed as usize % 20).graph, seed);
    }
}

/// The gradients of the sum of the first output replace the outputs.
fn with_gradients(mut b: Builder) -> Graph {
    let wanted: Vec<ValueId> = b.graph.inputs.iter().map(|input| input.value).collect();
    let y = b.graph.outputs[0].value;
    let axes: Vec<usize> = (0..b.shape(y).len()).collect();
    let loss = ops::reduce_sum(&mut b, y, &axes);
    b.graph.outputs.clear();
    b.output("loss", loss);
    for (i, g) in gradients(&mut b, loss, &wanted).into_iter().enumerate() {
        if let Some(g) = g {
            b.output(&format!("g{i}"), g);
        }
    }
    b.graph
}

#[test]
fn random_gradients_keep_their_values() {
    for seed in 0..120 {
        check_passes(&with_gradients(random_graph(seed, 3 + seed as usize % 12)), seed);
    }
}

#[test]
fn random_gradients_equal_differences() {
    const STEP: f64 = 1e-6;
    let mut compared = 0;
    for seed in 0..120 {
        let graph = prune(with_gradients(random_graph(seed, 3 + seed as usize % 12)));
        let inputs = inputs_of(&graph, -1.0, 1.0, seed);
        let results = interpret(&graph, &inputs);
        let loss = |inputs: &[Tensor]| interpret(&graph, inputs)[0].data[0];
        for (output, gradient) in graph.outputs.iter().zip(&results).skip(1) {
            let i: usize = output.name[1..].parse().expect("outputs are numbered");
            // One random direction says as much as every axis.
            let direction = draw(graph.ty(graph.inputs[i].value), -1.0, 1.0, 900 + seed);
            let shifted = |by: f64| {
                let mut inputs = inputs.clone();
                for (x, d) in inputs[i].data.iter_mut().zip(&direction.data) {
                    *x += by * d;
                }
                loss(&inputs)
            };
            let slope = |by: f64| (shifted(by) - shifted(-by)) / (2.0 * by);
            let (near, far) = (slope(STEP), slope(2.0 * STEP));
            let scale = 1.0 + results[0].data[0].abs() + near.abs();
            if (near - far).abs() > 1e-7 * scale {
                // A kink of a maximum or a comparison is this near.
                continue;
            }
            let along: f64 = gradient.data.iter().zip(&direction.data).map(|(g, d)| g * d).sum();
            assert!((along - near).abs() <= 1e-6 * scale, "seed {seed}, {}: {along} and {near}", output.name);
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared} gradients were compared");
}

#[test]
fn one_rule_alone_leaves_the_rest() {
    let rule: &Rule = rules().iter().find(|rule| rule.name == "add_zero").expect("there is `add_zero`");
    let before = of_given(|b, g| {
        let sum = ops::add_scalar(b, g.x, 0.0);
        ops::scale(b, sum, 1.0)
    });
    let after = simplify_with(before, &[rule]);
    let names: Vec<&str> = after.nodes.iter().map(|node| node.op.name).collect();
    assert_eq!(names, ["constant", "mul"]);
}

/// Group norm, silu and a convolution, twice, with all gradients: large enough for the passes that look at large values only.
fn norms_and_convolutions() -> Graph {
    let mut b = Builder::new("norms");
    let x = b.input("x", Role::Data, TensorType::f32(&[1, 2, 32, 32, 8]));
    let mut y = x;
    let mut wrt = vec![];
    for layer in 0..3 {
        let scale = b.input(&format!("scale{layer}"), Role::Data, TensorType::f32(&[8]));
        let w = b.input(&format!("w{layer}"), Role::Data, TensorType::f32(&[8, 8, 1, 3, 3]));
        let groups = ops::reshape(&mut b, y, &[1, 2, 32, 32, 4, 2]);
        let normed = ops::normalise(&mut b, groups, &[2, 3, 5], 1e-6, true);
        let normed = ops::reshape(&mut b, normed, &[1, 2, 32, 32, 8]);
        let wide = ops::broadcast(&mut b, scale, &[1, 2, 32, 32, 8], &[4]);
        let scaled = ops::mul(&mut b, normed, wide);
        let gate = ops::sigmoid(&mut b, scaled);
        let active = ops::mul(&mut b, scaled, gate);
        let convolved = ops::conv(&mut b, active, w, &[1, 1, 1], &[0, 1, 1], &[0, 1, 1]);
        y = ops::add(&mut b, y, convolved);
        wrt.extend([scale, w]);
    }
    let square = ops::mul(&mut b, y, y);
    let loss = ops::mean(&mut b, square, &[0, 1, 2, 3, 4]);
    let found = gradients(&mut b, loss, &wrt);
    b.output("loss", loss);
    for (i, gradient) in found.into_iter().enumerate() {
        b.output(&format!("gradient{i}"), gradient.expect("the loss depends on it"));
    }
    prune(b.graph)
}

#[test]
fn gradients_of_norms_keep_their_values_through_the_passes_for_large_values() {
    let before = share(simplify(decompose(norms_and_convolutions(), &|_| false)));
    let inputs = inputs_of(&before, -1.0, 1.0, 3);
    let merged = share(simplify(merge(before.clone())));
    let summed = share(sums(merged.clone()));
    let recomputed = recompute(summed.clone());
    for (name, graph) in [("merge", &merged), ("sums", &summed), ("recompute", &recomputed)] {
        assert_same(&before, graph, &inputs, name);
    }
    let count = |graph: &Graph, op: &str| graph.nodes.iter().filter(|n| n.op.name == op).count();
    let split = |graph: &Graph| graph.values.iter().filter(|v| v.ty.shape == [1, 2, 32, 32, 4, 2]).count();
    assert!(split(&before) > 0 && split(&merged) == 0, "only statistics are split: {}", split(&merged));
    let full = |graph: &Graph| graph.nodes.iter().filter(|n| n.op.name == "reduce_sum" && graph.shape(n.operands[0]).len() == 5).count();
    assert!(full(&summed) < full(&merged), "sums build on each other: {} of {}", full(&summed), full(&merged));
    assert!(count(&recomputed, "sigmoid") > count(&summed, "sigmoid"), "gates of early layers are made twice");
}

/// A product of rows in another order, then of columns, and the gradients of both: the copy in the other order is made again for the
/// backward pass, for what it is a copy of is kept there anyway.
#[test]
fn copies_are_made_again_where_their_source_is_kept() {
    let mut b = Builder::new("copies");
    let x = b.input("x", Role::Data, TensorType::f32(&[128, 128]));
    let w: Vec<ValueId> = (0..4).map(|i| b.input(&format!("w{i}"), Role::Data, TensorType::f32(&[128, 128]))).collect();
    let mut y = ops::contract(&mut b, x, w[0], &[0, 1], &[1, 2], &[0, 2]);
    for w in &w[1..] {
        let turned = ops::permute(&mut b, y, &[1, 0]);
        let product = ops::contract(&mut b, turned, *w, &[0, 1], &[1, 2], &[0, 2]);
        let gate = ops::sigmoid(&mut b, y);
        y = ops::mul(&mut b, gate, product);
    }
    let loss = ops::mean(&mut b, y, &[0, 1]);
    let found = gradients(&mut b, loss, &w);
    for (i, gradient) in found.into_iter().enumerate() {
        b.output(&format!("gradient{i}"), gradient.expect("the loss depends on it"));
    }
    let before = share(simplify(decompose(prune(b.graph), &|_| false)));
    let after = recompute(before.clone());
    assert_same(&before, &after, &inputs_of(&before, -0.3, 0.3, 5), "recompute");
    let late = |graph: &Graph| {
        let contracts: Vec<_> = graph.nodes.iter().filter(|n| n.op.name == "contract").collect();
        let permutes = contracts.iter().flat_map(|n| &n.operands).filter(|v| graph.def(**v).is_some_and(|d| d.op.name == "permute"));
        permutes.collect::<BTreeSet<_>>().len()
    };
    assert!(late(&after) > late(&before), "{} {}", late(&after), late(&before));
}
