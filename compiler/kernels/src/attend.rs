//! Scaled dot-product attention with an online softmax: scores exist only as tiles of rows by keys on the stack.
//! A task takes one head of one sample and a stretch of queries, and walks over blocks of keys.

pub(crate) mod grad;
mod short;

use crate::attend::short::Forward;
use crate::block::{Stack, panel, panels, strips};
use crate::exp::{exp, exp_one};
use crate::isa::{Isa, Kernel, Shared, launch};
use crate::simd::{Simd, columns};
use crate::tile::{Tile, WHOLE};
use pfm_device::Pool;

/// Queries and keys of a tile of scores.
pub(crate) const ROWS: usize = 64;
pub(crate) const KEYS: usize = 64;
/// Width of q that is packed at a time.
const DEPTH: usize = 128;
/// Queries of a task.
const CHUNK: usize = 512;
/// Multiply-adds that a task should have at least; tiny sequences are grouped to reach it.
const WORK: usize = 1 << 17;
/// lse of a query that sees no key, and the largest score before any is seen.
pub(crate) const NOTHING: f32 = -1e30;

/// Sizes and attributes of attention, made once.
#[derive(Clone, Copy, Debug)]
pub struct AttendSpec {
    pub samples: usize,
    pub heads: usize,
    /// Queries and keys.
    pub tq: usize,
    pub tk: usize,
    /// Width of q and k, and of v and the result.
    pub d: usize,
    pub dv: usize,
    pub scale: f32,
    /// Query i sees keys j <= i.
    pub causal: bool,
}

/// q [samples, heads, tq, d], k [.., tk, d], v [.., tk, dv], bias [heads, tq, tk], mask [samples, tk] (0 hides a key).
#[derive(Clone, Copy)]
pub struct AttendInputs<'a> {
    pub q: &'a [f32],
    pub k: &'a [f32],
    pub v: &'a [f32],
    pub bias: Option<&'a [f32]>,
    pub mask: Option<&'a [u8]>,
}

impl AttendSpec {
    /// Floats of scratch of `attend`: none, its tiles are on the stack.
    pub fn scratch(&self) -> usize {
        0
    }

    pub(crate) fn check(&self, x: &AttendInputs<'_>) {
        let rows = self.samples * self.heads;
        assert_eq!(x.q.len(), rows * self.tq * self.d, "q has its size");
        assert_eq!(x.k.len(), rows * self.tk * self.d, "k has its size");
        assert_eq!(x.v.len(), rows * self.tk * self.dv, "v has its size");
        let bias = self.heads * self.tq * self.tk;
        assert!(x.bias.is_none_or(|b| b.len() == bias), "the bias has its size");
        assert!(x.mask.is_none_or(|m| m.len() == self.samples * self.tk), "the mask has its size");
    }

    /// How many heads of samples one task should take.
    pub(crate) fn some(&self) -> usize {
        let work = self.tq * self.tk * (self.d + self.dv);
        (WORK / work.max(1)).clamp(1, self.samples.max(1))
    }

    /// Keys of a block that query `row` may see by order alone.
    #[inline(always)]
    pub(crate) fn seen(&self, row: usize, first_key: usize, keys: usize) -> usize {
        if self.causal { (row + 1).saturating_sub(first_key).min(keys) } else { keys }
    }
}

/// out [samples, heads, tq, dv] and lse [samples, heads, tq]. A query that sees no key gets out 0 and lse -1e30.
pub fn attend(pool: &Pool, isa: Isa, spec: &AttendSpec, inputs: AttendInputs<'_>, out: &mut [f32], lse: &mut [f32]) {
    spec.check(&inputs);
    let heads = spec.samples * spec.heads;
    assert_eq!(out.len(), heads * spec.tq * spec.dv, "the result has its size");
    assert_eq!(lse.len(), heads * spec.tq, "lse has its size");
    if spec.short(&inputs) {
        let job = Forward { spec, inputs, out: Shared::of(out), lse: Shared::of(lse) };
        launch(pool, isa, job.tasks(), &job);
        return;
    }
    let some = spec.some();
    let job = Job { spec, inputs, out: Shared::of(out), lse: Shared::of(lse), some, chunks: spec.tq.div_ceil(CHUNK) };
    launch(pool, isa, heads.div_ceil(some) * job.chunks, &job);
}

