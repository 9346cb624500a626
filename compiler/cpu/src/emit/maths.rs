//! Elementary functions on lanes of f32, as short polynomials after range reduction. Relative errors stay below about
//! 3e-7 (pow: times |y log x|). NaN goes through, infinities and zeros give the usual limits.
//! Sources: the Cephes library (S. Moshier) for log, sin, cos and tanh; N. Juffa's minimax fits for erf.

use super::lanes::Lanes;
use std::f32::consts::LOG2_E;

/// Adding and subtracting it rounds to an integer, whose bits are then the low ones.
const ROUND: f32 = 12_582_912.0;

pub trait Maths: Lanes {
    /// `magnitude` with the sign of `sign`.
    fn copy_sign(&mut self, magnitude: Self::V, sign: Self::V) -> Self::V {
        let bit = self.int(i32::MIN);
        let s = self.and(sign, bit);
        let m = self.abs(magnitude);
        self.or(m, s)
    }

    /// The nearest integer, as a float and as an integer plus the constant that `shifted` explains.
    fn round(&mut self, x: Self::V) -> (Self::V, Self::V) {
        let magic = self.float(ROUND);
        let shifted = self.add(x, magic);
        let whole = self.sub(shifted, magic);
        let base = self.int(ROUND.to_bits() as i32);
        (whole, self.int_sub(shifted, base))
    }

    /// 2^n for integers from -126 to 127.
    fn power_of_two(&mut self, n: Self::V) -> Self::V {
        let bias = self.int(127);
        let e = self.int_add(n, bias);
        self.shift_left(e, 23)
    }

    /// e^x = 2^n e^r with |r| <= ln 2 / 2. The power is applied in two halves, so results may be subnormal or infinite.
    fn exp(&mut self, x: Self::V) -> Self::V {
        let (low, high) = (self.float(-104.0), self.float(89.0));
        let x = self.max(x, low);
        let x = self.min(x, high);
        let scale = self.float(LOG2_E);
        let t = self.mul(x, scale);
        let (whole, n) = self.round(t);
        let p = self.exp_of_rest(x, whole);
        let half = self.shift_right_signed(n, 1);
        let rest = self.int_sub(n, half);
        let (a, b) = (self.power_of_two(half), self.power_of_two(rest));
        let p = self.mul(p, a);
        self.mul(p, b)
    }

    /// e^x for results within the normal range: arguments are cut to +-87.
    fn bounded_exp(&mut self, x: Self::V) -> Self::V {
        let (low, high) = (self.float(-87.0), self.float(87.0));
        let x = self.max(x, low);
        let x = self.min(x, high);
        let (scale, magic) = (self.float(LOG2_E), self.float(ROUND));
        let shifted = self.mul_add(x, scale, magic);
        let magic = self.float(ROUND);
        let whole = self.sub(shifted, magic);
        let p = self.exp_of_rest(x, whole);
        // The low bits of `shifted` are n; shifting them into the exponent drops all others.
        let n = self.shift_left(shifted, 23);
        let one = self.int(127 << 23);
        let power = self.int_add(n, one);
        self.mul(p, power)
    }

    /// e^(x - n ln 2) for n next to x / ln 2.
    fn exp_of_rest(&mut self, x: Self::V, whole: Self::V) -> Self::V {
        let head = self.float(-0.693_359_4);
        let r = self.mul_add(whole, head, x);
        let tail = self.float(2.121_944_4e-4);
        let r = self.mul_add(whole, tail, r);
        // Pairs of terms, then Horner's rule in r^2: half the latency of Horner's rule in r.
        let square = self.mul(r, r);
        let one = self.float(1.0);
        let low = self.add(r, one);
        let mut sum = self.polynomial(r, &[1.987_569_1e-4, 1.398_2e-3]);
        for pair in [[8.333_452e-3, 4.166_579_6e-2], [1.666_666_5e-1, 0.5]] {
            let term = self.polynomial(r, &pair);
            sum = self.mul_add(sum, square, term);
        }
        self.mul_add(sum, square, low)
    }

