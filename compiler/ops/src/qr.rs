//! `qr`: orthogonal and triangular factor of a tall matrix.
//!
//! ## Meaning
//! a = q r by Householder reflections; q has orthonormal columns even where those of a are zero or dependent, r is
//! upper triangular. Column k is reflected onto -sign(a_kk) |a_k|, with sign(0) = 1; a zero column is left as it is.
//! ## Shapes
//! R1 a is f32[m, n] with m at least n and n at least 1. The results are q f32[m, n] and r f32[n, n].
//! ## Gradient
//! Undefined.
//! ## References
//! Golub and Van Loan, Matrix computations, section 5.2.

use crate::{cost, doc, rules::*};
use nalgebra::{DMatrix, DVector};
use pfm_ir::{Attrs, Class, DType, Gradient, Meaning, Op, Tensor, TensorType};

/// The unit vector of the reflection that clears column k below its diagonal; None if it is zero already.
fn reflector(a: &DMatrix<f64>, k: usize) -> Option<DVector<f64>> {
    let mut v = DVector::zeros(a.nrows());
    v.rows_mut(k, a.nrows() - k).copy_from(&a.view((k, k), (a.nrows() - k, 1)));
    let norm = v.norm();
    v[k] += if v[k] < 0.0 { -norm } else { norm };
    v.try_normalize(0.0)
}

fn reflect(a: &mut DMatrix<f64>, v: &DVector<f64>) {
    let along = v.transpose() * &*a;
    *a -= v * along * 2.0;
}

fn reference(t: &[&Tensor], _: &Attrs, _: &[TensorType]) -> Vec<Tensor> {
    let (m, n) = (t[0].shape[0], t[0].shape[1]);
    let mut r = DMatrix::from_row_slice(m, n, &t[0].data);
    let mut reflectors = Vec::new();
    for k in 0..n {
        if let Some(v) = reflector(&r, k) {
            reflect(&mut r, &v);
            reflectors.push(v);
        }
    }
    let mut q = DMatrix::identity(m, n);
    for v in reflectors.iter().rev() {
        reflect(&mut q, v);
    }
    vec![Tensor::from_fn(&[m, n], |i| q[(i[0], i[1])]), Tensor::from_fn(&[n, n], |i| if i[0] <= i[1] { r[(i[0], i[1])] } else { 0.0 })]
}

pub static QR: Op = Op {
    name: "qr",
    doc: doc::header(include_str!("qr.rs")),
    operands: &["a"],
    variadic: false,
    attrs: &[],
    shape: |t, _| {
        of(t[0], DType::F32, "R1")?;
        rank(t[0], 2, "R1")?;
        let (m, n) = (t[0].shape[0], t[0].shape[1]);
        require(m >= n && n > 0, "R1", || format!("{} is not tall", t[0]))?;
        Ok(vec![t[0].clone(), TensorType::f32(&[n, n])])
    },
    meaning: Meaning::Reference(reference),
    gradient: Gradient::Undefined,
    cost: |t, results, _| {
        let (m, n) = (t[0].shape[0] as f64, t[0].shape[1] as f64);
        cost::counted(t, results, 4.0 * m * n * n)
    },
    class: Class::Kernel,
    samples: || [[3, 3], [5, 2], [1, 1]].map(|shape| sample(&[f32s(&shape)], Attrs::new())).into(),
};
