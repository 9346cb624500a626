//! `scatter_add`: adds entries into those of another tensor along an axis, by number.
//!
//! ## Meaning
//! x with entry i of `updates` along `axis` added to entry `index[i]`. Entries with one index add up, in order of i.
//! ## Shapes
//! R1 `axis` is an axis of x. R2 `index` is i32[n]. R3 `updates` is x with n entries along `axis`, of x's float type.
//! ## Gradient
//! g for x, `gather` of g for `updates`.
//! ## References
//! torch.Tensor.index_add.

use crate::gather::{around, position};
use crate::{build, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, DType, Gradient, Meaning, Op};

pub static SCATTER_ADD: Op = Op {
    name: "scatter_add",
    doc: doc::header(include_str!("scatter_add.rs")),
    operands: &["x", "index", "updates"],
    variadic: false,
    attrs: &[attr("axis", AttrKind::Int, "axis to add along")],
    shape: |t, attrs| {
        let along = axis(attrs, "axis", t[0].rank(), "R1")?;
        of(t[1], DType::I32, "R2")?;
        rank(t[1], 1, "R2")?;
        let mut ty = t[0].clone();
        ty.shape[along] = t[1].shape[0];
        float(t[0], "R3")?;
        same(&ty, t[2], "R3")?;
        Ok(vec![t[0].clone()])
    },
    meaning: Meaning::Reference(|t, attrs, _| {
        let (outer, size, inner) = around(&t[0].shape, attrs.get_int("axis") as usize);
        let mut out = t[0].clone();
        let mut from = 0;
        for o in 0..outer {
            for &i in &t[1].data {
                let start = (o * size + position(i, size)) * inner;
                let updates = &t[2].data[from..from + inner];
                for (y, u) in out.data[start..start + inner].iter_mut().zip(updates) {
                    *y += u;
                }
                from += inner;
            }
        }
        vec![out]
    }),
    gradient: Gradient::Rule(|b, c| {
        let along = c.attrs.get_int("axis") as usize;
        let g = c.upstream[0];
        let updates = g.filter(|_| c.wanted[2]).map(|g| build::gather(b, g, c.operands[1], along));
        vec![g, None, updates]
    }),
    cost: |t, results, _| cost::counted(t, results, t[2].elements() as f64),
    class: Class::Kernel,
    samples: || {
        let of = |x: &[usize], n, axis: usize| {
            let mut updates = f32s(x);
            updates.shape[axis] = n;
            let attrs = Attrs::new().int("axis", axis as i64);
            sample_from(&[f32s(x), i32s(&[n]), updates], attrs, 0.0, 3.0)
        };
        vec![of(&[4], 6, 0), of(&[2, 3, 2], 4, 1), of(&[2, 5], 2, 1)]
    },
};
