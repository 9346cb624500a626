//! The few vector operations that kernels are written in, for each instruction set.
//! Loads and stores need no alignment; the `_first` forms touch only the first `n` lanes and read zero elsewhere.

use crate::tile::TileFn;

/// One instruction set. All functions need its processor features, hence `unsafe`.
#[allow(clippy::missing_safety_doc)] // one contract for all: the processor has the instructions, pointers are valid
pub(crate) trait Simd: Copy + 'static {
    type V: Copy;
    const LANES: usize;
    /// Widest tile of `tile.rs` in vectors, and rows of the tallest tile for each width.
    const MAX_VECTORS: usize;
    const MAX_ROWS: [usize; 5];

    /// The tile of that many rows and vectors.
    fn tile(rows: usize, vectors: usize) -> TileFn;

    unsafe fn splat(x: f32) -> Self::V;
    unsafe fn load(p: *const f32) -> Self::V;
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V;
    unsafe fn store(p: *mut f32, v: Self::V);
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// a b + c
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn round(a: Self::V) -> Self::V;
    /// 2 to the power of `n`, a whole number from -126 to 127.
    unsafe fn power_of_two(n: Self::V) -> Self::V;
    /// `yes` where a < b, else `no`.
    unsafe fn where_less(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    unsafe fn sum(a: Self::V) -> f32;
    unsafe fn largest(a: Self::V) -> f32;
    /// The first `n` lanes of `a` and the others of `b`.
    unsafe fn join(n: usize, a: Self::V, b: Self::V) -> Self::V;
    /// Transposes a square of LANES by LANES values in place.
    unsafe fn transpose(square: &mut [Self::V; 16]);
}

/// Reads `rows` rows of `columns` values, at most LANES of each, and gives each column as a vector.
/// (No closure takes the columns one by one: a closure would be compiled without the features of the caller.)
///
/// # Safety
/// The processor has the instructions of `S`, and the values are readable.
#[inline(always)]
pub(crate) unsafe fn columns<S: Simd>(from: *const f32, stride: usize, rows: usize, columns: usize) -> [S::V; 16] {
    // SAFETY: passed on from the caller.
    unsafe {
        let mut square = [S::splat(0.0); 16];
        if rows == S::LANES && columns == S::LANES {
            for (r, row) in square.iter_mut().enumerate().take(S::LANES) {
                *row = S::load(from.add(r * stride));
            }
        } else {
            for (r, row) in square.iter_mut().enumerate().take(S::LANES) {
                if r < rows {
                    *row = S::load_first(from.add(r * stride), columns);
                }
            }
        }
        S::transpose(&mut square);
        square
    }
}

