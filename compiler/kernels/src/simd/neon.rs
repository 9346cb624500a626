//! The vector operations on 64-bit ARM, whose 128-bit vectors every such processor has. There are 32 registers, so that tiles are as
//! tall as those of AVX-512.

use super::{Portable, Simd, TileFn};
use std::arch::aarch64::*;

#[derive(Clone, Copy)]
pub(crate) struct Neon;

// Every body below is a use of intrinsics that the contract of the trait allows.
impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    const MAX_VECTORS: usize = 4;
    const MAX_ROWS: [usize; 5] = [0, 24, 12, 8, 6];

    fn tile(rows: usize, vectors: usize) -> TileFn {
        crate::tile::neon(rows, vectors)
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> float32x4_t {
        // SAFETY: NEON is part of the architecture; the same holds for all below.
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> float32x4_t {
        // SAFETY: see `splat`; the caller's pointer has four readable values.
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> float32x4_t {
        // SAFETY: only the first n values are read, and the array has four.
        unsafe { vld1q_f32(Portable::load_first(p, n).as_ptr()) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: float32x4_t) {
        // SAFETY: see `splat`; the caller's pointer has room for four values.
        unsafe { vst1q_f32(p, v) }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: float32x4_t, n: usize) {
        // SAFETY: only the first n values are written, and the array has four.
        unsafe {
            let mut all = [0.0; 4];
            vst1q_f32(all.as_mut_ptr(), v);
            Portable::store_first(p, all, n);
        }
    }
    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see `splat`.
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see `splat`.
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see `splat`.
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see `splat`.
        unsafe { vdivq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: see `splat`.
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: see `splat`. The instruction for it treats what is no number otherwise than the other sets do.
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }
    #[inline(always)]
    unsafe fn round(a: float32x4_t) -> float32x4_t {
        // SAFETY: see `splat`.
        unsafe { vrndnq_f32(a) }
    }
    #[inline(always)]
    unsafe fn power_of_two(n: float32x4_t) -> float32x4_t {
        // SAFETY: see `splat`.
        unsafe { vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)))) }
    }
    #[inline(always)]
    unsafe fn where_less(a: float32x4_t, b: float32x4_t, yes: float32x4_t, no: float32x4_t) -> float32x4_t {
        // SAFETY: see `splat`.
        unsafe { vbslq_f32(vcltq_f32(a, b), yes, no) }
    }
    #[inline(always)]
    unsafe fn sum(a: float32x4_t) -> f32 {
        // SAFETY: see `splat`.
        unsafe { vaddvq_f32(a) }
    }
    #[inline(always)]
    unsafe fn largest(a: float32x4_t) -> f32 {
        // SAFETY: see `splat`.
        unsafe { vmaxvq_f32(a) }
    }
    #[inline(always)]
    unsafe fn join(n: usize, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        const LANES: [u32; 4] = [0, 1, 2, 3];
        // SAFETY: see `splat`; the array has four values.
        unsafe { vbslq_f32(vcltq_u32(vld1q_u32(LANES.as_ptr()), vdupq_n_u32(n as u32)), a, b) }
    }
    #[inline(always)]
    unsafe fn transpose(square: &mut [float32x4_t; 16]) {
        // SAFETY: see `splat`. Pairs, then halves.
        unsafe {
            let x = *square;
            let wide = |v: float32x4_t| vreinterpretq_f64_f32(v);
            let (a, b) = (wide(vtrn1q_f32(x[0], x[1])), wide(vtrn2q_f32(x[0], x[1])));
            let (c, d) = (wide(vtrn1q_f32(x[2], x[3])), wide(vtrn2q_f32(x[2], x[3])));
            square[0] = vreinterpretq_f32_f64(vtrn1q_f64(a, c));
            square[1] = vreinterpretq_f32_f64(vtrn1q_f64(b, d));
            square[2] = vreinterpretq_f32_f64(vtrn2q_f64(a, c));
            square[3] = vreinterpretq_f32_f64(vtrn2q_f64(b, d));
        }
    }
}
