//! bfloat16 for a stage that asks for it: products take bf16 operands, and what a pass over memory leaves behind for another is
//! bf16. Everything between is computed in f32, and so are sums, statistics, parameters and their gradients.
//!
//! A value is an *activation* when it belongs to samples and pixels: the data, results of products of it, and what follows
//! from those element by element. A statistic (anything behind a sum) is none, nor is the gradient of a parameter.

use crate::rebuild::rebuild;
use pfm_ir::{Attrs, Builder, Class, DType, Graph, Node, Role, ValueId, View};
use std::collections::BTreeMap;

/// Operands in front that are rounded; those after them (lse, bias, mask) stay as they are.
fn rounded_operands(node: &Node) -> &'static [usize] {
    match node.op.name {
        "contract" | "conv" | "conv_input_grad" | "conv_weight_grad" => &[0, 1],
        "attend" => &[0, 1, 2],
        "attend_grad" => &[0, 1, 2, 3, 5],
        _ => &[],
    }
}

/// Whether the node's products are of activations, so that they are made in bf16.
fn is_product(graph: &Graph, known: &Known, node: &Node) -> bool {
    let operands = rounded_operands(node);
    !operands.is_empty()
        && operands.iter().all(|o| graph.ty(node.operands[*o]).dtype == DType::F32)
        && operands.iter().any(|o| known.activation(node.operands[*o]))
}

/// Rounds the operands and the results of every product of activations to bf16.
pub fn narrow_products(graph: Graph) -> Graph {
    let known = Known::of(&graph);
    let mut rounded: BTreeMap<ValueId, ValueId> = BTreeMap::new();
    rebuild(&graph, |b, node, operands| {
        if !is_product(&graph, &known, node) {
            return None;
        }
        let mut operands = operands.to_vec();
        for o in rounded_operands(node) {
            operands[*o] = *rounded.entry(operands[*o]).or_insert_with(|| round(b, operands[*o]));
        }
        b.set_path(&node.path);
        let results = b.op_multi(node.op.0, &operands, node.attrs.clone());
        let through = |(i, v): (usize, ValueId)| if known.activation(node.results[i]) { through_bf16(b, v) } else { v };
        Some(results.into_iter().enumerate().map(through).collect())
    })
}

/// Rounds what is `stored` (by value) of the activations to bf16. Sums that read them read the rounded ones.
pub fn narrow_stored(graph: Graph, stored: &[bool]) -> Graph {
    let known = Known::of(&graph);
    let returned: Vec<ValueId> = graph.outputs.iter().map(|o| below_reshapes(&graph, o.value)).collect();
    let qualifies = |v: ValueId| stored[v.0 as usize] && graph.ty(v).dtype == DType::F32 && known.activation(v) && !returned.contains(&v);
    rebuild(&graph, |b, node, operands| {
        let result = node.results[0];
        if node.op.name == "cast" && graph.ty(result).dtype == DType::Bf16 {
            return narrow_form(b, operands[0]).map(|v| vec![v]);
        }
        // A view of what was widened is the widened view, so that its memory is that of bf16.
        if is_plain_view(node)
            && let Some(narrow) = narrow_form(b, operands[0])
        {
            let value = b.op(node.op.0, &[narrow], node.attrs.clone());
            return Some(vec![cast(b, value, DType::F32)]);
        }
        let widens = node.op.name == "cast" && graph.ty(node.operands[0]).dtype == DType::Bf16;
        if !qualifies(result) || widens {
            return None;
        }
        match node.op.class {
            _ if matches!(node.op.class, Class::Pointwise(_)) || is_plain_view(node) => {
                let value = b.op(node.op.0, operands, node.attrs.clone());
                Some(vec![through_bf16(b, value)])
            }
            Class::View(View::Pad | View::Concat) => {
                let operands: Vec<ValueId> = operands.iter().map(|v| round(b, *v)).collect();
                let value = b.op(node.op.0, &operands, node.attrs.clone());
                Some(vec![cast(b, value, DType::F32)])
            }
            _ => None,
        }
    })
}

