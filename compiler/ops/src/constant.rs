//! `constant`: a tensor with one value everywhere.
//!
//! ## Meaning
//! Every element is `value`.
//! ## Shapes
//! R1 `shape` has no negative size. R2 `dtype` names an element type. R3 a bool is 0 or 1, an i32 whole.
//! ## Gradient
//! None: it has no operands.
//! ## References
//! StableHLO, `constant` (splat).

use crate::{cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, DType, Gradient, Meaning, Op, Tensor, TensorType};

pub static CONSTANT: Op = Op {
    name: "constant",
    doc: doc::header(include_str!("constant.rs")),
    operands: &[],
    variadic: false,
    attrs: &[
        attr("dtype", AttrKind::Text, "element type"),
        attr("shape", AttrKind::Ints, "shape of the result"),
        attr("value", AttrKind::Float, "value of every element"),
    ],
    shape: |_, attrs| {
        let shape = sizes(attrs, "shape", "R1")?;
        let dtype = dtype(attrs, "R2")?;
        let value = attrs.get_float("value");
        let fits = match dtype {
            DType::Bool => value == 0.0 || value == 1.0,
            DType::I32 => value.fract() == 0.0,
            DType::F32 | DType::Bf16 => true,
        };
        require(fits, "R3", || format!("{value} as {}", dtype.name()))?;
        Ok(vec![TensorType::new(dtype, &shape)])
    },
    meaning: Meaning::Reference(|_, attrs, results| vec![Tensor::fill(&results[0].shape, attrs.get_float("value"))]),
    gradient: Gradient::Zero,
    cost: cost::moved,
    class: Class::Source,
    samples: || {
        let of = |v, dtype, shape: &[usize]| {
            let attrs = Attrs::new().float("value", v).text("dtype", dtype);
            sample(&[], attrs.ints("shape", shape))
        };
        vec![of(1.5, "f32", &[2, 3]), of(0.25, "bf16", &[]), of(-3.0, "i32", &[4]), of(1.0, "bool", &[1, 2])]
    },
};
