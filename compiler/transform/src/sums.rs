//! Takes out of large sums what does not change along their axes, and lets sums of one value build on each other. The gradient of a
//! norm then reads its operands once for all of its sums: those over pixels are taken first, and every other follows from them.

use crate::rebuild::rebuild;
use pfm_ir::{Builder, Graph, Node, ValueId};
use pfm_ops::{broadcast, mul, reduce_sum};
use std::collections::BTreeMap;

/// Elements below which a sum is left as it is.
const LARGE: usize = 1 << 14;
/// A factor must be this many times smaller than what is summed.
const SMALL: usize = 4;
/// Factors of a product that are told apart.
const FACTORS: usize = 8;

pub fn sums(graph: Graph) -> Graph {
    let graph = rebuild(&graph, |b, node, operands| match node.op.name {
        "reduce_sum" => factored(b, operands[0], &node.attrs.get_sizes("axes")).map(|v| vec![v]),
        _ => None,
    });
    in_steps(&crate::share(graph))
}

/// A factor that is a small value repeated along axes.
struct Repeated {
    value: ValueId,
    axes: Vec<usize>,
}

/// The sum with its repeated factors outside: those that change along some of the axes stand between two sums.
fn factored(b: &mut Builder, x: ValueId, axes: &[usize]) -> Option<ValueId> {
    let shape = b.shape(x).to_vec();
    if shape.iter().product::<usize>() < LARGE || !b.ty(x).dtype.is_float() {
        return None;
    }
    let mut factors = vec![];
    collect(b, x, &mut factors)?;
    let (mut outside, mut inside) = (vec![], vec![]);
    for factor in factors {
        match repeated(b, factor, &shape).filter(|r| axes.iter().any(|a| !r.axes.contains(a))) {
            Some(r) => outside.push(r),
            None => inside.push(factor),
        }
    }
    if outside.is_empty() || inside.is_empty() {
        return None;
    }
    // In a fixed order, so that equal products are found to be equal.
    inside.sort_unstable();
    let first = axes.iter().copied().filter(|a| !outside.iter().any(|r| r.axes.contains(a))).collect::<Vec<_>>();
    if first.is_empty() {
        return None;
    }
    let product = inside.into_iter().reduce(|x, y| mul(b, x, y)).expect("a factor is inside");
    let mut sum = reduce_sum(b, product, &first);
    let left: Vec<usize> = (0..shape.len()).filter(|a| !first.contains(a)).collect();
    let sizes: Vec<usize> = left.iter().map(|a| shape[*a]).collect();
    let place = |a: &usize| left.iter().position(|l| l == a).expect("a factor's axes are left");
    for r in outside {
        let at: Vec<usize> = r.axes.iter().map(place).collect();
        let factor = broadcast(b, r.value, &sizes, &at);
        sum = mul(b, sum, factor);
    }
    let second: Vec<usize> = axes.iter().filter(|a| left.contains(a)).map(place).collect();
    Some(if second.is_empty() { sum } else { reduce_sum(b, sum, &second) })
}

/// The factors of a product of products; None where there are too many.
fn collect(b: &Builder, x: ValueId, factors: &mut Vec<ValueId>) -> Option<()> {
    match b.graph.def(x) {
        Some(Node { op, operands, .. }) if op.0.name == "mul" => operands.iter().try_for_each(|v| collect(b, *v, factors)),
        _ if factors.len() == FACTORS => None,
        _ => {
            factors.push(x);
            Some(())
        }
    }
}

fn repeated(b: &Builder, factor: ValueId, shape: &[usize]) -> Option<Repeated> {
    let node = b.graph.def(factor).filter(|n| n.op.name == "broadcast")?;
    let value = node.operands[0];
    let small = b.ty(value).elements() * SMALL <= shape.iter().product();
    small.then(|| Repeated { value, axes: node.attrs.get_sizes("axes") })
}

/// A sum over axes of which another sum of the same value takes a part: it goes on from that one.
fn in_steps(graph: &Graph) -> Graph {
    let mut taken: BTreeMap<ValueId, Vec<Vec<usize>>> = BTreeMap::new();
    for node in graph.nodes.iter().filter(|n| n.op.name == "reduce_sum") {
        if graph.ty(node.operands[0]).elements() >= LARGE && graph.ty(node.operands[0]).dtype.is_float() {
            taken.entry(node.operands[0]).or_default().push(node.attrs.get_sizes("axes"));
        }
    }
    let mut made = BTreeMap::new();
    rebuild(graph, |b, node, operands| {
        let all = taken.get(node.operands.first()?).filter(|_| node.op.name == "reduce_sum")?;
        Some(vec![step(b, operands[0], &node.attrs.get_sizes("axes"), all, &mut made)])
    })
}

/// The sum of `x` over these axes, each made once.
fn step(b: &mut Builder, x: ValueId, axes: &[usize], all: &[Vec<usize>], made: &mut BTreeMap<(ValueId, Vec<usize>), ValueId>) -> ValueId {
    if let Some(known) = made.get(&(x, axes.to_vec())) {
        return *known;
    }
    let part = |other: &&Vec<usize>| !other.is_empty() && other.len() < axes.len() && other.iter().all(|a| axes.contains(a));
    let sum = match all.iter().filter(part).max_by_key(|other| other.len()) {
        None => reduce_sum(b, x, axes),
        Some(first) => {
            let left: Vec<usize> = (0..b.shape(x).len()).filter(|a| !first.contains(a)).collect();
            let second: Vec<usize> = (0..left.len()).filter(|i| axes.contains(&left[*i])).collect();
            let partial = step(b, x, first, all, made);
            reduce_sum(b, partial, &second)
        }
    };
    made.insert((x, axes.to_vec()), sum);
    sum
}
