//! The inner loop of every contraction, convolution and attention product: a block of results held in registers.
//! C[r, :] (+)= sum over taps and steps of A[r, step] * B[step, :], where A is read one value at a time at any stride and
//! B a few vectors at a time. A tap is a pair of offsets, so a convolution walks its window without copying pixels.

use crate::simd::{Portable, Simd};

/// Offsets of one pass of the inner loop from the starts of A and B, in values.
#[derive(Clone, Copy)]
pub(crate) struct Tap {
    pub a: isize,
    pub b: isize,
}

/// The tap of a plain matrix product.
pub(crate) const WHOLE: [Tap; 1] = [Tap { a: 0, b: 0 }];

/// Arguments of a tile. All strides count values.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub a: *const f32,
    pub a_row: isize,
    pub a_step: isize,
    pub b: *const f32,
    pub b_step: isize,
    pub c: *mut f32,
    pub c_row: isize,
    pub taps: *const Tap,
    pub tap_count: usize,
    /// Steps of each tap.
    pub steps: usize,
    /// Lanes in use of the last vector, 1 up to all; no other lane of B or C is touched.
    pub last: usize,
    /// Add to C instead of setting it.
    pub add: bool,
}

pub(crate) type TileFn = unsafe fn(&Tile);

/// The loop itself, compiled for each size that the tables below name.
#[inline(always)]
unsafe fn multiply<S: Simd, const ROWS: usize, const VECTORS: usize>(tile: &Tile) {
    let t = *tile;
    // SAFETY: the caller's pointers cover every row, step and lane named in `Tile`.
    unsafe {
        let mut sums = [[S::splat(0.0); VECTORS]; ROWS];
        for tap in 0..t.tap_count {
            let Tap { a, b } = *t.taps.add(tap);
            let (mut a, mut b) = (t.a.wrapping_offset(a), t.b.wrapping_offset(b));
            for _ in 0..t.steps {
                let mut weights = [S::splat(0.0); VECTORS];
                for (v, weight) in weights.iter_mut().enumerate() {
                    let p = b.add(v * S::LANES);
                    *weight = if v + 1 == VECTORS { S::load_first(p, t.last) } else { S::load(p) };
                }
                for (r, row) in sums.iter_mut().enumerate() {
                    let x = S::splat(*a.offset(r as isize * t.a_row));
                    for (sum, weight) in row.iter_mut().zip(weights) {
                        *sum = S::fma(x, weight, *sum);
                    }
                }
                a = a.wrapping_offset(t.a_step);
                b = b.wrapping_offset(t.b_step);
            }
        }
        for (r, row) in sums.into_iter().enumerate() {
            for (v, mut sum) in row.into_iter().enumerate() {
                let p = t.c.offset(r as isize * t.c_row).add(v * S::LANES);
                if v + 1 == VECTORS {
                    if t.add {
                        sum = S::add(S::load_first(p, t.last), sum);
                    }
                    S::store_first(p, sum, t.last);
                } else {
                    if t.add {
                        sum = S::add(S::load(p), sum);
                    }
                    S::store(p, sum);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn avx512_tile<const ROWS: usize, const VECTORS: usize>(tile: &Tile) {
    // SAFETY: the features are those of `Avx512`.
    unsafe { multiply::<crate::simd::Avx512, ROWS, VECTORS>(tile) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2_tile<const ROWS: usize, const VECTORS: usize>(tile: &Tile) {
    // SAFETY: the features are those of `Avx2`.
    unsafe { multiply::<crate::simd::Avx2, ROWS, VECTORS>(tile) }
}

#[cfg(target_arch = "aarch64")]
unsafe fn neon_tile<const ROWS: usize, const VECTORS: usize>(tile: &Tile) {
    // SAFETY: the contract of `multiply` is passed on; NEON is part of the architecture.
    unsafe { multiply::<crate::simd::Neon, ROWS, VECTORS>(tile) }
}

unsafe fn portable_tile<const ROWS: usize, const VECTORS: usize>(tile: &Tile) {
    // SAFETY: the contract of `multiply` is passed on.
    unsafe { multiply::<Portable, ROWS, VECTORS>(tile) }
}

/// A table of tiles of 1 up to some number of rows.
macro_rules! rows {
    ($tile:ident, $vectors:literal: $($rows:literal)*) => {
        const { &[$($tile::<$rows, $vectors> as TileFn),*] }
    };
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn avx512(rows: usize, vectors: usize) -> TileFn {
    let table: &[TileFn] = match vectors {
        1 => rows!(avx512_tile, 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24),
        2 => rows!(avx512_tile, 2: 1 2 3 4 5 6 7 8 9 10 11 12),
        3 => rows!(avx512_tile, 3: 1 2 3 4 5 6 7 8),
        _ => rows!(avx512_tile, 4: 1 2 3 4 5 6),
    };
    table[rows - 1]
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn avx2(rows: usize, vectors: usize) -> TileFn {
    let table: &[TileFn] = match vectors {
        1 => rows!(avx2_tile, 1: 1 2 3 4 5 6 7 8 9 10 11 12),
        _ => rows!(avx2_tile, 2: 1 2 3 4 5 6),
    };
    table[rows - 1]
}

#[cfg(target_arch = "aarch64")]
pub(crate) fn neon(rows: usize, vectors: usize) -> TileFn {
    let table: &[TileFn] = match vectors {
        1 => rows!(neon_tile, 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24),
        2 => rows!(neon_tile, 2: 1 2 3 4 5 6 7 8 9 10 11 12),
        3 => rows!(neon_tile, 3: 1 2 3 4 5 6 7 8),
        _ => rows!(neon_tile, 4: 1 2 3 4 5 6),
    };
    table[rows - 1]
}

pub(crate) fn portable(rows: usize, vectors: usize) -> TileFn {
    let table: &[TileFn] = match vectors {
        1 => rows!(portable_tile, 1: 1 2 3 4 5 6 7 8),
        _ => rows!(portable_tile, 2: 1 2 3 4 5 6),
    };
    table[rows - 1]
}
