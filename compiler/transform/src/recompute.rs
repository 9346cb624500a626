//! Recomputes point-wise values where they are read long after they were made, as the backward pass reads activations, instead of
//! keeping them in memory until then. A value qualifies that follows from one large value, which is kept anyway, and small ones.
//! Its second life is the same operations on the same values, so it is the same to the bit.

use crate::rebuild::rebuild;
use pfm_ir::{Builder, Class, Graph, Node, Scalar, ValueId, View};
use std::collections::{BTreeMap, BTreeSet};

/// Kernels between making and reading beyond which a value counts as kept.
const LONG: usize = 2;
/// Elements below which a value is not worth it.
const LARGE: usize = 1 << 14;
/// Operations of a recomputation, and those of them that cost as much as many.
const OPERATIONS: usize = 16;
const HEAVY: usize = 1;

pub fn recompute(graph: Graph) -> Graph {
    let kept = Kept::new(&graph);
    let mut known: BTreeMap<ValueId, ValueId> = BTreeMap::new();
    let mut again: BTreeMap<ValueId, ValueId> = BTreeMap::new();
    let mut at = 0;
    rebuild(&graph, |b, node, operands| {
        known.extend(node.operands.iter().copied().zip(operands.iter().copied()));
        let path = b.path();
        let mut renewed = Vec::with_capacity(operands.len());
        for (old, new) in node.operands.iter().zip(operands) {
            renewed.push(if kept.long(*old, at) { repeat(b, &graph, &kept, *old, &known, &mut again) } else { *new });
        }
        at += 1;
        b.set_path(&path);
        Some(b.op_multi(node.op.0, &renewed, node.attrs.clone()))
    })
}

/// Makes the operations behind a value once more, down to what is not recomputed.
fn repeat(
    b: &mut Builder,
    graph: &Graph,
    kept: &Kept,
    value: ValueId,
    known: &BTreeMap<ValueId, ValueId>,
    again: &mut BTreeMap<ValueId, ValueId>,
) -> ValueId {
    if let Some(made) = again.get(&value) {
        return *made;
    }
    let node = graph.def(value).filter(|_| kept.follows(value));
    let Some(node) = node else {
        return known[&value];
    };
    let operands: Vec<ValueId> = node.operands.iter().map(|v| repeat(b, graph, kept, *v, known, again)).collect();
    b.set_path(&node.path);
    let made = b.op(node.op.0, &operands, node.attrs.clone());
    again.insert(value, made);
    made
}

/// What a value follows from.
#[derive(Clone, Default)]
struct Origin {
    operations: usize,
    heavy: usize,
    /// Values with memory that it is made of, those much smaller left out.
    large: BTreeSet<ValueId>,
}

struct Kept {
    /// By value: its origin, for views and point-wise values that qualify.
    origin: Vec<Option<Origin>>,
    /// By value: it is point-wise and large.
    worth: Vec<bool>,
    /// By value: kernels before it is made.
    made: Vec<usize>,
    /// By node: kernels before it.
    before: Vec<usize>,
}

impl Kept {
    fn new(graph: &Graph) -> Kept {
        let values = graph.values.len();
        let mut kept = Kept { origin: vec![None; values], worth: vec![false; values], made: vec![0; values], before: vec![] };
        let mut kernels = 0;
        for node in &graph.nodes {
            kept.before.push(kernels);
            kernels += usize::from(node.op.class == Class::Kernel);
            for v in &node.results {
                kept.made[v.0 as usize] = kernels;
            }
            let result = node.results[0];
            let pointwise = matches!(node.op.class, Class::Pointwise(_));
            if pointwise || transparent(node) {
                kept.origin[result.0 as usize] = kept.trace(graph, node);
                kept.worth[result.0 as usize] = pointwise && graph.ty(result).elements() >= LARGE;
            }
        }
        kept
    }

    /// Whether a value is recomputed rather than kept for the reader at this node.
    fn long(&self, value: ValueId, reader: usize) -> bool {
        let v = value.0 as usize;
        self.worth[v] && self.origin[v].is_some() && self.before[reader] > self.made[v] + LONG
    }

    /// Whether a repetition goes on behind this value.
    fn follows(&self, value: ValueId) -> bool {
        self.origin[value.0 as usize].is_some()
    }

    fn trace(&self, graph: &Graph, node: &Node) -> Option<Origin> {
        let size = graph.ty(node.results[0]).elements();
        let mut sum = Origin::default();
        if let Class::Pointwise(scalar) = node.op.class {
            sum.operations = 1;
            sum.heavy = usize::from(heavy(scalar));
        }
        let mut seen = BTreeSet::new();
        for v in node.operands.iter().filter(|v| seen.insert(**v)) {
            match &self.origin[v.0 as usize] {
                Some(origin) => {
                    sum.operations += origin.operations;
                    sum.heavy += origin.heavy;
                    sum.large.extend(origin.large.iter().filter(|v| graph.ty(**v).elements() * 4 > size));
                }
                None if graph.ty(*v).elements() * 4 > size => _ = sum.large.insert(*v),
                None => {}
            }
        }
        (sum.operations <= OPERATIONS && sum.heavy <= HEAVY && sum.large.len() <= 1).then_some(sum)
    }
}

/// Views that only say where a value is read.
fn transparent(node: &Node) -> bool {
    matches!(node.op.class, Class::View(View::Reshape | View::Broadcast | View::Permute | View::Slice | View::Flip))
}

fn heavy(scalar: Scalar) -> bool {
    use Scalar::*;
    matches!(scalar, Exp | Log | Sin | Cos | Tanh | Erf | Sigmoid | Pow)
}
