//! `softmax`: exponentials along an axis, scaled to sum to one.
//!
//! ## Meaning
//! exp(x - m) / sum(exp(x - m)) along `axis`, with m the maximum so that nothing overflows.
//! ## Shapes
//! R1 `axis` is an axis of the operand, not empty. R2 it holds floats.
//! ## Gradient
//! y (g - sum(g y)).
//! ## References
//! Goodfellow, Bengio and Courville, Deep Learning, section 6.2.2.3.

use crate::{build::*, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op};

pub static SOFTMAX: Op = Op {
    name: "softmax",
    doc: doc::header(include_str!("softmax.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[attr("axis", AttrKind::Int, "axis that sums to one")],
    shape: |t, attrs| {
        let along = axis(attrs, "axis", t[0].rank(), "R1")?;
        require(t[0].shape[along] > 0, "R1", || format!("axis {along} of {} is empty", t[0]))?;
        float(t[0], "R2")?;
        Ok(vec![t[0].clone()])
    },
    meaning: Meaning::Composite(|b, x, attrs| {
        let along = [attrs.get_int("axis") as usize];
        let shape = b.shape(x[0]).to_vec();
        let top = reduce_max(b, x[0], &along);
        let top = broadcast_like(b, top, &along, &shape);
        let below = sub(b, x[0], top);
        let e = exp(b, below);
        let sum = reduce_sum(b, e, &along);
        let sum = broadcast_like(b, sum, &along, &shape);
        vec![div(b, e, sum)]
    }),
    gradient: Gradient::Rule(|b, c| {
        let Some(g) = c.upstream[0] else {
            return vec![None];
        };
        let y = c.results[0];
        let along = [c.attrs.get_int("axis") as usize];
        let shape = b.shape(y).to_vec();
        let gy = mul(b, g, y);
        let sum = reduce_sum(b, gy, &along);
        let sum = broadcast_like(b, sum, &along, &shape);
        let centred = sub(b, g, sum);
        vec![Some(mul(b, y, centred))]
    }),
    cost: cost::per_operand_8,
    class: Class::Composite,
    samples: || {
        let of = |x: &[usize], axis| sample(&[f32s(x)], Attrs::new().int("axis", axis));
        vec![of(&[5], 0), of(&[2, 4], 1), of(&[3, 2, 2], 0)]
    },
};
