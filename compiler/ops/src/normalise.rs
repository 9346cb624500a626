//! `normalise`: divides by the standard deviation or the root mean square over some axes.
//!
//! ## Meaning
//! With `centre`: (x - m) / sqrt(mean((x - m)^2) + eps), m = mean(x), means over `axes` (layer norm without weights).
//! Without: x / sqrt(mean(x^2) + eps) (RMS norm without weights).
//! ## Shapes
//! R1 `axes` are distinct axes of the operand, none empty. R2 it holds floats. R3 `eps` is not negative.
//! ## Gradient
//! With r the divisor's reciprocal and y the result: r (g - y mean(g y)), with `centre` also less r mean(g).
//! ## References
//! Ba, Kiros and Hinton, Layer normalization, 2016; Zhang and Sennrich, Root mean square layer normalization, 2019.

use crate::{build::*, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Builder, Class, Gradient, Meaning, Op, ValueId};

/// x, centred if asked, and the reciprocal of its root mean square without the axes.
fn parts(b: &mut Builder, x: ValueId, attrs: &Attrs) -> (ValueId, ValueId) {
    let over = attrs.get_sizes("axes");
    let centred = if attrs.get_bool("centre") {
        let m = spread_mean(b, x, &over);
        sub(b, x, m)
    } else {
        x
    };
    let squares = square(b, centred);
    let mean_square = mean(b, squares, &over);
    let above = add_scalar(b, mean_square, attrs.get_float("eps"));
    (centred, rsqrt(b, above))
}

/// The mean over `axes`, broadcast back.
fn spread_mean(b: &mut Builder, x: ValueId, axes: &[usize]) -> ValueId {
    let shape = b.shape(x).to_vec();
    let m = mean(b, x, axes);
    broadcast_like(b, m, axes, &shape)
}

pub static NORMALISE: Op = Op {
    name: "normalise",
    doc: doc::header(include_str!("normalise.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[
        attr("axes", AttrKind::Ints, "axes of the means"),
        attr("centre", AttrKind::Bool, "subtract the mean first"),
        attr("eps", AttrKind::Float, "added to the mean square"),
    ],
    shape: |t, attrs| {
        let over = axes(attrs, "axes", t[0].rank(), "R1")?;
        require(over.iter().all(|&a| t[0].shape[a] > 0), "R1", || format!("an axis of {} is empty", t[0]))?;
        float(t[0], "R2")?;
        let eps = attrs.get_float("eps");
        require(eps >= 0.0, "R3", || format!("eps is {eps}"))?;
        Ok(vec![t[0].clone()])
    },
    meaning: Meaning::Composite(|b, x, attrs| {
        let shape = b.shape(x[0]).to_vec();
        let (centred, r) = parts(b, x[0], attrs);
        let r = broadcast_like(b, r, &attrs.get_sizes("axes"), &shape);
        vec![mul(b, centred, r)]
    }),
    gradient: Gradient::Rule(|b, c| {
        let Some(g) = c.upstream[0] else {
            return vec![None];
        };
        let over = c.attrs.get_sizes("axes");
        let y = c.results[0];
        let shape = b.shape(y).to_vec();
        // The same nodes as the meaning makes, so that sharing finds them again.
        let (_, r) = parts(b, c.operands[0], c.attrs);
        let r = broadcast_like(b, r, &over, &shape);
        let gy = mul(b, g, y);
        let projection = spread_mean(b, gy, &over);
        let along = mul(b, y, projection);
        let mut rest = sub(b, g, along);
        if c.attrs.get_bool("centre") {
            let m = spread_mean(b, g, &over);
            rest = sub(b, rest, m);
        }
        vec![Some(mul(b, rest, r))]
    }),
    cost: cost::per_operand_8,
    class: Class::Composite,
    samples: || {
        let of = |x: &[usize], axes: &[usize], eps, centre| {
            let attrs = Attrs::new().ints("axes", axes).float("eps", eps);
            sample(&[f32s(x)], attrs.bool("centre", centre))
        };
        vec![
            of(&[6], &[0], 1e-5, false),
            of(&[2, 5], &[1], 1e-5, true),
            of(&[2, 3, 4], &[0, 2], 1e-2, false),
            of(&[2, 3, 4], &[1, 2], 0.0, true),
        ]
    },
};
