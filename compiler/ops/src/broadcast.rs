//! `broadcast`: repeats a tensor along new axes.
//!
//! ## Meaning
//! Operand axis i is result axis `axes[i]`; along the other result axes the operand repeats.
//! ## Shapes
//! R1 `shape` has no negative size. R2 `axes` has one entry per operand axis, strictly increasing, each an axis of
//! `shape`. R3 the sizes agree: an axis of size 1 does not stretch.
//! ## Gradient
//! g summed over the new axes.
//! ## References
//! StableHLO, `broadcast_in_dim`.

use crate::{build, cost, doc, rules::*, strided};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Tensor, TensorType, View};

pub static BROADCAST: Op = Op {
    name: "broadcast",
    doc: doc::header(include_str!("broadcast.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[attr("axes", AttrKind::Ints, "result axis of each operand axis"), attr("shape", AttrKind::Ints, "shape of the result")],
    shape: |t, attrs| {
        let shape = sizes(attrs, "shape", "R1")?;
        let to = axes(attrs, "axes", shape.len(), "R2")?;
        let increasing = to.windows(2).all(|w| w[0] < w[1]);
        require(to.len() == t[0].rank() && increasing, "R2", || format!("axes {to:?} for {}", t[0]))?;
        for (i, &a) in to.iter().enumerate() {
            require(shape[a] == t[0].shape[i], "R3", || format!("axis {i} of {} meets size {}", t[0], shape[a]))?;
        }
        Ok(vec![TensorType::new(t[0].dtype, &shape)])
    },
    meaning: Meaning::Reference(|t, attrs, results| {
        let from = strided::strides(&t[0].shape);
        let mut by = vec![0; results[0].rank()];
        for (i, a) in attrs.get_sizes("axes").into_iter().enumerate() {
            by[a] = from[i] as isize;
        }
        let data = strided::read(&t[0].data, &results[0].shape, &by, 0);
        vec![Tensor::new(&results[0].shape, data)]
    }),
    gradient: Gradient::Rule(|b, c| {
        let kept = c.attrs.get_sizes("axes");
        let rank = c.attrs.get_ints("shape").len();
        let new: Vec<usize> = (0..rank).filter(|a| !kept.contains(a)).collect();
        vec![c.upstream[0].map(|g| build::reduce_sum(b, g, &new))]
    }),
    cost: cost::moved,
    class: Class::View(View::Broadcast),
    samples: || {
        let to = |from: &[usize], shape: &[usize], axes: &[usize]| {
            let attrs = Attrs::new().ints("shape", shape).ints("axes", axes);
            sample(&[f32s(from)], attrs)
        };
        vec![
            to(&[3], &[2, 3], &[1]),
            to(&[3], &[3, 2], &[0]),
            to(&[2, 4], &[2, 3, 4], &[0, 2]),
            to(&[], &[2, 2], &[]),
            to(&[2], &[2], &[0]),
        ]
    },
};
