//! Second derivatives along y, and diffusion along y taken implicitly: one tridiagonal system per column, all columns at once, so that
//! the loops over a row vectorise.

use super::grid::Grid;
use super::stages::Substep;

/// What a wall does to a value at cell centres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The value at the wall is given: it stands in the row beyond.
    Fixed,
    /// Nothing passes the wall.
    Free,
}

/// (L f)_r = below_r (f_{r-1} - f_r) + above_r (f_{r+1} - f_r) for the rows `first`, `first` + 1, ... of an array (row j of the grid is
/// array row j + 1).
#[derive(Clone, Debug)]
pub struct SecondDerivative {
    pub(super) first: usize,
    pub(super) below: Vec<f64>,
    pub(super) above: Vec<f64>,
}

impl SecondDerivative {
    /// For values at centres. A fixed value stands at the wall itself, half a cell away.
    pub fn of_centres(grid: &Grid, end: End) -> Self {
        let n = grid.cells[1];
        let through = |face: usize| if end == End::Free && (face == 0 || face == n) { 0.0 } else { 1.0 / grid.gaps[face] };
        let below = (0..n).map(|j| through(j) / grid.heights[j]).collect();
        let above = (0..n).map(|j| through(j + 1) / grid.heights[j]).collect();
        Self { first: 1, below, above }
    }

    /// For values on faces (or corners) between the walls; those on the walls are given.
    pub fn of_faces(grid: &Grid) -> Self {
        let n = grid.cells[1];
        let below = (1..n).map(|j| 1.0 / (grid.heights[j - 1] * grid.gaps[j])).collect();
        let above = (1..n).map(|j| 1.0 / (grid.heights[j] * grid.gaps[j])).collect();
        Self { first: 2, below, above }
    }

    /// For values at corners, those on the walls included, with zero slope there.
    pub fn of_corners(grid: &Grid) -> Self {
        let n = grid.cells[1];
        let below = (0..=n).map(|j| if j == 0 { 0.0 } else { 1.0 / (grid.heights[j - 1] * grid.gaps[j]) }).collect();
        let above = (0..=n).map(|j| if j == n { 0.0 } else { 1.0 / (grid.heights[j] * grid.gaps[j]) }).collect();
        Self { first: 1, below, above }
    }

    /// Number of rows it applies to.
    pub(super) fn rows(&self) -> usize {
        self.below.len()
    }

    /// A row and its neighbours. Beyond the last row of an array, of which nothing is taken, stands that row itself.
    fn around<'a>(&self, grid: &Grid, values: &'a [f64], row: usize) -> [&'a [f64]; 3] {
        let last = grid.cells[1] + 1;
        [row - 1, row, (row + 1).min(last)].map(|row| grid.row(values, row))
    }

    /// target = now * rate + before * earlier + whole * factor * L values: a substep's change but for the implicit part.
    pub(super) fn increment(&self, grid: &Grid, factor: f64, step: &Substep, values: &[f64], rates: [&[f64]; 2], target: &mut [f64]) {
        let n = grid.stride();
        for r in 0..self.rows() {
            let row = self.first + r;
            let (lower, upper) = (step.whole * factor * self.below[r], step.whole * factor * self.above[r]);
            let [below, here, above] = self.around(grid, values, row);
            let [rate, earlier] = rates.map(|rates| &grid.row(rates, row)[..n]);
            let target = &mut grid.row_mut(target, row)[..n];
            for i in 0..n {
                let diffused = lower * (below[i] - here[i]) + upper * (above[i] - here[i]);
                target[i] = step.now * rate[i] + step.before * earlier[i] + diffused;
            }
        }
    }

    /// target += factor * L values.
    pub(super) fn add(&self, grid: &Grid, factor: f64, values: &[f64], target: &mut [f64]) {
        let n = grid.stride();
        for r in 0..self.rows() {
            let row = self.first + r;
            let (lower, upper) = (factor * self.below[r], factor * self.above[r]);
            let [below, here, above] = self.around(grid, values, row);
            let target = &mut grid.row_mut(target, row)[..n];
            for i in 0..n {
                target[i] += lower * (below[i] - here[i]) + upper * (above[i] - here[i]);
            }
        }
    }

    /// Replaces a change by the solution of (1 - c L) x = change, x being zero where values are given.
    pub(super) fn solve(&self, grid: &Grid, c: f64, change: &mut [f64]) {
        let n = grid.stride();
        let rows = self.rows();
        let mut inverse = vec![0.0f64; rows];
        for r in 0..rows {
            let fill = if r == 0 { 0.0 } else { c * self.below[r] * c * self.above[r - 1] * inverse[r - 1] };
            inverse[r] = 1.0 / (1.0 + c * (self.below[r] + self.above[r]) - fill);
            let (earlier, rest) = change.split_at_mut((self.first + r) * n);
            let here = &mut rest[..n];
            let scale = inverse[r];
            if r == 0 {
                here.iter_mut().for_each(|value| *value *= scale);
            } else {
                let lower = c * self.below[r];
                let below = &earlier[earlier.len() - n..];
                for i in 0..n {
                    here[i] = (here[i] + lower * below[i]) * scale;
                }
            }
        }
        for r in (0..rows - 1).rev() {
            let upper = c * self.above[r] * inverse[r];
            let (here, above) = change[(self.first + r) * n..][..2 * n].split_at_mut(n);
            for i in 0..n {
                here[i] += upper * above[i];
            }
        }
    }
}
