//! `literal`: a tensor written out element by element.
//!
//! ## Meaning
//! The elements of `data` in row-major order.
//! ## Shapes
//! R1 `shape` has no negative size. R2 `dtype` names an element type. R3 `data` has as many elements as `shape`.
//! ## Gradient
//! None: it has no operands.
//! ## References
//! StableHLO, `constant`.

use crate::{cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Tensor, TensorType};

pub static LITERAL: Op = Op {
    name: "literal",
    doc: doc::header(include_str!("literal.rs")),
    operands: &[],
    variadic: false,
    attrs: &[
        attr("data", AttrKind::Floats, "elements in row-major order"),
        attr("dtype", AttrKind::Text, "element type"),
        attr("shape", AttrKind::Ints, "shape of the result"),
    ],
    shape: |_, attrs| {
        let shape = sizes(attrs, "shape", "R1")?;
        let ty = TensorType::new(dtype(attrs, "R2")?, &shape);
        let found = attrs.get_floats("data").len();
        require(found == ty.elements(), "R3", || format!("{ty} has {} elements, `data` has {found}", ty.elements()))?;
        Ok(vec![ty])
    },
    meaning: Meaning::Reference(|_, attrs, results| {
        let data = attrs.get_floats("data").to_vec();
        vec![Tensor::new(&results[0].shape, data)]
    }),
    gradient: Gradient::Zero,
    cost: cost::moved,
    class: Class::Source,
    samples: || {
        let attrs = |dtype| Attrs::new().text("dtype", dtype);
        vec![
            sample(&[], attrs("f32").floats("data", &[1.0, -2.5, 1e-7, 3.0]).ints("shape", &[2usize, 2])),
            sample(&[], attrs("bf16").floats("data", &[0.5, -2.0]).ints("shape", &[2usize])),
            sample(&[], attrs("i32").floats("data", &[3.0, 1.0]).ints("shape", &[2usize])),
            sample(&[], attrs("bool").floats("data", &[1.0]).ints::<usize>("shape", &[])),
        ]
    },
};
