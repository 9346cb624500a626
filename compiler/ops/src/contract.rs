//! `contract`: the sum of products over shared axes; matrix product, dot product and outer product are cases of it.
//!
//! ## Meaning
//! Einstein summation with integer labels for axes: `x` labels the first operand's axes, `y` the second's, `out` the
//! result's. A label in both operands and in `out` is a batch axis; one in both but not in `out` is summed over.
//! ## Shapes
//! R1 `x` and `y` have one distinct label per axis. R2 axes with one label have one size.
//! R3 every label of `out` is distinct and occurs in an operand. R4 every label of an operand is in the other or in `out`.
//! R5 both operands have one type of floats. The result is f32: products of bf16 are exact in f32, and summed there.
//! ## Gradient
//! Contractions of g with the other operand.
//! ## References
//! numpy.einsum; StableHLO, `dot_general`.

use crate::{build, cost, doc, rules::*, strided};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, ShapeError, Tensor, TensorType};

/// The axes of a contraction by role, each as positions in the tensors that have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// (axis of x, axis of y, axis of the result), in the result's order.
    pub batch: Vec<(usize, usize, usize)>,
    /// Only in x: (axis of x, axis of the result), in the result's order.
    pub rows: Vec<(usize, usize)>,
    /// Only in y: (axis of y, axis of the result), in the result's order.
    pub columns: Vec<(usize, usize)>,
    /// Summed: (axis of x, axis of y), in x's order.
    pub summed: Vec<(usize, usize)>,
}

impl Groups {
    pub fn of(attrs: &Attrs) -> Groups {
        let (x, y) = (attrs.get_ints("x"), attrs.get_ints("y"));
        let out = attrs.get_ints("out");
        let at = |labels: &[i64], l: i64| labels.iter().position(|&m| m == l);
        let mut groups = Groups::default();
        for (o, &l) in out.iter().enumerate() {
            match (at(x, l), at(y, l)) {
                (Some(i), Some(j)) => groups.batch.push((i, j, o)),
                (Some(i), None) => groups.rows.push((i, o)),
                (None, Some(j)) => groups.columns.push((j, o)),
                (None, None) => panic!("label {l} of `out` occurs in no operand"),
            }
        }
        for (i, &l) in x.iter().enumerate() {
            if let (Some(j), None) = (at(y, l), at(out, l)) {
                groups.summed.push((i, j));
            }
        }
        groups
    }
}

fn labels<'a>(attrs: &'a Attrs, name: &str, ty: &TensorType) -> Result<&'a [i64], ShapeError> {
    let list = attrs.get_ints(name);
    let distinct = (1..list.len()).all(|i| !list[..i].contains(&list[i]));
    require(distinct && list.len() == ty.rank(), "R1", || format!("labels {list:?} for {ty}"))?;
    Ok(list)
}

fn infer(t: &[&TensorType], attrs: &Attrs) -> Inferred {
    let x = labels(attrs, "x", t[0])?;
    let y = labels(attrs, "y", t[1])?;
    let out = attrs.get_ints("out");
    for (i, l) in x.iter().enumerate() {
        if let Some(j) = y.iter().position(|m| m == l) {
            require(t[0].shape[i] == t[1].shape[j], "R2", || format!("label {l} has sizes {} and {}", t[0].shape[i], t[1].shape[j]))?;
        }
    }
    let mut shape = Vec::with_capacity(out.len());
    for (o, l) in out.iter().enumerate() {
        require(!out[..o].contains(l), "R3", || format!("label {l} is twice in `out`"))?;
        let size = x.iter().position(|m| m == l).map(|i| t[0].shape[i]);
        let size = size.or_else(|| y.iter().position(|m| m == l).map(|j| t[1].shape[j]));
        shape.push(size.ok_or_else(|| ShapeError::new("R3", format!("label {l} of `out` occurs in no operand")))?);
    }
    for (own, other) in [(x, y), (y, x)] {
        for l in own {
            require(other.contains(l) || out.contains(l), "R4", || format!("label {l} occurs once"))?;
        }
    }
    float(t[0], "R5")?;
    require(t[0].dtype == t[1].dtype, "R5", || format!("{} and {}", t[0], t[1]))?;
    Ok(vec![TensorType::f32(&shape)])
}

