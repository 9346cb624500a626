//! The eight tile registers, 16 rows of 64 bytes each, and conversions to bf16: the instructions, and a model of them in plain Rust.
//! A tile of A has 32 bf16 values of the sum in a row; a tile of B has a pair of values of the sum for each of 16 columns in a row.

use crate::precision::{from_bf16, to_bf16};
use crate::simd::Simd;

/// Vectors of an implementation.
pub(crate) type V<T> = <<T as Tiles>::Lanes as Simd>::V;

/// Tiles and what packing for them needs. Tiles are numbered 0 to 7; the contents last until the next operation on the same tile.
#[allow(clippy::missing_safety_doc)] // one contract for all: the processor has the instructions, pointers are valid
pub(crate) trait Tiles {
    type Lanes: Simd;

    unsafe fn zero<const TILE: usize>(&mut self);
    /// Loads 16 rows of 64 bytes that lie `row` bytes apart.
    unsafe fn load<const TILE: usize>(&mut self, from: *const u8, row: usize);
    /// Stores 16 rows of 16 f32, `row` bytes apart.
    unsafe fn store<const TILE: usize>(&mut self, to: *mut f32, row: usize);
    /// C += A B
    unsafe fn dot<const C: usize, const A: usize, const B: usize>(&mut self);

    /// Lane i: the bf16 of `low` in the lower half, that of `high` in the upper.
    unsafe fn pairs(low: V<Self>, high: V<Self>) -> V<Self>;
    /// `pairs` of lanes of which only the upper halves count.
    unsafe fn upper_pairs(low: V<Self>, high: V<Self>) -> V<Self>;
    /// Lanes whose upper halves are the nearest bf16, ties away from zero. Not for numbers near the largest.
    unsafe fn nearest(x: V<Self>) -> V<Self>;
    /// The bf16 of all lanes of `first`, then of all lanes of `second`.
    unsafe fn row(first: V<Self>, second: V<Self>) -> V<Self>;
    /// Each lane as near as bf16 comes, ties to even. Some NaN become another value.
    unsafe fn rounded(x: V<Self>) -> V<Self>;
    /// The first `n` values, zero in the other lanes.
    unsafe fn load_bf16(from: *const u16, n: usize) -> V<Self>;
    /// The first `n` lanes, rounded.
    unsafe fn store_bf16(to: *mut u16, x: V<Self>, n: usize);
}

/// The model. Sums of even and of odd places are kept apart and meet at the end, as the processor's documentation has it.
pub(crate) struct Emulated<S> {
    tiles: [[[u32; 16]; 16]; 8],
    lanes: std::marker::PhantomData<S>,
}

impl<S: Simd> Emulated<S> {
    #[inline(always)]
    pub(crate) fn new() -> Emulated<S> {
        // Not zero: no kernel may count on it. These are NaN both as f32 and as pairs.
        Emulated { tiles: [[[0x7fc1_7fc1; 16]; 16]; 8], lanes: std::marker::PhantomData }
    }
}

/// The two values of a pair.
#[inline(always)]
fn halves(pair: u32) -> (f32, f32) {
    (f32::from_bits(pair << 16), f32::from_bits(pair & 0xffff_0000))
}

#[inline(always)]
unsafe fn array<S: Simd>(x: S::V) -> [f32; 16] {
    let mut values = [0.0; 16];
    // SAFETY: no vector has more than 16 lanes.
    unsafe { S::store(values.as_mut_ptr(), x) };
    values
}

#[inline(always)]
fn pair(low: f32, high: f32) -> f32 {
    f32::from_bits(u32::from(to_bf16(low)) | u32::from(to_bf16(high)) << 16)
}

impl<S: Simd> Tiles for Emulated<S> {
    type Lanes = S;

