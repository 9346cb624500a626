//! The gradient of attention on tiles, as in `attend/grad.rs`: for 64 queries by a block of keys, scores and slopes come from
//! tiles, become weights and slopes of the scores in f32, and are packed along and across for the three gradients.

use crate::amx::attend::fits;
use crate::amx::block::Parts;
use crate::amx::gather::Form;
use crate::amx::matrix::{Matrix, Room, matrix_bytes, value_bytes};
use crate::amx::pack::{Place, Source};
use crate::amx::tiles::{Tiles, V};
use crate::amx::{TileKernel, launch_tiles};
use crate::attend::{AttendInputs, AttendSpec, Line, bias, hide};
use crate::block::Stack;
use crate::exp::exp;
use crate::isa::{Isa, Shared};
use crate::precision::Products;
use crate::simd::Simd;
use pfm_device::Pool;

/// Bytes of everything that a task packs and sums.
const SPACE: usize = 1 << 20;
/// Keys of a block at most, and queries of a block.
const KEYS: usize = 256;
const ROWS: usize = 64;

/// Keys of a block, if tiles serve.
pub(crate) fn keys(isa: Isa, spec: &AttendSpec, products: Products) -> Option<usize> {
    if !fits(isa, spec, products) {
        return None;
    }
    let parts = Parts { split: products == Products::Split };
    let mut keys = KEYS.min(spec.tk.next_multiple_of(32));
    while bytes(spec, parts, keys) > SPACE {
        if keys <= 32 {
            return None;
        }
        keys = keys.div_ceil(2).next_multiple_of(32);
    }
    Some(keys)
}

fn bytes(spec: &AttendSpec, parts: Parts, keys: usize) -> usize {
    let (d, e) = (spec.d, spec.dv);
    let of_keys = matrix_bytes(parts, keys, d) + matrix_bytes(parts, keys, e) + matrix_bytes(parts, d, keys);
    let of_rows = [d, e].map(|width| matrix_bytes(parts, ROWS, width) + matrix_bytes(parts, width, ROWS));
    let of_both = 2 * matrix_bytes(parts, keys, ROWS) + matrix_bytes(parts, ROWS, keys) + 2 * value_bytes(ROWS * (keys + 16));
    let (wide_d, wide_e) = (d.next_multiple_of(16), e.next_multiple_of(16));
    let sums = value_bytes(keys * wide_d) + value_bytes(keys * wide_e) + value_bytes(ROWS * wide_d);
    of_keys + of_rows[0] + of_rows[1] + of_both + sums + value_bytes(keys)
}

/// Operands and results; dq is f32, because it is summed over blocks of keys in place.
pub(crate) struct Job<'a> {
    pub spec: &'a AttendSpec,
    pub parts: Parts,
    /// Keys of a block.
    pub keys: usize,
    pub q: Source,
    pub k: Source,
    pub v: Source,
    pub out: Source,
    pub dout: Source,
    pub lse: *const f32,
    /// Bias and mask.
    pub terms: AttendInputs<'a>,
    pub dq: Shared,
    pub dk: Place,
    pub dv: Place,
    /// [chunk][heads, tq, tk], used if there is a bias.
    pub dbias: Shared,
    /// Samples of a task.
    pub some: usize,
}
// SAFETY: operands are only read, and every task writes the gradients of its own heads and samples.
unsafe impl Sync for Job<'_> {}

impl Job<'_> {
    /// One task per chunk of samples and head.
    pub(crate) fn run_all(&self, pool: &Pool, isa: Isa) {
        launch_tiles(pool, isa, self.spec.samples.div_ceil(self.some) * self.spec.heads, self);
    }
}

/// What a task keeps.
struct Kept {
    /// Keys and values for scores and slopes, and keys for dq.
    keys: Matrix,
    values: Matrix,
    keys_across: Matrix,
    /// Queries and dout for scores and slopes, and for dk and dv.
    queries: Matrix,
    douts: Matrix,
    queries_across: Matrix,
    douts_across: Matrix,
    weights: *mut f32,
    slopes: *mut f32,
    weights_across: Matrix,
    slopes_across: Matrix,
    slopes_along: Matrix,
    dq: *mut f32,
    dk: *mut f32,
    dv: *mut f32,
    hidden: *mut f32,
}

