//! The Bingham closure in the plane: the fourth moment of the orientations from the second. Rods are taken to be distributed as
//! exp(xi cos 2 theta) about their mean direction, so that with the Bessel functions I of imaginary argument the order r = I1/I0 and the
//! next moment q = I2/I0 = 1 - 2 r / xi belong together. What the equations need is q / r^2, a smooth function of r^2 from 1/2 at no order
//! to 1 at full order: a table of cubics, made from its Chebyshev series.

use std::f64::consts::PI;

/// Terms of the Chebyshev series in 2 r^2 - 1: they reach rounding error.
const TERMS: usize = 64;

/// Cubics over r^2 from 0 to 1: their error stays below 1e-10, and they fit the nearest cache.
const CELLS: usize = 1024;

/// Full order is a delta function, which no xi reaches.
const LARGEST_ORDER: f64 = 1.0 - 1e-6;

/// The tabulated closure.
#[derive(Clone, Debug)]
pub struct Closure {
    /// Of each cell, the coefficients of 1, t, t^2, t^3 with t from 0 to 3.
    cubics: Vec<[f64; 4]>,
}

/// What the closure says about one point, in terms of the fourth moments c <cos 4 theta> and c <sin 4 theta>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FourthMoments {
    pub cos: f64,
    pub sin: f64,
    /// q, the fourth moment in the frame of the mean direction.
    pub aligned: f64,
}

impl Default for Closure {
    fn default() -> Self {
        Self::new()
    }
}

impl Closure {
    /// Tabulates the closure.
    pub fn new() -> Self {
        let coefficients = series();
        let cubic = |cell: usize| {
            let [f0, f1, f2, f3] = [0.0, 1.0, 2.0, 3.0].map(|t| sum_series(&coefficients, (cell as f64 + t / 3.0) / CELLS as f64));
            // Newton's differences, sorted by powers of t.
            let (first, second, third) = (f1 - f0, f2 - 2.0 * f1 + f0, f3 - 3.0 * f2 + 3.0 * f1 - f0);
            [f0, first - second / 2.0 + third / 3.0, (second - third) / 2.0, third / 6.0]
        };
        Self { cubics: (0..CELLS).map(cubic).collect() }
    }

    /// q / r^2 at r^2 < 1.
    #[inline(always)]
    fn ratio(&self, square: f64) -> f64 {
        let place = square * CELLS as f64;
        let cell = place as usize;
        let [c0, c1, c2, c3] = self.cubics[cell];
        let t = 3.0 * (place - cell as f64);
        c0 + t * (c1 + t * (c2 + t * c3))
    }

    /// The moments that belong to a concentration and the traceless part (xx, xy) of the second moment. Its order 2 |Q| / c counts as
    /// at most just below 1.
    #[inline(always)]
    pub fn fourth_moments(&self, concentration: f64, xx: f64, xy: f64) -> FourthMoments {
        let inverse = 1.0 / concentration;
        let norm = xx * xx + xy * xy;
        let square = 4.0 * norm * inverse * inverse;
        let limited = if square < LARGEST_ORDER * LARGEST_ORDER { square } else { LARGEST_ORDER * LARGEST_ORDER };
        let ratio = self.ratio(limited);
        // c q cos 4 phi = c q (xx^2 - xy^2) / |Q|^2; beyond full order the direction counts, not the size.
        let scale = 4.0 * ratio * inverse * if square > limited { limited / square } else { 1.0 };
        FourthMoments { cos: scale * (xx * xx - xy * xy), sin: scale * 2.0 * xx * xy, aligned: ratio * limited }
    }
}

/// The Chebyshev coefficients of q / r^2 over r^2 from 0 to 1.
fn series() -> [f64; TERMS] {
    let angle = |point: usize| PI * (point as f64 + 0.5) / TERMS as f64;
    let values: [f64; TERMS] = std::array::from_fn(|point| {
        let square = 0.5 * (1.0 + angle(point).cos());
        exact(square.sqrt()) / square
    });
    std::array::from_fn(|term| {
        let sum: f64 = values.iter().enumerate().map(|(point, value)| value * (term as f64 * angle(point)).cos()).sum();
        sum * if term == 0 { 1.0 } else { 2.0 } / TERMS as f64
    })
}

