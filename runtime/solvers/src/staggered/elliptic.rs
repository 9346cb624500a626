//! Discrete Poisson and Helmholtz equations, solved directly: a transform along x turns them into one tridiagonal system along y per
//! coefficient, and all coefficients of a row are eliminated together.

use super::columns::SecondDerivative;
use super::grid::Grid;
use super::rows::{Place, Rows};

/// The equation (shift - c lap) f = g on one grid with the boundaries of its operators.
pub struct Elliptic {
    along_y: SecondDerivative,
    rows: Rows,
    c: f64,
    /// Inverse pivots of the elimination, one per row and coefficient.
    inverse: Vec<f64>,
    coefficients: Vec<f64>,
}

impl Elliptic {
    /// For values at this place; the operator along y says what happens at the walls there.
    pub fn new(grid: &Grid, place: Place, along_y: SecondDerivative) -> Self {
        let rows = Rows::new(grid, place);
        let len = rows.eigenvalues.len() * along_y.rows();
        Self { along_y, rows, c: 0.0, inverse: vec![0.0; len], coefficients: vec![0.0; len] }
    }

    /// Chooses the equation (shift - c lap) f = g. Without a shift and with free ends, f is fixed only up to a constant: some f is found
    /// if g sums to zero.
    pub fn set(&mut self, shift: f64, c: f64) {
        self.c = c;
        let width = self.rows.eigenvalues.len();
        let singular = shift == 0.0 && self.along_y.below[0] == 0.0;
        for r in 0..self.along_y.rows() {
            let (lower, upper) = (c * self.along_y.below[r], c * self.along_y.above[r]);
            let (earlier, rest) = self.inverse.split_at_mut(r * width);
            let here = &mut rest[..width];
            let diagonal = shift + lower + upper;
            if r == 0 {
                for (pivot, eigenvalue) in here.iter_mut().zip(&self.rows.eigenvalues) {
                    *pivot = 1.0 / (diagonal + c * eigenvalue);
                }
                continue;
            }
            let fill = lower * c * self.along_y.above[r - 1];
            let below = &earlier[(r - 1) * width..];
            for ((pivot, eigenvalue), below) in here.iter_mut().zip(&self.rows.eigenvalues).zip(below) {
                *pivot = 1.0 / (diagonal + c * eigenvalue - fill * below);
            }
        }
        if singular {
            // The last pivot of the constant is zero but for rounding; its value may be chosen to be zero.
            let last = (self.along_y.rows() - 1) * width;
            for (pivot, &eigenvalue) in self.inverse[last..].iter_mut().zip(&self.rows.eigenvalues) {
                if eigenvalue == 0.0 {
                    *pivot = 0.0;
                }
            }
        }
    }

    /// Replaces g by f, row by row; columns beyond the sides are left alone.
    pub fn solve(&mut self, grid: &Grid, values: &mut [f64]) {
        let width = self.rows.eigenvalues.len();
        let (first, rows) = (self.along_y.first, self.along_y.rows());
        for r in 0..rows {
            let (earlier, rest) = self.coefficients.split_at_mut(r * width);
            let here = &mut rest[..width];
            self.rows.forward(grid.row(values, first + r), here);
            let inverse = &self.inverse[r * width..][..width];
            if r == 0 {
                here.iter_mut().zip(inverse).for_each(|(value, inverse)| *value *= inverse);
                continue;
            }
            let lower = self.c * self.along_y.below[r];
            let below = &earlier[(r - 1) * width..][..width];
            for k in 0..width {
                here[k] = (here[k] + lower * below[k]) * inverse[k];
            }
        }
        for r in (0..rows).rev() {
            let upper = self.c * self.along_y.above[r];
            let (here, above) = self.coefficients[r * width..].split_at_mut(width);
            if r + 1 < rows {
                let inverse = &self.inverse[r * width..][..width];
                let above = &above[..width];
                for k in 0..width {
                    here[k] += upper * inverse[k] * above[k];
                }
            }
        }
        for r in 0..rows {
            self.rows.inverse(&mut self.coefficients[r * width..][..width], grid.row_mut(values, first + r));
        }
    }
}