struct Job<'a> {
    spec: &'a AttendSpec,
    inputs: AttendInputs<'a>,
    out: Shared,
    lse: Shared,
    /// Heads of samples of a task, and tasks along the queries.
    some: usize,
    chunks: usize,
}

impl Kernel for Job<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let (group, chunk) = (task / self.chunks, task % self.chunks);
        let last = (self.spec.samples * self.spec.heads).min((group + 1) * self.some);
        let rows = chunk * CHUNK..self.spec.tq.min((chunk + 1) * CHUNK);
        let mut keys = Transposed::new();
        for head in group * self.some..last {
            // SAFETY: these queries of this head are of this task alone.
            unsafe { self.head::<S>(head, rows.clone(), &mut keys) };
        }
    }
}

impl Job<'_> {
    #[inline(always)]
    unsafe fn head<S: Simd>(&self, head: usize, rows: std::ops::Range<usize>, packed: &mut Transposed) {
        let AttendSpec { tq, tk, d, dv, .. } = *self.spec;
        let mut tile = Stack::<{ ROWS * KEYS }>::new();
        let scores = tile.start();
        // Largest score so far and sum of the weights relative to it, for each query.
        let (mut tops, mut sums) = (Stack::<CHUNK>::new(), Stack::<CHUNK>::new());
        let (tops, sums) = (tops.start(), sums.start());
        let mut hidden = Stack::<KEYS>::new();
        // SAFETY: all offsets stay within the sizes that `check` has confirmed.
        unsafe {
            let q = self.inputs.q.as_ptr().add(head * tq * d);
            let k = self.inputs.k.as_ptr().add(head * tk * d);
            let v = self.inputs.v.as_ptr().add(head * tk * dv);
            let out = self.out.0.add(head * tq * dv);
            for i in 0..rows.len() {
                *tops.add(i) = NOTHING;
                *sums.add(i) = 0.0;
            }
            for key in (0..tk).step_by(KEYS) {
                let keys = KEYS.min(tk - key);
                packed.forget();
                let hidden = hide(self.spec, &self.inputs, head, (key, keys), hidden.start());
                for row in rows.clone().step_by(ROWS) {
                    let count = ROWS.min(rows.end - row);
                    if self.spec.seen(row + count - 1, key, keys) == 0 {
                        continue;
                    }
                    let a = q.add(row * d);
                    packed.product::<S>(a, count, k.add(key * d), keys, d, scores);
                    for r in 0..count {
                        let place = row + r - rows.start;
                        let line = Line {
                            scores: scores.add(r * KEYS),
                            scale: self.spec.scale,
                            bias: bias(self.spec, &self.inputs, head, row + r, key),
                            hidden,
                            seen: self.spec.seen(row + r, key, keys),
                            keys,
                        };
                        let (top, sum) = (&mut *tops.add(place), &mut *sums.add(place));
                        let shrink = line.weigh::<S>(top, sum);
                        if key > 0 && shrink != 1.0 {
                            scale::<S>(out.add((row + r) * dv), dv, shrink);
                        }
                    }
                    product::<S>((scores, KEYS as isize, 1), count, (v.add(key * dv), dv, keys), (out.add(row * dv), dv), key > 0);
                }
            }
            for row in rows.clone() {
                let (top, sum) = (*tops.add(row - rows.start), *sums.add(row - rows.start));
                let seen = sum > 0.0;
                let factor = if seen { 1.0 / sum } else { 0.0 };
                scale::<S>(out.add(row * dv), dv, factor);
                let lse = if seen { top + sum.ln() } else { NOTHING };
                *self.lse.0.add(head * tq + row) = lse;
            }
        }
    }
}

/// One row of a tile of scores: `KEYS` places, of which `keys` are in use and the first `seen` visible by order.
pub(crate) struct Line {
    pub scores: *mut f32,
    pub scale: f32,
    /// What is added to the scores: the bias, and minus infinity at masked keys.
    pub bias: Option<*const f32>,
    pub hidden: Option<*const f32>,
    pub seen: usize,
    pub keys: usize,
}