/// Whether the node only says where its operand is read.
fn is_plain_view(node: &Node) -> bool {
    matches!(node.op.class, Class::View(View::Reshape | View::Permute | View::Slice | View::Flip | View::Broadcast))
}

/// The value whose memory `v` shares.
fn below_reshapes(graph: &Graph, mut v: ValueId) -> ValueId {
    while let Some(node) = graph.def(v).filter(|n| n.op.class == Class::View(View::Reshape)) {
        v = node.operands[0];
    }
    v
}

fn cast(b: &mut Builder, v: ValueId, dtype: DType) -> ValueId {
    b.op(&pfm_ops::CAST, &[v], Attrs::new().text("dtype", dtype.name()))
}

/// `v` rounded to bf16 and widened again.
fn through_bf16(b: &mut Builder, v: ValueId) -> ValueId {
    let narrow = cast(b, v, DType::Bf16);
    cast(b, narrow, DType::F32)
}

/// `v` in bf16.
fn round(b: &mut Builder, v: ValueId) -> ValueId {
    narrow_form(b, v).unwrap_or_else(|| cast(b, v, DType::Bf16))
}

/// The bf16 value that `v` was widened from, with the views that came since.
fn narrow_form(b: &mut Builder, v: ValueId) -> Option<ValueId> {
    let node = b.graph.def(v)?.clone();
    let [operand] = node.operands[..] else { return None };
    match node.op.class {
        Class::Pointwise(_) if node.op.name == "cast" => (b.ty(operand).dtype == DType::Bf16).then_some(operand),
        _ if is_plain_view(&node) => {
            let inner = narrow_form(b, operand)?;
            Some(b.op(node.op.0, &[inner], node.attrs.clone()))
        }
        _ => None,
    }
}

/// What is known of each value.
struct Known {
    /// It follows from data through something other than the gradient of a parameter.
    sampled: Vec<bool>,
    activation: Vec<bool>,
}

impl Known {
    fn of(graph: &Graph) -> Known {
        let none = vec![false; graph.values.len()];
        let mut known = Known { sampled: none.clone(), activation: none };
        for input in &graph.inputs {
            let data = input.role == Role::Data && graph.ty(input.value).dtype.is_float() && graph.ty(input.value).rank() > 0;
            known.sampled[input.value.0 as usize] = data;
            known.activation[input.value.0 as usize] = data;
        }
        for node in &graph.nodes {
            let sampled = node.operands.iter().any(|v| known.sampled[v.0 as usize]) && !known.sums_samples(node);
            for (i, v) in node.results.iter().enumerate() {
                known.sampled[v.0 as usize] = sampled;
                known.activation[v.0 as usize] = sampled && known.passes(graph, node, i);
            }
        }
        known
    }

    fn activation(&self, v: ValueId) -> bool {
        self.activation[v.0 as usize]
    }

    /// Products of activations with activations that leave no axis of samples: gradients of parameters.
    fn sums_samples(&self, node: &Node) -> bool {
        let both = || node.operands.iter().take(2).all(|v| self.sampled[v.0 as usize]);
        match node.op.name {
            "conv_weight_grad" => true,
            "contract" => both() && pfm_ops::Groups::of(&node.attrs).batch.is_empty(),
            _ => false,
        }
    }

    /// Whether result `i` of a node with a sampled operand has samples and pixels.
    fn passes(&self, graph: &Graph, node: &Node, i: usize) -> bool {
        let any = || node.operands.iter().any(|v| self.activation(*v));
        match node.op.class {
            Class::Pointwise(_) => any(),
            Class::View(View::Broadcast) => any() && graph.ty(node.results[0]).elements() == graph.ty(node.operands[0]).elements(),
            Class::View(_) => any(),
            Class::Source | Class::ReduceSum | Class::ReduceMax => false,
            Class::Kernel | Class::Composite => match node.op.name {
                "attend" => any() && i == 0,
                "attend_grad" => any() && i < 3,
                _ => any(),
            },
        }
    }
}
