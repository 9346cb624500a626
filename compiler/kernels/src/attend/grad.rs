//! The gradient of attention: weights are rebuilt tile by tile from lse, so no score matrix is ever in memory.
//! A task takes whole heads; where the bias is shared by samples, each chunk of samples has its own partial sum.

use crate::attend::short::Backward;
use crate::attend::{AttendInputs, AttendSpec, KEYS, Line, ROWS, Transposed, bias, hide, product};
use crate::block::Stack;
use crate::exp::exp;
use crate::isa::{Isa, Kernel, Shared, launch};
use crate::simd::Simd;
use pfm_device::Pool;

/// What `attend` gave, and the gradient of its result [samples, heads, tq, dv].
#[derive(Clone, Copy)]
pub struct AttendGradInputs<'a> {
    pub inputs: AttendInputs<'a>,
    pub out: &'a [f32],
    pub lse: &'a [f32],
    pub dout: &'a [f32],
}

/// Gradients in the shapes of q, k, v and bias. `dbias` is there exactly if the bias is.
pub struct AttendGradOutputs<'a> {
    pub dq: &'a mut [f32],
    pub dk: &'a mut [f32],
    pub dv: &'a mut [f32],
    pub dbias: Option<&'a mut [f32]>,
}

/// Most partial sums of dbias, and most floats of them unless one alone takes more.
const CHUNKS: usize = 64;
const PARTIALS: usize = 1 << 20;
/// Samples that share a vector where there are few tokens.
const LANES: usize = 16;

impl AttendSpec {
    /// Floats of scratch of `attend_grad`: partial sums of dbias, if there is a bias.
    pub fn grad_scratch(&self, bias: bool) -> usize {
        if bias { self.bias_chunks() * self.heads * self.tq * self.tk } else { 0 }
    }

    /// Chunks of samples that share a partial sum.
    pub(crate) fn bias_chunks(&self) -> usize {
        let size = (self.heads * self.tq * self.tk).max(1);
        let parts = if self.brief() { self.samples.div_ceil(LANES) } else { self.samples };
        (PARTIALS / size).clamp(1, CHUNKS).min(parts.max(1))
    }
}

/// Gradients of `attend` for q, k, v and bias. `scratch` has at least `spec.grad_scratch(bias)` values.
pub fn attend_grad(
    pool: &Pool,
    isa: Isa,
    spec: &AttendSpec,
    inputs: AttendGradInputs<'_>,
    outputs: AttendGradOutputs<'_>,
    scratch: &mut [f32],
) {
    let x = &inputs.inputs;
    spec.check(x);
    assert_eq!(x.bias.is_some(), outputs.dbias.is_some(), "dbias is there exactly if the bias is");
    assert!(scratch.len() >= spec.grad_scratch(x.bias.is_some()), "scratch is large enough");
    let lengths = [inputs.out.len(), inputs.dout.len(), inputs.lse.len()];
    let rows = spec.samples * spec.heads * spec.tq;
    assert_eq!(lengths, [rows * spec.dv, rows * spec.dv, rows], "out, dout and lse have their sizes");
    let results = [outputs.dq.len(), outputs.dk.len(), outputs.dv.len()];
    assert_eq!(results, [x.q.len(), x.k.len(), x.v.len()], "gradients have their sizes");
    let (chunks, some) = if x.bias.is_some() {
        let chunks = spec.bias_chunks();
        let some = spec.samples.div_ceil(chunks);
        (chunks, if spec.brief() { some.next_multiple_of(LANES) } else { some })
    } else {
        let some = if spec.short(x) { spec.some().next_multiple_of(LANES) } else { spec.some() };
        (spec.samples.div_ceil(some), some)
    };
    let job = Job {
        spec,
        x: inputs,
        dq: Shared::of(outputs.dq),
        dk: Shared::of(outputs.dk),
        dv: Shared::of(outputs.dv),
        dbias: Shared::of(scratch),
        some,
    };
    launch(pool, isa, chunks * spec.heads, &job);
    if let Some(dbias) = outputs.dbias {
        add_chunks(pool, scratch, chunks, dbias);
    }
}

/// total = the sum of the first partial sums in order.
pub(crate) fn add_chunks(pool: &Pool, partial: &mut [f32], chunks: usize, total: &mut [f32]) {
    let size = total.len();
    let (sums, total) = (Shared::of(partial), Shared::of(total));
    pool.run(size.div_ceil(REDUCED), &|task| {
        for i in task * REDUCED..size.min((task + 1) * REDUCED) {
            // SAFETY: place i is of this task alone; the partial sums hold all chunks.
            unsafe {
                let sum = (0..chunks).map(|c| *{ sums }.0.add(c * size + i)).sum();
                *{ total }.0.add(i) = sum;
            }
        }
    });
}

/// Values of dbias that one task of the final sum writes.
const REDUCED: usize = 4096;

struct Job<'a> {
    spec: &'a AttendSpec,
    x: AttendGradInputs<'a>,
    dq: Shared,
    dk: Shared,
    dv: Shared,
    /// [chunk][heads, tq, tk], used if there is a bias.
    dbias: Shared,
    /// Samples of a task.
    some: usize,
}

impl Kernel for Job<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let AttendSpec { samples, heads, tq, tk, .. } = *self.spec;
        let (chunk, head) = (task / heads, task % heads);
        let last = samples.min((chunk + 1) * self.some);
        let mut packed = [Transposed::new(), Transposed::new()];
        // SAFETY: this head of these samples, and its partial sum, are of this task alone.
        unsafe {
            let dbias = self.x.inputs.bias.map(|_| {
                let start = self.dbias.0.add((chunk * heads + head) * tq * tk);
                zero(start, tq * tk);
                start
            });
            if self.spec.short(&self.x.inputs) {
                let short = Backward { spec: self.spec, x: &self.x, dq: self.dq.0, dk: self.dk.0, dv: self.dv.0 };
                short.run::<S>(chunk * self.some..last, head, dbias);
                return;
            }
            for sample in chunk * self.some..last {
                self.head::<S>(sample * heads + head, dbias, &mut packed);
            }
        }
    }
}

