//! Attention and its gradient over a few tokens, as along time: one head of as many samples as a vector has lanes. What lies in
//! rows is transposed once, then products, softmax and sums are plain arithmetic on whole vectors.

use crate::attend::grad::AttendGradInputs;
use crate::attend::{AttendInputs, AttendSpec};
use crate::block::Stack;
use crate::exp::{exp, ln};
use crate::isa::{Kernel, Shared};
use crate::simd::{Simd, columns, store_columns};
use std::ops::Range;

/// Queries and keys at most, and values of q, k, v or the result of one head of one sample.
const TOKENS: usize = 16;
const VALUES: usize = 1024;
/// Floats of as many vectors.
const BLOCK: usize = VALUES * 16;
const SQUARE: usize = TOKENS * TOKENS * 16;
/// Samples of a task, which takes all of their heads: these lie beside each other.
const SAMPLES: usize = 16;
/// Sums that run side by side: enough to hide the time that an addition takes.
const ABREAST: usize = 4;

impl AttendSpec {
    /// If this way serves: few tokens, and samples to fill the lanes.
    pub(crate) fn short(&self, inputs: &AttendInputs<'_>) -> bool {
        self.brief() && inputs.mask.is_none()
    }

    /// If it serves where there is no mask.
    pub(crate) fn brief(&self) -> bool {
        let tokens = self.tq.max(self.tk);
        tokens <= TOKENS && tokens * self.d.max(self.dv) <= VALUES && self.samples >= 8
    }

    /// Keys that query `i` sees.
    #[inline(always)]
    fn keys(&self, i: usize) -> Range<usize> {
        0..if self.causal { self.tk.min(i + 1) } else { self.tk }
    }

    /// Queries that see key `j`.
    #[inline(always)]
    fn queries(&self, j: usize) -> Range<usize> {
        if self.causal { j.min(self.tq)..self.tq } else { 0..self.tq }
    }
}

/// The forward kernel.
pub(crate) struct Forward<'a> {
    pub spec: &'a AttendSpec,
    pub inputs: AttendInputs<'a>,
    pub out: Shared,
    pub lse: Shared,
}

impl Forward<'_> {
    pub(crate) fn tasks(&self) -> usize {
        self.spec.samples.div_ceil(SAMPLES)
    }
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let AttendSpec { samples, heads, .. } = *self.spec;
        let mut spaces = [Stack::new(), Stack::new(), Stack::new(), Stack::new()];
        for first in (task * SAMPLES..samples.min((task + 1) * SAMPLES)).step_by(S::LANES) {
            for head in 0..heads {
                let part = Part { first: first * heads + head, heads, count: S::LANES.min(samples - first) };
                // SAFETY: these samples are of this task alone.
                unsafe { self.part::<S>(part, head, &mut spaces) };
            }
        }
    }
}

impl Forward<'_> {
    /// One head of as many samples as there are lanes.
    #[inline(always)]
    unsafe fn part<S: Simd>(&self, part: Part, head: usize, spaces: &mut [Stack<BLOCK>; 4]) {
        let AttendSpec { tq, tk, d, dv, .. } = *self.spec;
        let [q, k, v, out] = spaces;
        let (q, k, v, out) = (q.start(), k.start(), v.start(), out.start());
        let (mut weights, mut lse) = (Stack::<{ TOKENS * 16 }>::new(), Stack::<{ TOKENS * 16 }>::new());
        let (weights, lse) = (weights.start(), lse.start());
        // SAFETY: the spaces hold what `short` allows; the rest is passed on from the caller.
        unsafe {
            part.read::<S>(self.inputs.q.as_ptr(), tq * d, q);
            part.read::<S>(self.inputs.k.as_ptr(), tk * d, k);
            part.read::<S>(self.inputs.v.as_ptr(), tk * dv, v);
            for i in 0..tq {
                let keys = self.spec.keys(i);
                dots::<S>(q.add(i * d * S::LANES), k, d, keys.clone(), weights);
                let mut top = S::splat(f32::MIN);
                for j in keys.clone() {
                    let place = weights.add(j * S::LANES);
                    let bias = S::splat(bias_at(self.spec, &self.inputs, head, i, j));
                    let score = S::fma(S::load(place), S::splat(self.spec.scale), bias);
                    S::store(place, score);
                    top = S::max(score, top);
                }
                let mut sum = S::splat(0.0);
                for j in keys.clone() {
                    let place = weights.add(j * S::LANES);
                    let weight = exp::<S>(S::sub(S::load(place), top));
                    S::store(place, weight);
                    sum = S::add(sum, weight);
                }
                S::store(lse.add(i * S::LANES), S::add(top, ln::<S>(sum)));
                let share = S::div(S::splat(1.0), sum);
                mix::<S>((weights, 1), keys, (v, dv), share, out.add(i * dv * S::LANES));
            }
            part.write::<S>(out, self.out.0, tq * dv);
            part.write::<S>(lse, self.lse.0, tq);
        }
    }
}

