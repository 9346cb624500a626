//! Picking and adding slices along one axis by an i32 index.
//! Updates that meet at one place are added in the order of the index, whatever the number of threads.

use crate::isa::Shared;
use pfm_device::Pool;

/// Sizes of `gather` and `scatter_add`: x is [outer, length, inner] and the index has `picked` entries.
#[derive(Clone, Copy, Debug)]
pub struct IndexSpec {
    pub outer: usize,
    pub length: usize,
    pub inner: usize,
    pub picked: usize,
}

impl IndexSpec {
    pub fn new(shape: &[usize], axis: usize, picked: usize) -> IndexSpec {
        IndexSpec { outer: shape[..axis].iter().product(), length: shape[axis], inner: shape[axis + 1..].iter().product(), picked }
    }
}

/// Values that a task should move at least.
const WORK: usize = 1 << 14;

/// out [outer, picked, inner] = the slices of x that `index` names. Panics on an index outside the axis.
pub fn gather(pool: &Pool, spec: &IndexSpec, x: &[f32], index: &[i32], out: &mut [f32]) {
    check(spec, index);
    assert_eq!(x.len(), spec.outer * spec.length * spec.inner, "x has its size");
    assert_eq!(out.len(), spec.outer * spec.picked * spec.inner, "the result has its size");
    let rows = spec.outer * spec.picked;
    let some = (WORK / spec.inner.max(1)).max(1);
    let out = Shared::of(out);
    pool.run(rows.div_ceil(some), &|task| {
        for row in task * some..rows.min((task + 1) * some) {
            let from = row / spec.picked * spec.length + index[row % spec.picked] as usize;
            let slice = &x[from * spec.inner..][..spec.inner];
            // SAFETY: every row of the result is copied by one task alone.
            unsafe {
                let to = { out }.0.add(row * spec.inner);
                std::ptr::copy_nonoverlapping(slice.as_ptr(), to, spec.inner);
            }
        }
    });
}

/// out = x, with slice j of `updates` [outer, picked, inner] added at `index[j]`. Panics on an index outside the axis.
pub fn scatter_add(pool: &Pool, spec: &IndexSpec, x: &[f32], index: &[i32], updates: &[f32], out: &mut [f32]) {
    check(spec, index);
    let plane = spec.length * spec.inner;
    assert_eq!(x.len(), spec.outer * plane, "x has its size");
    assert_eq!(out.len(), x.len(), "the result has the size of x");
    assert_eq!(updates.len(), spec.outer * spec.picked * spec.inner, "updates have their size");
    // A task owns some columns of one outer entry, so meeting updates are added by one thread in order.
    let columns = (WORK / spec.picked.max(1)).clamp(16, spec.inner.max(16));
    let parts = spec.inner.div_ceil(columns);
    let out = Shared::of(out);
    pool.run(spec.outer * parts, &|task| {
        let (outer, part) = (task / parts, task % parts);
        let first = part * columns;
        let count = columns.min(spec.inner - first);
        let place = |row: usize| {
            // SAFETY: these columns of this outer entry are touched by this task alone.
            unsafe {
                let start = { out }.0.add(outer * plane + row * spec.inner + first);
                std::slice::from_raw_parts_mut(start, count)
            }
        };
        for row in 0..spec.length {
            place(row).copy_from_slice(&x[outer * plane + row * spec.inner + first..][..count]);
        }
        for (j, &row) in index.iter().enumerate() {
            let from = (outer * spec.picked + j) * spec.inner + first;
            for (sum, update) in place(row as usize).iter_mut().zip(&updates[from..]) {
                *sum += update;
            }
        }
    });
}

fn check(spec: &IndexSpec, index: &[i32]) {
    assert_eq!(index.len(), spec.picked, "the index has its size");
    for &i in index {
        assert!(usize::try_from(i).is_ok_and(|i| i < spec.length), "index {i} is outside an axis of {}", spec.length);
    }
}
