//! What differentiation leaves out: nodes for frozen or unreached values, and anything through operations without a derivative.

use crate::values::draw;
use pfm_ir::{Builder, DType, Role, TensorType, ValueId, interpret, print, prune};
use pfm_ops::*;
use pfm_transform::{gradients, try_gradients};

fn matrix(b: &mut Builder, name: &str, trainable: bool) -> ValueId {
    b.input(name, Role::Parameter { trainable }, TensorType::f32(&[3, 3]))
}

fn product(b: &mut Builder, x: ValueId, y: ValueId) -> ValueId {
    contract(b, x, y, &[0, 1], &[1, 2], &[0, 2])
}

/// loss = sum(tanh(x first) second), with the paths of two blocks.
struct Layers {
    b: Builder,
    first: ValueId,
    second: ValueId,
    loss: ValueId,
}

fn layers() -> Layers {
    let mut b = Builder::new("layers");
    let x = b.input("x", Role::Data, TensorType::f32(&[2, 3]));
    let first = matrix(&mut b, "first", false);
    let second = matrix(&mut b, "second", true);
    b.set_path("first");
    let h = product(&mut b, x, first);
    let h = tanh(&mut b, h);
    b.set_path("second");
    let y = product(&mut b, h, second);
    b.set_path("loss");
    let loss = reduce_sum(&mut b, y, &[0, 1]);
    b.set_path("after");
    Layers { b, first, second, loss }
}

fn count_by_path(b: &Builder, path: &str) -> usize {
    b.graph.nodes.iter().filter(|node| &*node.path == path).count()
}

#[test]
fn frozen_parameters_get_no_nodes() {
    let Layers { mut b, second, loss, .. } = layers();
    let before = count_by_path(&b, "first");
    let found = gradients(&mut b, loss, &[second]);
    assert!(found[0].is_some());
    assert_eq!(count_by_path(&b, "first"), before, "{}", print(&b.graph));
    // One for the second operand of its product alone.
    assert_eq!(count_by_path(&b, "second"), 2, "{}", print(&b.graph));
}

#[test]
fn gradient_nodes_have_the_path_of_their_block() {
    let Layers { mut b, first, second, loss } = layers();
    let nodes = b.graph.nodes.len();
    gradients(&mut b, loss, &[first, second]);
    for path in ["first", "second", "loss"] {
        assert!(b.graph.nodes[nodes..].iter().any(|node| &*node.path == path), "a gradient node in `{path}`");
    }
    assert_eq!(&*b.path(), "after", "the path is as before");
}

#[test]
fn unreached_values_get_no_nodes() {
    let Layers { mut b, loss, .. } = layers();
    let aside = matrix(&mut b, "aside", true);
    let unused = exp(&mut b, aside);
    let before = b.graph.nodes.len();
    assert_eq!(gradients(&mut b, loss, &[aside, unused]), [None, None]);
    assert_eq!(b.graph.nodes.len(), before, "{}", print(&b.graph));
    assert_eq!(gradients(&mut b, loss, &[]), []);
    assert_eq!(b.graph.nodes.len(), before);
}

#[test]
fn results_that_the_loss_does_not_use_get_no_nodes() {
    let mut b = Builder::new("side");
    let x = b.input("x", Role::Data, TensorType::f32(&[4]));
    b.set_path("side");
    let side = exp(&mut b, x);
    b.set_path("main");
    let y = sin(&mut b, x);
    let loss = reduce_sum(&mut b, y, &[0]);
    let found = gradients(&mut b, loss, &[x, side]);
    assert!(found[0].is_some());
    assert_eq!(found[1], None);
    assert_eq!(count_by_path(&b, "side"), 1);
}

