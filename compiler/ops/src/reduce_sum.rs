//! `reduce_sum`: the sum over some axes.
//!
//! ## Meaning
//! The elements that differ only along `axes` are added; the result drops those axes. Without axes it is the operand.
//! ## Shapes
//! R1 `axes` are distinct axes of the operand. R2 it holds numbers.
//! ## Gradient
//! g broadcast over `axes`.
//! ## References
//! StableHLO, `reduce`.

use crate::{build, cost, doc, rules::*, strided};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Tensor, TensorType};

/// Folds the reduced elements of each result, which lie next to each other once the axes are permuted.
pub(crate) fn reduce(x: &Tensor, axes: &[usize], fold: impl Fn(&[f64]) -> f64) -> Vec<Tensor> {
    let order = strided::reduced_last(x.shape.len(), axes);
    let data = strided::permuted(&x.data, &x.shape, &order);
    let shape = without(&x.shape, axes);
    let each: usize = axes.iter().map(|&a| x.shape[a]).product();
    let count: usize = shape.iter().product();
    let folded = (0..count).map(|i| fold(&data[i * each..(i + 1) * each]));
    vec![Tensor::new(&shape, folded.collect())]
}

pub static REDUCE_SUM: Op = Op {
    name: "reduce_sum",
    doc: doc::header(include_str!("reduce_sum.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[attr("axes", AttrKind::Ints, "axes to sum over")],
    shape: |t, attrs| {
        let over = axes(attrs, "axes", t[0].rank(), "R1")?;
        numeric(t[0], "R2")?;
        Ok(vec![TensorType::new(t[0].dtype, &without(&t[0].shape, &over))])
    },
    meaning: Meaning::Reference(|t, attrs, _| reduce(t[0], &attrs.get_sizes("axes"), |v| v.iter().sum())),
    gradient: Gradient::Rule(|b, c| {
        let shape = b.shape(c.operands[0]).to_vec();
        let over = c.attrs.get_sizes("axes");
        let float = b.ty(c.operands[0]).dtype.is_float();
        let g = c.upstream[0].filter(|_| float);
        vec![g.map(|g| build::broadcast_like(b, g, &over, &shape))]
    }),
    cost: cost::per_operand,
    class: Class::ReduceSum,
    samples: || {
        let over = |shape: &[usize], axes: &[usize]| sample(&[f32s(shape)], Attrs::new().ints("axes", axes));
        vec![
            over(&[5], &[0]),
            over(&[2, 3, 4], &[1]),
            over(&[2, 3, 4], &[0, 2]),
            over(&[2, 3, 4], &[2, 1, 0]),
            over(&[2, 3], &[]),
            sample_from(&[i32s(&[2, 3])], Attrs::new().ints("axes", &[1usize]), 0.0, 9.0),
        ]
    },
};
