//! `iota`: counts 0, 1, 2, ... along one axis.
//!
//! ## Meaning
//! Element i is `i[axis]`.
//! ## Shapes
//! R1 `shape` has no negative size. R2 `axis` is one of its axes. R3 `dtype` is f32, bf16 or i32.
//! ## Gradient
//! None: it has no operands.
//! ## References
//! StableHLO, `iota`.

use crate::{cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Tensor, TensorType};

pub static IOTA: Op = Op {
    name: "iota",
    doc: doc::header(include_str!("iota.rs")),
    operands: &[],
    variadic: false,
    attrs: &[
        attr("axis", AttrKind::Int, "axis that is counted along"),
        attr("dtype", AttrKind::Text, "element type"),
        attr("shape", AttrKind::Ints, "shape of the result"),
    ],
    shape: |_, attrs| {
        let shape = sizes(attrs, "shape", "R1")?;
        axis(attrs, "axis", shape.len(), "R2")?;
        let ty = TensorType::new(dtype(attrs, "R3")?, &shape);
        numeric(&ty, "R3")?;
        Ok(vec![ty])
    },
    meaning: Meaning::Reference(|_, attrs, results| {
        let axis = attrs.get_int("axis") as usize;
        vec![Tensor::from_fn(&results[0].shape, |i| i[axis] as f64)]
    }),
    gradient: Gradient::Zero,
    cost: cost::moved,
    class: Class::Source,
    samples: || {
        let of = |axis, dtype| {
            let attrs = Attrs::new().int("axis", axis).text("dtype", dtype);
            sample(&[], attrs.ints("shape", &[2usize, 3, 4]))
        };
        vec![of(0, "i32"), of(1, "f32"), of(2, "bf16")]
    },
};