#[inline(always)]
fn bias_at(spec: &AttendSpec, inputs: &AttendInputs<'_>, head: usize, i: usize, j: usize) -> f32 {
    match inputs.bias {
        Some(bias) => bias[(head * spec.tq + i) * spec.tk + j],
        None => 0.0,
    }
}

/// The gradient for one head of a range of samples; `dbias` [tq, tk] gets the sum over them.
pub(crate) struct Backward<'a> {
    pub spec: &'a AttendSpec,
    pub x: &'a AttendGradInputs<'a>,
    pub dq: *mut f32,
    pub dk: *mut f32,
    pub dv: *mut f32,
}

impl Backward<'_> {
    /// # Safety
    /// The processor has the instructions of `S`; no other task writes the gradients of this head of these samples.
    #[inline(always)]
    pub(crate) unsafe fn run<S: Simd>(&self, samples: Range<usize>, head: usize, dbias: Option<*mut f32>) {
        let AttendSpec { heads, tq, tk, d, dv, .. } = *self.spec;
        let x = &self.x.inputs;
        let mut spaces =
            [Stack::<BLOCK>::new(), Stack::<BLOCK>::new(), Stack::<BLOCK>::new(), Stack::<BLOCK>::new(), Stack::<BLOCK>::new()];
        let [q, k, v, dout, made] = &mut spaces;
        let (q, k, v, dout, made) = (q.start(), k.start(), v.start(), dout.start(), made.start());
        let mut squares = [Stack::<SQUARE>::new(), Stack::<SQUARE>::new(), Stack::<SQUARE>::new()];
        let [weights, slopes, sums] = &mut squares;
        let (weights, slopes, sums) = (weights.start(), slopes.start(), sums.start());
        let mut lse = Stack::<{ TOKENS * 16 }>::new();
        let lse = lse.start();
        let (one, scale) = (1.0, self.spec.scale);
        // SAFETY: the spaces hold what `short` allows; the gradients are of this task alone.
        unsafe {
            for place in 0..tq * tk {
                S::store(sums.add(place * S::LANES), S::splat(0.0));
            }
            for first in samples.clone().step_by(S::LANES) {
                let part = Part { first: first * heads + head, heads, count: S::LANES.min(samples.end - first) };
                part.read::<S>(x.q.as_ptr(), tq * d, q);
                part.read::<S>(x.k.as_ptr(), tk * d, k);
                part.read::<S>(x.v.as_ptr(), tk * dv, v);
                part.read::<S>(self.x.dout.as_ptr(), tq * dv, dout);
                part.read::<S>(self.x.lse.as_ptr(), tq, lse);
                for i in 0..tq {
                    let row = i * tk * S::LANES;
                    let keys = self.spec.keys(i);
                    dots::<S>(q.add(i * d * S::LANES), k, d, keys.clone(), weights.add(row));
                    dots::<S>(dout.add(i * dv * S::LANES), v, dv, keys.clone(), slopes.add(row));
                    let mut delta = S::splat(0.0);
                    for j in keys.clone() {
                        let at = row + j * S::LANES;
                        let bias = S::splat(bias_at(self.spec, x, head, i, j));
                        let score = S::fma(S::load(weights.add(at)), S::splat(scale), bias);
                        let weight = exp::<S>(S::sub(score, S::load(lse.add(i * S::LANES))));
                        S::store(weights.add(at), weight);
                        delta = S::fma(weight, S::load(slopes.add(at)), delta);
                    }
                    for j in keys {
                        let at = row + j * S::LANES;
                        let slope = S::mul(S::load(weights.add(at)), S::sub(S::load(slopes.add(at)), delta));
                        S::store(slopes.add(at), slope);
                        // A lane without a sample may hold anything.
                        let counted = if part.count == S::LANES { slope } else { S::join(part.count, slope, S::splat(0.0)) };
                        S::store(sums.add(at), S::add(S::load(sums.add(at)), counted));
                    }
                }
                for i in 0..tq {
                    let row = slopes.add(i * tk * S::LANES);
                    mix::<S>((row, 1), self.spec.keys(i), (k, d), S::splat(scale), made.add(i * d * S::LANES));
                }
                part.write::<S>(made, self.dq, tq * d);
                for j in 0..tk {
                    let column = slopes.add(j * S::LANES);
                    mix::<S>((column, tk), self.spec.queries(j), (q, d), S::splat(scale), made.add(j * d * S::LANES));
                }
                part.write::<S>(made, self.dk, tk * d);
                for j in 0..tk {
                    let column = weights.add(j * S::LANES);
                    mix::<S>((column, tk), self.spec.queries(j), (dout, dv), S::splat(one), made.add(j * dv * S::LANES));
                }
                part.write::<S>(made, self.dv, tk * dv);
            }
            if let Some(dbias) = dbias {
                for place in 0..tq * tk {
                    *dbias.add(place) = S::sum(S::load(sums.add(place * S::LANES)));
                }
            }
        }
    }
}

