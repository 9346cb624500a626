//! Reflections applied to columns that lie each in one stretch: one alone, or those of a panel in one pass as 1 - v' t v
//! (the compact WY form), where t is a small triangle that says how the panel's reflections go together.

use crate::isa::{Isa, Kernel, Shared, launch};
use crate::simd::Simd;
use pfm_device::Pool;

/// Reflections of a panel.
pub(super) const PANEL: usize = 32;

/// Reflections `first .. first + width` of columns of length m.
pub(super) struct Panel<'a> {
    /// [PANEL, m]; rows before the panel's first are not looked at.
    pub vectors: &'a mut [f32],
    /// [PANEL, PANEL], the triangle t.
    pub together: &'a mut [f32],
    pub m: usize,
    pub first: usize,
    pub width: usize,
}

impl Panel<'_> {
    /// Takes the reflections out of the columns that they were made from: what is above each one's head is of r.
    pub(super) fn fill(&mut self, columns: &[f32]) {
        let (m, first) = (self.m, self.first);
        for (p, (vector, column)) in self.vectors.chunks_exact_mut(m).zip(columns.chunks_exact(m)).enumerate() {
            vector[first..first + p].fill(0.0);
            vector[first + p..].copy_from_slice(&column[first + p..]);
        }
    }

    /// Makes t for the transposed product, last reflection first: a column on which all are applied in turn loses v' t' v of itself.
    pub(super) fn join(&mut self, pool: &Pool, isa: Isa, factors: &[f32]) {
        let (width, mut inner) = (self.width, [0.0; PANEL * PANEL]);
        let job = Inner { vectors: self.vectors.as_ptr(), out: Shared(inner.as_mut_ptr()), m: self.m, first: self.first, width };
        launch(pool, isa, width, &job);
        self.together.iter_mut().take(PANEL * PANEL).for_each(|t| *t = 0.0);
        for (j, &factor) in factors.iter().enumerate() {
            for i in 0..j {
                let sum: f32 = (i..j).map(|k| self.together[i * PANEL + k] * inner[k * PANEL + j]).sum();
                self.together[i * PANEL + j] = -factor * sum;
            }
            self.together[j * PANEL + j] = factor;
        }
    }

    /// Turns t around: from all reflections in turn to all in the opposite order.
    pub(super) fn turn(&mut self) {
        for i in 0..PANEL {
            for j in 0..i {
                self.together.swap(i * PANEL + j, j * PANEL + i);
            }
        }
    }

    /// Applies the panel to columns.
    pub(super) fn reflect(&self, pool: &Pool, isa: Isa, columns: &mut [f32]) {
        let count = columns.len() / self.m;
        let job = Reflect { panel: self, vectors: self.vectors.as_ptr(), columns: Shared::of(columns), count };
        launch(pool, isa, count.div_ceil(SOME), &job);
    }
}

/// Columns of a task, and of one pass over a panel.
const SOME: usize = 8;
const GROUP: usize = 4;
/// Reflections whose sums run side by side, and vectors of a column that are changed side by side.
const WIDE: usize = 3;

struct Reflect<'a> {
    panel: &'a Panel<'a>,
    vectors: *const f32,
    columns: Shared,
    count: usize,
}
// SAFETY: vectors are only read, and every task writes its own columns.
unsafe impl Sync for Reflect<'_> {}

