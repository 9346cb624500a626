//! Attention on tiles, with an online softmax as in `attend.rs`: scores of 32 queries by a block of keys come from tiles, become
//! weights in f32, and are packed again for the product with the values.

use crate::amx::block::Parts;
use crate::amx::gather::Form;
use crate::amx::matrix::{Matrix, Room, STEPS, matrix_bytes, value_bytes};
use crate::amx::pack::{Place, Source};
use crate::amx::tiles::Tiles;
use crate::amx::{TileKernel, launch_tiles, may_serve};
use crate::attend::{AttendInputs, AttendSpec, Line, NOTHING, bias, hide, scale};
use crate::block::Stack;
use crate::isa::{Isa, Shared};
use crate::mixed::attend::AttendMixedInputs;
use crate::precision::{Output, Products};
use crate::simd::Simd;
use pfm_device::Pool;

/// Bytes of everything that a task packs and sums.
const SPACE: usize = 768 << 10;
/// Keys of a block, and places from one row of its scores to the next.
const KEYS: usize = 256;
const ROW: usize = KEYS + 16;
/// Queries whose scores are there at a time, and queries of a task.
const ROWS: usize = 32;
const CHUNK: usize = 512;
/// Tasks that there should be.
const TASKS: usize = 32;

/// Whether tiles serve: more than a few queries and keys, and width that fits.
pub(super) fn fits(isa: Isa, spec: &AttendSpec, products: Products) -> bool {
    let (least, most) = (spec.d.min(spec.dv), spec.d.max(spec.dv));
    may_serve(isa, products) && !spec.brief() && spec.tq.min(spec.tk) >= 8 && least > 0 && most <= 32 * STEPS
}

/// Queries of a task, if tiles serve.
pub(crate) fn chunk(isa: Isa, spec: &AttendSpec, products: Products) -> Option<usize> {
    if !fits(isa, spec, products) {
        return None;
    }
    let parts = Parts { split: products == Products::Split };
    let heads = spec.samples * spec.heads;
    let mut chunk = CHUNK.min(spec.tq.next_multiple_of(ROWS));
    while heads * spec.tq.div_ceil(chunk) < TASKS && chunk > 4 * ROWS || bytes(spec, parts, chunk) > SPACE {
        if chunk <= ROWS {
            return None;
        }
        chunk = chunk.div_ceil(2).next_multiple_of(ROWS);
    }
    Some(chunk)
}

fn bytes(spec: &AttendSpec, parts: Parts, chunk: usize) -> usize {
    let packed = matrix_bytes(parts, chunk, spec.d) + matrix_bytes(parts, KEYS, spec.d) + matrix_bytes(parts, spec.dv, KEYS);
    let scores = value_bytes(ROWS * ROW) + matrix_bytes(parts, ROWS, KEYS);
    packed + scores + value_bytes(chunk * spec.dv.next_multiple_of(16)) + 2 * value_bytes(chunk) + value_bytes(KEYS)
}

/// out and lse of attention. The bias is given as f32.
#[allow(clippy::too_many_arguments)] // the cut, the operands and where to run
pub(crate) fn attend(
    pool: &Pool,
    isa: Isa,
    spec: &AttendSpec,
    (products, chunk): (Products, usize),
    inputs: &AttendMixedInputs<'_>,
    bias: Option<&[f32]>,
    out: Output<'_>,
    lse: &mut [f32],
) {
    let job = Job {
        spec,
        parts: Parts { split: products == Products::Split },
        chunk,
        q: Source::of(inputs.q),
        k: Source::of(inputs.k),
        v: Source::of(inputs.v),
        terms: AttendInputs { q: &[], k: &[], v: &[], bias, mask: inputs.mask },
        out: Place::of(out),
        lse: Shared::of(lse),
    };
    launch_tiles(pool, isa, spec.samples * spec.heads * spec.tq.div_ceil(chunk), &job);
}

struct Job<'a> {
    spec: &'a AttendSpec,
    parts: Parts,
    chunk: usize,
    q: Source,
    k: Source,
    v: Source,
    /// Bias and mask.
    terms: AttendInputs<'a>,
    out: Place,
    lse: Shared,
}
// SAFETY: operands are only read, and every task writes its own queries of the results.
unsafe impl Sync for Job<'_> {}

/// What a task keeps.
struct Kept {
    q: Matrix,
    k: Matrix,
    v: Matrix,
    scores: *mut f32,
    weights: Matrix,
    /// Sums of weighted values, row-major.
    sums: *mut f32,
    /// Largest score so far and sum of the weights relative to it, for each query.
    tops: *mut f32,
    totals: *mut f32,
    hidden: *mut f32,
}

