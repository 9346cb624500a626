//! Minimal filtering after Winograd: four neighbouring results of a filter of three taps from six products instead of twelve, by
//! evaluating polynomials at 0, ±5/8, ±3/2 and infinity. These points keep the rounding error within twice that of the plain sum.
//! With d six source values, g the taps and y the results: y = A^T ((G g) * (B^T d)), and over two axes each factor acts on both.

use crate::simd::Simd;

/// Results and source values of a tile along one axis, and taps.
pub(crate) const RESULTS: usize = 4;
pub(crate) const SOURCES: usize = 6;
pub(crate) const TAPS: usize = 3;
/// Products of a tile over two axes.
pub(crate) const PRODUCTS: usize = SOURCES * SOURCES;

/// The two pairs of points.
const A: f32 = 0.625;
const B: f32 = 1.5;

/// B^T d: the source polynomial modulo each point.
///
/// # Safety
/// The processor has the instructions of `S`; the same holds for all below.
#[inline(always)]
pub(crate) unsafe fn source<S: Simd>(d: [S::V; SOURCES]) -> [S::V; SOURCES] {
    // SAFETY: passed on from the caller.
    unsafe {
        let (aa, bb) = (S::splat(-A * A), S::splat(-B * B));
        let (sum, product) = (S::splat(-(A * A + B * B)), S::splat(A * A * B * B));
        let even_a = S::fma(bb, d[2], d[4]);
        let odd_a = S::mul(S::splat(A), S::fma(bb, d[1], d[3]));
        let even_b = S::fma(aa, d[2], d[4]);
        let odd_b = S::mul(S::splat(B), S::fma(aa, d[1], d[3]));
        [
            S::fma(product, d[0], S::fma(sum, d[2], d[4])),
            S::add(even_a, odd_a),
            S::sub(even_a, odd_a),
            S::add(even_b, odd_b),
            S::sub(even_b, odd_b),
            S::fma(product, d[1], S::fma(sum, d[3], d[5])),
        ]
    }
}

/// A^T m: results from products.
#[inline(always)]
pub(crate) unsafe fn result<S: Simd>(m: [S::V; SOURCES]) -> [S::V; RESULTS] {
    // SAFETY: passed on from the caller.
    unsafe {
        let (sum_a, difference_a) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (sum_b, difference_b) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        [
            S::add(m[0], S::add(sum_a, sum_b)),
            S::fma(S::splat(B), difference_b, S::mul(S::splat(A), difference_a)),
            S::fma(S::splat(B * B), sum_b, S::mul(S::splat(A * A), sum_a)),
            S::fma(S::splat(B * B * B), difference_b, S::fma(S::splat(A * A * A), difference_a, m[5])),
        ]
    }
}

/// A e: the adjoint of `result`, for the gradient of the taps.
#[inline(always)]
pub(crate) unsafe fn spread<S: Simd>(e: [S::V; RESULTS]) -> [S::V; SOURCES] {
    // SAFETY: passed on from the caller.
    unsafe {
        let even_a = S::fma(S::splat(A * A), e[2], e[0]);
        let odd_a = S::fma(S::splat(A * A * A), e[3], S::mul(S::splat(A), e[1]));
        let even_b = S::fma(S::splat(B * B), e[2], e[0]);
        let odd_b = S::fma(S::splat(B * B * B), e[3], S::mul(S::splat(B), e[1]));
        [e[0], S::add(even_a, odd_a), S::sub(even_a, odd_a), S::add(even_b, odd_b), S::sub(even_b, odd_b), e[3]]
    }
}

/// Factors of G: 1 / N where N is the product of a point's distances to the others.
const AT_0: f32 = 1.0 / (A * A * B * B);
const AT_A: f32 = 1.0 / (2.0 * A * A * (A * A - B * B));
const AT_B: f32 = 1.0 / (2.0 * B * B * (B * B - A * A));

/// G g: the taps' polynomial at each point.
#[inline(always)]
pub(crate) unsafe fn taps<S: Simd>(g: [S::V; TAPS]) -> [S::V; SOURCES] {
    // SAFETY: passed on from the caller.
    unsafe {
        let even_a = S::fma(S::splat(AT_A * A * A), g[2], S::mul(S::splat(AT_A), g[0]));
        let odd_a = S::mul(S::splat(AT_A * A), g[1]);
        let even_b = S::fma(S::splat(AT_B * B * B), g[2], S::mul(S::splat(AT_B), g[0]));
        let odd_b = S::mul(S::splat(AT_B * B), g[1]);
        [S::mul(S::splat(AT_0), g[0]), S::add(even_a, odd_a), S::sub(even_a, odd_a), S::add(even_b, odd_b), S::sub(even_b, odd_b), g[2]]
    }
}

