//! How a fold is shared by threads, from shapes alone so that sums are always added in the same order. Contiguous memory along a
//! kept axis gives a thread a few columns to itself (`column`), along a folded axis a few threads one result (`row`). Large
//! folds to few results go in parts: a second launch folds the parts.

use super::{column, direct, row};
use crate::{Draft, Step};
use pfm_ir::{DType, Scalar};
use pfm_plan::nest::{Axis, Nest};
use pfm_plan::{Access, Expr, ExprId, Fold, Loop, Reduce, Store};

/// Blocks that keep any device busy.
pub const BUSY: usize = 1024;
/// A short folded axis that lies inside a kept one is folded in the second launch, where the rest is at least this long.
const WORTH: usize = 64;
const SHORT: usize = 128;

/// A nest in the order outer kept axes, folded axes, trailing axes: kept ones for columns, one folded for rows.
#[derive(Clone)]
pub struct Arranged {
    pub nest: Nest,
    pub trailing: usize,
    /// By axis: it is kept only until the second launch.
    postponed: Vec<bool>,
}

pub fn draft(work: &Reduce, buffers: usize) -> Draft {
    let mut nest = Nest::of_reduce(work);
    nest.drop_units();
    if nest.axes.iter().all(|a| !a.reduced) {
        let space = nest.axes.iter().map(|a| a.size).collect();
        return direct::draft(&Loop { space, body: nest.body, stores: nest.stores });
    }
    let mut steps = vec![];
    let words = stage(&nest, Some(buffers), &mut steps);
    Draft { steps, scratch_bytes: words * 4 }
}

/// Adds the launches of a fold; returns the words between them. Without `scratch` it must do with one.
fn stage(nest: &Nest, scratch: Option<usize>, steps: &mut Vec<Step>) -> usize {
    let mut arranged = arrange(nest, scratch.is_some());
    let plain = arranged.clone();
    let columns = !arranged.nest.axes[arranged.nest.axes.len() - 1].reduced;
    let two = |parts: usize| parts > 1 || plain.postponed.contains(&true);
    arranged.nest.merge();
    arranged.trailing = trailing_after_merge(&arranged.nest);
    let parts = match scratch {
        None => 1,
        Some(_) if columns => column::parts(&arranged),
        Some(_) => row::parts(&arranged),
    };
    let Some(scratch) = scratch.filter(|_| two(parts)) else {
        steps.push(Step::Launch(launch(&arranged, columns, 1)));
        return 0;
    };
    let (first, second, words) = split(&plain, parts, scratch);
    let mut first = Arranged { nest: first, ..plain };
    first.nest.merge();
    first.trailing = trailing_after_merge(&first.nest);
    steps.push(Step::Launch(launch(&first, columns, parts)));
    stage(&second, None, steps);
    words
}

fn launch(arranged: &Arranged, columns: bool, parts: usize) -> crate::Launch {
    if columns { column::launch(arranged, parts) } else { row::launch(arranged, parts) }
}

/// Axes after the last change between kept and folded; a folded lane axis stands alone.
fn trailing_after_merge(nest: &Nest) -> usize {
    let lane = nest.axes[nest.axes.len() - 1];
    if lane.reduced { 1 } else { nest.axes.iter().rev().take_while(|a| !a.reduced).count() }
}

fn arrange(nest: &Nest, may_postpone: bool) -> Arranged {
    let mut nest = nest.clone();
    let lane = nest.vector_axis();
    let neighbours = neighbours(&nest, lane);
    let folded: usize = (0..nest.axes.len()).filter(|a| nest.axes[*a].reduced && *a != lane).map(|a| nest.axes[a].size).product();
    let postpone = may_postpone && nest.axes[lane].reduced && nest.axes[lane].size <= SHORT && folded >= WORTH && !neighbours.is_empty();
    if postpone {
        nest.axes[lane].reduced = false;
    }
    let trailing: Vec<usize> = if nest.axes[lane].reduced { vec![lane] } else { neighbours.into_iter().rev().chain([lane]).collect() };
    let others: Vec<usize> = (0..nest.axes.len()).filter(|a| !trailing.contains(a)).collect();
    let of = |reduced: bool| -> Vec<usize> { others.iter().copied().filter(|a| nest.axes[*a].reduced == reduced).collect() };
    let (kept, reduced) = (of(false), of(true));
    let order = [kept, reduced, trailing.clone()].concat();
    let postponed = order.iter().map(|a| postpone && *a == lane).collect();
    nest.reorder(&order);
    Arranged { nest, trailing: trailing.len(), postponed }
}

