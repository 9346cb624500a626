//! Eigenvalues and eigenvectors of a symmetric matrix, in f64 inside. The one kernel that allocates.

use nalgebra::{DMatrix, SymmetricEigen};

/// Sweeps of the QR iteration per row before it counts as failed.
const SWEEPS: usize = 100;

/// a [n, n] -> values [n], largest first, and vectors [n, n] in columns. The mean of a and its transpose is used, with
/// 1e-7 trace(a) / n added to the diagonal. Returns false, with both results zero, if a is not finite or the iteration
/// does not converge.
pub fn eigh(n: usize, a: &[f32], values: &mut [f32], vectors: &mut [f32]) -> bool {
    assert_eq!([a.len(), values.len(), vectors.len()], [n * n, n, n * n], "the matrix is n by n");
    values.fill(0.0);
    vectors.fill(0.0);
    if a.iter().any(|x| !x.is_finite()) {
        return false;
    }
    if n == 0 {
        return true;
    }
    let at = |i: usize, j: usize| f64::from(a[i * n + j]);
    let trace: f64 = (0..n).map(|i| at(i, i)).sum();
    let jitter = 1e-7 * trace / n as f64;
    let matrix = DMatrix::from_fn(n, n, |i, j| 0.5 * (at(i, j) + at(j, i)) + if i == j { jitter } else { 0.0 });
    let Some(eigen) = SymmetricEigen::try_new(matrix, f64::EPSILON, SWEEPS * n) else {
        return false;
    };
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]));
    for (column, &from) in order.iter().enumerate() {
        values[column] = eigen.eigenvalues[from] as f32;
        for row in 0..n {
            vectors[row * n + column] = eigen.eigenvectors[(row, from)] as f32;
        }
    }
    true
}
