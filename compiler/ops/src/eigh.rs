//! `eigh`: eigenvalues and eigenvectors of a symmetric matrix.
//!
//! ## Meaning
//! a = V diag(values) V^T with orthonormal V, values descending. The sign of a column is free, and so is the basis of
//! the space of a repeated eigenvalue. Only the symmetric part of a counts.
//! ## Shapes
//! R1 a is square f32[n, n] with n at least 1. The results are values f32[n] and vectors f32[n, n], one per column.
//! ## Gradient
//! Undefined.
//! ## References
//! Golub and Van Loan, Matrix computations, chapter 8. The reference uses the crate nalgebra.

use crate::{cost, doc, rules::*};
use nalgebra::DMatrix;
use pfm_ir::{Attrs, Class, DType, Gradient, Meaning, Op, Tensor, TensorType};

pub static EIGH: Op = Op {
    name: "eigh",
    doc: doc::header(include_str!("eigh.rs")),
    operands: &["a"],
    variadic: false,
    attrs: &[],
    shape: |t, _| {
        of(t[0], DType::F32, "R1")?;
        rank(t[0], 2, "R1")?;
        let n = t[0].shape[0];
        require(n > 0 && t[0].shape[1] == n, "R1", || format!("{} is not square", t[0]))?;
        Ok(vec![TensorType::f32(&[n]), t[0].clone()])
    },
    meaning: Meaning::Reference(|t, _, _| {
        let n = t[0].shape[0];
        let a = DMatrix::from_row_slice(n, n, &t[0].data);
        let eigen = ((&a + a.transpose()) * 0.5).symmetric_eigen();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]));
        let values = order.iter().map(|&i| eigen.eigenvalues[i]).collect();
        let vectors = Tensor::from_fn(&[n, n], |i| eigen.eigenvectors[(i[0], order[i[1]])]);
        vec![Tensor::new(&[n], values), vectors]
    }),
    gradient: Gradient::Undefined,
    cost: |t, results, _| cost::counted(t, results, 9.0 * (t[0].shape[0] as f64).powi(3)),
    class: Class::Kernel,
    samples: || [1, 2, 5].map(|n| sample(&[f32s(&[n, n])], Attrs::new())).into(),
};
