//! What is bf16 in a stage of that precision: operands and stored results of products of activations, and nothing else.

use pfm_ir::{Builder, DType, Graph, Role, TensorType, ValueId, interpret, parse_text, print, verify};
use pfm_ops as ops;
use pfm_transform::{gradients, narrow_products, narrow_stored};

/// A layer with a statistic, its loss and the gradients of its weights: [n, k] through [k, k].
fn layer() -> Builder {
    let mut b = Builder::new("layer");
    let x = b.input("x", Role::Data, TensorType::f32(&[6, 4]));
    let w = b.input("w", Role::Parameter { trainable: true }, TensorType::f32(&[4, 4]));
    let squares = ops::mul(&mut b, x, x);
    let sum = ops::reduce_sum(&mut b, squares, &[1]);
    let scale = ops::rsqrt(&mut b, sum);
    let scale = ops::broadcast(&mut b, scale, &[6, 4], &[0]);
    let normed = ops::mul(&mut b, x, scale);
    let hidden = ops::contract(&mut b, normed, w, &[0, 1], &[1, 2], &[0, 2]);
    let gate = ops::sigmoid(&mut b, hidden);
    let y = ops::contract(&mut b, gate, w, &[0, 1], &[1, 2], &[0, 2]);
    let squares = ops::mul(&mut b, y, y);
    let loss = ops::reduce_sum(&mut b, squares, &[0, 1]);
    b.output("loss", loss);
    let dw = gradients(&mut b, loss, &[w])[0].expect("the loss depends on w");
    b.output("dw", dw);
    b
}

fn narrowed(graph: Graph) -> Graph {
    let graph = narrow_products(pfm_ir::prune(graph));
    assert_eq!(verify(&graph), vec![]);
    let stored = vec![true; graph.values.len()];
    let graph = narrow_stored(graph, &stored);
    assert_eq!(verify(&graph), vec![]);
    graph
}

fn dtype(graph: &Graph, v: ValueId) -> DType {
    graph.ty(v).dtype
}

#[test]
fn products_of_activations_take_bf16() {
    let graph = narrowed(layer().graph);
    let products: Vec<_> = graph.nodes.iter().filter(|n| n.op.name == "contract").collect();
    assert_eq!(products.len(), 5, "two forward, one input gradient, two weight gradients");
    for node in products {
        assert!(node.operands.iter().all(|v| dtype(&graph, *v) == DType::Bf16), "{}", print(&graph));
        assert_eq!(dtype(&graph, node.results[0]), DType::F32, "sums are f32");
    }
}

#[test]
fn statistics_and_gradients_of_weights_stay_f32() {
    let graph = narrowed(layer().graph);
    let users = graph.users();
    let rounded = |v: ValueId| users[v.0 as usize].iter().any(|n| dtype(&graph, graph.node(*n).results[0]) == DType::Bf16);
    for node in &graph.nodes {
        let statistic = node.op.name == "rsqrt" || node.op.name == "reduce_sum";
        assert!(!statistic || !rounded(node.results[0]), "{}", print(&graph));
    }
    for name in ["loss", "dw"] {
        let (_, output) = graph.output(name).expect("it is there");
        let node = graph.def(output.value).expect("it is computed");
        assert!(node.op.name != "cast", "{name} is not rounded: {}", print(&graph));
    }
}

#[test]
fn the_reference_does_not_see_it() {
    let plain = layer().graph;
    let graph = narrowed(plain.clone());
    let inputs: Vec<_> = plain.inputs.iter().map(|i| crate::values::draw(plain.ty(i.value), -1.0, 1.0, 3)).collect();
    let (a, b) = (interpret(&plain, &inputs), interpret(&graph, &inputs));
    assert!(a.iter().zip(&b).all(|(a, b)| crate::values::distance(a, b) < 1e-12));
}

/// Products of parameters alone, as in resizing a kernel, keep their operands.
#[test]
fn products_of_parameters_stay_f32() {
    let text = "\
graph resize bf16
  param %0 f32[4,3]  w  train
  param %1 f32[3,2]  m  frozen
  %2 = contract %0, %1 out=(0,2) x=(0,1) y=(1,2)  f32[4,2]
  out   y %2
end
";
    let graph = parse_text(text, pfm_ops::lookup).expect("the text is sound");
    assert_eq!(print(&narrowed(graph)), text);
}

/// A view that gets memory of its own is as much a pass over memory as arithmetic is; what reads it reads bf16.
#[test]
fn views_in_memory_are_bf16() {
    let mut b = Builder::new("turned");
    let x = b.input("x", Role::Data, TensorType::f32(&[4, 6, 2]));
    let doubled = ops::add(&mut b, x, x);
    let turned = ops::permute(&mut b, doubled, &[1, 0, 2]);
    let flat = ops::reshape(&mut b, turned, &[24, 2]);
    let sum = ops::reduce_sum(&mut b, flat, &[0]);
    b.output("sum", sum);
    let mut stored = vec![false; b.graph.values.len()];
    stored[turned.0 as usize] = true;
    let graph = narrow_stored(b.graph, &stored);
    assert_eq!(verify(&graph), vec![]);
    let reshape = graph.nodes.iter().find(|n| n.op.name == "reshape").expect("it stays");
    assert_eq!(dtype(&graph, reshape.results[0]), DType::Bf16, "{}", print(&graph));
    assert_eq!(graph.nodes.iter().filter(|n| n.op.name == "cast").count(), 2, "{}", print(&graph));
}
