//! The gradient of slices: a sum of pads that fill neighbouring boxes is one value that is joined, not filled with zeros and added.

use super::{Match, Rule, made_by};
use pfm_ir::{Builder, ValueId};
use pfm_ops::*;

/// Summands that are looked at.
const SUMMANDS: usize = 16;

pub(super) fn rules() -> Vec<Rule> {
    vec![Rule {
        name: "sum_of_pads",
        identity: "pads that fill neighbouring boxes with zeros elsewhere add up to the boxes joined",
        op: "add",
        rewrite: joined,
        example: |b, g| {
            let first = pad(b, g.x, &[0, 0], &[0, 7], &[0, 0], 0.0);
            let last = pad(b, g.y, &[0, 6], &[0, 1], &[0, 0], 0.0);
            let middle = pad(b, g.y, &[0, 3], &[0, 4], &[0, 0], 0.0);
            let sum = add(b, first, last);
            add(b, sum, middle)
        },
    }]
}

/// A summand; with its box, if it is a pad along one axis.
struct Summand {
    value: ValueId,
    part: Option<Part>,
}

/// Parts that fill `low..high` of an axis.
struct Part {
    axis: usize,
    low: usize,
    high: usize,
    values: Vec<ValueId>,
}

/// The sum with all neighbours joined; None where there are none.
fn joined(b: &mut Builder, m: &Match) -> Option<ValueId> {
    let mut summands = vec![];
    m.operands.iter().try_for_each(|v| collect(b, *v, &mut summands))?;
    let before = summands.len();
    while let Some((i, j)) = neighbours(&summands) {
        let second = summands[j].part.take().expect("neighbours are parts");
        let first = summands[i].part.as_mut().expect("neighbours are parts");
        first.high = second.high;
        first.values.extend(second.values);
        // The sum goes on where the earlier of the two stood.
        if j < i {
            summands.swap(i, j);
        }
        summands.remove(i.max(j));
    }
    if summands.len() == before {
        return None;
    }
    let shape = b.shape(m.operands[0]).to_vec();
    let terms: Vec<ValueId> = summands.into_iter().map(|s| term(b, s, &shape)).collect();
    terms.into_iter().reduce(|sum, term| add(b, sum, term))
}

/// The summands of a sum of sums; None where there are too many.
fn collect(b: &Builder, value: ValueId, summands: &mut Vec<Summand>) -> Option<()> {
    if let Some(sum) = made_by(b, value, "add") {
        return sum.operands.iter().try_for_each(|v| collect(b, *v, summands));
    }
    if summands.len() == SUMMANDS {
        return None;
    }
    summands.push(Summand { value, part: part(b, value) });
    Some(())
}

fn part(b: &Builder, value: ValueId) -> Option<Part> {
    let node = made_by(b, value, "pad")?;
    let x = node.operands[0];
    let (low, high) = (node.attrs.get_sizes("low"), node.attrs.get_sizes("high"));
    let dense = node.attrs.get_sizes("interior").iter().all(|n| *n == 0) && node.attrs.get_float("value") == 0.0;
    let mut axes = (0..low.len()).filter(|a| low[*a] + high[*a] > 0);
    let axis = axes.next().filter(|_| dense && axes.next().is_none())?;
    // What an earlier step has joined along this axis is one list again.
    let values = match made_by(b, x, "concat") {
        Some(inner) if inner.attrs.get_int("axis") as usize == axis => inner.operands.clone(),
        _ => vec![x],
    };
    Some(Part { axis, low: low[axis], high: low[axis] + b.shape(x)[axis], values })
}

/// Positions of two parts of which the second begins where the first ends.
fn neighbours(summands: &[Summand]) -> Option<(usize, usize)> {
    let parts = || summands.iter().enumerate().filter_map(|(i, s)| s.part.as_ref().map(|p| (i, p)));
    parts().find_map(|(i, p)| parts().find(|(_, q)| q.axis == p.axis && q.low == p.high).map(|(j, _)| (i, j)))
}

/// A summand as a value: what was not joined is as it was.
fn term(b: &mut Builder, summand: Summand, shape: &[usize]) -> ValueId {
    let Some(part) = summand.part.filter(|p| p.values.len() > 1) else {
        return summand.value;
    };
    let whole = concat(b, &part.values, part.axis);
    let (mut low, mut high) = (vec![0; shape.len()], vec![0; shape.len()]);
    (low[part.axis], high[part.axis]) = (part.low, shape[part.axis] - part.high);
    if low[part.axis] + high[part.axis] == 0 { whole } else { pad(b, whole, &low, &high, &vec![0; shape.len()], 0.0) }
}