impl Kernel for Reflect<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let (m, first, width) = (self.panel.m, self.panel.first, self.panel.width);
        for c0 in (task * SOME..self.count.min((task + 1) * SOME)).step_by(GROUP) {
            // SAFETY: these columns are of this task alone. A group that is not full takes its last column again, which then gets the
            // same values twice.
            unsafe {
                let column = |c: usize| self.columns.0.add(self.count.min((task + 1) * SOME).min(c0 + c + 1).saturating_sub(1) * m + first);
                let x: [*mut f32; GROUP] = [column(0), column(1), column(2), column(3)];
                let mut sums = [[0.0f32; PANEL]; GROUP];
                let mut p = 0;
                while p < width {
                    let v = vectors(self.vectors, m, first, [p, p + 1, p + 2].map(|p| p.min(width - 1)));
                    let found = products::<S>(x, v, m - first);
                    for (sums, found) in sums.iter_mut().zip(found) {
                        for (k, sum) in found.into_iter().enumerate().take(width - p) {
                            sums[p + k] = sum;
                        }
                    }
                    p += WIDE;
                }
                let mut scales = [[0.0f32; PANEL]; GROUP];
                for (scales, sums) in scales.iter_mut().zip(sums) {
                    for (q, sum) in sums.into_iter().enumerate().take(width) {
                        for (p, scale) in scales.iter_mut().enumerate() {
                            *scale -= sum * self.panel.together[q * PANEL + p];
                        }
                    }
                }
                add::<S>(x, self.vectors.add(first), m, width, &scales, m - first);
            }
        }
    }
}

/// # Safety
/// The panel has these vectors.
#[inline(always)]
unsafe fn vectors(all: *const f32, m: usize, first: usize, which: [usize; WIDE]) -> [*const f32; WIDE] {
    // SAFETY: passed on from the caller.
    unsafe { [all.add(which[0] * m + first), all.add(which[1] * m + first), all.add(which[2] * m + first)] }
}

/// Inner products of four columns with three vectors.
///
/// # Safety
/// The processor has the instructions of `S`, and all have `length` readable values.
#[inline(always)]
unsafe fn products<S: Simd>(x: [*mut f32; GROUP], v: [*const f32; WIDE], length: usize) -> [[f32; WIDE]; GROUP] {
    // SAFETY: passed on from the caller.
    unsafe {
        let mut sums = [[S::splat(0.0); WIDE]; GROUP];
        let mut i = 0;
        while i + S::LANES <= length {
            let w = [S::load(v[0].add(i)), S::load(v[1].add(i)), S::load(v[2].add(i))];
            for (sums, x) in sums.iter_mut().zip(x) {
                let x = S::load(x.add(i));
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = S::fma(x, w, *sum);
                }
            }
            i += S::LANES;
        }
        if i < length {
            let rest = length - i;
            let w = [S::load_first(v[0].add(i), rest), S::load_first(v[1].add(i), rest), S::load_first(v[2].add(i), rest)];
            for (sums, x) in sums.iter_mut().zip(x) {
                let x = S::load_first(x.add(i), rest);
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = S::fma(x, w, *sum);
                }
            }
        }
        let mut out = [[0.0; WIDE]; GROUP];
        for (out, sums) in out.iter_mut().zip(sums) {
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = S::sum(sum);
            }
        }
        out
    }
}

/// Adds to each of four columns the sum of `scales` times the vectors, which begin `m` apart.
///
/// # Safety
/// The processor has the instructions of `S`; columns and vectors have `length` values, and the columns are the caller's alone.
#[inline(always)]
unsafe fn add<S: Simd>(x: [*mut f32; GROUP], v: *const f32, m: usize, width: usize, scales: &[[f32; PANEL]; GROUP], length: usize) {
    // SAFETY: passed on from the caller.
    unsafe {
        let mut i = 0;
        while i + WIDE * S::LANES <= length {
            let mut sums = [[S::splat(0.0); WIDE]; GROUP];
            for (sums, x) in sums.iter_mut().zip(x) {
                for (k, sum) in sums.iter_mut().enumerate() {
                    *sum = S::load(x.add(i + k * S::LANES));
                }
            }
            for p in 0..width {
                let v = v.add(p * m + i);
                let w = [S::load(v), S::load(v.add(S::LANES)), S::load(v.add(2 * S::LANES))];
                for (sums, scales) in sums.iter_mut().zip(scales) {
                    let scale = S::splat(scales[p]);
                    for (sum, w) in sums.iter_mut().zip(w) {
                        *sum = S::fma(scale, w, *sum);
                    }
                }
            }
            for (sums, x) in sums.iter().zip(x) {
                for (k, sum) in sums.iter().enumerate() {
                    S::store(x.add(i + k * S::LANES), *sum);
                }
            }
            i += WIDE * S::LANES;
        }
        while i < length {
            let rest = S::LANES.min(length - i);
            let mut sums = [S::splat(0.0); GROUP];
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum = S::load_first(x.add(i), rest);
            }
            for p in 0..width {
                let w = S::load_first(v.add(p * m + i), rest);
                for (sum, scales) in sums.iter_mut().zip(scales) {
                    *sum = S::fma(S::splat(scales[p]), w, *sum);
                }
            }
            for (sum, x) in sums.iter().zip(x) {
                S::store_first(x.add(i), *sum, rest);
            }
            i += rest;
        }
    }
}

