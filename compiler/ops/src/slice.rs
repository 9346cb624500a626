//! `slice`: a box of a tensor, with a step per axis.
//!
//! ## Meaning
//! Result element i is operand element `start + i * step`, for indices below `stop`.
//! ## Shapes
//! R1 `start`, `stop` and `step` have one entry per axis, none negative. R2 each `step` is at least 1.
//! R3 `start < stop`, and `stop` is within the axis. The result has ceil((stop - start) / step) elements per axis.
//! ## Gradient
//! g padded back with zeros.
//! ## References
//! StableHLO, `slice`.

use crate::{build, cost, doc, rules::*, strided};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Tensor, TensorType, View};

pub static SLICE: Op = Op {
    name: "slice",
    doc: doc::header(include_str!("slice.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[
        attr("start", AttrKind::Ints, "first index per axis"),
        attr("step", AttrKind::Ints, "step per axis"),
        attr("stop", AttrKind::Ints, "end of the box per axis, exclusive"),
    ],
    shape: |t, attrs| {
        let rank = t[0].rank();
        let start = sizes_per_axis(attrs, "start", rank, "R1")?;
        let stop = sizes_per_axis(attrs, "stop", rank, "R1")?;
        let step = sizes_per_axis(attrs, "step", rank, "R1")?;
        require(step.iter().all(|&s| s >= 1), "R2", || format!("step {step:?}"))?;
        let mut shape = Vec::with_capacity(rank);
        for a in 0..rank {
            require(start[a] < stop[a] && stop[a] <= t[0].shape[a], "R3", || format!("{}..{} of axis {a} of {}", start[a], stop[a], t[0]))?;
            shape.push((stop[a] - start[a]).div_ceil(step[a]));
        }
        Ok(vec![TensorType::new(t[0].dtype, &shape)])
    },
    meaning: Meaning::Reference(|t, attrs, results| {
        let from = strided::strides(&t[0].shape);
        let starts = attrs.get_sizes("start");
        let steps = attrs.get_sizes("step");
        let offset: usize = starts.iter().zip(&from).map(|(i, s)| i * s).sum();
        let by: Vec<isize> = steps.iter().zip(&from).map(|(i, s)| (i * s) as isize).collect();
        let data = strided::read(&t[0].data, &results[0].shape, &by, offset as isize);
        vec![Tensor::new(&results[0].shape, data)]
    }),
    gradient: Gradient::Rule(|b, c| {
        let Some(g) = c.upstream[0] else {
            return vec![None];
        };
        let full = b.shape(c.operands[0]).to_vec();
        let part = b.shape(g).to_vec();
        let low = c.attrs.get_sizes("start");
        let between: Vec<usize> = c.attrs.get_sizes("step").iter().map(|s| s - 1).collect();
        let high: Vec<usize> = (0..full.len()).map(|a| full[a] - low[a] - (part[a] - 1) * (between[a] + 1) - 1).collect();
        vec![Some(build::pad(b, g, &low, &high, &between, 0.0))]
    }),
    cost: cost::moved,
    class: Class::View(View::Slice),
    samples: || {
        let of = |from: &[usize], start: &[usize], stop: &[usize], step: &[usize]| {
            let attrs = Attrs::new().ints("start", start).ints("stop", stop);
            sample(&[f32s(from)], attrs.ints("step", step))
        };
        vec![of(&[5], &[1], &[4], &[1]), of(&[7, 4], &[1, 0], &[7, 4], &[2, 3]), of(&[2, 3, 4], &[0, 1, 2], &[2, 2, 4], &[1, 1, 1])]
    },
};
