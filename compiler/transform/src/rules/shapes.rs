//! Rules of views, reductions and collectives.

use super::{Match, Rule, made_by, uniform};
use pfm_ir::{Builder, ValueId};
use pfm_ops::*;

/// The operand, where the node changes nothing about its shape.
fn if_same_shape(b: &Builder, m: &Match, shape: &[usize]) -> Option<ValueId> {
    (b.shape(m.operands[0]) == shape).then_some(m.operands[0])
}

/// The operand of the same operation underneath, with its attribute `axes`.
fn twice(b: &Builder, m: &Match) -> Option<(ValueId, Vec<usize>)> {
    let node = made_by(b, m.operands[0], m.op)?;
    Some((node.operands[0], node.attrs.get_sizes("axes")))
}

fn no_axes(m: &Match) -> Option<ValueId> {
    m.attrs.get_ints("axes").is_empty().then_some(m.operands[0])
}

pub(super) fn rules() -> Vec<Rule> {
    let mut rows = view_rules();
    rows.extend(reduction_rules());
    rows.extend(collective_rules());
    rows
}

fn view_rules() -> Vec<Rule> {
    vec![
        Rule {
            name: "reshape_same",
            identity: "a reshape to its own shape is x",
            op: "reshape",
            rewrite: |b, m| if_same_shape(b, m, &m.attrs.get_sizes("shape")),
            example: |b, g| reshape(b, g.x, &[2, 3]),
        },
        Rule {
            name: "reshape_twice",
            identity: "the last of several reshapes decides",
            op: "reshape",
            rewrite: |b, m| {
                let x = super::operand_of(b, m.operands[0], "reshape")?;
                Some(reshape(b, x, &m.attrs.get_sizes("shape")))
            },
            example: |b, g| {
                let flat = reshape(b, g.x, &[6]);
                reshape(b, flat, &[3, 2])
            },
        },
        Rule {
            name: "permute_same",
            identity: "axes in their own order are x",
            op: "permute",
            rewrite: |_, m| {
                let order = m.attrs.get_sizes("axes");
                order.iter().enumerate().all(|(i, &a)| i == a).then_some(m.operands[0])
            },
            example: |b, g| permute(b, g.x, &[0, 1]),
        },
        Rule {
            name: "permute_twice",
            identity: "two permutations are one",
            op: "permute",
            rewrite: |b, m| {
                let (x, first) = twice(b, m)?;
                let order: Vec<usize> = m.attrs.get_sizes("axes").iter().map(|&a| first[a]).collect();
                Some(permute(b, x, &order))
            },
            example: |b, g| {
                let cube = reshape(b, g.x, &[1, 2, 3]);
                let first = permute(b, cube, &[2, 0, 1]);
                permute(b, first, &[0, 2, 1])
            },
        },
        Rule {
            name: "broadcast_same",
            identity: "a broadcast without new axes is x",
            op: "broadcast",
            rewrite: |b, m| if_same_shape(b, m, &m.attrs.get_sizes("shape")),
            example: |b, g| broadcast(b, g.x, &[2, 3], &[0, 1]),
        },
        Rule {
            name: "broadcast_twice",
            identity: "two broadcasts are one",
            op: "broadcast",
            rewrite: |b, m| {
                let (x, first) = twice(b, m)?;
                let second = m.attrs.get_sizes("axes");
                let axes: Vec<usize> = first.iter().map(|&a| second[a]).collect();
                Some(broadcast(b, x, &m.attrs.get_sizes("shape"), &axes))
            },
            example: |b, g| {
                let wide = broadcast(b, g.x, &[2, 4, 3], &[0, 2]);
                broadcast(b, wide, &[5, 2, 4, 3], &[1, 2, 3])
            },
        },
        Rule {
            name: "broadcast_constant",
            identity: "a broadcast constant is a constant",
            op: "broadcast",
            rewrite: |b, m| {
                let value = uniform(b, m.operands[0])?;
                let dtype = b.ty(m.operands[0]).dtype;
                Some(constant_of(b, value, &m.attrs.get_sizes("shape"), dtype))
            },
            example: |b, g| {
                let c = constant(b, 2.5, &[3]);
                let c = broadcast(b, c, &[2, 3], &[1]);
                mul(b, g.x, c)
            },
        },
        Rule {
            name: "reshape_constant",
            identity: "a reshaped constant is a constant",
            op: "reshape",
            rewrite: |b, m| {
                let value = uniform(b, m.operands[0])?;
                let dtype = b.ty(m.operands[0]).dtype;
                Some(constant_of(b, value, &m.attrs.get_sizes("shape"), dtype))
            },
            example: |b, g| {
                let c = constant(b, 2.5, &[6]);
                let c = reshape(b, c, &[2, 3]);
                mul(b, g.x, c)
            },
        },
        Rule {
            name: "slice_all",
            identity: "a slice of everything is x",
            op: "slice",
            rewrite: |b, m| {
                let all = m.attrs.get_ints("step").iter().all(|&s| s == 1) && m.attrs.get_ints("start").iter().all(|&s| s == 0);
                if_same_shape(b, m, &m.attrs.get_sizes("stop")).filter(|_| all)
            },
            example: |b, g| slice_axis(b, g.x, 1, 0, 3),
        },
        Rule {
            name: "slice_twice",
            identity: "a slice of a slice is a slice",
            op: "slice",
            rewrite: |b, m| {
                let inner = made_by(b, m.operands[0], "slice")?;
                let x = inner.operands[0];
                let of = |name: &str| (inner.attrs.get_sizes(name), m.attrs.get_sizes(name));
                let ((start, outer_start), (step, outer_step)) = (of("start"), of("step"));
                let stop = m.attrs.get_sizes("stop");
                let rank = start.len();
                let at = |a: usize, i: usize| start[a] + i * step[a];
                let from: Vec<usize> = (0..rank).map(|a| at(a, outer_start[a])).collect();
                // One past the last element that the outer slice may reach.
                let to: Vec<usize> = (0..rank).map(|a| at(a, stop[a] - 1) + 1).collect();
                let by: Vec<usize> = (0..rank).map(|a| step[a] * outer_step[a]).collect();
                Some(slice(b, x, &from, &to, &by))
            },
            example: |b, g| {
                let row = slice(b, g.x, &[1, 0], &[2, 3], &[1, 2]);
                slice_axis(b, row, 1, 1, 2)
            },
        },
        Rule {
            name: "slice_of_pad",
            identity: "a slice of just what was padded is x",
            op: "slice",
            rewrite: |b, m| {
                let padded = made_by(b, m.operands[0], "pad")?;
                let x = padded.operands[0];
                let step: Vec<i64> = padded.attrs.get_ints("interior").iter().map(|i| i + 1).collect();
                let start = m.attrs.get_ints("start");
                let result: Vec<i64> = (0..step.len()).map(|a| (m.attrs.get_ints("stop")[a] - start[a] - 1) / step[a] + 1).collect();
                let fits = start == padded.attrs.get_ints("low")
                    && m.attrs.get_ints("step") == step
                    && b.shape(x).iter().zip(&result).all(|(&n, &r)| n as i64 == r);
                fits.then_some(x)
            },
            example: |b, g| {
                let padded = pad(b, g.x, &[1, 0], &[2, 3], &[0, 1], 0.0);
                slice(b, padded, &[1, 0], &[3, 5], &[1, 2])
            },
        },
        Rule {
            name: "pad_nothing",
            identity: "a pad by nothing is x",
            op: "pad",
            rewrite: |b, m| {
                let zero = |name: &str| m.attrs.get_ints(name).iter().all(|&n| n == 0);
                // Interior padding of an axis of size 1 adds nothing.
                let single = b.shape(m.operands[0]).iter().zip(m.attrs.get_ints("interior"));
                let inside = single.into_iter().all(|(&n, &i)| n == 1 || i == 0);
                (zero("low") && zero("high") && inside).then_some(m.operands[0])
            },
            example: |b, g| pad(b, g.x, &[0, 0], &[0, 0], &[0, 0], 0.0),
        },
        Rule {
            name: "flip_nothing",
            identity: "a flip of no axes is x",
            op: "flip",
            rewrite: |_, m| no_axes(m),
            example: |b, g| flip(b, g.x, &[]),
        },
        Rule {
            name: "flip_twice",
            identity: "an axis that is flipped twice is as before",
            op: "flip",
            rewrite: |b, m| {
                let (x, first) = twice(b, m)?;
                let second = m.attrs.get_sizes("axes");
                let once: Vec<usize> = (0..b.shape(x).len()).filter(|a| first.contains(a) != second.contains(a)).collect();
                Some(flip(b, x, &once))
            },
            example: |b, g| {
                let first = flip(b, g.x, &[0, 1]);
                flip(b, first, &[1])
            },
        },
        Rule {
            name: "concat_one",
            identity: "one part alone is x",
            op: "concat",
            rewrite: |_, m| (m.operands.len() == 1).then_some(m.operands[0]),
            example: |b, g| concat(b, &[g.x], 0),
        },
    ]
}

