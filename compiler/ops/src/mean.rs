//! `mean`: the average over some axes.
//!
//! ## Meaning
//! `reduce_sum` divided by the number of elements summed.
//! ## Shapes
//! R1 `axes` are distinct axes of the operand, none empty. R2 it holds floats.
//! ## Gradient
//! g / n broadcast over `axes`.
//! ## References
//! numpy.mean.

use crate::{build, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Builder, Class, Gradient, Meaning, Op, TensorType, ValueId};

/// One over the number of elements that are averaged.
fn share(b: &Builder, x: ValueId, axes: &[usize]) -> f64 {
    let n: usize = axes.iter().map(|&a| b.shape(x)[a]).product();
    1.0 / n as f64
}

pub static MEAN: Op = Op {
    name: "mean",
    doc: doc::header(include_str!("mean.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[attr("axes", AttrKind::Ints, "axes to average over")],
    shape: |t, attrs| {
        let over = axes(attrs, "axes", t[0].rank(), "R1")?;
        require(over.iter().all(|&a| t[0].shape[a] > 0), "R1", || format!("an axis of {} is empty", t[0]))?;
        float(t[0], "R2")?;
        Ok(vec![TensorType::new(t[0].dtype, &without(&t[0].shape, &over))])
    },
    meaning: Meaning::Composite(|b, x, attrs| {
        let over = attrs.get_sizes("axes");
        let sum = build::reduce_sum(b, x[0], &over);
        let share = share(b, x[0], &over);
        vec![build::scale(b, sum, share)]
    }),
    gradient: Gradient::Rule(|b, c| {
        let over = c.attrs.get_sizes("axes");
        let shape = b.shape(c.operands[0]).to_vec();
        vec![c.upstream[0].map(|g| {
            let share = share(b, c.operands[0], &over);
            let part = build::scale(b, g, share);
            build::broadcast_like(b, part, &over, &shape)
        })]
    }),
    cost: cost::per_operand,
    class: Class::Composite,
    samples: || {
        let over = |shape: &[usize], axes: &[usize]| sample(&[f32s(shape)], Attrs::new().ints("axes", axes));
        vec![over(&[5], &[0]), over(&[2, 3, 4], &[0, 2]), over(&[2, 3], &[])]
    },
};
