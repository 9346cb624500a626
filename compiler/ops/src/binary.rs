//! Binary pointwise arithmetic and logic: a table of one row each. Both operands have one type; broadcasts are explicit.

use crate::{build::*, cost, rules::*};
use pfm_ir::{Attrs, Builder, Class, DType, GradCtx, Gradient, Meaning, Op, Sample, Scalar, ShapeError, Tensor, TensorType, ValueId};

pub(crate) fn zip(t: &[&Tensor], f: impl Fn(f64, f64) -> f64) -> Vec<Tensor> {
    let pairs = t[0].data.iter().zip(&t[1].data);
    let data = pairs.map(|(&x, &y)| f(x, y)).collect();
    vec![Tensor::new(&t[0].shape, data)]
}

type Pair = (Option<ValueId>, Option<ValueId>);

/// Both gradients, when something depends on the result and the operands are floats.
fn through(b: &mut Builder, c: &GradCtx, rule: impl Fn(&mut Builder, &GradCtx, ValueId) -> Pair) -> Vec<Option<ValueId>> {
    let float = b.ty(c.results[0]).dtype.is_float();
    match c.upstream[0].filter(|_| float) {
        Some(g) => {
            let (x, y) = rule(b, c, g);
            vec![x, y]
        }
        None => vec![None, None],
    }
}

/// Sends the gradient to the first operand where `first` holds and to the second elsewhere.
fn routed(b: &mut Builder, c: &GradCtx, g: ValueId, first: ValueId) -> Pair {
    let zero = constant_like(b, g, 0.0);
    let x = c.wanted[0].then(|| select(b, first, g, zero));
    let y = c.wanted[1].then(|| select(b, first, zero, g));
    (x, y)
}

#[derive(Clone, Copy)]
enum Takes {
    Floats,
    Numbers,
    Bools,
}

impl Takes {
    fn check(self, ty: &TensorType) -> Result<(), ShapeError> {
        match self {
            Takes::Floats => float(ty, "R2"),
            Takes::Numbers => numeric(ty, "R2"),
            Takes::Bools => of(ty, DType::Bool, "R2"),
        }
    }

    fn samples(self, low: f64, high: f64) -> Vec<Sample> {
        let both = |ty: TensorType, low, high| sample_from(&[ty.clone(), ty], Attrs::new(), low, high);
        match self {
            Takes::Floats => [&[][..], &[5], &[2, 3]].map(|s| both(f32s(s), low, high)).into(),
            Takes::Numbers => vec![both(f32s(&[]), low, high), both(f32s(&[2, 3]), low, high), both(i32s(&[4]), 0.0, 9.0)],
            Takes::Bools => vec![both(bools(&[2, 5]), 0.0, 2.0)],
        }
    }
}

macro_rules! binary {
    ($($record:ident $name:literal $scalar:ident $takes:ident $means:literal, gradient $says:literal,
        |$x:ident, $y:ident| $value:expr, $range:expr, $gradient:expr;)*) => {
        $(pub static $record: Op = Op {
            name: $name,
            doc: concat!(
                "`", $name, "`: ", $means, ", element by element.\n\n## Meaning\n", $means,
                "\n## Shapes\nR1 both operands have one type, which is the result's. R2 it holds what the operation \
                takes: numbers, floats (`div`, `pow`) or bool (`and`, `or`).\n## Gradient\n", $says,
                "\n## References\nStableHLO, elementwise operations.\n"
            ),
            operands: &["x", "y"],
            variadic: false,
            attrs: &[],
            shape: |t, _| {
                same(t[0], t[1], "R1")?;
                Takes::$takes.check(t[0])?;
                Ok(vec![t[0].clone()])
            },
            meaning: Meaning::Reference(|t, _, _| zip(t, |$x, $y| $value)),
            gradient: $gradient,
            cost: cost::per_result,
            class: Class::Pointwise(Scalar::$scalar),
            samples: || Takes::$takes.samples($range.0, $range.1),
        };)*
    };
}

binary! {
    ADD "add" Add Numbers "x + y", gradient "g to both",
        |x, y| x + y, (-1.0, 1.0), Gradient::Rule(|b, c| through(b, c, |_, _, g| (Some(g), Some(g))));
    SUB "sub" Sub Numbers "x - y", gradient "g and -g",
        |x, y| x - y, (-1.0, 1.0), Gradient::Rule(|b, c| through(b, c, |b, c, g| {
            (Some(g), c.wanted[1].then(|| neg(b, g)))
        }));
    MUL "mul" Mul Numbers "x y", gradient "g y and g x",
        |x, y| x * y, (-1.0, 1.0), Gradient::Rule(|b, c| through(b, c, |b, c, g| {
            let x = c.wanted[0].then(|| mul(b, g, c.operands[1]));
            (x, c.wanted[1].then(|| mul(b, g, c.operands[0])))
        }));
    DIV "div" Div Floats "x / y", gradient "g / y and -g (x / y) / y",
        |x, y| x / y, (0.5, 2.0), Gradient::Rule(|b, c| through(b, c, |b, c, g| {
            let gy = div(b, g, c.operands[1]);
            let y = c.wanted[1].then(|| {
                let d = mul(b, gy, c.results[0]);
                neg(b, d)
            });
            (Some(gy), y)
        }));
    MAX "max" Max Numbers "the larger of x and y", gradient "g to the larger; to x where they are equal",
        |x, y| if x.is_nan() || x >= y { x } else { y }, (-1.0, 1.0), Gradient::Rule(|b, c| through(b, c, |b, c, g| {
            let first = less_equal(b, c.operands[1], c.operands[0]);
            routed(b, c, g, first)
        }));
    MIN "min" Min Numbers "the smaller of x and y", gradient "g to the smaller; to x where they are equal",
        |x, y| if x.is_nan() || x <= y { x } else { y }, (-1.0, 1.0), Gradient::Rule(|b, c| through(b, c, |b, c, g| {
            let first = less_equal(b, c.operands[0], c.operands[1]);
            routed(b, c, g, first)
        }));
    POW "pow" Pow Floats "x to the y", gradient "g y x^(y - 1) and g x^y log(x)",
        |x, y| x.powf(y), (0.5, 2.0), Gradient::Rule(|b, c| through(b, c, |b, c, g| {
            let (x, y) = (c.operands[0], c.operands[1]);
            let dx = c.wanted[0].then(|| {
                let one = constant_like(b, y, 1.0);
                let less = sub(b, y, one);
                let p = pow(b, x, less);
                let d = mul(b, y, p);
                mul(b, g, d)
            });
            let dy = c.wanted[1].then(|| {
                let l = log(b, x);
                let d = mul(b, c.results[0], l);
                mul(b, g, d)
            });
            (dx, dy)
        }));
    AND "and" And Bools "x and y", gradient "zero",
        |x, y| x * y, (0.0, 2.0), Gradient::Zero;
    OR "or" Or Bools "x or y", gradient "zero",
        |x, y| x.max(y), (0.0, 2.0), Gradient::Zero;
}
