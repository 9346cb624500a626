//! The generated elementary functions against f64, relative to the value, over the ranges that they promise, on every instruction
//! set that the processor has.

use crate::support::build_everywhere;
use pfm_ir::{Builder, Role, Tensor, TensorType, ValueId};
use pfm_ops as ops;

/// Name, generated function, exact function, arguments, least value that counts.
type Case = (&'static str, Make, fn(f64) -> f64, Vec<f32>, f64);

type Make = fn(&mut Builder, ValueId) -> ValueId;

/// The function's values, from each instruction set in turn.
fn run(f: Make, x: &[f32]) -> Vec<Vec<f64>> {
    let mut b = Builder::new("maths");
    let ty = TensorType::f32(&[x.len()]);
    let v = b.input("x", Role::Data, ty);
    let y = f(&mut b, v);
    b.output("y", y);
    let x = [Tensor::from_f32(&[x.len()], x)];
    build_everywhere(&b.graph).iter().map(|c| c.run(&x, 1).remove(0).data).collect()
}

fn line(low: f64, high: f64, n: usize) -> Vec<f32> {
    (0..n).map(|i| (low + (high - low) * i as f64 / (n - 1) as f64) as f32).collect()
}

/// Largest relative error; near zeros of the function, `floor` is the least value that counts.
fn worst(f: Make, exact: fn(f64) -> f64, x: &[f32], floor: f64) -> f64 {
    let y = run(f, x);
    let pairs = y.iter().flat_map(|y| x.iter().zip(y));
    pairs
        .map(|(x, y)| {
            let e = exact(f64::from(*x));
            (y - e).abs() / e.abs().max(floor)
        })
        .fold(0.0, f64::max)
}

#[test]
fn errors_stay_small() {
    let tiny = f64::from(f32::MIN_POSITIVE);
    let n = 40_001;
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let cases: [Case; 15] = [
        ("exp", ops::exp, f64::exp, line(-87.0, 88.0, n), tiny),
        ("exp of small", ops::exp, f64::exp, line(-1.0, 1.0, n), tiny),
        ("log", ops::log, f64::ln, line(1e-6, 1e3, n), 1e-3),
        ("log near 1", ops::log, f64::ln, line(0.5, 2.0, n), tiny),
        ("log of small", ops::log, f64::ln, line(1e-44, 1e-37, n), tiny),
        ("sin", ops::sin, f64::sin, line(-1000.0, 1000.0, n), 1e-3),
        ("sin of small", ops::sin, f64::sin, line(-4.0, 4.0, n), tiny),
        ("cos", ops::cos, f64::cos, line(-1000.0, 1000.0, n), 1e-3),
        ("tanh", ops::tanh, f64::tanh, line(-12.0, 12.0, n), tiny),
        ("tanh of small", ops::tanh, f64::tanh, line(-0.8, 0.8, n), tiny),
        ("sigmoid", ops::sigmoid, sigmoid, line(-80.0, 30.0, n), tiny),
        ("sqrt", ops::sqrt, f64::sqrt, line(0.0, 1e4, n), tiny),
        ("rsqrt", ops::rsqrt, |x| 1.0 / x.sqrt(), line(1e-3, 1e4, n), tiny),
        ("cube", |b, x| power(b, x, 3.0), |x| x.powi(3), line(-30.0, 30.0, n), tiny),
        ("inverse square", |b, x| power(b, x, -2.0), |x| x.powi(-2), line(0.1, 30.0, n), tiny),
    ];
    for (name, f, exact, x, floor) in cases {
        let e = worst(f, exact, &x, floor);
        assert!(e < 3.5e-7, "{name}: {e:e}");
    }
}

fn power(b: &mut Builder, x: ValueId, n: f64) -> ValueId {
    let n = ops::constant_like(b, x, n);
    ops::pow(b, x, n)
}

/// Powers with other exponents lose |y log x| roundings.
#[test]
fn general_powers() {
    let e = worst(|b, x| power(b, x, 2.5), |x| x.powf(2.5), &line(1e-3, 100.0, 40_001), 1e-12);
    assert!(e < 3e-6, "{e:e}");
    let e = worst(|b, x| power(b, x, -0.3), |x| x.powf(-0.3), &line(1e-3, 100.0, 40_001), 1e-12);
    assert!(e < 1e-6, "{e:e}");
}

/// Values of erf to 16 digits (Abramowitz and Stegun, table 7.1, extended).
#[test]
fn error_function() {
    let table = [
        (0.1f32, 0.112_462_917_692_854_6),
        (0.5, 0.520_499_877_813_046_5),
        (0.9, 0.796_908_208_022_171),
        (1.0, 0.842_700_792_949_714_9),
        (1.5, 0.966_105_146_475_310_7),
        (2.0, 0.995_322_265_018_952_7),
        (3.0, 0.999_977_909_503_001_4),
        (6.0, 1.0),
    ];
    let mut x: Vec<f32> = table.iter().map(|t| t.0).collect();
    x.extend(table.iter().map(|t| -t.0));
    for y in run(ops::erf, &x) {
        erf_is(&table, &y);
    }
}

fn erf_is(table: &[(f32, f64)], y: &[f64]) {
    for (i, (at, want)) in table.iter().enumerate() {
        // The argument was rounded to f32: the derivative carries that over.
        let exact = match at {
            0.1 => want + 1.490_116e-9 * 1.117,
            0.9 => want - 2.384_186e-8 * 0.502,
            _ => *want,
        };
        assert!((y[i] - exact).abs() < 2e-7 * want, "erf({at}) = {}, not {exact}", y[i]);
        assert_eq!(y[i], -y[i + table.len()]);
    }
}

/// Stands for any finite value.
const SOME: f64 = 0.123_456_789;

#[test]
fn limits() {
    let inf = f32::INFINITY;
    let x = [0.0, -0.0, inf, -inf, f32::NAN, -1.0, 100.0, -200.0];
    let same = |f: Make, want: [f64; 8]| {
        for y in run(f, &x) {
            for ((y, w), x) in y.iter().zip(want).zip(x) {
                // Finite values are tested above; here only that they are there.
                assert!(*y == w || (y.is_nan() && w.is_nan()) || (w == SOME && y.is_finite()), "at {x}: {y} instead of {w}");
            }
        }
    };
    let (i, nan) = (f64::INFINITY, f64::NAN);
    same(ops::exp, [1.0, 1.0, i, 0.0, nan, SOME, i, 0.0]);
    same(ops::log, [-i, -i, i, nan, nan, nan, SOME, nan]);
    same(ops::tanh, [0.0, 0.0, 1.0, -1.0, nan, SOME, 1.0, -1.0]);
}
