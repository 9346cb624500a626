//! `square`: x times itself.
//!
//! ## Meaning
//! x x, element by element.
//! ## Shapes
//! R1 the operand holds floats; the result has its type.
//! ## Gradient
//! 2 g x.
//! ## References
//! numpy.square.

use crate::{build, cost, doc, rules::*};
use pfm_ir::{Attrs, Class, Gradient, Meaning, Op};

pub static SQUARE: Op = Op {
    name: "square",
    doc: doc::header(include_str!("square.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[],
    shape: |t, _| {
        float(t[0], "R1")?;
        Ok(vec![t[0].clone()])
    },
    meaning: Meaning::Composite(|b, x, _| vec![build::mul(b, x[0], x[0])]),
    gradient: Gradient::Rule(|b, c| {
        vec![c.upstream[0].map(|g| {
            let double = build::scale(b, c.operands[0], 2.0);
            build::mul(b, g, double)
        })]
    }),
    cost: cost::per_result,
    class: Class::Composite,
    samples: || vec![sample(&[f32s(&[2, 3])], Attrs::new()), sample(&[f32s(&[])], Attrs::new())],
};