    /// log x = e ln 2 + log m with m in [sqrt(1/2), sqrt 2).
    fn log(&mut self, x: Self::V) -> Self::V {
        let smallest = self.float(f32::MIN_POSITIVE);
        let subnormal = self.less(x, smallest);
        let lift = self.float(8_388_608.0);
        let lifted = self.mul(x, lift);
        let y = self.select(subnormal, lifted, x);
        // The exponent relative to sqrt(1/2), so that the mantissa lands in the wanted interval.
        let root = self.int(0x3f35_04f3);
        let shifted = self.int_sub(y, root);
        let e = self.shift_right_signed(shifted, 23);
        let back = self.shift_left(e, 23);
        let m = self.int_sub(y, back);
        let e = self.int_to_float(e);
        let (down, zero) = (self.float(-23.0), self.float(0.0));
        let correction = self.select(subnormal, down, zero);
        let e = self.add(e, correction);
        let one = self.float(1.0);
        let z = self.sub(m, one);
        let p = self.polynomial(
            z,
            &[
                7.037_683_6e-2,
                -1.151_461e-1,
                1.167_699_8e-1,
                -1.242_014_1e-1,
                1.424_932_3e-1,
                -1.666_805_8e-1,
                2.000_071_5e-1,
                -2.499_999_4e-1,
                0.333_333_3,
            ],
        );
        let square = self.mul(z, z);
        let p = self.mul(p, z);
        let p = self.mul(p, square);
        let (tail, half, head) = (self.float(-2.121_944_4e-4), self.float(-0.5), self.float(0.693_359_4));
        let p = self.mul_add(e, tail, p);
        let p = self.mul_add(square, half, p);
        let p = self.add(p, z);
        let p = self.mul_add(e, head, p);
        self.log_limits(x, p)
    }

    /// 0 gives -inf, negative numbers NaN, +inf and NaN themselves.
    fn log_limits(&mut self, x: Self::V, log: Self::V) -> Self::V {
        let (zero, inf) = (self.float(0.0), self.float(f32::INFINITY));
        let (nan, minus) = (self.float(f32::NAN), self.float(f32::NEG_INFINITY));
        let finite = self.less(x, inf);
        let r = self.select(finite, log, x);
        let negative = self.less(x, zero);
        let r = self.select(negative, nan, r);
        let none = self.equal(x, zero);
        self.select(none, minus, r)
    }

    fn sigmoid(&mut self, x: Self::V) -> Self::V {
        let minus = self.float(-1.0);
        let minus = self.mul(x, minus);
        let e = self.bounded_exp(minus);
        let one = self.float(1.0);
        let d = self.add(e, one);
        self.inverse_of_normal(d)
    }

    /// A polynomial below 0.625, 1 - 2 / (e^2|x| + 1) above.
    fn tanh(&mut self, x: Self::V) -> Self::V {
        let a = self.abs(x);
        let s = self.mul(x, x);
        let p = self.polynomial(s, &[-5.704_988_7e-3, 2.063_909e-2, -5.373_971_6e-2, 1.333_144_3e-1, -3.333_328_3e-1]);
        let p = self.mul(p, s);
        let small = self.mul_add(p, x, x);
        let twice = self.add(a, a);
        let e = self.bounded_exp(twice);
        let (one, limit) = (self.float(1.0), self.float(0.625));
        let d = self.add(e, one);
        let q = self.inverse_of_normal(d);
        let q = self.add(q, q);
        let large = self.sub(one, q);
        let large = self.copy_sign(large, x);
        let far = self.less(limit, a);
        self.select(far, large, small)
    }