impl Job<'_> {
    #[inline(always)]
    unsafe fn head<S: Simd>(&self, head: usize, dbias: Option<*mut f32>, packed: &mut [Transposed; 2]) {
        let AttendSpec { tq, tk, d, dv: e, .. } = *self.spec;
        let inputs = &self.x.inputs;
        let mut tiles = [Stack::<{ ROWS * KEYS }>::new(), Stack::<{ ROWS * KEYS }>::new()];
        let [weights, slopes] = &mut tiles;
        let (weights, slopes) = (weights.start(), slopes.start());
        let mut hidden = Stack::<KEYS>::new();
        // SAFETY: all offsets stay within the sizes that `attend_grad` has confirmed.
        unsafe {
            let (q, dq) = (inputs.q.as_ptr().add(head * tq * d), self.dq.0.add(head * tq * d));
            let (k, dk) = (inputs.k.as_ptr().add(head * tk * d), self.dk.0.add(head * tk * d));
            let (v, dv) = (inputs.v.as_ptr().add(head * tk * e), self.dv.0.add(head * tk * e));
            let dout = self.x.dout.as_ptr().add(head * tq * e);
            let [keys_t, values_t] = packed;
            for key in (0..tk).step_by(KEYS) {
                let keys = KEYS.min(tk - key);
                keys_t.forget();
                values_t.forget();
                let hidden = hide(self.spec, inputs, head, (key, keys), hidden.start());
                // True until these keys have met a query.
                let mut fresh = true;
                for row in (0..tq).step_by(ROWS) {
                    let rows = ROWS.min(tq - row);
                    if self.spec.seen(row + rows - 1, key, keys) == 0 {
                        continue;
                    }
                    let (q_row, dout_row) = (q.add(row * d), dout.add(row * e));
                    keys_t.product::<S>(q_row, rows, k.add(key * d), keys, d, weights);
                    values_t.product::<S>(dout_row, rows, v.add(key * e), keys, e, slopes);
                    for r in 0..rows {
                        let line = Line {
                            scores: weights.add(r * KEYS),
                            scale: self.spec.scale,
                            bias: bias(self.spec, inputs, head, row + r, key),
                            hidden,
                            seen: self.spec.seen(row + r, key, keys),
                            keys,
                        };
                        let dbias = dbias.map(|start| start.add((row + r) * tk + key));
                        self.slope::<S>(&line, head * tq + row + r, slopes.add(r * KEYS), dbias);
                    }
                    let across = |tile: *mut f32| (tile.cast_const(), 1, KEYS as isize);
                    let along = (slopes.cast_const(), KEYS as isize, 1);
                    product::<S>(across(weights), keys, (dout_row, e, rows), (dv.add(key * e), e), !fresh);
                    product::<S>(across(slopes), keys, (q_row, d, rows), (dk.add(key * d), d), !fresh);
                    // Every query sees the first block by order.
                    product::<S>(along, rows, (k.add(key * d), d, keys), (dq.add(row * d), d), key > 0);
                    fresh = false;
                }
                if fresh {
                    zero(dk.add(key * d), keys * d);
                    zero(dv.add(key * e), keys * e);
                }
            }
        }
    }

    /// Turns one row of products into weights p, and one row of dout v' into scale p (dout v' - dout out). `at` counts
    /// queries through samples and heads.
    #[inline(always)]
    unsafe fn slope<S: Simd>(&self, line: &Line, at: usize, slopes: *mut f32, dbias: Option<*mut f32>) {
        let spec = self.spec;
        // SAFETY: a row of a tile has room for whole vectors.
        unsafe {
            let (out, dout) = (self.x.out.as_ptr(), self.x.dout.as_ptr());
            let delta = dot::<S>(out.add(at * spec.dv), dout.add(at * spec.dv), spec.dv);
            let (lse, delta) = (S::splat(*self.x.lse.as_ptr().add(at)), S::splat(delta));
            let zero = S::splat(0.0);
            for j in (0..line.keys).step_by(S::LANES) {
                let lanes = line.lanes::<S>(j);
                let s = S::sub(line.score::<S>(j, lanes), lse);
                let weight = S::join(lanes, exp::<S>(s), zero);
                S::store(line.scores.add(j), weight);
                let slope = S::sub(S::load_first(slopes.add(j), lanes), delta);
                let slope = S::join(lanes, S::mul(weight, slope), zero);
                if let Some(dbias) = dbias {
                    let sum = S::add(S::load_first(dbias.add(j), lanes), slope);
                    S::store_first(dbias.add(j), sum, lanes);
                }
                S::store(slopes.add(j), S::mul(slope, S::splat(spec.scale)));
            }
        }
    }
}

#[inline(always)]
unsafe fn dot<S: Simd>(a: *const f32, b: *const f32, count: usize) -> f32 {
    // SAFETY: the caller vouches for `count` places.
    unsafe {
        let mut sum = S::splat(0.0);
        for i in (0..count).step_by(S::LANES) {
            let lanes = S::LANES.min(count - i);
            sum = S::fma(S::load_first(a.add(i), lanes), S::load_first(b.add(i), lanes), sum);
        }
        S::sum(sum)
    }
}

#[inline(always)]
unsafe fn zero(x: *mut f32, count: usize) {
    // SAFETY: the caller vouches for `count` places.
    unsafe { x.write_bytes(0, count) }
}
