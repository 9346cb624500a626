//! QR by Householder reflections. Each column is reflected onto minus its head's sign, the last of a square matrix too.
//! q is a product of reflections and so orthonormal to rounding whatever a is; a zero column gives the identity reflection.

use crate::isa::{Isa, Kernel, Shared, launch};
use crate::simd::Simd;
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

    /// Floats of scratch: the columns of a and of q, each in one stretch, and one factor for each reflection.
    pub fn scratch(&self) -> usize {
        2 * self.m * self.n + self.n
    }
}

/// a [m, n] = q [m, n] r [n, n], r upper triangular.
pub fn qr(pool: &Pool, isa: Isa, spec: &QrSpec, a: &[f32], q: &mut [f32], r: &mut [f32], scratch: &mut [f32]) {
    let QrSpec { m, n } = *spec;
    assert_eq!([a.len(), q.len(), r.len()], [m * n, m * n, n * n], "operands have their sizes");
    let (columns, rest) = scratch.split_at_mut(m * n);
    let (basis, rest) = rest.split_at_mut(m * n);
    let factors = &mut rest[..n];
    transpose(a, m, n, columns);
    for j in 0..n {
        let (left, right) = columns.split_at_mut((j + 1) * m);
        let reflection = &mut left[j * m + j..];
        factors[j] = reflect(reflection, &mut r[j * n + j]);
        apply(pool, isa, reflection, factors[j], right, m, j, n - j - 1);
    }
    for i in 0..n {
        r[i * n..i * n + i].fill(0.0);
        for j in i + 1..n {
            r[i * n + j] = columns[j * m + i];
        }
    }
    basis.fill(0.0);
    for j in (0..n).rev() {
        basis[j * m + j] = 1.0;
        let reflection = &columns[j * m + j..(j + 1) * m];
        apply(pool, isa, reflection, factors[j], &mut basis[j * m..], m, j, n - j);
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

/// Values that a task should change at least.
const WORK: usize = 1 << 14;

/// Reflects rows `first ..` of `count` columns of length m.
#[allow(clippy::too_many_arguments)] // the parts of one formula
fn apply(pool: &Pool, isa: Isa, reflection: &[f32], factor: f32, columns: &mut [f32], m: usize, first: usize, count: usize) {
    if factor == 0.0 || count == 0 {
        return;
    }
    let job = Apply {
        reflection,
        factor,
        columns: Shared::of(&mut columns[..count * m]),
        m,
        first,
        count,
        some: (WORK / reflection.len()).max(1),
    };
    launch(pool, isa, count.div_ceil(job.some), &job);
}

struct Apply<'a> {
    reflection: &'a [f32],
    factor: f32,
    columns: Shared,
    m: usize,
    first: usize,
    count: usize,
    some: usize,
}

impl Kernel for Apply<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let length = self.reflection.len();
        let v = self.reflection.as_ptr();
        for j in task * self.some..self.count.min((task + 1) * self.some) {
            // SAFETY: column j is of this task alone and has `length` values from row `first` on.
            unsafe {
                let x = self.columns.0.add(j * self.m + self.first);
                let mut sums = [S::splat(0.0); 4];
                let mut i = 0;
                while i + 4 * S::LANES <= length {
                    for (s, sum) in sums.iter_mut().enumerate() {
                        let at = i + s * S::LANES;
                        *sum = S::fma(S::load(v.add(at)), S::load(x.add(at)), *sum);
                    }
                    i += 4 * S::LANES;
                }
                while i < length {
                    let lanes = S::LANES.min(length - i);
                    let (a, b) = (S::load_first(v.add(i), lanes), S::load_first(x.add(i), lanes));
                    sums[0] = S::fma(a, b, sums[0]);
                    i += lanes;
                }
                let sum = S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3]));
                let scale = S::splat(-self.factor * S::sum(sum));
                let mut i = 0;
                while i < length {
                    let lanes = S::LANES.min(length - i);
                    let (a, b) = (S::load_first(v.add(i), lanes), S::load_first(x.add(i), lanes));
                    S::store_first(x.add(i), S::fma(a, scale, b), lanes);
                    i += lanes;
                }
            }
        }
    }
}

/// to [columns, rows] = the transpose of from [rows, columns].
fn transpose(from: &[f32], rows: usize, columns: usize, to: &mut [f32]) {
    for (i, row) in from.chunks_exact(columns.max(1)).enumerate() {
        for (j, &value) in row.iter().enumerate() {
            to[j * rows + i] = value;
        }
    }
}
