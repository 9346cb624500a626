//! Unary pointwise operations: a table of one row each, with the value, the gradient and the range its samples use.
//! All of them take and give one tensor of floats, except `not`, which is for bool.

use crate::{build::*, cost, rules::*};
use pfm_ir::{Attrs, Builder, Class, GradCtx, Gradient, Meaning, Op, Scalar, Tensor, ValueId};

fn map(x: &Tensor, f: impl Fn(f64) -> f64) -> Vec<Tensor> {
    let data = x.data.iter().map(|&v| f(v)).collect();
    vec![Tensor::new(&x.shape, data)]
}

/// The gradient of the only operand, when something depends on the result.
fn through(b: &mut Builder, c: &GradCtx, rule: impl Fn(&mut Builder, ValueId, ValueId, ValueId) -> ValueId) -> Vec<Option<ValueId>> {
    let gradient = c.upstream[0].map(|g| rule(b, c.operands[0], c.results[0], g));
    vec![gradient]
}

/// erf to f64 accuracy. Up to 2 the series erf(x) = 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!!, all terms of one sign
/// (Abramowitz and Stegun 7.1.6); beyond, where its rounding errors add up, one less the continued fraction of erfc (7.1.14).
pub fn erf_reference(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 6.0 {
        return x.clamp(-1.0, 1.0);
    }
    if x.abs() > 2.0 {
        return (1.0 - erfc_fraction(x.abs())).copysign(x);
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > 1e-18 * sum.abs() {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// erfc(x) = exp(-x^2) / sqrt(pi) / (x + (1/2) / (x + 1 / (x + (3/2) / (x + ...)))) for x of at least 2, where a
/// hundred terms are more than enough.
fn erfc_fraction(x: f64) -> f64 {
    let fraction = (1..=100).rev().fold(x, |rest, n| x + 0.5 * f64::from(n) / rest);
    0.5 * std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() / fraction
}

/// -1, 0 or 1.
fn sign_reference(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        x
    }
}

macro_rules! unary {
    ($($record:ident $name:literal $scalar:ident $means:literal, gradient $says:literal,
        |$x:ident| $value:expr, $range:expr, $gradient:expr;)*) => {
        $(pub static $record: Op = Op {
            name: $name,
            doc: concat!(
                "`", $name, "`: ", $means, ", element by element.\n\n## Meaning\n", $means,
                "\n## Shapes\nR1 the operand holds floats; the result has its type.\n## Gradient\n", $says,
                "\n## References\nStableHLO, elementwise operations.\n"
            ),
            operands: &["x"],
            variadic: false,
            attrs: &[],
            shape: |t, _| {
                float(t[0], "R1")?;
                Ok(vec![t[0].clone()])
            },
            meaning: Meaning::Reference(|t, _, _| map(t[0], |$x| $value)),
            gradient: $gradient,
            cost: cost::per_result,
            class: Class::Pointwise(Scalar::$scalar),
            samples: || {
                let (low, high) = $range;
                [&[][..], &[7], &[2, 3]]
                    .map(|shape| sample_from(&[f32s(shape)], Attrs::new(), low, high))
                    .into()
            },
        };)*
    };
}

unary! {
    NEG "neg" Neg "-x", gradient "-g",
        |x| -x, (-1.0, 1.0), Gradient::Rule(|b, c| through(b, c, |b, _, _, g| neg(b, g)));
    ABS "abs" Abs "|x|", gradient "g sign(x); zero at zero",
        |x| x.abs(), (0.2, 2.0), Gradient::Rule(|b, c| through(b, c, |b, x, _, g| {
            let s = sign(b, x);
            mul(b, g, s)
        }));
    SIGN "sign" Sign "-1, 0 or 1 as x is below, at or above zero", gradient "zero",
        |x| sign_reference(x), (0.2, 2.0), Gradient::Zero;
    EXP "exp" Exp "e to the x", gradient "g y",
        |x| x.exp(), (-1.0, 1.0), Gradient::Rule(|b, c| through(b, c, |b, _, y, g| mul(b, g, y)));
    LOG "log" Log "natural logarithm", gradient "g / x",
        |x| x.ln(), (0.5, 2.0), Gradient::Rule(|b, c| through(b, c, |b, x, _, g| div(b, g, x)));
    SQRT "sqrt" Sqrt "square root", gradient "g / (2 y)",
        |x| x.sqrt(), (0.5, 2.0), Gradient::Rule(|b, c| through(b, c, |b, _, y, g| {
            let half = scale(b, g, 0.5);
            div(b, half, y)
        }));
    RSQRT "rsqrt" Rsqrt "1 / sqrt(x)", gradient "-g y^3 / 2",
        |x| 1.0 / x.sqrt(), (0.5, 2.0), Gradient::Rule(|b, c| through(b, c, |b, _, y, g| {
            let y2 = mul(b, y, y);
            let y3 = mul(b, y2, y);
            let half = scale(b, y3, -0.5);
            mul(b, g, half)
        }));
    RECIPROCAL "reciprocal" Reciprocal "1 / x", gradient "-g y^2",
        |x| 1.0 / x, (0.5, 2.0), Gradient::Rule(|b, c| through(b, c, |b, _, y, g| {
            let y2 = mul(b, y, y);
            let gy2 = mul(b, g, y2);
            neg(b, gy2)
        }));
    SIN "sin" Sin "sine of x in radians", gradient "g cos(x)",
        |x| x.sin(), (-2.0, 2.0), Gradient::Rule(|b, c| through(b, c, |b, x, _, g| {
            let d = cos(b, x);
            mul(b, g, d)
        }));
    COS "cos" Cos "cosine of x in radians", gradient "-g sin(x)",
        |x| x.cos(), (-2.0, 2.0), Gradient::Rule(|b, c| through(b, c, |b, x, _, g| {
            let s = sin(b, x);
            let d = neg(b, s);
            mul(b, g, d)
        }));
    TANH "tanh" Tanh "hyperbolic tangent", gradient "g (1 - y^2)",
        |x| x.tanh(), (-1.5, 1.5), Gradient::Rule(|b, c| through(b, c, |b, _, y, g| {
            let y2 = mul(b, y, y);
            let one = constant_like(b, y, 1.0);
            let d = sub(b, one, y2);
            mul(b, g, d)
        }));
    ERF "erf" Erf "error function 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x",
        gradient "g 2/sqrt(pi) exp(-x^2)",
        |x| erf_reference(x), (-1.5, 1.5), Gradient::Rule(|b, c| through(b, c, |b, x, _, g| {
            let x2 = mul(b, x, x);
            let minus = neg(b, x2);
            let e = exp(b, minus);
            let d = scale(b, e, std::f64::consts::FRAC_2_SQRT_PI);
            mul(b, g, d)
        }));
    SIGMOID "sigmoid" Sigmoid "1 / (1 + exp(-x))", gradient "g y (1 - y)",
        |x| 1.0 / (1.0 + (-x).exp()), (-2.0, 2.0), Gradient::Rule(|b, c| through(b, c, |b, _, y, g| {
            let one = constant_like(b, y, 1.0);
            let rest = sub(b, one, y);
            let d = mul(b, y, rest);
            mul(b, g, d)
        }));
    FLOOR "floor" Floor "largest whole number not above x", gradient "zero",
        |x| x.floor(), (0.1, 0.9), Gradient::Zero;
}

pub static NOT: Op = Op {
    name: "not",
    doc: "`not`: logical negation, element by element.\n\n## Meaning\nnot x\n\
        ## Shapes\nR1 the operand holds bool; the result has its type.\n\
        ## Gradient\nZero: it is not a number.\n## References\nStableHLO, `not`.\n",
    operands: &["x"],
    variadic: false,
    attrs: &[],
    shape: |t, _| {
        of(t[0], pfm_ir::DType::Bool, "R1")?;
        Ok(vec![t[0].clone()])
    },
    meaning: Meaning::Reference(|t, _, _| map(t[0], |x| 1.0 - x)),
    gradient: Gradient::Zero,
    cost: cost::per_result,
    class: Class::Pointwise(Scalar::Not),
    samples: || vec![sample_from(&[bools(&[2, 3])], Attrs::new(), 0.0, 2.0)],
};