fn reduction_rules() -> Vec<Rule> {
    vec![
        Rule {
            name: "sum_over_nothing",
            identity: "a sum over no axes is x",
            op: "reduce_sum",
            rewrite: |_, m| no_axes(m),
            example: |b, g| reduce_sum(b, g.x, &[]),
        },
        Rule {
            name: "sum_twice",
            identity: "a sum of a sum is one sum",
            op: "reduce_sum",
            rewrite: |b, m| {
                let (x, first) = twice(b, m)?;
                let rank = b.shape(x).len();
                let kept: Vec<usize> = (0..rank).filter(|a| !first.contains(a)).collect();
                let mut axes = first;
                axes.extend(m.attrs.get_sizes("axes").iter().map(|&a| kept[a]));
                axes.sort_unstable();
                Some(reduce_sum(b, x, &axes))
            },
            example: |b, g| {
                let rows = reduce_sum(b, g.x, &[0]);
                reduce_sum(b, rows, &[0])
            },
        },
        Rule {
            name: "sum_of_broadcast",
            identity: "a sum over n repetitions of x is n x",
            op: "reduce_sum",
            rewrite: |b, m| {
                let wide = made_by(b, m.operands[0], "broadcast")?;
                let (x, own) = (wide.operands[0], wide.attrs.get_sizes("axes"));
                let shape = wide.attrs.get_sizes("shape");
                let axes = m.attrs.get_sizes("axes");
                if axes.iter().any(|a| own.contains(a)) || !b.ty(x).dtype.is_float() {
                    return None;
                }
                let n: usize = axes.iter().map(|&a| shape[a]).product();
                let many = scale(b, x, n as f64);
                let left: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
                let to: Vec<usize> = left.iter().map(|&a| shape[a]).collect();
                let place = |a: &usize| left.iter().position(|l| l == a).expect("own axes are left");
                let own: Vec<usize> = own.iter().map(place).collect();
                Some(broadcast(b, many, &to, &own))
            },
            example: |b, g| {
                let wide = broadcast(b, g.x, &[4, 2, 5, 3], &[1, 3]);
                reduce_sum(b, wide, &[0])
            },
        },
        Rule {
            name: "maximum_over_nothing",
            identity: "a maximum over no axes is x",
            op: "reduce_max",
            rewrite: |_, m| no_axes(m),
            example: |b, g| reduce_max(b, g.x, &[]),
        },
        Rule {
            name: "mean_over_nothing",
            identity: "a mean over no axes is x",
            op: "mean",
            rewrite: |_, m| no_axes(m),
            example: |b, g| mean(b, g.x, &[]),
        },
    ]
}

fn collective_rules() -> Vec<Rule> {
    vec![
        Rule {
            name: "all_reduce_alone",
            identity: "the sum over one device is x",
            op: "all_reduce",
            rewrite: |_, m| Some(m.operands[0]),
            example: |b, g| all_reduce(b, g.x),
        },
        Rule {
            name: "reduce_scatter_alone",
            identity: "the only device's part of the sum is x",
            op: "reduce_scatter",
            rewrite: |_, m| Some(m.operands[0]),
            example: |b, g| reduce_scatter(b, g.x, 0),
        },
        Rule {
            name: "all_gather_alone",
            identity: "the only device's part is x",
            op: "all_gather",
            rewrite: |_, m| Some(m.operands[0]),
            example: |b, g| all_gather(b, g.x, 1),
        },
    ]
}