impl TileKernel for Job<'_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(&self, tiles: &mut T, task: usize) {
        let AttendSpec { tq, tk, d, dv, .. } = *self.spec;
        let chunks = tq.div_ceil(self.chunk);
        let (head, first) = (task / chunks, task % chunks * self.chunk);
        let rows = self.chunk.min(tq - first);
        let mut space = Stack::<{ SPACE / 4 }>::new();
        let mut room = Room { next: space.start().cast() };
        let kept = Kept {
            q: room.matrix(self.parts, self.chunk, d),
            k: room.matrix(self.parts, KEYS, d),
            v: room.matrix(self.parts, dv, KEYS),
            scores: room.values(ROWS * ROW),
            weights: room.matrix(self.parts, ROWS, KEYS),
            sums: room.values(self.chunk * dv.next_multiple_of(16)),
            tops: room.values(self.chunk),
            totals: room.values(self.chunk),
            hidden: room.values(KEYS),
        };
        // SAFETY: these queries of this head are of this task alone; `chunk` has seen to the room.
        unsafe {
            kept.q.pack_rows::<T>(Form::A, self.q.add((head * tq + first) * d), d, rows, d);
            kept.sums.write_bytes(0, self.chunk * dv.next_multiple_of(16));
            for i in 0..rows {
                *kept.tops.add(i) = NOTHING;
                *kept.totals.add(i) = 0.0;
            }
            for key in (0..tk).step_by(KEYS) {
                let keys = KEYS.min(tk - key);
                if self.spec.seen(first + rows - 1, key, keys) == 0 {
                    break;
                }
                kept.k.pack_rows::<T>(Form::B, self.k.add((head * tk + key) * d), d, keys, d);
                kept.v.pack_columns::<T>(Form::B, self.v.add((head * tk + key) * dv), dv, keys, dv);
                let hidden = hide(self.spec, &self.terms, head, (key, keys), kept.hidden);
                for row in (0..rows).step_by(ROWS) {
                    let count = ROWS.min(rows - row);
                    if self.spec.seen(first + row + count - 1, key, keys) > 0 {
                        self.block(tiles, &kept, (head, first, row, count), (key, keys), hidden);
                    }
                }
            }
            self.finish::<T>(&kept, head, first, rows);
        }
    }
}

impl Job<'_> {
    /// Some queries by a block of keys.
    #[inline(always)]
    unsafe fn block<T: Tiles>(
        &self,
        tiles: &mut T,
        kept: &Kept,
        (head, first, row, count): (usize, usize, usize, usize),
        (key, keys): (usize, usize),
        hidden: Option<*const f32>,
    ) {
        let width = self.spec.dv.next_multiple_of(16);
        // SAFETY: passed on from the caller.
        unsafe {
            kept.q.times(tiles, (row / 16, ROWS / 16), &kept.k, (kept.scores, ROW), false);
            for r in 0..count {
                let query = first + row + r;
                let line = Line {
                    scores: kept.scores.add(r * ROW),
                    scale: self.spec.scale,
                    bias: bias(self.spec, &self.terms, head, query, key),
                    hidden,
                    seen: self.spec.seen(query, key, keys),
                    keys,
                };
                let (top, total) = (&mut *kept.tops.add(row + r), &mut *kept.totals.add(row + r));
                let shrink = line.weigh::<T::Lanes>(top, total);
                if key > 0 && shrink != 1.0 {
                    scale::<T::Lanes>(kept.sums.add((row + r) * width), width, shrink);
                }
            }
            kept.weights.pack_rows::<T>(Form::A, Source::F32(kept.scores), ROW, count, keys);
            let sums = (kept.sums.add(row * width), width);
            kept.weights.times(tiles, (0, ROWS / 16), &kept.v, sums, true);
        }
    }

    #[inline(always)]
    unsafe fn finish<T: Tiles>(&self, kept: &Kept, head: usize, first: usize, rows: usize) {
        let (dv, width) = (self.spec.dv, self.spec.dv.next_multiple_of(16));
        for row in 0..rows {
            let at = head * self.spec.tq + first + row;
            // SAFETY: passed on from the caller.
            unsafe {
                let (top, total) = (*kept.tops.add(row), *kept.totals.add(row));
                let seen = total > 0.0;
                let factor = T::Lanes::splat(if seen { 1.0 / total } else { 0.0 });
                for c in (0..dv).step_by(T::Lanes::LANES) {
                    let value = T::Lanes::mul(T::Lanes::load(kept.sums.add(row * width + c)), factor);
                    self.out.add(at * dv + c).store::<T>(value, T::Lanes::LANES.min(dv - c));
                }
                *self.lse.0.add(at) = if seen { top + total.ln() } else { NOTHING };
            }
        }
    }
}