/// The series at r^2, by Clenshaw's recurrence.
fn sum_series(coefficients: &[f64; TERMS], square: f64) -> f64 {
    let twice = 4.0 * square - 2.0;
    let (mut next, mut after) = (0.0, 0.0);
    for coefficient in coefficients[1..].iter().rev() {
        (next, after) = (coefficient + twice * next - after, next);
    }
    coefficients[0] + 0.5 * twice * next - after
}

/// q at the order r.
fn exact(order: f64) -> f64 {
    // The order grows with xi: bisect in its logarithm.
    let (mut low, mut high) = (1e-9f64.ln(), 1e9f64.ln());
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if bessel_ratio(1, middle.exp()) < order { low = middle } else { high = middle }
    }
    let xi = (0.5 * (low + high)).exp();
    // I2/I0 as a product of ratios: 1 - 2 r / xi would lose the digits of a small q.
    order * bessel_ratio(2, xi)
}

/// I_n / I_(n-1) at x, by the continued fraction 1 / (2 n / x + 1 / (2 (n + 1) / x + ...)) from far down. For large x, where that needs
/// many terms, the asymptotic series of both.
fn bessel_ratio(n: usize, x: f64) -> f64 {
    if x > 100.0 {
        return asymptotic(n as f64, x) / asymptotic(n as f64 - 1.0, x);
    }
    (0..200).rev().fold(0.0, |below, term| 1.0 / (2.0 * (n + term) as f64 / x + below))
}

/// I_n(x) sqrt(2 pi x) exp(-x) for large x.
fn asymptotic(n: f64, x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..12 {
        let odd = f64::from(2 * k - 1);
        term *= -(4.0 * n * n - odd * odd) / (f64::from(8 * k) * x);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{Closure, bessel_ratio, exact};

    #[test]
    fn bessel_functions_join() {
        for n in [1, 2] {
            let (below, above) = (bessel_ratio(n, 100.0), bessel_ratio(n, 100.0 * (1.0 + 1e-15)));
            assert!((below - above).abs() <= 1e-15, "{n}: {below} {above}");
        }
        // I1(1) / I0(1) = 0.565159103992485 / 1.266065877752008.
        assert!((bessel_ratio(1, 1.0) - 0.565159103992485 / 1.266065877752008).abs() <= 1e-15);
    }

    #[test]
    fn closure_has_the_published_values() {
        let table = [
            (0.1, 0.00501677),
            (0.25, 0.03192772),
            (0.5, 0.13742533),
            (0.75, 0.36690193),
            (0.9, 0.66067757),
            (0.95, 0.81502555),
            (0.99, 0.96060003),
        ];
        let closure = Closure::new();
        for (order, q) in table {
            assert!((exact(order) - q).abs() <= 6e-9, "r = {order}: {} is not {q}", exact(order));
            let moments = closure.fourth_moments(1.0, 0.5 * order, 0.0);
            assert!((moments.aligned - q).abs() <= 1e-8);
        }
    }

    #[test]
    fn interpolation_is_close_everywhere() {
        let closure = Closure::new();
        let mut worst = 0.0f64;
        for step in 1..2000 {
            let order = f64::from(step) / 2000.0;
            let moments = closure.fourth_moments(1.0, 0.0, 0.5 * order);
            worst = worst.max((moments.aligned - exact(order)).abs());
        }
        println!("largest error of q: {worst:e}");
        assert!(worst <= 1e-9, "{worst:e}");
    }

    #[test]
    fn moments_turn_with_the_direction() {
        let closure = Closure::new();
        for (concentration, order, direction) in [(1.0f64, 0.7f64, 0.3f64), (1.3, 0.95, 2.0), (0.8, 1e-6, 1.0), (1.0, 1.2, 0.4)] {
            let norm = 0.5 * order * concentration;
            let moments = closure.fourth_moments(concentration, norm * (2.0 * direction).cos(), norm * (2.0 * direction).sin());
            let q = exact(order.min(super::LARGEST_ORDER));
            assert!((moments.aligned / q - 1.0).abs() <= 1e-8, "{} {q}", moments.aligned);
            assert!((moments.cos - concentration * q * (4.0 * direction).cos()).abs() <= 1e-9);
            assert!((moments.sin - concentration * q * (4.0 * direction).sin()).abs() <= 1e-9);
        }
    }
}
