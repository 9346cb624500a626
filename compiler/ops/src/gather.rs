//! `gather`: picks entries along an axis by number.
//!
//! ## Meaning
//! Entry i of the result along `axis` is entry `index[i]` of x. Indices lie within the axis; others are a broken invariant.
//! ## Shapes
//! R1 `axis` is an axis of x. R2 `index` is i32[n]; the result is x with n entries along `axis`.
//! ## Gradient
//! `scatter_add` of g into zeros.
//! ## References
//! torch.index_select.

use crate::{build, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, DType, Gradient, Meaning, Op, Tensor};

/// Sizes of the axes before, at and after `axis`.
pub(crate) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

/// An index as a position, checked.
pub(crate) fn position(index: f64, size: usize) -> usize {
    let i = index as usize;
    assert!(index >= 0.0 && i < size, "index {index} of an axis of size {size}");
    i
}

pub static GATHER: Op = Op {
    name: "gather",
    doc: doc::header(include_str!("gather.rs")),
    operands: &["x", "index"],
    variadic: false,
    attrs: &[attr("axis", AttrKind::Int, "axis to pick along")],
    shape: |t, attrs| {
        let along = axis(attrs, "axis", t[0].rank(), "R1")?;
        of(t[1], DType::I32, "R2")?;
        rank(t[1], 1, "R2")?;
        let mut ty = t[0].clone();
        ty.shape[along] = t[1].shape[0];
        Ok(vec![ty])
    },
    meaning: Meaning::Reference(|t, attrs, results| {
        let (outer, size, inner) = around(&t[0].shape, attrs.get_int("axis") as usize);
        let mut data = Vec::with_capacity(results[0].elements());
        for o in 0..outer {
            for &i in &t[1].data {
                let start = (o * size + position(i, size)) * inner;
                data.extend_from_slice(&t[0].data[start..start + inner]);
            }
        }
        vec![Tensor::new(&results[0].shape, data)]
    }),
    gradient: Gradient::Rule(|b, c| {
        let along = c.attrs.get_int("axis") as usize;
        let float = b.ty(c.operands[0]).dtype.is_float();
        let dx = c.upstream[0].filter(|_| float && c.wanted[0]).map(|g| {
            let zero = build::constant_like(b, c.operands[0], 0.0);
            build::scatter_add(b, zero, c.operands[1], g, along)
        });
        vec![dx, None]
    }),
    cost: cost::moved,
    class: Class::Kernel,
    samples: || {
        let of = |x: &[usize], n, axis| {
            let attrs = Attrs::new().int("axis", axis);
            sample_from(&[f32s(x), i32s(&[n])], attrs, 0.0, 3.0)
        };
        vec![of(&[4], 6, 0), of(&[2, 3, 2], 4, 1), of(&[2, 5], 2, 1)]
    },
};
