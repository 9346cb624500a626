//! What every row of the op table must pass, with no further code per operation: its samples satisfy the shape rule, it has
//! a value, its gradient equals central differences, a hand-written gradient equals the derived one, and graphs of it
//! print and parse.

use crate::values::{distance, draw};
use pfm_ir::{
    AttrKind, Builder, DType, Gradient, Graph, Meaning, Op, Role, Sample, Tensor, TensorType, ValueId, canonical, interpret, parse_text,
    print, prune, verify,
};
use pfm_transform::{decompose_all, try_gradients};
use std::collections::BTreeSet;

/// Step of central differences; their error is about its square.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-6;

fn name(op: &Op, i: usize) -> String {
    format!("`{}` sample {i}", op.name)
}

fn each_sample(mut check: impl FnMut(&'static Op, usize, &Sample)) {
    for op in pfm_ops::table() {
        let samples = (op.samples)();
        assert!(!samples.is_empty(), "`{}` has samples", op.name);
        for (i, sample) in samples.iter().enumerate() {
            check(op, i, sample);
        }
    }
}

/// A graph of one node with every result as an output.
fn graph_of(op: &'static Op, sample: &Sample) -> Builder {
    let mut b = Builder::new(op.name);
    let operands = inputs(&mut b, sample);
    b.set_path("core.blocks.0");
    let results = b.op_multi(op, &operands, sample.attrs.clone());
    for (i, v) in results.iter().enumerate() {
        b.output(&format!("result{i}"), *v);
    }
    b
}

fn inputs(b: &mut Builder, sample: &Sample) -> Vec<ValueId> {
    let types = sample.operands.iter().enumerate();
    types.map(|(i, ty)| b.input(&format!("operand{i}"), Role::Data, ty.clone())).collect()
}

fn operand_values(sample: &Sample) -> Vec<Tensor> {
    let types = sample.operands.iter().enumerate();
    types.map(|(i, ty)| draw(ty, sample.low, sample.high, i as u32)).collect()
}

fn check_text(graph: &Graph, what: &str) {
    assert_eq!(verify(graph), vec![], "{what}");
    let parsed = parse_text(&print(graph), pfm_ops::lookup).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(parsed, canonical(graph.clone()), "{what}");
}

#[test]
fn samples_have_a_value_and_a_text() {
    each_sample(|op, i, sample| {
        let graph = graph_of(op, sample).graph;
        check_text(&graph, &name(op, i));
        let values = interpret(&graph, &operand_values(sample));
        assert_eq!(values.len(), graph.outputs.len());
        for value in values {
            let finite = value.data.iter().all(|v| v.is_finite());
            assert!(finite, "{} is finite", name(op, i));
        }
    });
}

#[test]
fn pages_have_every_heading() {
    for op in pfm_ops::table() {
        let page = pfm_ops::page(op);
        assert!(page.starts_with(&format!("`{}`: ", op.name)), "{page}");
        for heading in ["## Meaning", "## Shapes", "## Gradient", "## References"] {
            assert!(page.contains(heading), "`{}` has {heading}", op.name);
        }
    }
}

#[test]
fn samples_cover_every_combination_of_bool_attributes() {
    for op in pfm_ops::table() {
        let bools: Vec<&str> = op.attrs.iter().filter(|s| s.kind == AttrKind::Bool).map(|s| s.name).collect();
        let of = |sample: &Sample| -> Vec<bool> { bools.iter().map(|name| sample.attrs.get_bool(name)).collect() };
        let seen: BTreeSet<Vec<bool>> = (op.samples)().iter().map(of).collect();
        assert_eq!(seen.len(), 1 << bools.len(), "`{}`: {bools:?} take {seen:?}", op.name);
    }
}

#[test]
fn samples_cover_every_word_of_text_attributes() {
    for op in pfm_ops::table() {
        for spec in op.attrs.iter().filter(|s| s.kind == AttrKind::Text) {
            let words: BTreeSet<String> = match (op.name, spec.name) {
                ("all_reduce", "kind") => ["sum"].map(String::from).into(),
                ("random", "kind") => ["uniform", "normal", "bernoulli"].map(String::from).into(),
                (_, "dtype") => accepted_types(op),
                (op, attr) => panic!("which words may `{attr}` of `{op}` be?"),
            };
            let seen = (op.samples)().iter().map(|s| s.attrs.get_text(spec.name).to_string()).collect();
            assert_eq!(words, seen, "`{}` of `{}`", spec.name, op.name);
        }
    }
}

/// The element types that the shape rule takes as `dtype`, tried on the first sample with values that fit any of them.
fn accepted_types(op: &Op) -> BTreeSet<String> {
    let sample = &(op.samples)()[0];
    let operands: Vec<&TensorType> = sample.operands.iter().collect();
    let accepts = |dtype: &DType| {
        let mut attrs = sample.attrs.clone().text("dtype", dtype.name());
        if attrs.get("value").is_some() {
            attrs = attrs.float("value", 1.0);
        }
        op.infer(&operands, &attrs).is_ok()
    };
    DType::ALL.iter().filter(|d| accepts(d)).map(|d| d.name().to_string()).collect()
}

#[test]
fn composites_have_a_decomposition() {
    for op in pfm_ops::table() {
        if op.class == pfm_ir::Class::Composite {
            assert!(matches!(op.meaning, Meaning::Composite(_)), "`{}`", op.name);
        }
    }
}

/// A scalar loss: the differentiable results against fixed weights.
struct Loss {
    builder: Builder,
    loss: ValueId,
    operands: Vec<ValueId>,
}

fn loss_of(op: &'static Op, sample: &Sample) -> Option<Loss> {
    let mut b = Builder::new(op.name);
    let operands = inputs(&mut b, sample);
    let results = b.op_multi(op, &operands, sample.attrs.clone());
    // By contract nothing is differentiated through the second result of `attend`.
    let count = if op.name == "attend" { 1 } else { results.len() };
    let mut loss = None;
    for (i, v) in results[..count].iter().enumerate() {
        let ty = b.ty(*v).clone();
        if !ty.dtype.is_float() {
            continue;
        }
        let weights = draw(&ty, 0.5, 1.5, 100 + i as u32);
        let weights = pfm_ops::literal_of(&mut b, &weights.data, &ty.shape, ty.dtype);
        let product = pfm_ops::mul(&mut b, *v, weights);
        let axes: Vec<usize> = (0..ty.rank()).collect();
        let sum = pfm_ops::reduce_sum(&mut b, product, &axes);
        let sum = pfm_ops::cast(&mut b, sum, DType::F32);
        loss = Some(match loss {
            None => sum,
            Some(total) => pfm_ops::add(&mut b, total, sum),
        });
    }
    loss.map(|loss| Loss { builder: b, loss, operands })
}

/// Gradients of the float operands; None where there is none.
fn gradients_of(op: &'static Op, loss: Loss, values: &[Tensor]) -> Vec<Option<Tensor>> {
    let Loss { builder: mut b, loss, operands } = loss;
    let gradients = try_gradients(&mut b, loss, &operands).unwrap_or_else(|e| panic!("`{}`: {e}", op.name));
    let mut graph = b.graph;
    graph.outputs.clear();
    for (i, g) in gradients.iter().enumerate() {
        if let Some(g) = g {
            graph.outputs.push(pfm_ir::Output { name: format!("{i}"), value: *g, into: None });
        }
    }
    let graph = prune(graph);
    check_text(&graph, op.name);
    let mut found = interpret(&graph, values).into_iter();
    gradients.iter().map(|g| g.map(|_| found.next().expect("one value each"))).collect()
}

fn central_differences(graph: &Graph, values: &[Tensor], operand: usize) -> Tensor {
    let mut values = values.to_vec();
    let mut gradient = Tensor::fill(&values[operand].shape, 0.0);
    for e in 0..gradient.data.len() {
        let x = values[operand].data[e];
        values[operand].data[e] = x + STEP;
        let above = interpret(graph, &values)[0].data[0];
        values[operand].data[e] = x - STEP;
        let below = interpret(graph, &values)[0].data[0];
        values[operand].data[e] = x;
        gradient.data[e] = (above - below) / (2.0 * STEP);
    }
    gradient
}

#[test]
fn gradients_equal_central_differences() {
    each_sample(|op, i, sample| {
        if matches!(op.gradient, Gradient::Undefined) {
            return;
        }
        let Some(loss) = loss_of(op, sample) else { return };
        let mut forward = loss.builder.graph.clone();
        forward.outputs.push(pfm_ir::Output { name: "loss".into(), value: loss.loss, into: None });
        let values = operand_values(sample);
        let found = gradients_of(op, loss, &values);
        for (o, gradient) in found.iter().enumerate() {
            if !sample.operands[o].dtype.is_float() {
                assert!(gradient.is_none(), "{} operand {o} has no gradient", name(op, i));
                continue;
            }
            let expected = central_differences(&forward, &values, o);
            assert!(expected.data.iter().all(|v| v.is_finite()), "{} operand {o} has finite differences", name(op, i));
            let zero = Tensor::zeros(&sample.operands[o]);
            let error = distance(gradient.as_ref().unwrap_or(&zero), &expected);
            assert!(error <= TOLERANCE, "{} operand {o}: {error:e}", name(op, i));
        }
    });
}

#[test]
fn rules_equal_the_gradient_through_the_meaning() {
    each_sample(|op, i, sample| {
        let (Gradient::Rule(_), Meaning::Composite(_)) = (&op.gradient, &op.meaning) else {
            return;
        };
        let values = operand_values(sample);
        let by_rule = gradients_of(op, loss_of(op, sample).expect("floats"), &values);
        let mut loss = loss_of(op, sample).expect("floats");
        loss.builder.output("loss", loss.loss);
        let graph = decompose_all(loss.builder.graph);
        let loss = Loss {
            loss: graph.outputs[0].value,
            operands: graph.inputs.iter().map(|input| input.value).collect(),
            builder: Builder::resume(graph),
        };
        let derived = gradients_of(op, loss, &values);
        for (o, (rule, derived)) in by_rule.iter().zip(&derived).enumerate() {
            let (Some(rule), Some(derived)) = (rule, derived) else {
                assert_eq!(rule.is_some(), derived.is_some(), "{} operand {o}", name(op, i));
                continue;
            };
            let error = distance(rule, derived);
            assert!(error <= 1e-10, "{} operand {o}: {error:e}", name(op, i));
        }
    });
}

#[test]
fn undefined_gradients_name_the_operation() {
    for op in pfm_ops::table() {
        if !matches!(op.gradient, Gradient::Undefined) {
            continue;
        }
        let sample = &(op.samples)()[0];
        let mut loss = loss_of(op, sample).expect("floats");
        let error = try_gradients(&mut loss.builder, loss.loss, &loss.operands).unwrap_err();
        assert_eq!(error.op, op.name);
    }
}

#[test]
fn rules_and_meanings_keep_bf16() {
    let mut tried = BTreeSet::new();
    each_sample(|op, i, sample| {
        let narrow = |ty: &TensorType| match ty.dtype {
            DType::F32 => TensorType::new(DType::Bf16, &ty.shape),
            _ => ty.clone(),
        };
        // Those that stay f32 whatever the others are.
        let wide = |name: &str| op.name.starts_with("attend") && matches!(name, "bias" | "lse");
        let there = |name: &&&str| !matches!(sample.attrs.get(name), Some(pfm_ir::Attr::Bool(false)));
        let names = op.operands.iter().filter(there).chain(op.operands.last().into_iter().cycle());
        let operands: Vec<TensorType> =
            sample.operands.iter().zip(names).map(|(ty, name)| if wide(name) { ty.clone() } else { narrow(ty) }).collect();
        let types: Vec<&TensorType> = operands.iter().collect();
        let floats = types.iter().any(|ty| ty.dtype == DType::Bf16);
        if !floats || op.infer(&types, &sample.attrs).is_err() {
            return;
        }
        let sample = Sample { operands, attrs: sample.attrs.clone(), low: sample.low, high: sample.high };
        let values = operand_values(&sample);
        let whole = decompose_all(graph_of(op, &sample).graph);
        check_text(&whole, &name(op, i));
        if !matches!(op.gradient, Gradient::Undefined) && loss_of(op, &sample).is_some() {
            // Each gradient has its operand's type, or adding it to another fails.
            gradients_of(op, loss_of(op, &sample).expect("there is a loss"), &values);
        }
        tried.insert(op.name);
    });
    assert!(tried.len() > 30, "{tried:?}");
}