impl Line {
    /// Visible lanes of the vector that starts at key `j`.
    #[inline(always)]
    pub(crate) fn lanes<S: Simd>(&self, j: usize) -> usize {
        self.seen.saturating_sub(j).min(S::LANES)
    }

    /// Scores of `lanes` keys from `j` on.
    #[inline(always)]
    pub(crate) unsafe fn score<S: Simd>(&self, j: usize, lanes: usize) -> S::V {
        // SAFETY: the keys lie inside the row, the bias and the mask.
        unsafe {
            let mut score = S::mul(load::<S>(self.scores.add(j), lanes), S::splat(self.scale));
            for more in [self.bias, self.hidden].into_iter().flatten() {
                score = S::add(score, load::<S>(more.add(j), lanes));
            }
            score
        }
    }

    /// Turns products into weights relative to the new largest score; gives the factor for what was summed before.
    #[inline(always)]
    pub(crate) unsafe fn weigh<S: Simd>(&self, top: &mut f32, sum: &mut f32) -> f32 {
        // SAFETY: a row has room for whole vectors.
        unsafe {
            let mut largest = S::splat(*top);
            for j in (0..self.seen).step_by(S::LANES) {
                let lanes = self.lanes::<S>(j);
                let s = self.score::<S>(j, lanes);
                // Lanes beyond are not read as scores again.
                S::store(self.scores.add(j), s);
                let larger = S::max(largest, s);
                largest = if lanes == S::LANES { larger } else { S::join(lanes, larger, largest) };
            }
            let new = S::largest(largest);
            let offset = S::splat(new);
            let (mut total, zero) = (S::splat(0.0), S::splat(0.0));
            for j in (0..self.keys).step_by(S::LANES) {
                let lanes = self.lanes::<S>(j);
                let weight = exp::<S>(S::sub(load::<S>(self.scores.add(j), lanes), offset));
                let weight = if lanes == S::LANES { weight } else { S::join(lanes, weight, zero) };
                S::store(self.scores.add(j), weight);
                total = S::add(total, weight);
            }
            // Most rows find their largest score early; then nothing shrinks.
            let shrink = match *sum {
                0.0 => 0.0,
                _ if *top == new => 1.0,
                _ => exp_one::<S>(*top - new),
            };
            *top = new;
            *sum = *sum * shrink + S::sum(total);
            shrink
        }
    }
}

/// The first lanes of a vector; a whole one without a mask, which costs time where the values have just been stored.
#[inline(always)]
unsafe fn load<S: Simd>(from: *const f32, lanes: usize) -> S::V {
    // SAFETY: passed on from the caller.
    unsafe { if lanes == S::LANES { S::load(from) } else { S::load_first(from, lanes) } }
}

/// Where the bias of a row lies, from key `key` on.
#[inline(always)]
pub(crate) unsafe fn bias(spec: &AttendSpec, inputs: &AttendInputs<'_>, head: usize, row: usize, key: usize) -> Option<*const f32> {
    let at = (head % spec.heads * spec.tq + row) * spec.tk + key;
    // SAFETY: the bias has heads, queries and keys.
    inputs.bias.map(|bias| unsafe { bias.as_ptr().add(at) })
}

/// Writes 0 for visible keys of a block and minus infinity for masked ones, if there is a mask.
#[inline(always)]
pub(crate) unsafe fn hide(
    spec: &AttendSpec,
    inputs: &AttendInputs<'_>,
    head: usize,
    (key, keys): (usize, usize),
    to: *mut f32,
) -> Option<*const f32> {
    let mask = inputs.mask?;
    let mask = &mask[head / spec.heads * spec.tk + key..][..keys];
    for (j, &visible) in mask.iter().enumerate() {
        let value = if visible == 0 { f32::NEG_INFINITY } else { 0.0 };
        // SAFETY: the block has room for its keys.
        unsafe { *to.add(j) = value };
    }
    Some(to)
}