/// Inner products of the vectors of a panel with each other; task j makes those of vector j with all before it.
struct Inner {
    vectors: *const f32,
    out: Shared,
    m: usize,
    first: usize,
    width: usize,
}
// SAFETY: vectors are only read, and every task writes its own column of `out`.
unsafe impl Sync for Inner {}

impl Kernel for Inner {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let (m, first) = (self.m, self.first);
        debug_assert!(task < self.width);
        for k in (0..task).step_by(GROUP) {
            // SAFETY: all are vectors of the panel; results go to the column of this task.
            unsafe {
                let x = [k, k + 1, k + 2, k + 3].map(|k| k.min(task));
                let x = [x[0] * m, x[1] * m, x[2] * m, x[3] * m].map(|at| self.vectors.cast_mut().wrapping_add(at + first));
                let found = products::<S>(x, vectors(self.vectors, m, first, [task; WIDE]), m - first);
                for (i, found) in found.iter().enumerate().take(task - k) {
                    *self.out.0.add((k + i) * PANEL + task) = found[0];
                }
            }
        }
    }
}

/// Values that a task of `apply` should change at least.
const WORK: usize = 1 << 14;

/// Reflects rows `first ..` of `count` columns of length m.
#[allow(clippy::too_many_arguments)] // the parts of one formula
pub(super) fn apply(pool: &Pool, isa: Isa, reflection: &[f32], factor: f32, columns: &mut [f32], m: usize, first: usize, count: usize) {
    if factor == 0.0 || count == 0 {
        return;
    }
    let job = Apply {
        reflection,
        factor,
        columns: Shared::of(&mut columns[..count * m]),
        m,
        first,
        count,
        some: (WORK / reflection.len()).max(1),
    };
    launch(pool, isa, count.div_ceil(job.some), &job);
}

struct Apply<'a> {
    reflection: &'a [f32],
    factor: f32,
    columns: Shared,
    m: usize,
    first: usize,
    count: usize,
    some: usize,
}

impl Kernel for Apply<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let length = self.reflection.len();
        let v = self.reflection.as_ptr();
        for j in task * self.some..self.count.min((task + 1) * self.some) {
            // SAFETY: column j is of this task alone and has `length` values from row `first` on.
            unsafe {
                let x = self.columns.0.add(j * self.m + self.first);
                let mut sums = [S::splat(0.0); 4];
                let mut i = 0;
                while i + 4 * S::LANES <= length {
                    for (s, sum) in sums.iter_mut().enumerate() {
                        let at = i + s * S::LANES;
                        *sum = S::fma(S::load(v.add(at)), S::load(x.add(at)), *sum);
                    }
                    i += 4 * S::LANES;
                }
                while i < length {
                    let lanes = S::LANES.min(length - i);
                    let (a, b) = (S::load_first(v.add(i), lanes), S::load_first(x.add(i), lanes));
                    sums[0] = S::fma(a, b, sums[0]);
                    i += lanes;
                }
                let sum = S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3]));
                let scale = S::splat(-self.factor * S::sum(sum));
                let mut i = 0;
                while i < length {
                    let lanes = S::LANES.min(length - i);
                    let (a, b) = (S::load_first(v.add(i), lanes), S::load_first(x.add(i), lanes));
                    S::store_first(x.add(i), S::fma(a, scale, b), lanes);
                    i += lanes;
                }
            }
        }
    }
}