impl TileKernel for Job<'_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(&self, tiles: &mut T, task: usize) {
        let AttendSpec { samples, heads, tq, tk, d, dv: e, .. } = *self.spec;
        let (chunk, head) = (task / heads, task % heads);
        let (wide_d, wide_e) = (d.next_multiple_of(16), e.next_multiple_of(16));
        let (parts, keys) = (self.parts, self.keys);
        let mut space = Stack::<{ SPACE / 4 }>::new();
        let mut room = Room { next: space.start().cast() };
        let kept = Kept {
            keys: room.matrix(parts, keys, d),
            values: room.matrix(parts, keys, e),
            keys_across: room.matrix(parts, d, keys),
            queries: room.matrix(parts, ROWS, d),
            douts: room.matrix(parts, ROWS, e),
            queries_across: room.matrix(parts, d, ROWS),
            douts_across: room.matrix(parts, e, ROWS),
            weights: room.values(ROWS * (keys + 16)),
            slopes: room.values(ROWS * (keys + 16)),
            weights_across: room.matrix(parts, keys, ROWS),
            slopes_across: room.matrix(parts, keys, ROWS),
            slopes_along: room.matrix(parts, ROWS, keys),
            dq: room.values(ROWS * wide_d),
            dk: room.values(keys * wide_d),
            dv: room.values(keys * wide_e),
            hidden: room.values(keys),
        };
        // SAFETY: this head of these samples, and its partial sum, are of this task alone; `keys` has seen to the room.
        unsafe {
            let dbias = self.terms.bias.map(|_| {
                let start = self.dbias.0.add((chunk * heads + head) * tq * tk);
                start.write_bytes(0, tq * tk);
                start
            });
            for sample in chunk * self.some..samples.min((chunk + 1) * self.some) {
                self.head(tiles, &kept, sample * heads + head, dbias);
            }
        }
    }
}

