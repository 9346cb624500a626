//! Counter-based random numbers: Philox4x32 with 10 rounds. A draw depends only on what it is for (seed, stage, step,
//! sample, stream, element), so that neither passes nor threads nor resuming change it; every back end draws these bits.
//!
//! Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

fn round(c: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let wide = |m: u32, x: u32| u64::from(m) * u64::from(x);
    let (p0, p1) = (wide(MULTIPLIERS[0], c[0]), wide(MULTIPLIERS[1], c[2]));
    [(p1 >> 32) as u32 ^ c[1] ^ key[0], p1 as u32, (p0 >> 32) as u32 ^ c[3] ^ key[1], p0 as u32]
}

/// Four random words for a counter under a key.
pub fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let (mut c, mut k) = (counter, key);
    for _ in 0..10 {
        c = round(c, k);
        k = [k[0].wrapping_add(WEYL[0]), k[1].wrapping_add(WEYL[1])];
    }
    c
}

/// The words of one element: key (seed, stage), counter (step, first sample + sample, stream, element).
/// `key` is the operand of `random`: (seed, stage, step, index of the first sample).
pub fn draw(key: [u32; 4], sample: u32, stream: u32, element: u32) -> [u32; 4] {
    let counter = [key[2], key[3].wrapping_add(sample), stream, element];
    philox4x32_10(counter, [key[0], key[1]])
}

/// A uniform number in [0, 1): the upper 24 bits of the first word, exact in f32.
pub fn uniform(words: [u32; 4]) -> f32 {
    (words[0] >> 8) as f32 / 16_777_216.0
}

/// A standard normal number by Box and Muller: sqrt(-2 ln u) cos(2 pi v), u in (0, 1] from the first word and v in [0, 1)
/// from the second, 24 bits each.
pub fn normal(words: [u32; 4]) -> f64 {
    let u = f64::from((words[0] >> 8) + 1) / 16_777_216.0;
    let v = f64::from(words[1] >> 8) / 16_777_216.0;
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// A bernoulli draw is true when the upper 24 bits of the first word are below this: u < rate, without rounding.
pub fn bernoulli_threshold(rate: f64) -> u32 {
    (rate * 16_777_216.0).ceil() as u32
}
