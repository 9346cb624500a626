//! `reshape`: the same elements in row-major order under another shape.
//!
//! ## Meaning
//! Element n of the result, counted in row-major order, is element n of the operand.
//! ## Shapes
//! R1 `shape` has no negative size. R2 it has as many elements as the operand.
//! ## Gradient
//! g reshaped back.
//! ## References
//! StableHLO, `reshape`.

use crate::{build, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Tensor, TensorType, View};

pub static RESHAPE: Op = Op {
    name: "reshape",
    doc: doc::header(include_str!("reshape.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[attr("shape", AttrKind::Ints, "shape of the result")],
    shape: |t, attrs| {
        let ty = TensorType::new(t[0].dtype, &sizes(attrs, "shape", "R1")?);
        require(ty.elements() == t[0].elements(), "R2", || format!("{} and {ty} have different numbers of elements", t[0]))?;
        Ok(vec![ty])
    },
    meaning: Meaning::Reference(|t, _, results| vec![Tensor::new(&results[0].shape, t[0].data.clone())]),
    gradient: Gradient::Rule(|b, c| {
        let shape = b.shape(c.operands[0]).to_vec();
        vec![c.upstream[0].map(|g| build::reshape(b, g, &shape))]
    }),
    cost: cost::moved,
    class: Class::View(View::Reshape),
    samples: || {
        let to = |from: &[usize], shape: &[usize]| sample(&[f32s(from)], Attrs::new().ints("shape", shape));
        vec![to(&[2, 6], &[3, 4]), to(&[4], &[2, 1, 2]), to(&[1, 1], &[])]
    },
};
