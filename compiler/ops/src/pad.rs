//! `pad`: puts a value around and between the elements of a tensor.
//!
//! ## Meaning
//! Operand element i lands at `low + i * (interior + 1)`; everything else is `value`.
//! ## Shapes
//! R1 `low`, `high` and `interior` have one entry per axis, none negative.
//! R2 no axis of size 0. The result has low + (n - 1) (interior + 1) + 1 + high elements per axis.
//! ## Gradient
//! The slice of g where the operand landed.
//! ## References
//! StableHLO, `pad`.

use crate::{build, cost, doc, rules::*, strided};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Tensor, TensorType, View};

pub static PAD: Op = Op {
    name: "pad",
    doc: doc::header(include_str!("pad.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[
        attr("high", AttrKind::Ints, "elements after, per axis"),
        attr("interior", AttrKind::Ints, "elements between neighbours, per axis"),
        attr("low", AttrKind::Ints, "elements before, per axis"),
        attr("value", AttrKind::Float, "what is put there"),
    ],
    shape: |t, attrs| {
        let rank = t[0].rank();
        let low = sizes_per_axis(attrs, "low", rank, "R1")?;
        let high = sizes_per_axis(attrs, "high", rank, "R1")?;
        let interior = sizes_per_axis(attrs, "interior", rank, "R1")?;
        let mut shape = Vec::with_capacity(rank);
        for a in 0..rank {
            let n = t[0].shape[a];
            require(n > 0, "R2", || format!("axis {a} of {} is empty", t[0]))?;
            shape.push(low[a] + (n - 1) * (interior[a] + 1) + 1 + high[a]);
        }
        Ok(vec![TensorType::new(t[0].dtype, &shape)])
    },
    meaning: Meaning::Reference(|t, attrs, results| {
        let mut out = Tensor::fill(&results[0].shape, attrs.get_float("value"));
        let to = strided::strides(&out.shape);
        let low = attrs.get_sizes("low");
        let offset: usize = low.iter().zip(&to).map(|(i, s)| i * s).sum();
        let interior = attrs.get_sizes("interior");
        let steps = interior.iter().zip(&to);
        let by: Vec<isize> = steps.map(|(i, s)| ((i + 1) * s) as isize).collect();
        strided::write(&mut out.data, &t[0].data, &t[0].shape, &by, offset as isize);
        vec![out]
    }),
    gradient: Gradient::Rule(|b, c| {
        let Some(g) = c.upstream[0] else {
            return vec![None];
        };
        let n = b.shape(c.operands[0]).to_vec();
        let start = c.attrs.get_sizes("low");
        let step: Vec<usize> = c.attrs.get_sizes("interior").iter().map(|i| i + 1).collect();
        let stop: Vec<usize> = (0..n.len()).map(|a| start[a] + (n[a] - 1) * step[a] + 1).collect();
        vec![Some(build::slice(b, g, &start, &stop, &step))]
    }),
    cost: cost::moved,
    class: Class::View(View::Pad),
    samples: || {
        let by = |from: &[usize], low: &[usize], high: &[usize], interior: &[usize], value| {
            let attrs = Attrs::new().ints("low", low).ints("high", high);
            let attrs = attrs.ints("interior", interior).float("value", value);
            sample(&[f32s(from)], attrs)
        };
        vec![by(&[3], &[2], &[1], &[0], 0.0), by(&[2, 3], &[0, 1], &[1, 0], &[2, 1], 0.5), by(&[2, 2], &[1, 1], &[0, 2], &[0, 0], -1.0)]
    },
};