    #[inline(always)]
    unsafe fn zero<const TILE: usize>(&mut self) {
        self.tiles[TILE] = [[0; 16]; 16];
    }
    #[inline(always)]
    unsafe fn load<const TILE: usize>(&mut self, from: *const u8, row: usize) {
        for (i, to) in self.tiles[TILE].iter_mut().enumerate() {
            // SAFETY: the caller's pointer has 16 rows of 64 bytes.
            *to = unsafe { from.add(i * row).cast::<[u32; 16]>().read_unaligned() };
        }
    }
    #[inline(always)]
    unsafe fn store<const TILE: usize>(&mut self, to: *mut f32, row: usize) {
        for (i, from) in self.tiles[TILE].iter().enumerate() {
            // SAFETY: the caller's pointer has room for the rows.
            unsafe { to.byte_add(i * row).cast::<[u32; 16]>().write_unaligned(*from) };
        }
    }
    #[inline(always)]
    unsafe fn dot<const C: usize, const A: usize, const B: usize>(&mut self) {
        for row in 0..16 {
            let mut sums = [[0.0f32; 16]; 2];
            for (a, b) in self.tiles[A][row].iter().zip(&self.tiles[B]) {
                let (even, odd) = halves(*a);
                for (column, b) in b.iter().enumerate() {
                    let b = halves(*b);
                    sums[0][column] += even * b.0;
                    sums[1][column] += odd * b.1;
                }
            }
            for (column, c) in self.tiles[C][row].iter_mut().enumerate() {
                *c = (f32::from_bits(*c) + (sums[0][column] + sums[1][column])).to_bits();
            }
        }
    }
    #[inline(always)]
    unsafe fn pairs(low: S::V, high: S::V) -> S::V {
        // SAFETY: arrays have room for the lanes; here and below.
        unsafe {
            let (low, high) = (array::<S>(low), array::<S>(high));
            let both: [f32; 16] = std::array::from_fn(|i| pair(low[i], high[i]));
            S::load(both.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn upper_pairs(low: S::V, high: S::V) -> S::V {
        // SAFETY: see `pairs`.
        unsafe {
            let (low, high) = (array::<S>(low), array::<S>(high));
            let both: [f32; 16] = std::array::from_fn(|i| f32::from_bits(low[i].to_bits() >> 16 | high[i].to_bits() & 0xffff_0000));
            S::load(both.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn nearest(x: S::V) -> S::V {
        // SAFETY: see `pairs`.
        unsafe { S::load(array::<S>(x).map(|x| f32::from_bits(x.to_bits().wrapping_add(0x8000))).as_ptr()) }
    }
    #[inline(always)]
    unsafe fn row(first: S::V, second: S::V) -> S::V {
        // SAFETY: see `pairs`.
        unsafe {
            let mut values = [0.0; 32];
            S::store(values.as_mut_ptr(), first);
            S::store(values.as_mut_ptr().add(S::LANES), second);
            let both: [f32; 16] = std::array::from_fn(|i| pair(values[2 * i], values[2 * i + 1]));
            S::load(both.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn rounded(x: S::V) -> S::V {
        // SAFETY: see `pairs`.
        unsafe { S::load(array::<S>(x).map(|x| from_bf16(to_bf16(x))).as_ptr()) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16, n: usize) -> S::V {
        let mut values = [0.0; 16];
        for (i, value) in values.iter_mut().enumerate().take(n) {
            // SAFETY: the first n values are readable.
            *value = from_bf16(unsafe { *from.add(i) });
        }
        // SAFETY: see `pairs`.
        unsafe { S::load(values.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, x: S::V, n: usize) {
        // SAFETY: the first n places are writable.
        unsafe {
            for (i, value) in array::<S>(x).into_iter().enumerate().take(n) {
                *to.add(i) = to_bf16(value);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use hardware::Hardware;

#[cfg(target_arch = "x86_64")]
mod hardware {
    use super::Tiles;
    use crate::simd::Avx512;
    use std::arch::asm;
    use std::arch::x86_64::*;
    use std::mem::transmute;

    /// The tile registers of this thread, in use while this lives.
    ///
    /// Each operation is an `asm!` of its own, and operations find in a tile what an earlier one left there. That holds
    /// because the compiler keeps volatile `asm!` in order and has no use for tiles itself: no code here is compiled with
    /// the features that would let it.
    pub(crate) struct Hardware(());

    #[repr(C, align(64))]
    struct Shapes {
        palette: u8,
        start_row: u8,
        reserved: [u8; 14],
        row_bytes: [u16; 16],
        rows: [u8; 16],
    }

    /// All eight tiles in full size.
    static SHAPES: Shapes = Shapes {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
        rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
    };

    impl Hardware {
        /// # Safety
        /// `Isa::Amx` is available.
        #[inline(always)]
        pub(crate) unsafe fn new() -> Hardware {
            // SAFETY: the shapes are valid for palette 1.
            unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const SHAPES, options(nostack, preserves_flags, readonly)) };
            Hardware(())
        }
    }

    impl Drop for Hardware {
        #[inline(always)]
        fn drop(&mut self) {
            // SAFETY: the tiles were configured in `new`. Without this, each change of threads would save 8 KiB.
            unsafe { asm!("tilerelease", options(nostack, preserves_flags, nomem)) };
        }
    }

    impl Tiles for Hardware {
        type Lanes = Avx512;

        #[inline(always)]
        unsafe fn zero<const TILE: usize>(&mut self) {
            // SAFETY: the tiles are configured; the same holds for all below.
            unsafe { asm!("tilezero tmm{t}", t = const TILE, options(nostack, preserves_flags, nomem)) }
        }
        #[inline(always)]
        unsafe fn load<const TILE: usize>(&mut self, from: *const u8, row: usize) {
            // SAFETY: see `zero`; the caller's pointer has 16 rows of 64 bytes.
            unsafe {
                asm!("tileloadd tmm{t}, [{p} + 1*{s}]", t = const TILE, p = in(reg) from, s = in(reg) row, options(nostack, preserves_flags, readonly));
            }
        }
        #[inline(always)]
        unsafe fn store<const TILE: usize>(&mut self, to: *mut f32, row: usize) {
            // SAFETY: see `zero`; the caller's pointer has room for a tile.
            unsafe {
                asm!("tilestored [{p} + 1*{s}], tmm{t}", t = const TILE, p = in(reg) to, s = in(reg) row, options(nostack, preserves_flags));
            }
        }
        #[inline(always)]
        unsafe fn dot<const C: usize, const A: usize, const B: usize>(&mut self) {
            // SAFETY: see `zero`.
            unsafe {
                asm!("tdpbf16ps tmm{c}, tmm{a}, tmm{b}", c = const C, a = const A, b = const B, options(nostack, preserves_flags, nomem))
            }
        }
        #[inline(always)]
        unsafe fn pairs(low: __m512, high: __m512) -> __m512 {
            // SAFETY: AVX-512 with bf16 is part of `Isa::Amx`; the same holds for all below.
            unsafe {
                let order = _mm512_set_epi16(
                    31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0,
                );
                let both: __m512i = transmute(_mm512_cvtne2ps_pbh(high, low));
                _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, both))
            }
        }
        #[inline(always)]
        unsafe fn upper_pairs(low: __m512, high: __m512) -> __m512 {
            // SAFETY: see `pairs`.
            unsafe {
                let low = _mm512_srli_epi32::<16>(_mm512_castps_si512(low));
                _mm512_castsi512_ps(_mm512_mask_blend_epi16(0xaaaa_aaaa, low, _mm512_castps_si512(high)))
            }
        }
        #[inline(always)]
        unsafe fn nearest(x: __m512) -> __m512 {
            // SAFETY: see `pairs`.
            unsafe { _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x8000))) }
        }
        #[inline(always)]
        unsafe fn row(first: __m512, second: __m512) -> __m512 {
            // SAFETY: see `pairs`.
            unsafe { transmute(_mm512_cvtne2ps_pbh(second, first)) }
        }
        #[inline(always)]
        unsafe fn rounded(x: __m512) -> __m512 {
            // SAFETY: see `pairs`. Integers, because conversions there and back keep the unit for shuffles busy.
            unsafe {
                let bits = _mm512_castps_si512(x);
                let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
                let sum = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
                _mm512_castsi512_ps(_mm512_and_si512(sum, _mm512_set1_epi32(0xffff_0000_u32 as i32)))
            }
        }
        #[inline(always)]
        unsafe fn load_bf16(from: *const u16, n: usize) -> __m512 {
            // SAFETY: see `pairs`; values that are masked off are not touched.
            unsafe {
                let values = if n == 16 { _mm256_loadu_si256(from.cast()) } else { _mm256_maskz_loadu_epi16(first(n), from.cast()) };
                widen(values)
            }
        }
        #[inline(always)]
        unsafe fn store_bf16(to: *mut u16, x: __m512, n: usize) {
            // SAFETY: see `pairs`; values that are masked off are not touched.
            unsafe {
                let values = transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(x));
                if n == 16 { _mm256_storeu_si256(to.cast(), values) } else { _mm256_mask_storeu_epi16(to.cast(), first(n), values) }
            }
        }
    }

    #[inline(always)]
    unsafe fn widen(values: __m256i) -> __m512 {
        // SAFETY: see `pairs`.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(values))) }
    }

    #[inline(always)]
    fn first(n: usize) -> __mmask16 {
        ((1u32 << n) - 1) as __mmask16
    }
}
