//! The staggered grid of Harlow and Welch (1965): pressure and scalars live at cell centres, the x velocity on the cells' left faces, the
//! y velocity on their lower faces, magnetic potentials at their lower left corners. x is uniform, y may be stretched.
//!
//! Arrays hold one more column and row on each side, x fastest: value (i, j) for -1 <= i <= nx, -1 <= j <= ny. Faces and corners of the
//! far walls lie in column nx and row ny.

use crate::system::Spacing;

/// What bounds the grid along x. Along y there are always walls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    Periodic,
    Walls,
}

/// Values at one kind of place of the grid, with the columns and rows around.
pub type Values = Vec<f64>;

/// Cells, and where they lie along y.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    pub cells: [usize; 2],
    pub sides: Sides,
    /// Cell size along x.
    pub width: f64,
    /// y of the faces below and above each row of cells: ny + 1.
    pub faces: Vec<f64>,
    /// y of the rows' centres, where output and scalars lie: ny.
    pub centres: Vec<f64>,
    /// Distance between faces: ny.
    pub heights: Vec<f64>,
    /// Distance between centres, at both ends that from the wall to the first centre: ny + 1.
    pub gaps: Vec<f64>,
}

impl Grid {
    /// `cells` cells in a box of this size that starts at (0, 0).
    ///
    /// With Chebyshev spacing the centres are the Chebyshev nodes of the first kind and the faces the extrema between them: as functions
    /// of the angle both are uniform, so that means and differences are of second order although cells at the walls are small.
    pub fn new(cells: [usize; 2], sides: Sides, size: [f64; 2], spacing: Spacing) -> Self {
        let ny = cells[1];
        let share = |half: usize| match spacing {
            Spacing::Uniform => half as f64 / (2 * ny) as f64,
            Spacing::Chebyshev => 0.5 * (1.0 - (std::f64::consts::PI * half as f64 / (2 * ny) as f64).cos()),
        };
        let faces: Vec<f64> = (0..=ny).map(|j| size[1] * share(2 * j)).collect();
        let centres: Vec<f64> = (0..ny).map(|j| size[1] * share(2 * j + 1)).collect();
        let heights = (0..ny).map(|j| faces[j + 1] - faces[j]).collect();
        let below = |j: usize| if j == 0 { faces[0] } else { centres[j - 1] };
        let above = |j: usize| if j == ny { faces[ny] } else { centres[j] };
        let gaps = (0..=ny).map(|j| above(j) - below(j)).collect();
        Self { cells, sides, width: size[0] / cells[0] as f64, faces, centres, heights, gaps }
    }

    /// Values in one row, the columns around included.
    pub fn stride(&self) -> usize {
        self.cells[0] + 2
    }

    /// An array of zeros.
    pub fn zeros(&self) -> Values {
        vec![0.0; self.stride() * (self.cells[1] + 2)]
    }

    /// The index of value (i, j).
    pub fn at(&self, i: usize, j: usize) -> usize {
        (j + 1) * self.stride() + i + 1
    }

    /// Row `row` of an array counted from the one below the grid: row j of the grid is `row` j + 1.
    pub fn row<'a>(&self, values: &'a [f64], row: usize) -> &'a [f64] {
        &values[row * self.stride()..][..self.stride()]
    }

    /// As `row`, to be written.
    pub fn row_mut<'a>(&self, values: &'a mut [f64], row: usize) -> &'a mut [f64] {
        let stride = self.stride();
        &mut values[row * stride..][..stride]
    }

    /// An array at cell centres from a function of (x, y).
    pub fn at_centres(&self, value: impl Fn(f64, f64) -> f64) -> Values {
        let mut values = self.zeros();
        for j in 0..self.cells[1] {
            for i in 0..self.cells[0] {
                values[self.at(i, j)] = value((i as f64 + 0.5) * self.width, self.centres[j]);
            }
        }
        values
    }

    /// Writes the columns beyond both sides of values at cell centres along x: the far side's, or the nearest column times `mirror`.
    pub fn wrap(&self, values: &mut [f64], mirror: f64) {
        let n = self.cells[0];
        for row in values.chunks_exact_mut(n + 2) {
            (row[0], row[n + 1]) = match self.sides {
                Sides::Periodic => (row[n], row[1]),
                Sides::Walls => (mirror * row[1], mirror * row[n]),
            };
        }
    }

    /// As `wrap` for values on the lines between cells; those on side walls become zero.
    pub fn wrap_lines(&self, values: &mut [f64]) {
        let n = self.cells[0];
        for row in values.chunks_exact_mut(n + 2) {
            match self.sides {
                Sides::Periodic => (row[0], row[n + 1]) = (row[n], row[1]),
                Sides::Walls => (row[1], row[n + 1]) = (0.0, 0.0),
            }
        }
    }

    /// Cell values without the rows and columns around, y fastest: the order of output.
    pub fn output(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let [nx, ny] = self.cells;
        let mut values = vec![0.0; nx * ny];
        for j in 0..ny {
            for i in 0..nx {
                values[i * ny + j] = value(self.at(i, j));
            }
        }
        values
    }

    /// The integral of values at cell centres.
    pub fn integral(&self, values: &[f64]) -> f64 {
        let row = |j: usize| self.row(values, j + 1)[1..=self.cells[0]].iter().sum::<f64>() * self.heights[j];
        (0..self.cells[1]).map(row).sum::<f64>() * self.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centres_are_where_output_is_stored() {
        for spacing in [Spacing::Uniform, Spacing::Chebyshev] {
            let grid = Grid::new([4, 16], Sides::Periodic, [4.0, 1.0], spacing);
            for (centre, point) in grid.centres.iter().zip(spacing.points((0.0, 1.0), 16)) {
                assert!((centre - point).abs() < 1e-15);
            }
            assert!((grid.heights.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            assert!((grid.gaps.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            assert!((grid.integral(&grid.at_centres(|_, _| 2.0)) - 8.0).abs() < 1e-13);
        }
    }
}
