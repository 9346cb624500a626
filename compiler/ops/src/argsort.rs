//! `argsort`: the order that sorts a vector.
//!
//! ## Meaning
//! Entry i is the index of the i-th smallest element (largest with `descending`). Equal elements keep their order.
//! NaN counts as larger than every number.
//! ## Shapes
//! R1 x is [n]. R2 it holds numbers. The result is i32[n].
//! ## Gradient
//! Zero: indices do not move with x.
//! ## References
//! torch.argsort(stable=True).

use crate::{cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, DType, Gradient, Meaning, Op, Tensor, TensorType};
use std::cmp::Ordering;

fn compare(x: f64, y: f64) -> Ordering {
    x.partial_cmp(&y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()))
}

pub static ARGSORT: Op = Op {
    name: "argsort",
    doc: doc::header(include_str!("argsort.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[attr("descending", AttrKind::Bool, "largest first")],
    shape: |t, _| {
        rank(t[0], 1, "R1")?;
        numeric(t[0], "R2")?;
        Ok(vec![TensorType::new(DType::I32, &t[0].shape)])
    },
    meaning: Meaning::Reference(|t, attrs, _| {
        let x = &t[0].data;
        let mut order: Vec<usize> = (0..x.len()).collect();
        if attrs.get_bool("descending") {
            order.sort_by(|&i, &j| compare(x[j], x[i]));
        } else {
            order.sort_by(|&i, &j| compare(x[i], x[j]));
        }
        let data = order.into_iter().map(|i| i as f64).collect();
        vec![Tensor::new(&t[0].shape, data)]
    }),
    gradient: Gradient::Zero,
    cost: |t, results, _| {
        let n = t[0].elements() as f64;
        cost::counted(t, results, n * n.max(2.0).log2())
    },
    class: Class::Kernel,
    samples: || {
        let attrs = |descending| Attrs::new().bool("descending", descending);
        vec![
            sample(&[f32s(&[7])], attrs(false)),
            sample(&[f32s(&[6])], attrs(true)),
            // Few distinct values: ties.
            sample_from(&[i32s(&[9])], attrs(true), 0.0, 3.0),
        ]
    },
};
