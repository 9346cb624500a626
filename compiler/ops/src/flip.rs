//! `flip`: the listed axes in reverse.
//!
//! ## Meaning
//! Along each of `axes`, result element i is operand element n - 1 - i.
//! ## Shapes
//! R1 `axes` are distinct axes of the operand.
//! ## Gradient
//! g flipped.
//! ## References
//! StableHLO, `reverse`.

use crate::{build, cost, doc, rules::*, strided};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Tensor, View};

pub static FLIP: Op = Op {
    name: "flip",
    doc: doc::header(include_str!("flip.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[attr("axes", AttrKind::Ints, "axes to reverse")],
    shape: |t, attrs| {
        axes(attrs, "axes", t[0].rank(), "R1")?;
        Ok(vec![t[0].clone()])
    },
    meaning: Meaning::Reference(|t, attrs, _| {
        let shape = &t[0].shape;
        let strides = strided::strides(shape);
        let mut by: Vec<isize> = strides.iter().map(|&s| s as isize).collect();
        let mut offset = 0;
        for a in attrs.get_sizes("axes") {
            offset += by[a] * (shape[a] as isize - 1);
            by[a] = -by[a];
        }
        vec![Tensor::new(shape, strided::read(&t[0].data, shape, &by, offset))]
    }),
    gradient: Gradient::Rule(|b, c| {
        let axes = c.attrs.get_sizes("axes");
        vec![c.upstream[0].map(|g| build::flip(b, g, &axes))]
    }),
    cost: cost::moved,
    class: Class::View(View::Flip),
    samples: || {
        let of = |from: &[usize], axes: &[usize]| sample(&[f32s(from)], Attrs::new().ints("axes", axes));
        vec![of(&[4], &[0]), of(&[2, 3, 2], &[0, 2]), of(&[2, 3], &[])]
    },
};
