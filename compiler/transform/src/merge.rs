//! Keeps neighbouring axes merged where a reshape has split them for a statistic over part of them, as group norms do with their
//! channels. Point-wise work and sums over other axes then run along the whole, contiguous axis; only what is small is ever split:
//! statistics are repeated to the merged axis, and a sum over both other axes and part of the split is taken in two steps.

use crate::rebuild::rebuild;
use pfm_ir::{Builder, Class, Graph, Node, ValueId, View};
use pfm_ops::{broadcast, constant_of, reduce_sum, reshape};
use std::collections::BTreeMap;

/// A value that is repeated must be this many times smaller than the result.
const SMALL: usize = 4;
/// A first step of a sum pays when it covers at least this many elements.
const MANY: usize = 64;

pub fn merge(graph: Graph) -> Graph {
    let mut merged = Merged::default();
    rebuild(&graph, |b, node, operands| match node.op.name {
        "reshape" => merged.late_reshape(b, node, operands[0]),
        "reduce_sum" => merged.sum_in_two_steps(b, node, operands[0]),
        _ => None,
    })
}

/// Merged forms that were made, by value and shape.
#[derive(Default)]
struct Merged {
    known: BTreeMap<(ValueId, Vec<usize>), Option<ValueId>>,
}

impl Merged {
    /// A reshape that undoes a split: done before the point-wise work instead of after it.
    fn late_reshape(&mut self, b: &mut Builder, node: &Node, x: ValueId) -> Option<Vec<ValueId>> {
        let shape = node.attrs.get_sizes("shape");
        groups(b.shape(x), &shape)?;
        if !is_pointwise(b, x) || split_below(b, x).is_none_or(|whole| whole != shape) {
            return None;
        }
        self.form(b, x, &shape).map(|v| vec![v])
    }

    /// A sum over whole axes and over parts of split ones: first over the whole ones, where nothing is split.
    fn sum_in_two_steps(&mut self, b: &mut Builder, node: &Node, x: ValueId) -> Option<Vec<ValueId>> {
        let shape = split_below(b, x)?;
        let split = b.shape(x).to_vec();
        let groups = groups(&split, &shape)?;
        let axes = node.attrs.get_sizes("axes");
        let whole = |group: &std::ops::Range<usize>| group.clone().all(|a| axes.contains(&a));
        let first: Vec<usize> = (0..shape.len()).filter(|g| whole(&groups[*g])).collect();
        let covered: usize = first.iter().map(|g| shape[*g]).product();
        let left: Vec<usize> = (0..groups.len()).filter(|g| !first.contains(g)).flat_map(|g| groups[g].clone()).collect();
        let second: Vec<usize> = (0..left.len()).filter(|i| axes.contains(&left[*i])).collect();
        if covered < MANY || second.is_empty() {
            return None;
        }
        let form = self.form(b, x, &shape)?;
        let partial = reduce_sum(b, form, &first);
        let sizes: Vec<usize> = left.iter().map(|a| split[*a]).collect();
        let partial = reshape(b, partial, &sizes);
        Some(vec![reduce_sum(b, partial, &second)])
    }

    /// `x` with the merged shape, without a reshape of anything large that has no memory of its own.
    fn form(&mut self, b: &mut Builder, x: ValueId, shape: &[usize]) -> Option<ValueId> {
        let key = (x, shape.to_vec());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let found = self.make(b, x, shape);
        self.known.insert(key, found);
        found
    }

    fn make(&mut self, b: &mut Builder, x: ValueId, shape: &[usize]) -> Option<ValueId> {
        let Some(node) = b.graph.def(x).cloned() else {
            return Some(reshape(b, x, shape));
        };
        match node.op.class {
            Class::Pointwise(_) => {
                let operands: Option<Vec<ValueId>> = node.operands.iter().map(|v| self.form(b, *v, shape)).collect();
                Some(b.op(node.op.0, &operands?, node.attrs.clone()))
            }
            Class::View(View::Reshape) if b.shape(node.operands[0]) == shape => Some(node.operands[0]),
            Class::View(View::Reshape) => Some(reshape(b, node.operands[0], shape)),
            Class::View(View::Broadcast) => repeated(b, x, &node, shape),
            Class::View(_) => None,
            Class::Source if node.op.name == "constant" => {
                let dtype = b.ty(x).dtype;
                Some(constant_of(b, node.attrs.get_float("value"), shape, dtype))
            }
            Class::Source => None,
            _ => Some(reshape(b, x, shape)),
        }
    }
}

