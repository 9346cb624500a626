//! `select`: one of two tensors, element by element.
//!
//! ## Meaning
//! `a` where `cond` is true, `b` elsewhere. The element that is not chosen has no effect, even if it is NaN.
//! ## Shapes
//! R1 `a` and `b` have one type, which is the result's. R2 `cond` is bool of the same shape.
//! ## Gradient
//! g to the chosen operand, 0 to the other.
//! ## References
//! StableHLO, `select`.

use crate::{build, cost, doc, rules::*};
use pfm_ir::{Attrs, Class, DType, Gradient, Meaning, Op, Scalar, Tensor, TensorType};

pub static SELECT: Op = Op {
    name: "select",
    doc: doc::header(include_str!("select.rs")),
    operands: &["cond", "a", "b"],
    variadic: false,
    attrs: &[],
    shape: |t, _| {
        same(t[1], t[2], "R1")?;
        same(t[0], &TensorType::new(DType::Bool, &t[1].shape), "R2")?;
        Ok(vec![t[1].clone()])
    },
    meaning: Meaning::Reference(|t, _, _| {
        let pairs = t[1].data.iter().zip(&t[2].data);
        let chosen = t[0].data.iter().zip(pairs);
        let data = chosen.map(|(&c, (&a, &b))| if c != 0.0 { a } else { b });
        vec![Tensor::new(&t[1].shape, data.collect())]
    }),
    gradient: Gradient::Rule(|b, c| {
        let Some(g) = c.upstream[0].filter(|_| b.ty(c.results[0]).dtype.is_float()) else {
            return vec![None; 3];
        };
        let zero = build::constant_like(b, g, 0.0);
        let first = c.wanted[1].then(|| build::select(b, c.operands[0], g, zero));
        let second = c.wanted[2].then(|| build::select(b, c.operands[0], zero, g));
        vec![None, first, second]
    }),
    cost: cost::per_result,
    class: Class::Pointwise(Scalar::Select),
    samples: || {
        vec![
            sample(&[bools(&[2, 4]), f32s(&[2, 4]), f32s(&[2, 4])], Attrs::new()),
            sample(&[bools(&[]), f32s(&[]), f32s(&[])], Attrs::new()),
            sample_from(&[bools(&[3]), i32s(&[3]), i32s(&[3])], Attrs::new(), 0.0, 5.0),
        ]
    },
};