/// a x + b y
#[inline(always)]
unsafe fn pair<S: Simd>(a: f32, x: S::V, b: f32, y: S::V) -> S::V {
    // SAFETY: passed on from the caller.
    unsafe { S::fma(S::splat(b), y, S::mul(S::splat(a), x)) }
}

/// G^T m: the adjoint of `taps`.
#[inline(always)]
pub(crate) unsafe fn gather<S: Simd>(m: [S::V; SOURCES]) -> [S::V; TAPS] {
    // SAFETY: passed on from the caller.
    unsafe {
        let (sum_a, difference_a) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (sum_b, difference_b) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        [
            S::fma(S::splat(AT_0), m[0], pair::<S>(AT_A, sum_a, AT_B, sum_b)),
            pair::<S>(AT_A * A, difference_a, AT_B * B, difference_b),
            S::add(pair::<S>(AT_A * A * A, sum_a, AT_B * B * B, sum_b), m[5]),
        ]
    }
}

/// Applies a transform of `N` to `M` values to both axes of a square, columns first.
macro_rules! both_axes {
    ($name:ident, $one:ident, $from:ident, $to:ident) => {
        /// The same over both axes: [h][w].
        #[inline(always)]
        pub(crate) unsafe fn $name<S: Simd>(x: &[[S::V; $from]; $from]) -> [[S::V; $to]; $to] {
            // SAFETY: passed on from the caller.
            unsafe {
                let zero = S::splat(0.0);
                let mut half = [[zero; $to]; $from];
                for (half, row) in half.iter_mut().zip(x) {
                    *half = $one::<S>(*row);
                }
                let mut out = [[zero; $to]; $to];
                for w in 0..$to {
                    let mut column = [zero; $from];
                    for (value, row) in column.iter_mut().zip(&half) {
                        *value = row[w];
                    }
                    for (row, value) in out.iter_mut().zip($one::<S>(column)) {
                        row[w] = value;
                    }
                }
                out
            }
        }
    };
}

both_axes!(source_square, source, SOURCES, SOURCES);
both_axes!(result_square, result, SOURCES, RESULTS);
both_axes!(spread_square, spread, RESULTS, SOURCES);
both_axes!(taps_square, taps, TAPS, SOURCES);
both_axes!(gather_square, gather, SOURCES, TAPS);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    fn lanes<const N: usize>(values: [f32; N]) -> [[f32; 4]; N] {
        values.map(|v| [v; 4])
    }

    fn first<const N: usize>(values: [[f32; 4]; N]) -> [f32; N] {
        values.map(|v| v[0])
    }

    /// Unit vectors are enough: everything is linear.
    #[test]
    fn four_results_are_those_of_the_plain_filter() {
        for i in 0..SOURCES {
            for k in 0..TAPS {
                let (mut d, mut g) = ([0.0; SOURCES], [0.0; TAPS]);
                (d[i], g[k]) = (1.0, 1.0);
                // SAFETY: portable code.
                let y = unsafe {
                    let (d, g) = (source::<Portable>(lanes(d)), taps::<Portable>(lanes(g)));
                    let products = std::array::from_fn(|p| Portable::mul(d[p], g[p]));
                    first(result::<Portable>(products))
                };
                for (j, y) in y.into_iter().enumerate() {
                    let expected = if j + k == i { 1.0 } else { 0.0 };
                    assert!((y - expected).abs() < 1e-6, "result {j} of source {i} and tap {k}: {y}");
                }
            }
        }
    }

    #[test]
    fn adjoints_are_transposes() {
        for i in 0..SOURCES {
            let mut m = [0.0; SOURCES];
            m[i] = 1.0;
            // SAFETY: portable code.
            let (y, g) = unsafe { (first(result::<Portable>(lanes(m))), first(gather::<Portable>(lanes(m)))) };
            for j in 0..RESULTS {
                let mut e = [0.0; RESULTS];
                e[j] = 1.0;
                // SAFETY: portable code.
                let back = unsafe { first(spread::<Portable>(lanes(e))) };
                assert_eq!(back[i], y[j]);
            }
            for k in 0..TAPS {
                let mut e = [0.0; TAPS];
                e[k] = 1.0;
                // SAFETY: portable code.
                let back = unsafe { first(taps::<Portable>(lanes(e))) };
                assert!((back[i] - g[k]).abs() < 1e-6);
            }
        }
    }
}