    fn erf(&mut self, x: Self::V) -> Self::V {
        let t = self.abs(x);
        let s = self.mul(x, x);
        let r = self.polynomial(t, &[-1.728_534_7e-5, 3.831_979_7e-4]);
        let u = self.polynomial(t, &[-3.883_964_4e-3, 2.425_462_2e-2]);
        let r = self.mul_add(r, s, u);
        let mut r = r;
        for c in [-1.067_778_8e-1, -0.634_846_7, -1.287_175_1e-1] {
            let c = self.float(c);
            r = self.mul_add(r, t, c);
        }
        let minus = self.neg(t);
        let r = self.mul_add(r, t, minus);
        let e = self.bounded_exp(r);
        let one = self.float(1.0);
        let large = self.sub(one, e);
        let large = self.copy_sign(large, x);
        let p = self.polynomial(s, &[-5.967_617e-4, 4.991_194_2e-3, -2.676_813_5e-2, 1.128_199_3e-1, -3.761_253_4e-1, 1.283_791_7e-1]);
        let small = self.mul_add(p, x, x);
        let limit = self.float(0.927_734_4);
        let far = self.less(limit, t);
        self.select(far, large, small)
    }

    fn sin(&mut self, x: Self::V) -> Self::V {
        self.wave(x, 0)
    }

    fn cos(&mut self, x: Self::V) -> Self::V {
        self.wave(x, 1)
    }

    /// sin(x + quarter pi/2): x = n pi/2 + r by a three-part constant, then the polynomial that the quadrant asks for.
    fn wave(&mut self, x: Self::V, quarter: i32) -> Self::V {
        let scale = self.float(std::f32::consts::FRAC_2_PI);
        let t = self.mul(x, scale);
        let (whole, n) = self.round(t);
        let r = self.reduce_angle(x, whole);
        let s = self.mul(r, r);
        let p = self.polynomial(s, &[-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1]);
        let p = self.mul(p, s);
        let sine = self.mul_add(p, r, r);
        let p = self.polynomial(s, &[2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2, -0.5]);
        let one = self.float(1.0);
        let cosine = self.mul_add(p, s, one);
        let (shift, bit) = (self.int(quarter), self.int(1));
        let n = self.int_add(n, shift);
        let odd = self.and(n, bit);
        let odd = self.int_equal(odd, bit);
        let value = self.select(odd, cosine, sine);
        let two = self.int(2);
        let sign = self.and(n, two);
        let sign = self.shift_left(sign, 30);
        self.xor(value, sign)
    }

    /// x - n pi/2. With fused multiply-add three full constants do; without, products with short ones are exact.
    fn reduce_angle(&mut self, x: Self::V, n: Self::V) -> Self::V {
        let parts: &[f32] =
            if self.has_fma() { &[-1.570_796_4, 4.371_139e-8, 1.715_124_5e-15] } else { &[-1.570_312_5, -4.837_513e-4, -7.549_79e-8] };
        let mut r = x;
        for &part in parts {
            let part = self.float(part);
            r = self.mul_add(n, part, r);
        }
        r
    }

    /// x^n by repeated squaring.
    fn power(&mut self, x: Self::V, n: i32) -> Self::V {
        let mut result: Option<Self::V> = None;
        let mut square = x;
        let mut left = n.unsigned_abs();
        while left > 0 {
            if left & 1 == 1 {
                result = Some(match result {
                    Some(r) => self.mul(r, square),
                    None => square,
                });
            }
            left >>= 1;
            if left > 0 {
                square = self.mul(square, square);
            }
        }
        let one = self.float(1.0);
        match result {
            None => one,
            Some(r) if n < 0 => self.div(one, r),
            Some(r) => r,
        }
    }

    /// e^(y log |x|), with the sign of an odd power of a negative number, and NaN for a broken one.
    fn pow(&mut self, x: Self::V, y: Self::V) -> Self::V {
        let a = self.abs(x);
        let l = self.log(a);
        let t = self.mul(y, l);
        let magnitude = self.exp(t);
        let (zero, one, half, nan) = (self.float(0.0), self.float(1.0), self.float(0.5), self.float(f32::NAN));
        let floor = self.floor(y);
        let whole = self.equal(floor, y);
        let halved = self.mul(y, half);
        let floor = self.floor(halved);
        let even = self.equal(floor, halved);
        let opposite = self.neg(magnitude);
        let signed = self.select(even, magnitude, opposite);
        let signed = self.select(whole, signed, nan);
        let negative = self.less(x, zero);
        let r = self.select(negative, signed, magnitude);
        let none = self.equal(y, zero);
        self.select(none, one, r)
    }
}

impl<L: Lanes> Maths for L {}