/// One head of neighbouring samples, one to a lane: `first` counts heads of samples.
#[derive(Clone, Copy)]
struct Part {
    first: usize,
    heads: usize,
    count: usize,
}

impl Part {
    /// Reads `size` values of each sample's head into vectors; lanes without a sample are zero.
    #[inline(always)]
    unsafe fn read<S: Simd>(self, from: *const f32, size: usize, to: *mut f32) {
        for at in (0..size).step_by(S::LANES) {
            let some = S::LANES.min(size - at);
            // SAFETY: passed on from the caller.
            unsafe {
                let square = columns::<S>(from.add(self.first * size + at), self.heads * size, self.count, some);
                for (i, column) in square.iter().enumerate().take(some) {
                    S::store(to.add((at + i) * S::LANES), *column);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn write<S: Simd>(self, from: *const f32, to: *mut f32, size: usize) {
        for at in (0..size).step_by(S::LANES) {
            let some = S::LANES.min(size - at);
            // SAFETY: passed on from the caller.
            unsafe {
                let mut square = [S::splat(0.0); 16];
                for (i, column) in square.iter_mut().enumerate().take(some) {
                    *column = S::load(from.add((at + i) * S::LANES));
                }
                store_columns::<S>(square, to.add(self.first * size + at), self.heads * size, self.count, some);
            }
        }
    }
}

/// The products of one row with the rows of `keys`, each `width` vectors wide.
#[inline(always)]
unsafe fn dots<S: Simd>(row: *const f32, rows: *const f32, width: usize, keys: Range<usize>, to: *mut f32) {
    for first in keys.clone().step_by(ABREAST) {
        // SAFETY: passed on from the caller; a key too many is the last one again, and is not stored.
        unsafe {
            let mut sums = [[S::splat(0.0); 2]; ABREAST];
            let start: [*const f32; ABREAST] = {
                let mut start = [rows; ABREAST];
                for (i, start) in start.iter_mut().enumerate() {
                    *start = rows.add((first + i).min(keys.end - 1) * width * S::LANES);
                }
                start
            };
            for e in 0..width {
                let x = S::load(row.add(e * S::LANES));
                for (sum, start) in sums.iter_mut().zip(start) {
                    sum[e % 2] = S::fma(x, S::load(start.add(e * S::LANES)), sum[e % 2]);
                }
            }
            for (i, sum) in sums.iter().enumerate().take(keys.end - first) {
                S::store(to.add((first + i) * S::LANES), S::add(sum[0], sum[1]));
            }
        }
    }
}

/// factor times the sum of the rows of a range, each `width` vectors wide, by weights `step` vectors apart.
#[inline(always)]
unsafe fn mix<S: Simd>(
    (weights, step): (*const f32, usize),
    range: Range<usize>,
    (rows, width): (*const f32, usize),
    factor: S::V,
    to: *mut f32,
) {
    for first in (0..width).step_by(ABREAST) {
        let some = ABREAST.min(width - first);
        // SAFETY: passed on from the caller; a column too many is the last one again, and is not stored.
        unsafe {
            let mut sums = [S::splat(0.0); ABREAST];
            for r in range.clone() {
                let weight = S::load(weights.add(r * step * S::LANES));
                for (i, sum) in sums.iter_mut().enumerate() {
                    let column = (first + i).min(width - 1);
                    *sum = S::fma(weight, S::load(rows.add((r * width + column) * S::LANES)), *sum);
                }
            }
            for (i, sum) in sums.iter().enumerate().take(some) {
                S::store(to.add((first + i) * S::LANES), S::mul(*sum, factor));
            }
        }
    }
}
