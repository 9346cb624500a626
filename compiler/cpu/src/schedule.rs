//! Chooses loop orders, splits and task sizes from shapes alone, so that results do not depend on the number of threads.
//! A large reduction to few results becomes two: partial ones over fixed parts, then one over the parts.

use pfm_plan::nest::{Axis, Nest, divisor};

use pfm_plan::{Access, Expr, ExprId, Fold, Loop, Reduce, Store};

/// Weighted elements per task.
const TASK: usize = 1 << 16;
/// A reduction that is smaller is left in one task.
const LARGE: usize = 1 << 16;

/// One generated function and how its outermost axis is cut into tasks.
#[derive(Clone, Debug)]
pub struct Launch {
    pub nest: Nest,
    /// Extent of the parallel axis; 1 when nothing is cut.
    pub extent: usize,
    /// Indices per task.
    pub chunk: usize,
}

pub fn prepare_loop(work: &Loop) -> Launch {
    let mut nest = Nest::of_loop(work);
    nest.drop_units();
    if nest.axes.is_empty() {
        nest.add_unit(false);
    }
    let lanes = nest.vector_axis();
    let last = nest.axes.len() - 1;
    nest.move_axis(lanes, last);
    nest.merge();
    if nest.axes.len() > 1 {
        tile(&mut nest);
        outermost(&mut nest);
    }
    launch(nest)
}

/// Lanes per tile: four cache lines of the side that is contiguous along the lanes.
const TILE: usize = 64;

/// A transposed load reads one word of many cache lines along the lanes. A short run of lanes with the load's own
/// contiguous axis just outside uses each line up before it leaves the cache.
fn tile(nest: &mut Nest) {
    let lane = nest.axes.len() - 1;
    if nest.axes[lane].size < 2 * TILE {
        return;
    }
    let contiguous = nest.body.iter().find_map(|e| match e {
        Expr::Load { access, .. } if access.strides[lane].abs() > 1 => {
            (0..lane).find(|a| access.strides[*a].abs() == 1 && nest.axes[*a].size >= 8)
        }
        _ => None,
    });
    let (Some(axis), Some(inner)) = (contiguous, divisor(nest.axes[lane].size, TILE / 2, 2 * TILE, TILE, 4)) else {
        return;
    };
    nest.split(lane, inner);
    nest.move_axis(axis, lane);
}

/// Puts an axis with enough to share outside.
fn outermost(nest: &mut Nest) {
    let last = nest.axes.len() - 1;
    if nest.axes[0].size >= 8 || nest.elements() * nest.weight() < 2 * TASK {
        return;
    }
    let widest = (0..last).max_by_key(|a| (nest.axes[*a].size, usize::MAX - a)).expect("there are outer axes");
    if nest.axes[widest].size >= 8 {
        // In blocks, so that a task goes through neighbours in memory and not from one far part to the next.
        if let Some(inner) = divisor(nest.axes[widest].size, 8, nest.axes[widest].size / 8, nest.axes[widest].size / 32, 1) {
            nest.split(widest, inner);
        }
        nest.move_axis(widest, 0);
    } else if let Some(inner) = divisor(nest.axes[last].size, 256, 8192, 2048, 4) {
        nest.split(last, inner);
        nest.move_axis(last, 0);
    }
}

fn launch(nest: Nest) -> Launch {
    let lanes_only = nest.axes.len() == 1;
    let extent = nest.axes[0].size;
    let unit = (nest.elements() / extent).max(1) * nest.weight();
    let mut chunk = (TASK / unit).clamp(1, extent.max(1));
    if lanes_only {
        chunk = chunk.next_multiple_of(4);
    }
    Launch { nest, extent, chunk }
}

/// The launches of a reduction and the elements of scratch between them. Scratch takes the slot `buffers`.
pub fn prepare_reduce(work: &Reduce, buffers: usize) -> (Vec<Launch>, usize) {
    let mut nest = Nest::of_reduce(work);
    nest.drop_units();
    let kept: Vec<usize> = (0..nest.axes.len()).filter(|a| !nest.axes[*a].reduced).collect();
    let reduced: Vec<usize> = (0..nest.axes.len()).filter(|a| nest.axes[*a].reduced).collect();
    nest.reorder(&[kept, reduced].concat());
    nest.merge();
    let results: usize = nest.axes.iter().filter(|a| !a.reduced).map(|a| a.size).product();
    let large = nest.elements() * nest.weight() >= 2 * LARGE;
    if large
        && parallel(&nest) < 8
        && let Some(parts) = split_reduced(&mut nest)
    {
        let second = second_stage(work, &nest, parts, results, buffers);
        write_partials(&mut nest, parts, results, buffers);
        let words = parts * results * nest.stores.len();
        return (vec![finish_reduce(nest), second], words);
    }
    (vec![finish_reduce(nest)], 0)
}

/// Results that tasks could share: outer kept axes, and blocks of a kept lane axis.
fn parallel(nest: &Nest) -> usize {
    let lanes = nest.vector_axis();
    let kept = (0..nest.axes.len()).filter(|a| !nest.axes[*a].reduced);
    kept.map(|a| if a == lanes { nest.axes[a].size / 64 } else { nest.axes[a].size }.max(1)).product()
}

