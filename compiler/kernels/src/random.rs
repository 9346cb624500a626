//! Counter-based random numbers: Philox4x32 with 10 rounds. A draw depends only on what it is for (seed, stage, step,
//! sample, stream, element), and the bits are those of the reference of the op `random`.
//!
//! Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011.

use crate::isa::{Isa, Kernel, Shared, launch};
use crate::simd::Simd;
use pfm_device::Pool;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw {
    /// In [0, 1), a multiple of 2^-24.
    Uniform,
    /// Mean 0 and variance 1, by Box and Muller.
    Normal,
    /// 1 with probability `rate`, else 0.
    Bernoulli { rate: f64 },
}

/// A random tensor [samples, each]: element e of sample s has the counter (step, key[3] + s, stream, e).
#[derive(Clone, Copy, Debug)]
pub struct RandomSpec {
    pub samples: usize,
    /// Elements of a sample, fewer than 2^32.
    pub each: usize,
    pub stream: u32,
    pub draw: Draw,
}

/// Elements of a task.
const CHUNK: usize = 8192;

/// Fills `out` for `key` = (seed, stage, step, index of the first sample), read as 32 bits each.
pub fn random(pool: &Pool, isa: Isa, spec: &RandomSpec, key: [i32; 4], out: &mut [f32]) {
    assert_eq!(out.len(), spec.samples * spec.each, "the result has its size");
    assert!(u32::try_from(spec.each).is_ok(), "elements are counted in 32 bits");
    let job = Job { spec, key: key.map(|k| k as u32), out: Shared::of(out), chunks: spec.each.div_ceil(CHUNK) };
    launch(pool, isa, spec.samples * job.chunks, &job);
}

struct Job<'a> {
    spec: &'a RandomSpec,
    key: [u32; 4],
    out: Shared,
    chunks: usize,
}

/// Draws made side by side, so that the rounds run in vector registers.
const GROUP: usize = 16;

impl Kernel for Job<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let (sample, chunk) = (task / self.chunks, task % self.chunks);
        let [seed, stage, step, first] = self.key;
        let last = self.spec.each.min((chunk + 1) * CHUNK);
        for start in (chunk * CHUNK..last).step_by(GROUP) {
            let counter = [
                [step; GROUP],
                [first.wrapping_add(sample as u32); GROUP],
                [self.spec.stream; GROUP],
                std::array::from_fn(|i| (start + i) as u32),
            ];
            let words = rounds(counter, [seed, stage]);
            let values = values(self.spec.draw, &words);
            for (i, &value) in values.iter().enumerate().take(last - start) {
                // SAFETY: these elements of this sample are of this task alone.
                unsafe { *self.out.0.add(sample * self.spec.each + start + i) = value };
            }
        }
    }
}

#[inline(always)]
fn values(draw: Draw, words: &[[u32; GROUP]; 4]) -> [f32; GROUP] {
    let mut values = [0.0; GROUP];
    match draw {
        Draw::Uniform => {
            for (value, &word) in values.iter_mut().zip(&words[0]) {
                *value = (word >> 8) as i32 as f32 / 16_777_216.0;
            }
        }
        Draw::Normal => {
            for (i, value) in values.iter_mut().enumerate() {
                *value = normal(words[0][i], words[1][i]);
            }
        }
        Draw::Bernoulli { rate } => {
            let threshold = (rate * 16_777_216.0).ceil() as u32;
            for (value, &word) in values.iter_mut().zip(&words[0]) {
                *value = f32::from(u8::from(word >> 8 < threshold));
            }
        }
    }
    values
}

/// sqrt(-2 ln u) cos(2 pi v) with u = (first >> 8 + 1) / 2^24 and v = (second >> 8) / 2^24, in f64 and without branches,
/// so that a group of draws runs in vector registers. Both functions are good to 1e-12, far below f32.
#[inline(always)]
fn normal(first: u32, second: u32) -> f32 {
    let u = f64::from(((first >> 8) + 1) as i32) / 16_777_216.0;
    let v = f64::from((second >> 8) as i32) / 16_777_216.0;
    ((-2.0 * ln(u)).max(0.0).sqrt() * cos_turn(v)) as f32
}

/// The logarithm of a normal positive number: exponent and mantissa m in [sqrt(1/2), sqrt(2)), then
/// ln m = 2 artanh((m - 1) / (m + 1)) by its power series.
#[inline(always)]
fn ln(x: f64) -> f64 {
    const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    let shifted = x.to_bits().wrapping_sub(ROOT_HALF);
    let exponent = (shifted as i64) >> 52;
    let m = f64::from_bits(x.to_bits().wrapping_sub((exponent as u64) << 52));
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for k in (0..9).rev() {
        sum = sum * square + 1.0 / f64::from(2 * k + 1);
    }
    f64::from(exponent as i32) * std::f64::consts::LN_2 + 2.0 * s * sum
}

/// cos(2 pi v) for v in [0, 1]: the distance to the nearer end of the circle, folded to a quarter, in a power series of
/// the sine: cos(2 pi v) = sin(2 pi (1/4 - d)) where d in [0, 1/2] is that distance.
#[inline(always)]
fn cos_turn(v: f64) -> f64 {
    let x = (0.25 - v.min(1.0 - v)) * std::f64::consts::TAU;
    let square = x * x;
    let mut sum = 1.0;
    for k in (1..10).rev() {
        sum = 1.0 - sum * square * (1.0 / f64::from(2 * k * (2 * k + 1)));
    }
    x * sum
}

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// Ten rounds on several counters at once.
#[inline(always)]
fn rounds<const N: usize>(counter: [[u32; N]; 4], mut key: [u32; 2]) -> [[u32; N]; 4] {
    let [mut a, mut b, mut c, mut d] = counter;
    for _ in 0..10 {
        for i in 0..N {
            let p = u64::from(MULTIPLIERS[0]) * u64::from(a[i]);
            let q = u64::from(MULTIPLIERS[1]) * u64::from(c[i]);
            a[i] = (q >> 32) as u32 ^ b[i] ^ key[0];
            b[i] = q as u32;
            c[i] = (p >> 32) as u32 ^ d[i] ^ key[1];
            d[i] = p as u32;
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    [a, b, c, d]
}

/// Four random words for a counter under a key.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    rounds(counter.map(|word| [word]), key).map(|[word]| word)
}
