//! `permute`: the axes in another order.
//!
//! ## Meaning
//! Result axis i is operand axis `axes[i]`.
//! ## Shapes
//! R1 `axes` are distinct axes of the operand. R2 all of them are listed.
//! ## Gradient
//! g with the inverse order.
//! ## References
//! StableHLO, `transpose`.

use crate::{build, cost, doc, rules::*, strided};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Tensor, TensorType, View};

/// The order that undoes `axes`.
pub(crate) fn inverse(axes: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; axes.len()];
    for (i, &a) in axes.iter().enumerate() {
        inverse[a] = i;
    }
    inverse
}

pub static PERMUTE: Op = Op {
    name: "permute",
    doc: doc::header(include_str!("permute.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[attr("axes", AttrKind::Ints, "operand axis of each result axis")],
    shape: |t, attrs| {
        let order = axes(attrs, "axes", t[0].rank(), "R1")?;
        require(order.len() == t[0].rank(), "R2", || format!("{} axes are listed for {}", order.len(), t[0]))?;
        let shape: Vec<usize> = order.iter().map(|&a| t[0].shape[a]).collect();
        Ok(vec![TensorType::new(t[0].dtype, &shape)])
    },
    meaning: Meaning::Reference(|t, attrs, results| {
        let order = attrs.get_sizes("axes");
        let data = strided::permuted(&t[0].data, &t[0].shape, &order);
        vec![Tensor::new(&results[0].shape, data)]
    }),
    gradient: Gradient::Rule(|b, c| {
        let back = inverse(&c.attrs.get_sizes("axes"));
        vec![c.upstream[0].map(|g| build::permute(b, g, &back))]
    }),
    cost: cost::moved,
    class: Class::View(View::Permute),
    samples: || {
        let by = |shape: &[usize], axes: &[usize]| sample(&[f32s(shape)], Attrs::new().ints("axes", axes));
        vec![by(&[2, 3], &[1, 0]), by(&[2, 3, 4], &[2, 0, 1]), by(&[], &[])]
    },
};