/// Permutes to [batch, rows, summed] and [batch, summed, columns], multiplies, and permutes to the result's order.
fn reference(t: &[&Tensor], attrs: &Attrs, results: &[TensorType]) -> Vec<Tensor> {
    let groups = Groups::of(attrs);
    let size = |x: &Tensor, a: usize| x.shape[a];
    let x_order: Vec<usize> =
        groups.batch.iter().map(|g| g.0).chain(groups.rows.iter().map(|g| g.0)).chain(groups.summed.iter().map(|g| g.0)).collect();
    let y_order: Vec<usize> =
        groups.batch.iter().map(|g| g.1).chain(groups.summed.iter().map(|g| g.1)).chain(groups.columns.iter().map(|g| g.0)).collect();
    let out_order: Vec<usize> =
        groups.batch.iter().map(|g| g.2).chain(groups.rows.iter().map(|g| g.1)).chain(groups.columns.iter().map(|g| g.1)).collect();
    let x = strided::permuted(&t[0].data, &t[0].shape, &x_order);
    let y = strided::permuted(&t[1].data, &t[1].shape, &y_order);
    let m: usize = groups.rows.iter().map(|g| size(t[0], g.0)).product();
    let n: usize = groups.columns.iter().map(|g| size(t[1], g.0)).product();
    let k: usize = groups.summed.iter().map(|g| size(t[0], g.0)).product();
    let batch: usize = groups.batch.iter().map(|g| size(t[0], g.0)).product();
    let mut product = vec![0.0; batch * m * n];
    for b in 0..batch {
        let (x, y) = (&x[b * m * k..][..m * k], &y[b * k * n..][..k * n]);
        multiply(&mut product[b * m * n..][..m * n], x, y, k, n);
    }
    let shape: Vec<usize> = out_order.iter().map(|&o| results[0].shape[o]).collect();
    let back = crate::permute::inverse(&out_order);
    let data = strided::permuted(&product, &shape, &back);
    vec![Tensor::new(&results[0].shape, data)]
}

/// out [m, n] += x [m, k] y [k, n], with the columns innermost so that memory is read in order.
fn multiply(out: &mut [f64], x: &[f64], y: &[f64], k: usize, n: usize) {
    if k == 0 || n == 0 {
        return;
    }
    for (row, x) in out.chunks_exact_mut(n).zip(x.chunks_exact(k)) {
        for (&xv, y) in x.iter().zip(y.chunks_exact(n)) {
            for (o, &yv) in row.iter_mut().zip(y) {
                *o += xv * yv;
            }
        }
    }
}

pub static CONTRACT: Op = Op {
    name: "contract",
    doc: doc::header(include_str!("contract.rs")),
    operands: &["x", "y"],
    variadic: false,
    attrs: &[
        attr("out", AttrKind::Ints, "labels of the result's axes"),
        attr("x", AttrKind::Ints, "labels of the first operand's axes"),
        attr("y", AttrKind::Ints, "labels of the second operand's axes"),
    ],
    shape: infer,
    meaning: Meaning::Reference(reference),
    gradient: Gradient::Rule(|b, c| {
        let Some(g) = c.upstream[0] else {
            return vec![None, None];
        };
        let of = |name: &str| c.attrs.get_ints(name);
        let (x, y, out) = (of("x"), of("y"), of("out"));
        let dtype = b.ty(c.operands[0]).dtype;
        let g = build::as_type(b, g, dtype);
        let dx = c.wanted[0].then(|| build::contract(b, g, c.operands[1], out, y, x));
        let dy = c.wanted[1].then(|| build::contract(b, c.operands[0], g, x, out, y));
        [dx, dy].into_iter().map(|d| d.map(|d| build::as_type(b, d, dtype))).collect()
    }),
    cost: |t, results, attrs| {
        let summed = Groups::of(attrs).summed;
        let k: usize = summed.iter().map(|&(i, _)| t[0].shape[i]).product();
        cost::counted(t, results, 2.0 * (k * results[0].elements()) as f64)
    },
    class: Class::Kernel,
    samples: || {
        let of = |xs: &[usize], ys: &[usize], x: &[i64], y: &[i64], out: &[i64]| {
            let attrs = Attrs::new().ints("x", x).ints("y", y).ints("out", out);
            sample(&[f32s(xs), f32s(ys)], attrs)
        };
        vec![
            of(&[2, 3], &[3, 4], &[0, 1], &[1, 2], &[0, 2]),
            of(&[2, 3], &[4, 3], &[0, 1], &[2, 1], &[2, 0]),
            of(&[2, 3, 4], &[2, 4, 5], &[0, 1, 2], &[0, 2, 3], &[0, 1, 3]),
            of(&[2, 3, 4], &[4, 3, 2], &[0, 1, 2], &[2, 1, 0], &[1]),
            of(&[3], &[4], &[0], &[1], &[1, 0]),
            of(&[5], &[5], &[0], &[0], &[]),
            of(&[2, 3, 2, 2], &[5, 2, 3], &[0, 1, 2, 3], &[4, 3, 1], &[0, 2, 4]),
        ]
    },
};