impl Job<'_> {
    #[inline(always)]
    unsafe fn head<T: Tiles>(&self, tiles: &mut T, kept: &Kept, head: usize, dbias: Option<*mut f32>) {
        let AttendSpec { tq, tk, d, dv: e, .. } = *self.spec;
        let (wide_d, wide_e) = (d.next_multiple_of(16), e.next_multiple_of(16));
        // SAFETY: offsets stay within the sizes of the operands.
        unsafe {
            self.dq.0.add(head * tq * d).write_bytes(0, tq * d);
            for key in (0..tk).step_by(self.keys) {
                let keys = self.keys.min(tk - key);
                let (k, v) = (self.k.add((head * tk + key) * d), self.v.add((head * tk + key) * e));
                kept.keys.pack_rows::<T>(Form::B, k, d, keys, d);
                kept.values.pack_rows::<T>(Form::B, v, e, keys, e);
                kept.keys_across.pack_columns::<T>(Form::B, k, d, keys, d);
                kept.dk.write_bytes(0, self.keys * wide_d);
                kept.dv.write_bytes(0, self.keys * wide_e);
                let hidden = hide(self.spec, &self.terms, head, (key, keys), kept.hidden);
                for row in (0..tq).step_by(ROWS) {
                    let rows = ROWS.min(tq - row);
                    if self.spec.seen(row + rows - 1, key, keys) > 0 {
                        self.block(tiles, kept, head, (row, rows), (key, keys), hidden, dbias);
                    }
                }
                for i in 0..keys {
                    self.dk.add((head * tk + key + i) * d).copy::<T>(kept.dk.add(i * wide_d), d);
                    self.dv.add((head * tk + key + i) * e).copy::<T>(kept.dv.add(i * wide_e), e);
                }
            }
        }
    }

    /// Some queries by a block of keys.
    #[allow(clippy::too_many_arguments)] // the two ranges and what belongs to them
    #[inline(always)]
    unsafe fn block<T: Tiles>(
        &self,
        tiles: &mut T,
        kept: &Kept,
        head: usize,
        (row, rows): (usize, usize),
        (key, keys): (usize, usize),
        hidden: Option<*const f32>,
        dbias: Option<*mut f32>,
    ) {
        let AttendSpec { tq, tk, d, dv: e, .. } = *self.spec;
        let (wide_d, wide_e) = (d.next_multiple_of(16), e.next_multiple_of(16));
        let across = self.keys + 16;
        let all = (0, ROWS / 16);
        // SAFETY: passed on from the caller.
        unsafe {
            let (q, dout) = (self.q.add((head * tq + row) * d), self.dout.add((head * tq + row) * e));
            kept.queries.pack_rows::<T>(Form::A, q, d, rows, d);
            kept.douts.pack_rows::<T>(Form::A, dout, e, rows, e);
            kept.queries_across.pack_columns::<T>(Form::B, q, d, rows, d);
            kept.douts_across.pack_columns::<T>(Form::B, dout, e, rows, e);
            kept.queries.times(tiles, all, &kept.keys, (kept.weights, across), false);
            kept.douts.times(tiles, all, &kept.values, (kept.slopes, across), false);
            for r in 0..rows {
                let line = Line {
                    scores: kept.weights.add(r * across),
                    scale: self.spec.scale,
                    bias: bias(self.spec, &self.terms, head, row + r, key),
                    hidden,
                    seen: self.spec.seen(row + r, key, keys),
                    keys,
                };
                let dbias = dbias.map(|start| start.add((row + r) * tk + key));
                self.slope::<T>(&line, head * tq + row + r, kept.slopes.add(r * across), dbias);
            }
            let (weights, slopes) = (Source::F32(kept.weights), Source::F32(kept.slopes));
            kept.weights_across.pack_columns::<T>(Form::A, weights, across, rows, keys);
            kept.slopes_across.pack_columns::<T>(Form::A, slopes, across, rows, keys);
            kept.slopes_along.pack_rows::<T>(Form::A, slopes, across, rows, keys);
            let every = (0, kept.weights_across.tiles);
            kept.weights_across.times(tiles, every, &kept.douts_across, (kept.dv, wide_e), true);
            kept.slopes_across.times(tiles, every, &kept.queries_across, (kept.dk, wide_d), true);
            kept.slopes_along.times(tiles, all, &kept.keys_across, (kept.dq, wide_d), false);
            for r in 0..rows {
                let to = self.dq.0.add((head * tq + row + r) * d);
                for c in (0..d).step_by(T::Lanes::LANES) {
                    let some = T::Lanes::LANES.min(d - c);
                    let sum = T::Lanes::add(T::Lanes::load_first(to.add(c), some), T::Lanes::load(kept.dq.add(r * wide_d + c)));
                    T::Lanes::store_first(to.add(c), sum, some);
                }
            }
        }
    }

    /// `slope` of `attend/grad.rs` for operands of any storage.
    #[inline(always)]
    unsafe fn slope<T: Tiles>(&self, line: &Line, at: usize, slopes: *mut f32, dbias: Option<*mut f32>) {
        let spec = self.spec;
        let lanes = T::Lanes::LANES;
        // SAFETY: a row of a tile has room for whole vectors.
        unsafe {
            let mut sum = T::Lanes::splat(0.0);
            for c in (0..spec.dv).step_by(lanes) {
                let some = lanes.min(spec.dv - c);
                let (out, dout) = (self.out.add(at * spec.dv + c), self.dout.add(at * spec.dv + c));
                sum = T::Lanes::fma(out.load::<T>(some), dout.load::<T>(some), sum);
            }
            let (lse, delta) = (T::Lanes::splat(*self.lse.add(at)), T::Lanes::splat(T::Lanes::sum(sum)));
            let zero: V<T> = T::Lanes::splat(0.0);
            for j in (0..line.keys).step_by(lanes) {
                let some = line.lanes::<T::Lanes>(j);
                let s = T::Lanes::sub(line.score::<T::Lanes>(j, some), lse);
                let weight = T::Lanes::join(some, exp::<T::Lanes>(s), zero);
                T::Lanes::store(line.scores.add(j), weight);
                let slope = T::Lanes::sub(T::Lanes::load(slopes.add(j)), delta);
                let slope = T::Lanes::join(some, T::Lanes::mul(weight, slope), zero);
                if let Some(dbias) = dbias {
                    let sum = T::Lanes::add(T::Lanes::load_first(dbias.add(j), some), slope);
                    T::Lanes::store_first(dbias.add(j), sum, some);
                }
                T::Lanes::store(slopes.add(j), T::Lanes::mul(slope, T::Lanes::splat(spec.scale)));
            }
        }
    }
}