/// A broadcast in merged form: the small operand is repeated along the rest of its split axes first.
fn repeated(b: &mut Builder, x: ValueId, node: &Node, shape: &[usize]) -> Option<ValueId> {
    let split = b.shape(x).to_vec();
    let groups = groups(&split, shape)?;
    let own = node.attrs.get_sizes("axes");
    let touched: Vec<usize> = (0..groups.len()).filter(|g| groups[*g].clone().any(|a| own.contains(&a))).collect();
    let full: Vec<usize> = touched.iter().flat_map(|g| groups[*g].clone()).collect();
    let sizes: Vec<usize> = full.iter().map(|a| split[*a]).collect();
    if sizes.iter().product::<usize>() * SMALL > split.iter().product() {
        return None;
    }
    let places: Vec<usize> = own.iter().map(|a| full.iter().position(|f| f == a).expect("own axes are touched")).collect();
    let small = broadcast(b, node.operands[0], &sizes, &places);
    let merged: Vec<usize> = touched.iter().map(|g| shape[*g]).collect();
    let small = reshape(b, small, &merged);
    Some(broadcast(b, small, shape, &touched))
}

fn is_pointwise(b: &Builder, v: ValueId) -> bool {
    b.graph.def(v).is_some_and(|node| matches!(node.op.class, Class::Pointwise(_)))
}

/// Nodes that are looked at for a split.
const FAR: usize = 64;

/// The shape before a split that point-wise work on `x` reads, if there is one: the axes that `x` and what was reshaped have in
/// common. A reshape may have split some axes and merged others at once.
fn split_below(b: &Builder, x: ValueId) -> Option<Vec<usize>> {
    let shape = b.shape(x);
    let mut waiting = vec![x];
    let mut seen = 0;
    while let Some(v) = waiting.pop() {
        seen += 1;
        let Some(node) = b.graph.def(v).filter(|_| seen <= FAR) else {
            continue;
        };
        match node.op.class {
            Class::Pointwise(_) => waiting.extend(&node.operands),
            Class::View(View::Reshape) => {
                let whole = common(shape, b.shape(node.operands[0]));
                if groups(shape, &whole).is_some() {
                    return Some(whole);
                }
            }
            _ => {}
        }
    }
    None
}

/// The finest shape that both shapes split further.
fn common(a: &[usize], b: &[usize]) -> Vec<usize> {
    let ends = |shape: &[usize]| -> Vec<usize> {
        let mut product = 1;
        shape.iter().rev().map(|n| (product * n, product *= n).0).collect()
    };
    let (of_a, of_b) = (ends(a), ends(b));
    let (mut i, mut j, mut last) = (0, 0, 1);
    let mut whole = vec![];
    while i < of_a.len() && j < of_b.len() {
        let (x, y) = (of_a[i], of_b[j]);
        if x == y {
            whole.push(x / last);
            last = x;
        }
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    whole.reverse();
    whole
}

/// For each axis of `merged` the neighbouring axes of `split` that make it up; None if that is not how the shapes relate, or if
/// they are equal.
fn groups(split: &[usize], merged: &[usize]) -> Option<Vec<std::ops::Range<usize>>> {
    if split.len() <= merged.len() {
        return None;
    }
    let mut all = vec![];
    let mut at = 0;
    for (i, &size) in merged.iter().enumerate() {
        let start = at;
        let mut product = 1;
        while at < split.len() && (product < size || at == start) {
            product *= split[at];
            at += 1;
        }
        // Axes of size one go with the last axis before them.
        while at < split.len() && split[at] == 1 && (i + 1 == merged.len() || merged[i + 1] != 1) {
            at += 1;
        }
        if product != size {
            return None;
        }
        all.push(start..at);
    }
    (at == split.len()).then_some(all)
}
