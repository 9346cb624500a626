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

/// The natural logarithm of each lane, for lanes of 1 to 16: sums of weights whose largest is 1. Error below 1e-7 of the result plus 1e-7.
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
pub(crate) unsafe fn ln<S: Simd>(x: S::V) -> S::V {
    use std::f32::consts::{LN_2, SQRT_2};
    // SAFETY: passed on from the caller.
    unsafe {
        let (mut x, mut known) = (x, S::splat(0.0));
        for (step, of_step) in [(4.0, 2.0 * LN_2), (2.0, LN_2), (SQRT_2, 0.5 * LN_2)] {
            let lower = S::mul(x, S::splat(1.0 / step));
            known = S::where_less(x, S::splat(step), known, S::add(known, S::splat(of_step)));
            x = S::where_less(x, S::splat(step), x, lower);
        }
        // ln x = 2 artanh((x - 1) / (x + 1)), whose series ends early for x up to the root of two.
        let one = S::splat(1.0);
        let t = S::div(S::sub(x, one), S::add(x, one));
        let square = S::mul(t, t);
        let mut series = S::splat(2.0 / 9.0);
        for c in [2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0] {
            series = S::fma(series, square, S::splat(c));
        }
        S::fma(series, t, known)
    }
}

/// The same as `exp` for one value.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, Shared, launch};
    use pfm_device::Pool;

    struct Each(Shared);

    impl crate::isa::Kernel for Each {
        #[inline(always)]
        unsafe fn run<S: Simd>(&self, task: usize) {
            // SAFETY: each task has its own place.
            unsafe {
                let place = self.0.0.add(task);
                *place = exp_one::<S>(*place);
            }
        }
    }

    #[test]
    fn is_exact_to_two_parts_in_ten_million() {
        for isa in Isa::available() {
            let x: Vec<f32> = (0..20_000).map(|i| i as f32 * 0.0087 - 86.9).collect();
            let mut y = x.clone();
            launch(&Pool::new(1), isa, y.len(), &Each(Shared::of(&mut y)));
            for (x, y) in x.iter().zip(&y) {
                let error = f64::from(*y) / f64::from(*x).exp() - 1.0;
                assert!(error.abs() < 2e-7, "exp({x}) on {isa:?} is {y}");
            }
            let mut ends = [0.0, -87.5, -1e30, f32::NEG_INFINITY];
            launch(&Pool::new(1), isa, ends.len(), &Each(Shared::of(&mut ends)));
            assert_eq!(ends, [1.0, 0.0, 0.0, 0.0]);
        }
    }
}