/// Splits the outermost reduced axis that allows it into parts, and keeps the parts. Returns how many.
fn split_reduced(nest: &mut Nest) -> Option<usize> {
    for axis in 0..nest.axes.len() {
        let Axis { size, reduced: true } = nest.axes[axis] else {
            continue;
        };
        if let Some(parts) = divisor(size, 4, 128, 32, 1) {
            nest.split(axis, size / parts);
            nest.move_axis(axis, 0);
            nest.axes[0].reduced = false;
            return Some(parts);
        }
    }
    None
}

/// Points the stores of the first stage at scratch: [stores, parts, results...], row-major.
fn write_partials(nest: &mut Nest, parts: usize, results: usize, slot: usize) {
    let mut strides = vec![0; nest.axes.len()];
    let mut stride = 1;
    for a in (1..nest.axes.len()).rev().filter(|a| !nest.axes[*a].reduced) {
        strides[a] = stride;
        stride *= nest.axes[a].size as i64;
    }
    strides[0] = results as i64;
    for (s, store) in nest.stores.iter_mut().enumerate() {
        store.buffer = slot;
        store.access = Access { offset: (s * parts * results) as i64, strides: strides.clone() };
    }
}

/// Folds the parts. `nest` still has the stores of the group.
fn second_stage(work: &Reduce, nest: &Nest, parts: usize, results: usize, slot: usize) -> Launch {
    let kept: Vec<usize> = (1..nest.axes.len()).filter(|a| !nest.axes[*a].reduced).collect();
    let mut load = vec![];
    let mut stride = results as i64;
    for &a in &kept {
        stride /= nest.axes[a].size as i64;
        load.push(stride);
    }
    load.push(results as i64);
    let part = |s: usize, old: &Store| Expr::Load {
        buffer: slot,
        access: Access { offset: (s * parts * results) as i64, strides: load.clone() },
        dtype: work.body[old.value.0 as usize].dtype(),
    };
    let total = |s: usize, old: &Store| {
        let mut strides: Vec<i64> = kept.iter().map(|a| old.access.strides[*a]).collect();
        strides.push(0);
        Store { buffer: old.buffer, access: Access { offset: old.access.offset, strides }, value: ExprId(s as u32) }
    };
    let axes = kept.iter().map(|a| nest.axes[*a]).chain([Axis { size: parts, reduced: true }]).collect();
    let olds = || nest.stores.iter().enumerate();
    let mut second = Nest {
        axes,
        body: olds().map(|(s, old)| part(s, old)).collect(),
        stores: olds().map(|(s, old)| total(s, old)).collect(),
        fold: Some(work.fold),
    };
    second.merge();
    finish_reduce(second)
}

/// Final order: kept axes, reduced axes, lanes last.
fn finish_reduce(mut nest: Nest) -> Launch {
    if nest.axes.iter().all(|a| !a.reduced) {
        return as_loop(nest);
    }
    let lanes = nest.vector_axis();
    let order: Vec<usize> = (0..nest.axes.len()).filter(|a| *a != lanes).collect();
    let kept = order.iter().copied().filter(|a| !nest.axes[*a].reduced);
    let reduced = order.iter().copied().filter(|a| nest.axes[*a].reduced);
    let order: Vec<usize> = kept.chain(reduced).chain([lanes]).collect();
    nest.reorder(&order);
    share_lanes(&mut nest);
    let lane = nest.axes.len() - 1;
    let outer = nest.axes[..lane].iter().take_while(|a| !a.reduced).count();
    if outer == 0 {
        return Launch { nest, extent: 1, chunk: 1 };
    }
    if nest.axes[0].size < 8
        && let Some(widest) = (0..outer).max_by_key(|a| (nest.axes[*a].size, usize::MAX - a))
    {
        nest.move_axis(widest, 0);
    }
    let extent = nest.axes[0].size;
    let unit = (nest.elements() / extent).max(1) * nest.weight();
    Launch { nest, extent, chunk: (TASK / unit).clamp(1, extent) }
}

/// Cuts a long kept lane axis into blocks, the outermost axis, when little else can be shared.
fn share_lanes(nest: &mut Nest) {
    let lane = nest.axes.len() - 1;
    let outer: usize = nest.axes[..lane].iter().filter(|a| !a.reduced).map(|a| a.size).product();
    let large = nest.elements() * nest.weight() >= 2 * TASK;
    if !nest.axes[lane].reduced
        && outer < 8
        && large
        && let Some(inner) = divisor(nest.axes[lane].size, 32, 1024, 64, 4)
    {
        nest.split(lane, inner);
        nest.move_axis(lane, 0);
    }
}

/// A reduction over axes of size one only moves values.
fn as_loop(nest: Nest) -> Launch {
    let space: Vec<usize> = nest.axes.iter().map(|a| a.size).collect();
    debug_assert!(matches!(nest.fold, Some(Fold::Sum | Fold::Max)));
    prepare_loop(&Loop { space, body: nest.body, stores: nest.stores })
}
