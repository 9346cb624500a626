//! `reduce_max`: the maximum over some axes.
//!
//! ## Meaning
//! The largest of the elements that differ only along `axes`; NaN if one of them is. The result drops those axes.
//! ## Shapes
//! R1 `axes` are distinct axes of the operand, none empty. R2 it holds numbers.
//! ## Gradient
//! g to the largest element, in equal parts where several are equally large.
//! ## References
//! StableHLO, `reduce`.

use crate::{build, cost, doc, reduce_sum::reduce, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, TensorType};

/// The larger one, NaN if either is.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a >= b { a } else { b }
}

pub static REDUCE_MAX: Op = Op {
    name: "reduce_max",
    doc: doc::header(include_str!("reduce_max.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[attr("axes", AttrKind::Ints, "axes to take the maximum over")],
    shape: |t, attrs| {
        let over = axes(attrs, "axes", t[0].rank(), "R1")?;
        require(over.iter().all(|&a| t[0].shape[a] > 0), "R1", || format!("an axis of {} is empty", t[0]))?;
        numeric(t[0], "R2")?;
        Ok(vec![TensorType::new(t[0].dtype, &without(&t[0].shape, &over))])
    },
    meaning: Meaning::Reference(|t, attrs, _| {
        reduce(t[0], &attrs.get_sizes("axes"), |v| v.iter().copied().fold(f64::NEG_INFINITY, larger))
    }),
    gradient: Gradient::Rule(|b, c| {
        let x = c.operands[0];
        let ty = b.ty(x).clone();
        let Some(g) = c.upstream[0].filter(|_| ty.dtype.is_float()) else {
            return vec![None];
        };
        let over = c.attrs.get_sizes("axes");
        let top = build::broadcast_like(b, c.results[0], &over, &ty.shape);
        let largest = build::equal(b, x, top);
        let one = build::cast(b, largest, ty.dtype);
        let count = build::reduce_sum(b, one, &over);
        let part = build::div(b, g, count);
        let spread = build::broadcast_like(b, part, &over, &ty.shape);
        vec![Some(build::mul(b, spread, one))]
    }),
    cost: cost::per_operand,
    class: Class::ReduceMax,
    samples: || {
        let over = |shape: &[usize], axes: &[usize]| sample(&[f32s(shape)], Attrs::new().ints("axes", axes));
        vec![
            over(&[5], &[0]),
            over(&[2, 3, 4], &[1]),
            over(&[2, 3, 4], &[0, 2]),
            over(&[2, 3], &[]),
            sample_from(&[i32s(&[2, 3])], Attrs::new().ints("axes", &[1usize]), 0.0, 9.0),
        ]
    },
};
