//! Constant tables, computed while compiling in f64: positions, mode numbers, resize matrices, lags.

use super::{Arguments, Builtin, Kind, optional, required};
use crate::{
    Elaborator,
    fault::{Outcome, fault},
    interpret::too_much,
    value::{Table, Value},
};
use pfm_ir::Tensor;

const MOST_ENTRIES: usize = 4_000_000;

pub(super) static TABLE: &[Builtin] = &[
    Builtin {
        name: "linspace",
        params: &[
            required("from", Kind::Number),
            required("to", Kind::Number),
            required("count", Kind::Count),
            required("along", Kind::Axis),
        ],
        doc: "Evenly spaced numbers along a new axis, both ends included; one number is `from`.",
        run: |_, a| {
            let (from, to, count) = (a.number(0), a.number(1), a.count(2));
            let step = if count > 1 { (to - from) / (count - 1) as f64 } else { 0.0 };
            vector(a, 3, count, |i| from + step * i as f64)
        },
    },
    Builtin {
        name: "iota",
        params: &[required("count", Kind::Count), required("along", Kind::Axis)],
        doc: "0, 1, 2, … along a new axis.",
        run: |_, a| vector(a, 1, a.count(0), |i| i as f64),
    },
    Builtin {
        name: "frequency",
        params: &[required("count", Kind::Count), required("along", Kind::Axis)],
        doc: "Cycles per entry of the modes of a discrete Fourier transform: 0, 1/n, … then the negative ones.",
        run: |_, a| {
            let n = a.count(0);
            vector(a, 1, n, |i| if i < n.div_ceil(2) { i as f64 / n as f64 } else { i as f64 / n as f64 - 1.0 })
        },
    },
    Builtin {
        name: "resize_matrix",
        params: &[required("from", Kind::Count), required("to", Kind::Count), optional("by", Kind::Name)],
        doc: "Matrix [new old] that resizes a kernel along one axis. `pinv` (the default) is the pseudo-inverse of the transposed linear \
              resize, so that the new kernel answers a resized input as the old one answered the input; `linear` is linear resize itself \
              (half-pixel centres, no antialiasing).",
        run: resize_matrix,
    },
    Builtin {
        name: "lags",
        params: &[required("count", Kind::Count), required("limit", Kind::Count)],
        doc: "List of i - j for all pairs (i, j), j varying fastest, kept between 0 and `limit`.",
        run: |_, a| {
            let (n, limit) = (a.count(0), a.count(1));
            bounded(n.saturating_mul(n), a)?;
            Ok(Value::numbers((0..n).flat_map(|i| (0..n).map(move |j| i.saturating_sub(j).min(limit) as f64))))
        },
    },
];

fn vector(a: &Arguments, along: usize, count: usize, f: impl Fn(usize) -> f64) -> Outcome<Value> {
    if count == 0 {
        return Err(fault("E1017", "an axis has at least one entry", a.span, "none here"));
    }
    bounded(count, a)?;
    let tensor = Tensor::new(&[count], (0..count).map(f).collect());
    Ok(Value::Table(Table { axes: vec![a.axis(along)], tensor, boolean: false }))
}

/// Tables are made while compiling, so they are small.
fn bounded(count: usize, a: &Arguments) -> Outcome<()> {
    if count <= MOST_ENTRIES {
        return Ok(());
    }
    Err(too_much(format!("a table of more than {MOST_ENTRIES} entries"), a.span, "made while compiling"))
}

fn resize_matrix(_: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (from, to) = (a.count(0), a.count(1));
    if from == 0 || to == 0 {
        return Err(fault("E1017", "an axis has at least one entry", a.span, "none here"));
    }
    // The pseudo-inverse takes the cube of this.
    bounded(from.max(to).saturating_mul(from.max(to)).saturating_mul(from.max(to)) / 16, a)?;
    let linear = linear_resize(from, to);
    let data = match a.name(2) {
        None | Some("pinv") if from == to => linear,
        None | Some("pinv") => pseudo_inverse_of_transpose(&linear, to, from, a)?,
        Some("linear") => linear,
        Some(other) => {
            let d = fault("E1006", format!("kernels are not resized by `{other}`"), a.span_of(2), "not a way to resize");
            return Err(Box::new(d.help("write `pinv` or `linear`")));
        }
    };
    let tensor = Tensor::new(&[to, from], data);
    Ok(Value::Table(Table { axes: vec!["new".to_string(), "old".to_string()], tensor, boolean: false }))
}

/// Rows are outputs: half-pixel centres, clamped at the ends.
fn linear_resize(from: usize, to: usize) -> Vec<f64> {
    let mut m = vec![0.0; to * from];
    for o in 0..to {
        let at = ((o as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, from as f64 - 1.0);
        let low = at.floor() as usize;
        let high = (low + 1).min(from - 1);
        m[o * from + low] += 1.0 - (at - low as f64);
        m[o * from + high] += at - low as f64;
    }
    m
}

/// pinv(B^T) of a `rows` x `columns` matrix B, which is again `rows` x `columns`. With full rank it is
/// (B B^T)^-1 B where rows <= columns, else B (B^T B)^-1.
fn pseudo_inverse_of_transpose(b: &[f64], rows: usize, columns: usize, a: &Arguments) -> Outcome<Vec<f64>> {
    let wide = rows <= columns;
    let n = rows.min(columns);
    let entry = |i: usize, j: usize| if wide { b[i * columns + j] } else { b[j * columns + i] };
    let inner = rows.max(columns);
    let mut gram: Vec<f64> = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..n {
            gram[i * n + j] = (0..inner).map(|k| entry(i, k) * entry(j, k)).sum();
        }
    }
    let inverse = inverse(gram, n).ok_or_else(|| {
        fault("E1017", format!("a kernel of {columns} can not be resized to {rows} by pseudo-inverse"), a.span, "the resize is singular")
    })?;
    let mut out = vec![0.0; rows * columns];
    for i in 0..n {
        for k in 0..inner {
            let v: f64 = (0..n).map(|j| inverse[i * n + j] * entry(j, k)).sum();
            out[if wide { i * columns + k } else { k * columns + i }] = v;
        }
    }
    Ok(out)
}

/// Gauss-Jordan with partial pivoting.
fn inverse(mut m: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    let mut out: Vec<f64> = (0..n * n).map(|i| f64::from(i / n == i % n)).collect();
    for column in 0..n {
        let pivot = (column..n).max_by(|a, b| m[a * n + column].abs().total_cmp(&m[b * n + column].abs()))?;
        if m[pivot * n + column].abs() < 1e-12 {
            return None;
        }
        for k in 0..n {
            m.swap(pivot * n + k, column * n + k);
            out.swap(pivot * n + k, column * n + k);
        }
        let scale = m[column * n + column];
        for k in 0..n {
            m[column * n + k] /= scale;
            out[column * n + k] /= scale;
        }
        for row in (0..n).filter(|r| *r != column) {
            let factor = m[row * n + column];
            for k in 0..n {
                m[row * n + k] -= factor * m[column * n + k];
                out[row * n + k] -= factor * out[column * n + k];
            }
        }
    }
    Some(out)
}
