//! Constant folding: what depends on no input is computed once, in f64, when compiling. A tensor with one value
//! everywhere becomes a `constant` whatever its size; others become literals of at most `LIMIT` elements, and only
//! where that is smaller than keeping their recipe.

use crate::rebuild::rebuild;
use pfm_ir::{Builder, Class, DType, Graph, Node, Tensor, TensorType, ValueId, View, evaluate};
use pfm_ops::{constant_of, literal_of};

/// Elements of the largest tensor that is computed when compiling.
const LIMIT: usize = 1 << 20;

/// Elements of the largest table of truth values that is written out.
const SMALL: usize = 1 << 12;

/// What is known of a value at compile time.
#[derive(Clone)]
enum Known {
    Uniform(f64),
    Dense(Tensor),
}

pub fn fold(graph: Graph) -> Graph {
    let mut known: Vec<Option<Known>> = vec![None; graph.values.len()];
    for node in &graph.nodes {
        if let Some(results) = compute(&graph, node, &known) {
            for (v, result) in node.results.iter().zip(results) {
                known[v.0 as usize] = Some(result);
            }
        }
    }
    // Only results that something unknown reads are written; the rest is dropped as unused.
    rebuild(&graph, |b, node, _| {
        if node.op.class == Class::Source || keeps_recipe(&graph, node, &known) {
            return None;
        }
        let results: Option<Vec<&Known>> = node.results.iter().map(|v| known[v.0 as usize].as_ref()).collect();
        let types = node.results.iter().map(|v| graph.ty(*v));
        Some(results?.into_iter().zip(types).map(|(k, ty)| write(b, k, ty)).collect())
    })
}

fn write(b: &mut Builder, known: &Known, ty: &TensorType) -> ValueId {
    match known {
        Known::Uniform(v) => constant_of(b, *v, &ty.shape, ty.dtype),
        Known::Dense(t) => literal_of(b, &t.data, &ty.shape, ty.dtype),
    }
}

/// A view that repeats or pads known data is cheaper than its result written out, and so is a large comparison,
/// such as a causal mask.
fn keeps_recipe(graph: &Graph, node: &Node, known: &[Option<Known>]) -> bool {
    let dense = |v: &ValueId| matches!(known[v.0 as usize], Some(Known::Dense(_)));
    let elements = |list: &[ValueId]| -> usize { list.iter().map(|v| graph.ty(*v).elements()).sum() };
    if !node.results.iter().all(dense) {
        return false;
    }
    let results = elements(&node.results);
    match node.op.class {
        Class::View(_) => results > elements(&node.operands),
        Class::Pointwise(_) => graph.ty(node.results[0]).dtype == DType::Bool && results > SMALL,
        _ => false,
    }
}

fn compute(graph: &Graph, node: &Node, known: &[Option<Known>]) -> Option<Vec<Known>> {
    let operands: Vec<&Known> = node.operands.iter().map(|v| known[v.0 as usize].as_ref()).collect::<Option<_>>()?;
    let types: Vec<TensorType> = node.results.iter().map(|v| graph.ty(*v).clone()).collect();
    if let Some(value) = uniform(graph, node, &operands) {
        return Some(vec![Known::Uniform(value)]);
    }
    let operand_types: Vec<&TensorType> = node.operands.iter().map(|v| graph.ty(*v)).collect();
    let sizes = types.iter().chain(operand_types.iter().copied());
    if sizes.map(TensorType::elements).any(|n| n > LIMIT) {
        return None;
    }
    let dense: Vec<Tensor> = operands
        .iter()
        .zip(&operand_types)
        .map(|(k, ty)| match k {
            Known::Uniform(v) => Tensor::fill(&ty.shape, *v),
            Known::Dense(t) => t.clone(),
        })
        .collect();
    let dense: Vec<&Tensor> = dense.iter().collect();
    let results = evaluate(node.op.0, &dense, &operand_types, &node.attrs, &types);
    Some(results.into_iter().map(summarised).collect())
}

fn summarised(tensor: Tensor) -> Known {
    match tensor.data.first() {
        Some(first) if tensor.data.iter().all(|v| v.to_bits() == first.to_bits()) => Known::Uniform(*first),
        _ => Known::Dense(tensor),
    }
}

/// The one value of a result, without computing it element by element.
fn uniform(graph: &Graph, node: &Node, operands: &[&Known]) -> Option<f64> {
    if node.op.name == "constant" {
        return Some(node.attrs.get_float("value"));
    }
    let values: Vec<f64> = operands
        .iter()
        .map(|k| match k {
            Known::Uniform(v) => Some(*v),
            Known::Dense(_) => None,
        })
        .collect::<Option<_>>()?;
    let first = *values.first()?;
    match node.op.class {
        Class::Pointwise(_) => Some(pointwise(graph, node, &values)),
        Class::View(View::Pad) => {
            let value = node.attrs.get_float("value");
            (value.to_bits() == first.to_bits()).then_some(first)
        }
        Class::View(_) => {
            let same = values.iter().all(|v| v.to_bits() == first.to_bits());
            same.then_some(first)
        }
        Class::ReduceSum => {
            let operand = graph.shape(node.operands[0]);
            let axes = node.attrs.get_sizes("axes");
            let n: usize = axes.iter().map(|&a| operand[a]).product();
            Some(first * n as f64)
        }
        Class::ReduceMax => Some(first),
        _ => None,
    }
}

/// A pointwise operation on one element.
fn pointwise(graph: &Graph, node: &Node, values: &[f64]) -> f64 {
    let scalar = |v: &ValueId| TensorType::new(graph.ty(*v).dtype, &[]);
    let types: Vec<TensorType> = node.operands.iter().map(scalar).collect();
    let types: Vec<&TensorType> = types.iter().collect();
    let operands: Vec<Tensor> = values.iter().map(|v| Tensor::scalar(*v)).collect();
    let operands: Vec<&Tensor> = operands.iter().collect();
    let results = [scalar(&node.results[0])];
    evaluate(node.op.0, &operands, &types, &node.attrs, &results)[0].data[0]
}
