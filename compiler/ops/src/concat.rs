//! `concat`: tensors one after another along an axis.
//!
//! ## Meaning
//! The operands in order along `axis`.
//! ## Shapes
//! R1 `axis` is an axis of the operands. R2 they have one element type and agree on every other axis.
//! ## Gradient
//! Each operand gets its slice of g.
//! ## References
//! StableHLO, `concatenate`.

use crate::{build, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Tensor, View};

pub static CONCAT: Op = Op {
    name: "concat",
    doc: doc::header(include_str!("concat.rs")),
    operands: &["x"],
    variadic: true,
    attrs: &[attr("axis", AttrKind::Int, "axis to join")],
    shape: |t, attrs| {
        let along = axis(attrs, "axis", t[0].rank(), "R1")?;
        let mut joined = t[0].clone();
        for other in &t[1..] {
            let mut like = (*other).clone();
            require(like.rank() == joined.rank(), "R2", || format!("{} and {other}", t[0]))?;
            like.shape[along] = t[0].shape[along];
            require(&like == t[0], "R2", || format!("{} and {other}", t[0]))?;
            joined.shape[along] += other.shape[along];
        }
        Ok(vec![joined])
    },
    meaning: Meaning::Reference(|t, attrs, results| {
        let along = attrs.get_int("axis") as usize;
        let outer: usize = results[0].shape[..along].iter().product();
        let mut data = Vec::with_capacity(results[0].elements());
        for i in 0..outer {
            for x in t {
                let row: usize = x.shape[along..].iter().product();
                data.extend_from_slice(&x.data[i * row..(i + 1) * row]);
            }
        }
        vec![Tensor::new(&results[0].shape, data)]
    }),
    gradient: Gradient::Rule(|b, c| {
        let Some(g) = c.upstream[0] else {
            return vec![None; c.operands.len()];
        };
        let along = c.attrs.get_int("axis") as usize;
        let mut start = 0;
        let mut gradients = Vec::new();
        for (i, x) in c.operands.iter().enumerate() {
            let stop = start + b.shape(*x)[along];
            gradients.push(c.wanted[i].then(|| build::slice_axis(b, g, along, start, stop)));
            start = stop;
        }
        gradients
    }),
    cost: cost::moved,
    class: Class::View(View::Concat),
    samples: || {
        vec![
            sample(&[f32s(&[2]), f32s(&[3])], Attrs::new().int("axis", 0)),
            sample(&[f32s(&[2, 1]), f32s(&[2, 3]), f32s(&[2, 2])], Attrs::new().int("axis", 1)),
            sample(&[f32s(&[2, 2, 3])], Attrs::new().int("axis", 1)),
            sample(&[f32s(&[1, 2, 3]), f32s(&[2, 2, 3])], Attrs::new().int("axis", 0)),
        ]
    },
};
