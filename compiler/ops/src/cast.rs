//! `cast`: the same numbers in another element type.
//!
//! ## Meaning
//! Floats keep their value (back ends round to nearest even). Floats become i32 by dropping the fraction. Anything
//! becomes bool by `x != 0`, and bool becomes 0 or 1. The f64 reference does not round between float types.
//! ## Shapes
//! R1 `dtype` names an element type; the result has it and the operand's shape.
//! ## Gradient
//! g cast back, between floats; zero otherwise.
//! ## References
//! StableHLO, `convert`.

use crate::{build, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, DType, Gradient, Meaning, Op, Scalar, Tensor, TensorType};

pub static CAST: Op = Op {
    name: "cast",
    doc: doc::header(include_str!("cast.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[attr("dtype", AttrKind::Text, "element type of the result")],
    shape: |t, attrs| Ok(vec![TensorType::new(dtype(attrs, "R1")?, &t[0].shape)]),
    meaning: Meaning::Reference(|t, _, results| {
        let convert: fn(f64) -> f64 = match results[0].dtype {
            DType::F32 | DType::Bf16 => |v| v,
            DType::I32 => f64::trunc,
            DType::Bool => |v| f64::from(u8::from(v != 0.0)),
        };
        let data = t[0].data.iter().map(|&v| convert(v)).collect();
        vec![Tensor::new(&t[0].shape, data)]
    }),
    gradient: Gradient::Rule(|b, c| {
        let from = b.ty(c.operands[0]).dtype;
        let both = from.is_float() && b.ty(c.results[0]).dtype.is_float();
        vec![c.upstream[0].filter(|_| both).map(|g| build::cast(b, g, from))]
    }),
    cost: cost::per_result,
    class: Class::Pointwise(Scalar::Cast),
    samples: || {
        let to = |ty: TensorType, dtype, low, high| sample_from(&[ty], Attrs::new().text("dtype", dtype), low, high);
        vec![
            to(f32s(&[2, 3]), "bf16", -1.0, 1.0),
            to(TensorType::new(DType::Bf16, &[4]), "f32", -1.0, 1.0),
            to(f32s(&[4]), "f32", -1.0, 1.0),
            to(f32s(&[5]), "i32", 0.2, 0.8),
            to(i32s(&[5]), "f32", 0.0, 9.0),
            to(i32s(&[5]), "bool", 0.0, 2.0),
            to(bools(&[2, 2]), "f32", 0.0, 2.0),
            to(bools(&[]), "i32", 0.0, 2.0),
        ]
    },
};