#[test]
fn comparisons_rounding_and_indices_pass_nothing_on() {
    let mut b = Builder::new("steps");
    let x = b.input("x", Role::Data, TensorType::f32(&[4]));
    let below = floor(&mut b, x);
    let whole = cast(&mut b, x, DType::I32);
    let whole = cast(&mut b, whole, DType::F32);
    let positive = less(&mut b, below, x);
    let positive = cast(&mut b, positive, DType::F32);
    let sum = add(&mut b, below, whole);
    let sum = add(&mut b, sum, positive);
    let loss = reduce_sum(&mut b, sum, &[0]);
    let order = argsort(&mut b, x, false);
    assert_eq!(gradients(&mut b, loss, &[x, order]), [None, None]);
    // Their use as an index passes the gradient of what they pick.
    let picked = gather(&mut b, x, order, 0);
    let loss = reduce_sum(&mut b, picked, &[0]);
    let g = gradients(&mut b, loss, &[x])[0].expect("picked values have a gradient");
    b.output("g", g);
    let graph = prune(b.graph);
    let found = interpret(&graph, &[draw(&TensorType::f32(&[4]), -1.0, 1.0, 0)]);
    assert_eq!(found[0].data, [1.0; 4]);
}

#[test]
fn operations_without_a_derivative_are_named_with_their_place() {
    let mut b = Builder::new("eigen");
    let a = b.input("a", Role::Data, TensorType::f32(&[3, 3]));
    let w = b.input("w", Role::Data, TensorType::f32(&[3]));
    b.set_path("core.spectrum");
    let (values, _) = eigh(&mut b, a);
    b.set_path("");
    let y = mul(&mut b, values, w);
    let loss = reduce_sum(&mut b, y, &[0]);
    let error = try_gradients(&mut b, loss, &[a]).unwrap_err();
    assert_eq!(error.to_string(), "`eigh` in core.spectrum has no derivative");
    // What does not go through it can be differentiated.
    assert_eq!(try_gradients(&mut b, loss, &[w]).expect("w is beside it"), [Some(ValueId(b.graph.values.len() as u32 - 1))]);
}

#[test]
fn several_uses_add_up() {
    let mut b = Builder::new("uses");
    let x = b.input("x", Role::Data, TensorType::f32(&[3]));
    let x2 = mul(&mut b, x, x);
    let x3 = mul(&mut b, x2, x);
    let y = add(&mut b, x3, x);
    let loss = reduce_sum(&mut b, y, &[0]);
    let found = gradients(&mut b, loss, &[x, x2, loss]);
    for (name, g) in ["x", "x2", "loss"].iter().zip(&found) {
        b.output(name, g.expect("each is reached"));
    }
    let value = draw(&TensorType::f32(&[3]), -1.0, 1.0, 3);
    let results = interpret(&prune(b.graph), std::slice::from_ref(&value));
    for (i, x) in value.data.iter().enumerate() {
        assert!((results[0].data[i] - (3.0 * x * x + 1.0)).abs() < 1e-14);
        assert_eq!(results[1].data[i], *x);
    }
    assert_eq!(results[2].data, [1.0]);
}

#[test]
fn the_same_graph_gives_the_same_gradients() {
    let text = || {
        let Layers { mut b, first, second, loss } = layers();
        for (i, g) in gradients(&mut b, loss, &[first, second]).into_iter().flatten().enumerate() {
            b.output(&format!("g{i}"), g);
        }
        print(&b.graph)
    };
    assert_eq!(text(), text());
}

#[test]
fn second_derivatives_follow_from_first_ones() {
    let mut b = Builder::new("twice");
    let x = b.input("x", Role::Data, TensorType::f32(&[3]));
    let s = sin(&mut b, x);
    let y = mul(&mut b, s, x);
    let loss = reduce_sum(&mut b, y, &[0]);
    let first = gradients(&mut b, loss, &[x])[0].expect("x is reached");
    let loss = reduce_sum(&mut b, first, &[0]);
    let second = gradients(&mut b, loss, &[x])[0].expect("x is reached");
    b.output("second", second);
    let value = draw(&TensorType::f32(&[3]), -1.0, 1.0, 3);
    let results = interpret(&prune(b.graph), std::slice::from_ref(&value));
    for (found, x) in results[0].data.iter().zip(&value.data) {
        assert!((found - (2.0 * x.cos() - x * x.sin())).abs() < 1e-14);
    }
}
