//! Recomputes values where they are read long after they were made, as the backward pass reads activations, instead of keeping them
//! in memory until then. A point-wise value qualifies that follows from one large value, which is kept anyway, and small ones; so does
//! such a value in another order of axes, as a kernel reads it, if it is little more than a copy. A second life is the same operations
//! on the same values, so it is the same to the bit.

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
/// Operations of what is little more than a copy: a bias.
const COPIED: usize = 1;

pub fn recompute(graph: Graph) -> Graph {
    let kept = Kept::new(&graph);
    let mut lives = Lives { graph: &graph, kept: &kept, known: BTreeMap::new(), again: BTreeMap::new() };
    let mut at = 0;
    rebuild(&graph, |b, node, operands| {
        lives.known.extend(node.operands.iter().copied().zip(operands.iter().copied()));
        let path = b.path();
        let mut renewed = Vec::with_capacity(operands.len());
        for (old, new) in node.operands.iter().zip(operands) {
            renewed.push(if kept.long(&graph, *old, at) { lives.repeat(b, *old, at) } else { *new });
        }
        at += 1;
        b.set_path(&path);
        Some(b.op_multi(node.op.0, &renewed, node.attrs.clone()))
    })
}

/// What was made again.
struct Lives<'a> {
    graph: &'a Graph,
    kept: &'a Kept,
    /// By old value: the new one.
    known: BTreeMap<ValueId, ValueId>,
    /// By old value: its last repetition and the kernels before that.
    again: BTreeMap<ValueId, (ValueId, usize)>,
}

impl Lives<'_> {
    /// Makes the operations behind a value once more for the reader at a node, down to what is not recomputed.
    fn repeat(&mut self, b: &mut Builder, value: ValueId, reader: usize) -> ValueId {
        let before = self.kept.before[reader];
        if let Some((made, since)) = self.again.get(&value)
            && before <= since + LONG
        {
            return *made;
        }
        let Some(node) = self.graph.def(value).filter(|_| self.kept.follows(value)) else {
            return self.known[&value];
        };
        let operands: Vec<ValueId> = node.operands.iter().map(|v| self.repeat(b, *v, reader)).collect();
        b.set_path(&node.path);
        let made = b.op(node.op.0, &operands, node.attrs.clone());
        self.again.insert(value, (made, before));
        made
    }
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
    /// By value: it is the copy of a large value in another order, with little arithmetic.
    copy: Vec<bool>,
    /// By value: kernels before the last node that reads it, or something that follows from it and is no copy.
    last: Vec<usize>,
    /// By value: kernels before it is made.
    made: Vec<usize>,
    /// By node: kernels before it.
    before: Vec<usize>,
}

impl Kept {
    fn new(graph: &Graph) -> Kept {
        let values = graph.values.len();
        let (no, none) = (vec![false; values], vec![0; values]);
        let mut kept = Kept { origin: vec![None; values], worth: no.clone(), copy: no, last: none.clone(), made: none, before: vec![] };
        let mut kernels = 0;
        for node in &graph.nodes {
            kept.before.push(kernels);
            kernels += usize::from(node.op.class == Class::Kernel);
            for v in &node.results {
                kept.made[v.0 as usize] = kernels;
            }
            kept.note_reader(node, *kept.before.last().expect("it was counted"));
            let result = node.results[0];
            let pointwise = matches!(node.op.class, Class::Pointwise(_));
            if pointwise || transparent(node) {
                kept.origin[result.0 as usize] = kept.trace(graph, node);
                let large = graph.ty(result).elements() >= LARGE;
                kept.worth[result.0 as usize] = pointwise && large;
                kept.copy[result.0 as usize] = large && kept.copies(node);
            }
        }
        kept
    }

    /// Takes down what a node reads of what is kept.
    fn note_reader(&mut self, node: &Node, before: usize) {
        for v in node.operands.iter().filter(|v| !self.copy[v.0 as usize]) {
            self.last[v.0 as usize] = before;
            let large = self.origin[v.0 as usize].as_ref().map(|o| o.large.clone()).unwrap_or_default();
            large.into_iter().for_each(|l| self.last[l.0 as usize] = before);
        }
    }

    /// Whether a view is a copy in another order where a kernel reads it.
    fn copies(&self, node: &Node) -> bool {
        let moves = node.op.class == Class::View(View::Permute);
        let shares = node.op.class == Class::View(View::Reshape);
        let little = self.origin[node.results[0].0 as usize].as_ref().is_some_and(|o| o.operations <= COPIED && o.heavy == 0);
        little && (moves || shares && self.copy[node.operands[0].0 as usize])
    }

    /// Whether a value is recomputed rather than kept for the reader at this node.
    fn long(&self, graph: &Graph, value: ValueId, reader: usize) -> bool {
        let v = value.0 as usize;
        let Some(origin) = &self.origin[v] else { return false };
        if self.before[reader] <= self.made[v] + LONG {
            return false;
        }
        // A copy is worth making again only where what it is a copy of is there anyway.
        let stays = || origin.large.iter().all(|l| self.last[l.0 as usize] + LONG >= self.before[reader]);
        self.worth[v] || self.copy[v] && graph.nodes[reader].op.class == Class::Kernel && stays()
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