/// The way back: writes lane `r` of vector `i` to `to + r * stride + i`, for `rows` lanes and `columns` vectors.
///
/// # Safety
/// The processor has the instructions of `S`, and the places are writable.
#[inline(always)]
pub(crate) unsafe fn store_columns<S: Simd>(mut square: [S::V; 16], to: *mut f32, stride: usize, rows: usize, columns: usize) {
    // SAFETY: passed on from the caller.
    unsafe {
        S::transpose(&mut square);
        if rows == S::LANES && columns == S::LANES {
            for (r, row) in square.iter().enumerate().take(S::LANES) {
                S::store(to.add(r * stride), *row);
            }
        } else {
            for (r, row) in square.iter().enumerate().take(rows) {
                S::store_first(to.add(r * stride), *row, columns);
            }
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Simd for Portable {
    type V = [f32; 4];
    const LANES: usize = 4;
    const MAX_VECTORS: usize = 2;
    const MAX_ROWS: [usize; 5] = [0, 8, 6, 0, 0];

    fn tile(rows: usize, vectors: usize) -> TileFn {
        crate::tile::portable(rows, vectors)
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> [f32; 4] {
        [x; 4]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> [f32; 4] {
        // SAFETY: the caller's pointer has four readable values.
        unsafe { p.cast::<[f32; 4]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> [f32; 4] {
        if n == 4 {
            // SAFETY: all four lanes are readable.
            return unsafe { Self::load(p) };
        }
        // SAFETY: only the first n are read.
        std::array::from_fn(|i| if i < n { unsafe { *p.add(i) } } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: [f32; 4]) {
        // SAFETY: the caller's pointer has room for four values.
        unsafe { p.cast::<[f32; 4]>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: [f32; 4], n: usize) {
        for (i, x) in v.into_iter().enumerate().take(n) {
            // SAFETY: only the first n are written.
            unsafe { *p.add(i) = x }
        }
    }
    #[inline(always)]
    unsafe fn add(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn sub(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| a[i] - b[i])
    }
    #[inline(always)]
    unsafe fn mul(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn div(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| a[i] / b[i])
    }
    #[inline(always)]
    unsafe fn fma(a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn max(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn round(a: [f32; 4]) -> [f32; 4] {
        // Adding and taking away 1.5 * 2^23 leaves the nearest whole number; the values here are small.
        const MAGIC: f32 = 12_582_912.0;
        std::array::from_fn(|i| (a[i] + MAGIC) - MAGIC)
    }
    #[inline(always)]
    unsafe fn power_of_two(n: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| f32::from_bits(((n[i] as i32).wrapping_add(127) as u32) << 23))
    }
    #[inline(always)]
    unsafe fn where_less(a: [f32; 4], b: [f32; 4], yes: [f32; 4], no: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| if a[i] < b[i] { yes[i] } else { no[i] })
    }
    #[inline(always)]
    unsafe fn sum(a: [f32; 4]) -> f32 {
        (a[0] + a[1]) + (a[2] + a[3])
    }
    #[inline(always)]
    unsafe fn largest(a: [f32; 4]) -> f32 {
        a[0].max(a[1]).max(a[2].max(a[3]))
    }
    #[inline(always)]
    unsafe fn join(n: usize, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| if i < n { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn transpose(square: &mut [[f32; 4]; 16]) {
        let from = *square;
        for (i, row) in square.iter_mut().enumerate().take(4) {
            *row = std::array::from_fn(|j| from[j][i]);
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Simd, TileFn};
    use std::arch::x86_64::*;

    #[derive(Clone, Copy)]
    pub(crate) struct Avx2;

    #[inline(always)]
    unsafe fn first_256(n: usize) -> __m256i {
        // SAFETY: AVX2 by the contract of the trait.
        unsafe { _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) }
    }

    // Every body below is a use of intrinsics that the contract of the trait allows.
    impl Simd for Avx2 {
        type V = __m256;
        const LANES: usize = 8;
        const MAX_VECTORS: usize = 2;
        const MAX_ROWS: [usize; 5] = [0, 12, 6, 0, 0];

        fn tile(rows: usize, vectors: usize) -> TileFn {
            crate::tile::avx2(rows, vectors)
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> __m256 {
            // SAFETY: AVX2 by the contract of the trait; the same holds for all below.
            unsafe { _mm256_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> __m256 {
            // SAFETY: see `splat`.
            unsafe { _mm256_loadu_ps(p) }
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f32, n: usize) -> __m256 {
            // SAFETY: see `splat`; lanes that are masked off are not touched.
            unsafe { _mm256_maskload_ps(p, first_256(n)) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: __m256) {
            // SAFETY: see `splat`.
            unsafe { _mm256_storeu_ps(p, v) }
        }
        #[inline(always)]
        unsafe fn store_first(p: *mut f32, v: __m256, n: usize) {
            // SAFETY: see `splat`; lanes that are masked off are not touched.
            unsafe { _mm256_maskstore_ps(p, first_256(n), v) }
        }
        #[inline(always)]
        unsafe fn add(a: __m256, b: __m256) -> __m256 {
            // SAFETY: see `splat`.
            unsafe { _mm256_add_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn sub(a: __m256, b: __m256) -> __m256 {
            // SAFETY: see `splat`.
            unsafe { _mm256_sub_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: __m256, b: __m256) -> __m256 {
            // SAFETY: see `splat`.
            unsafe { _mm256_mul_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn div(a: __m256, b: __m256) -> __m256 {
            // SAFETY: see `splat`.
            unsafe { _mm256_div_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
            // SAFETY: see `splat`.
            unsafe { _mm256_fmadd_ps(a, b, c) }
        }
        #[inline(always)]
        unsafe fn max(a: __m256, b: __m256) -> __m256 {
            // SAFETY: see `splat`.
            unsafe { _mm256_max_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn round(a: __m256) -> __m256 {
            // SAFETY: see `splat`.
            unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
        }
        #[inline(always)]
        unsafe fn power_of_two(n: __m256) -> __m256 {
            // SAFETY: see `splat`.
            unsafe {
                let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
            }
        }
        #[inline(always)]
        unsafe fn where_less(a: __m256, b: __m256, yes: __m256, no: __m256) -> __m256 {
            // SAFETY: see `splat`.
            unsafe { _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) }
        }
        #[inline(always)]
        unsafe fn sum(a: __m256) -> f32 {
            // SAFETY: see `splat`.
            unsafe {
                let s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
                let s = _mm_add_ps(s, _mm_movehl_ps(s, s));
                _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)))
            }
        }
        #[inline(always)]
        unsafe fn largest(a: __m256) -> f32 {
            // SAFETY: see `splat`.
            unsafe {
                let s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
                let s = _mm_max_ps(s, _mm_movehl_ps(s, s));
                _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)))
            }
        }
        #[inline(always)]
        unsafe fn join(n: usize, a: __m256, b: __m256) -> __m256 {
            // SAFETY: see `splat`.
            unsafe { _mm256_blendv_ps(b, a, _mm256_castsi256_ps(first_256(n))) }
        }
        #[inline(always)]
        unsafe fn transpose(square: &mut [__m256; 16]) {
            // SAFETY: see `splat`. Pairs, then fours, within each half; then halves.
            unsafe {
                let x = *square;
                let mut y = x;
                for i in 0..4 {
                    y[2 * i] = _mm256_unpacklo_ps(x[2 * i], x[2 * i + 1]);
                    y[2 * i + 1] = _mm256_unpackhi_ps(x[2 * i], x[2 * i + 1]);
                }
                let mut z = y;
                for i in 0..2 {
                    let f = 4 * i;
                    z[f] = _mm256_shuffle_ps::<0x44>(y[f], y[f + 2]);
                    z[f + 1] = _mm256_shuffle_ps::<0xee>(y[f], y[f + 2]);
                    z[f + 2] = _mm256_shuffle_ps::<0x44>(y[f + 1], y[f + 3]);
                    z[f + 3] = _mm256_shuffle_ps::<0xee>(y[f + 1], y[f + 3]);
                }
                for i in 0..4 {
                    square[i] = _mm256_permute2f128_ps::<0x20>(z[i], z[i + 4]);
                    square[i + 4] = _mm256_permute2f128_ps::<0x31>(z[i], z[i + 4]);
                }
            }
        }
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Avx512;

    #[inline(always)]
    fn first_512(n: usize) -> __mmask16 {
        ((1u32 << n) - 1) as __mmask16
    }

    impl Simd for Avx512 {
        type V = __m512;
        const LANES: usize = 16;
        const MAX_VECTORS: usize = 4;
        const MAX_ROWS: [usize; 5] = [0, 24, 12, 8, 6];

        fn tile(rows: usize, vectors: usize) -> TileFn {
            crate::tile::avx512(rows, vectors)
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> __m512 {
            // SAFETY: AVX-512 by the contract of the trait; the same holds for all below.
            unsafe { _mm512_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> __m512 {
            // SAFETY: see `splat`.
            unsafe { _mm512_loadu_ps(p) }
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f32, n: usize) -> __m512 {
            // SAFETY: see `splat`; lanes that are masked off are not touched.
            unsafe { _mm512_maskz_loadu_ps(first_512(n), p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: __m512) {
            // SAFETY: see `splat`.
            unsafe { _mm512_storeu_ps(p, v) }
        }
        #[inline(always)]
        unsafe fn store_first(p: *mut f32, v: __m512, n: usize) {
            // SAFETY: see `splat`; lanes that are masked off are not touched.
            unsafe { _mm512_mask_storeu_ps(p, first_512(n), v) }
        }
        #[inline(always)]
        unsafe fn add(a: __m512, b: __m512) -> __m512 {
            // SAFETY: see `splat`.
            unsafe { _mm512_add_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn sub(a: __m512, b: __m512) -> __m512 {
            // SAFETY: see `splat`.
            unsafe { _mm512_sub_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: __m512, b: __m512) -> __m512 {
            // SAFETY: see `splat`.
            unsafe { _mm512_mul_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn div(a: __m512, b: __m512) -> __m512 {
            // SAFETY: see `splat`.
            unsafe { _mm512_div_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
            // SAFETY: see `splat`.
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }
        #[inline(always)]
        unsafe fn max(a: __m512, b: __m512) -> __m512 {
            // SAFETY: see `splat`.
            unsafe { _mm512_max_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn round(a: __m512) -> __m512 {
            // SAFETY: see `splat`.
            unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
        }
        #[inline(always)]
        unsafe fn power_of_two(n: __m512) -> __m512 {
            // SAFETY: see `splat`.
            unsafe {
                let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
                _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent))
            }
        }
        #[inline(always)]
        unsafe fn where_less(a: __m512, b: __m512, yes: __m512, no: __m512) -> __m512 {
            // SAFETY: see `splat`.
            unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), no, yes) }
        }
        #[inline(always)]
        unsafe fn sum(a: __m512) -> f32 {
            // SAFETY: see `splat`.
            unsafe { _mm512_reduce_add_ps(a) }
        }
        #[inline(always)]
        unsafe fn largest(a: __m512) -> f32 {
            // SAFETY: see `splat`.
            unsafe { _mm512_reduce_max_ps(a) }
        }
        #[inline(always)]
        unsafe fn join(n: usize, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see `splat`.
            unsafe { _mm512_mask_blend_ps(first_512(n), b, a) }
        }
        #[inline(always)]
        unsafe fn transpose(square: &mut [__m512; 16]) {
            // SAFETY: see `splat`. Pairs, then fours, within each quarter; then quarters in two steps.
            unsafe {
                let x = *square;
                let mut y = x;
                for i in 0..8 {
                    y[2 * i] = _mm512_unpacklo_ps(x[2 * i], x[2 * i + 1]);
                    y[2 * i + 1] = _mm512_unpackhi_ps(x[2 * i], x[2 * i + 1]);
                }
                let mut z = y;
                for i in 0..4 {
                    let f = 4 * i;
                    z[f] = _mm512_shuffle_ps::<0x44>(y[f], y[f + 2]);
                    z[f + 1] = _mm512_shuffle_ps::<0xee>(y[f], y[f + 2]);
                    z[f + 2] = _mm512_shuffle_ps::<0x44>(y[f + 1], y[f + 3]);
                    z[f + 3] = _mm512_shuffle_ps::<0xee>(y[f + 1], y[f + 3]);
                }
                for i in 0..4 {
                    let low = _mm512_shuffle_f32x4::<0x88>(z[i], z[i + 4]);
                    let high = _mm512_shuffle_f32x4::<0x88>(z[i + 8], z[i + 12]);
                    let low_odd = _mm512_shuffle_f32x4::<0xdd>(z[i], z[i + 4]);
                    let high_odd = _mm512_shuffle_f32x4::<0xdd>(z[i + 8], z[i + 12]);
                    square[i] = _mm512_shuffle_f32x4::<0x88>(low, high);
                    square[i + 8] = _mm512_shuffle_f32x4::<0xdd>(low, high);
                    square[i + 4] = _mm512_shuffle_f32x4::<0x88>(low_odd, high_odd);
                    square[i + 12] = _mm512_shuffle_f32x4::<0xdd>(low_odd, high_odd);
                }
            }
        }
    }
}