#[inline(always)]
pub(crate) unsafe fn scale<S: Simd>(x: *mut f32, count: usize, factor: f32) {
    for i in (0..count).step_by(S::LANES) {
        let lanes = S::LANES.min(count - i);
        // SAFETY: the caller vouches for `count` places.
        unsafe {
            let y = S::mul(S::load_first(x.add(i), lanes), S::splat(factor));
            S::store_first(x.add(i), y, lanes);
        }
    }
}

/// C (+)= A B with A of `rows` rows at any strides, B = (start, width, steps) and C = (start, row), both row-major.
#[inline(always)]
pub(crate) unsafe fn product<S: Simd>(
    a: (*const f32, isize, isize),
    rows: usize,
    (b, width, steps): (*const f32, usize, usize),
    (c, c_row): (*mut f32, usize),
    add: bool,
) {
    for i in 0..panels::<S>(width) {
        let panel = panel::<S>(width, i);
        // SAFETY: the caller vouches for rows, steps and width.
        unsafe {
            let tile = Tile {
                a: a.0,
                a_row: a.1,
                a_step: a.2,
                b: b.add(panel.first),
                b_step: width as isize,
                c: c.add(panel.first),
                c_row: c_row as isize,
                taps: WHOLE.as_ptr(),
                tap_count: 1,
                steps,
                last: panel.last,
                add,
            };
            strips::<S>(&tile, rows, panel.vectors);
        }
    }
}

/// Up to `KEYS` rows of a matrix, transposed so that a product with them runs along the keys. A block that fits is
/// packed once and serves until `forget`.
pub(crate) struct Transposed {
    space: Stack<{ DEPTH * KEYS }>,
    /// First packed column, while the block is good.
    held: Option<usize>,
}

impl Transposed {
    #[inline(always)]
    pub(crate) fn new() -> Transposed {
        Transposed { space: Stack::new(), held: None }
    }

    /// Another block of keys follows.
    #[inline(always)]
    pub(crate) fn forget(&mut self) {
        self.held = None;
    }

    /// C [rows, KEYS] = A [rows, depth] times the transpose of B [keys, depth].
    #[inline(always)]
    pub(crate) unsafe fn product<S: Simd>(&mut self, a: *const f32, rows: usize, b: *const f32, keys: usize, depth: usize, c: *mut f32) {
        // SAFETY: the caller vouches for rows, keys and depth.
        unsafe {
            for first in (0..depth).step_by(DEPTH) {
                let steps = DEPTH.min(depth - first);
                if self.held != Some(first) {
                    self.pack::<S>(b.add(first), keys, depth, steps);
                    self.held = Some(first);
                }
                let mut packed: *const f32 = self.space.start();
                for i in 0..panels::<S>(keys) {
                    let panel = panel::<S>(keys, i);
                    let width = panel.vectors * S::LANES;
                    let tile = Tile {
                        a: a.add(first),
                        a_row: depth as isize,
                        a_step: 1,
                        b: packed,
                        b_step: width as isize,
                        c: c.add(panel.first),
                        c_row: KEYS as isize,
                        taps: WHOLE.as_ptr(),
                        tap_count: 1,
                        steps,
                        last: panel.last,
                        add: first > 0,
                    };
                    strips::<S>(&tile, rows, panel.vectors);
                    packed = packed.add(width * steps);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn pack<S: Simd>(&mut self, b: *const f32, keys: usize, row: usize, steps: usize) {
        let mut to = self.space.start();
        for i in 0..panels::<S>(keys) {
            let panel = panel::<S>(keys, i);
            let width = panel.vectors * S::LANES;
            for key in (0..panel.columns).step_by(S::LANES) {
                let some = S::LANES.min(panel.columns - key);
                for step in (0..steps).step_by(S::LANES) {
                    // SAFETY: the caller vouches for keys and steps; a panel has `width` places per step.
                    unsafe {
                        let from = b.add((panel.first + key) * row + step);
                        let count = S::LANES.min(steps - step);
                        let columns = columns::<S>(from, row, some, count);
                        for (i, &v) in columns.iter().enumerate().take(count) {
                            S::store(to.add((step + i) * width + key), v);
                        }
                    }
                }
            }
            // SAFETY: the space holds all panels.
            to = unsafe { to.add(width * steps) };
        }
    }
}