/// Kept axes that continue the contiguous memory of the lanes, innermost first, in the load that moves along most axes.
fn neighbours(nest: &Nest, lane: usize) -> Vec<usize> {
    let runs = nest.body.iter().filter_map(|e| match e {
        Expr::Load { access, .. } if access.strides[lane] == 1 => Some(access),
        _ => None,
    });
    let Some(main) = runs.max_by_key(|access| access.strides.iter().filter(|s| **s != 0).count()) else {
        return vec![];
    };
    let mut found = vec![];
    let mut size = nest.axes[lane].size as i64;
    while let Some(next) = (0..nest.axes.len()).find(|a| *a != lane && !nest.axes[*a].reduced && main.strides[*a] == size) {
        if found.contains(&next) {
            break;
        }
        found.push(next);
        size *= nest.axes[next].size as i64;
    }
    found
}

/// The first launch, which stores [stores, parts, kept axes...] in working memory; the nest that folds those; and the words.
fn split(arranged: &Arranged, parts: usize, scratch: usize) -> (Nest, Nest, usize) {
    let mut first = arranged.nest.clone();
    let kept: Vec<usize> = (0..first.axes.len()).filter(|a| !first.axes[*a].reduced).collect();
    let results: usize = kept.iter().map(|a| first.axes[*a].size).product();
    let mut strides = vec![0; first.axes.len()];
    let mut stride = 1;
    for &a in kept.iter().rev() {
        strides[a] = stride;
        stride *= first.axes[a].size as i64;
    }
    let offset = |n: usize| (n * parts * results) as i64;
    let between = |dtype: DType| if dtype.is_float() { DType::F32 } else { dtype };
    let old = first.stores.clone();
    let dtypes: Vec<DType> = old.iter().map(|s| first.body[s.value.0 as usize].dtype()).collect();
    for (n, store) in first.stores.iter_mut().enumerate() {
        if dtypes[n] == DType::Bf16 {
            first.body.push(Expr::Apply { scalar: Scalar::Cast, dtype: DType::F32, args: vec![store.value] });
            store.value = ExprId(first.body.len() as u32 - 1);
        }
        store.buffer = scratch;
        store.access = Access { offset: offset(n), strides: strides.clone() };
    }
    let mut axes: Vec<Axis> = kept.iter().map(|a| Axis { size: first.axes[*a].size, reduced: arranged.postponed[*a] }).collect();
    axes.push(Axis { size: parts, reduced: true });
    let with = |access: &dyn Fn(usize) -> i64, last: i64| -> Vec<i64> { kept.iter().map(|a| access(*a)).chain([last]).collect() };
    let mut second = Nest { axes, body: vec![], stores: vec![], fold: first.fold };
    for (n, store) in old.iter().enumerate() {
        let access = Access { offset: offset(n), strides: with(&|a| strides[a], results as i64) };
        second.body.push(Expr::Load { buffer: scratch, access, dtype: between(dtypes[n]) });
        if dtypes[n] == DType::Bf16 {
            let args = vec![ExprId(second.body.len() as u32 - 1)];
            second.body.push(Expr::Apply { scalar: Scalar::Cast, dtype: DType::Bf16, args });
        }
        let access = Access { offset: store.access.offset, strides: with(&|a| store.access.strides[a], 0) };
        second.stores.push(Store { buffer: store.buffer, access, value: ExprId(second.body.len() as u32 - 1) });
    }
    second.drop_units();
    (first, second, old.len() * parts * results)
}

/// The value that a fold starts from.
pub fn identity(fold: Option<Fold>, dtype: DType) -> &'static str {
    match (fold, dtype.is_float()) {
        (Some(Fold::Max), true) => "__uint_as_float(0xff800000u)",
        (Some(Fold::Max), false) => "(-2147483647 - 1)",
        (_, true) => "0.0f",
        (_, false) => "0",
    }
}

/// `x` folded with `y`.
pub fn folded(fold: Option<Fold>, x: &str, y: &str) -> String {
    match fold {
        Some(Fold::Max) => format!("larger({x}, {y})"),
        _ => format!("{x} + {y}"),
    }
}

/// Cells that a thread may have under way.
pub fn unroll(nest: &Nest) -> usize {
    match nest.body.iter().filter(|e| matches!(e, Expr::Load { .. })).count() {
        0..=1 => 8,
        2 => 4,
        3..=4 => 2,
        _ => 1,
    }
}
