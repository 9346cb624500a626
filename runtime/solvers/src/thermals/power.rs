//! The pressure that a small change of heat makes: (1 + e)^gamma - 1. It is asked for at every face of every stage, and the general
//! power function would take most of the time. For |e| <= 1/8 it is the binomial series through e^13: the terms left out alternate or
//! shrink faster than 1/8 and sum to less than 2e-16 of the pressure. Larger changes take the general power.

use super::atmosphere::GAMMA;

/// The largest change for which the series is used. A bubble of 20 K is one of 0.067.
pub(super) const SMALL: f64 = 0.125;

const TERMS: usize = 13;

/// Binomial coefficients gamma over 1 ..= TERMS.
const SERIES: [f64; TERMS] = {
    let mut series = [GAMMA; TERMS];
    let mut n = 1;
    while n < TERMS {
        series[n] = series[n - 1] * (GAMMA - n as f64) / (n as f64 + 1.0);
        n += 1;
    }
    series
};

/// (1 + e)^gamma - 1 for |e| <= SMALL.
#[inline(always)]
pub(super) fn small(e: f64) -> f64 {
    let mut sum = SERIES[TERMS - 1];
    for n in (0..TERMS - 1).rev() {
        sum = sum * e + SERIES[n];
    }
    sum * e
}

/// (1 + e)^gamma - 1 for any e > -1.
pub(super) fn any(e: f64) -> f64 {
    (GAMMA * e.ln_1p()).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::{SMALL, any, small};

    #[test]
    fn the_series_is_exact_to_rounding() {
        for step in -1000..=1000 {
            let e = SMALL * f64::from(step) / 1000.0;
            assert!((small(e) - any(e)).abs() <= 3e-16, "{e}: {} {}", small(e), any(e));
        }
        assert_eq!(small(0.0), 0.0);
    }
}
