//! The exponential function for attention: error below 2e-7 of the result, zero below -87.
//! Range reduction by powers of two and the polynomial of degree 6 of the Cephes library.

use crate::simd::Simd;

/// e to the power of each lane, for lanes up to 88.
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: passed on from the caller.
    unsafe {
        let floor = S::splat(-87.0);
        let inside = S::max(x, floor);
        let n = S::round(S::mul(inside, S::splat(std::f32::consts::LOG2_E)));
        // ln 2 in two parts; the first has so few bits that its product with n is exact.
        let r = S::fma(n, S::splat(-0.693_359_4), inside);
        let r = S::fma(n, S::splat(2.121_944_4e-4), r);
        let mut p = S::splat(1.987_569_1e-4);
        for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            p = S::fma(p, r, S::splat(c));
        }
        let y = S::add(S::fma(p, S::mul(r, r), r), S::splat(1.0));
        S::where_less(x, floor, S::splat(0.0), S::mul(y, S::power_of_two(n)))
    }
}

/// The same for one value.
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
pub(crate) unsafe fn exp_one<S: Simd>(x: f32) -> f32 {
    let mut y = 0.0;
    // SAFETY: passed on from the caller; one lane is stored.
    unsafe { S::store_first(&mut y, exp::<S>(S::splat(x)), 1) };
    y
}
