//! QR by Householder reflections. Each column is reflected onto minus its head's sign, the last of a square matrix too.
//! q is a product of reflections and so orthonormal to rounding whatever a is; a zero column gives the identity reflection.
//! Reflections are made one by one within a panel of columns and applied to all others a panel at a time.

mod panel;

use crate::isa::Isa;
use panel::{PANEL, Panel, apply};
use pfm_device::Pool;

/// Sizes of a QR factorisation of a [m, n] with m >= n.
#[derive(Clone, Copy, Debug)]
pub struct QrSpec {
    m: usize,
    n: usize,
}

impl QrSpec {
    pub fn new(m: usize, n: usize) -> QrSpec {
        assert!(m >= n, "a tall matrix");
        QrSpec { m, n }
    }

    /// Floats of scratch: the columns of a and of q, each in one stretch, a factor for each reflection, the reflections of one panel,
    /// and for each panel how its reflections go together.
    pub fn scratch(&self) -> usize {
        2 * self.m * self.n + self.n + PANEL * self.m + PANEL * self.n.next_multiple_of(PANEL)
    }
}

/// a [m, n] = q [m, n] r [n, n], r upper triangular.
pub fn qr(pool: &Pool, isa: Isa, spec: &QrSpec, a: &[f32], q: &mut [f32], r: &mut [f32], scratch: &mut [f32]) {
    let QrSpec { m, n } = *spec;
    assert_eq!([a.len(), q.len(), r.len()], [m * n, m * n, n * n], "operands have their sizes");
    assert!(scratch.len() >= spec.scratch(), "scratch is large enough");
    let (columns, rest) = scratch.split_at_mut(m * n);
    let (basis, rest) = rest.split_at_mut(m * n);
    let (factors, rest) = rest.split_at_mut(n);
    let (vectors, together) = rest.split_at_mut(PANEL * m);
    transpose(a, m, n, columns);
    for first in (0..n).step_by(PANEL) {
        let end = n.min(first + PANEL);
        for j in first..end {
            let (left, right) = columns.split_at_mut((j + 1) * m);
            let reflection = &mut left[j * m + j..];
            factors[j] = reflect(reflection, &mut r[j * n + j]);
            apply(pool, isa, reflection, factors[j], right, m, j, end - j - 1);
        }
        let (done, right) = columns.split_at_mut(end * m);
        let mut panel = Panel { vectors: &mut *vectors, together: &mut together[first * PANEL..], m, first, width: end - first };
        panel.fill(&done[first * m..]);
        panel.join(pool, isa, &factors[first..end]);
        panel.reflect(pool, isa, right);
    }
    for i in 0..n {
        r[i * n..i * n + i].fill(0.0);
        for j in i + 1..n {
            r[i * n + j] = columns[j * m + i];
        }
    }
    basis.fill(0.0);
    for first in (0..n).step_by(PANEL).rev() {
        let end = n.min(first + PANEL);
        (first..end).for_each(|j| basis[j * m + j] = 1.0);
        let mut panel = Panel { vectors: &mut *vectors, together: &mut together[first * PANEL..], m, first, width: end - first };
        panel.fill(&columns[first * m..end * m]);
        panel.turn();
        panel.reflect(pool, isa, &mut basis[first * m..]);
    }
    transpose(basis, n, m, q);
}

/// Turns a column x into v of the reflection 1 - factor v v' with v[0] = 1 that maps x to (beta, 0, …); gives the factor.
fn reflect(x: &mut [f32], beta: &mut f32) -> f32 {
    let head = f64::from(x[0]);
    let tail: f64 = x[1..].iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    if head == 0.0 && tail == 0.0 {
        *beta = 0.0;
        x[0] = 1.0;
        return 0.0;
    }
    let length = (head * head + tail).sqrt();
    let norm = if head < 0.0 { length } else { -length };
    let scale = 1.0 / (head - norm);
    for v in &mut x[1..] {
        *v = (f64::from(*v) * scale) as f32;
    }
    x[0] = 1.0;
    *beta = norm as f32;
    ((norm - head) / norm) as f32
}

/// Side of the squares that `transpose` goes by, so that both sides stay in the cache.
const SQUARE: usize = 32;

/// to [columns, rows] = the transpose of from [rows, columns].
fn transpose(from: &[f32], rows: usize, columns: usize, to: &mut [f32]) {
    for i0 in (0..rows).step_by(SQUARE) {
        for j0 in (0..columns).step_by(SQUARE) {
            for i in i0..rows.min(i0 + SQUARE) {
                for j in j0..columns.min(j0 + SQUARE) {
                    to[j * rows + i] = from[i * columns + j];
                }
            }
        }
    }
}
