//! Decompositions of matrices and orders of entries: what optimisers that look at whole axes are made of. They have no derivative.

use super::{Arguments, Builtin, Kind, optional, required};
use crate::{
    Elaborator, NamedTensor,
    fault::{Outcome, axes_text, fault},
    value::Value,
};
use pfm_ir::{Attrs, DType};

pub(super) static TABLE: &[Builtin] = &[
    Builtin {
        name: "eigh",
        params: &[required("x", Kind::Tensor)],
        doc: "Eigenvalues of a symmetric matrix, largest first, and its eigenvectors as columns. No derivative.",
        run: |e, a| {
            let x = matrix(a)?;
            let found = e.nodes(&pfm_ops::EIGH, &[x.value], Attrs::new(), a.span)?;
            let values = NamedTensor { value: found[0], axes: x.axes[1..].to_vec() };
            Ok(Value::Group(vec![Value::Tensor(values), Value::Tensor(NamedTensor { value: found[1], axes: x.axes })]))
        },
    },
    Builtin {
        name: "qr",
        params: &[required("x", Kind::Tensor)],
        doc: "Factors of a matrix of at least as many rows as columns: one with orthonormal columns, and a triangular one. No derivative.",
        run: |e, a| {
            let x = matrix(a)?;
            let found = e.nodes(&pfm_ops::QR, &[x.value], Attrs::new(), a.span)?;
            let columns = x.axes[1].clone();
            let triangle = NamedTensor { value: found[1], axes: vec![format!("{columns}'"), columns] };
            Ok(Value::Group(vec![Value::Tensor(NamedTensor { value: found[0], axes: x.axes }), Value::Tensor(triangle)]))
        },
    },
    Builtin {
        name: "argsort",
        params: &[required("x", Kind::Tensor), optional("descending", Kind::Bool)],
        doc: "Indices that sort a vector, for `pick`.",
        run: |e, a| {
            let x = a.tensor(0).clone();
            let value = e.node(&pfm_ops::ARGSORT, &[x.value], Attrs::new().bool("descending", a.flag(1, false)), a.span)?;
            Ok(Value::Tensor(NamedTensor { value, axes: x.axes }))
        },
    },
    Builtin {
        name: "pick",
        params: &[required("x", Kind::Tensor), required("index", Kind::Tensor), required("along", Kind::Axis)],
        doc: "The entries of an axis with the indices of a vector that is known only when running, such as `argsort` gives.",
        run: pick,
    },
];

fn matrix(a: &Arguments) -> Outcome<NamedTensor> {
    let x = a.tensor(0).clone();
    if x.axes.len() == 2 {
        return Ok(x);
    }
    Err(fault("E1013", format!("expected a matrix, found {}", axes_text(&x.axes)), a.span_of(0), "not of two axes"))
}

fn pick(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (x, index) = (a.tensor(0).clone(), a.tensor(1).clone());
    let at = e.axis(&x, &a.axis(2), a.span_of(2))?;
    if e.builder.ty(index.value).dtype != DType::I32 || index.axes.len() != 1 {
        return Err(fault("E1006", "`index` of `pick` is a vector of indices", a.span_of(1), axes_text(&index.axes)));
    }
    let value = e.node(&pfm_ops::GATHER, &[x.value, index.value], Attrs::new().int("axis", at as i64), a.span)?;
    Ok(Value::Tensor(NamedTensor { value, axes: x.axes }))
}
