//! Kinetic energy of a flow and the power of what changes it, summed over the volumes that the scheme conserves it in.

use super::flow::Flow;
use super::grid::{Grid, Values};

/// The sum of a product over the volumes around the faces: of u and of v.
fn sums(grid: &Grid, [u, v]: [&[f64]; 2], [other_u, other_v]: [&[f64]; 2]) -> f64 {
    let [nx, ny] = grid.cells;
    let row = |a: &[f64], b: &[f64], row: usize| -> f64 {
        let (a, b) = (&grid.row(a, row)[1..=nx], &grid.row(b, row)[1..=nx]);
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    };
    let along: f64 = (0..ny).map(|j| row(u, other_u, j + 1) * grid.heights[j]).sum();
    let across: f64 = (1..ny).map(|j| row(v, other_v, j + 1) * 0.5 * (grid.heights[j - 1] + grid.heights[j])).sum();
    (along + across) * grid.width
}

impl Flow {
    /// Half the integral of |velocity|^2.
    pub fn energy(&self) -> f64 {
        0.5 * sums(self.grid(), [&self.u, &self.v], [&self.u, &self.v])
    }

    /// The power of a force that is given on the faces of u and of v.
    pub fn power(&self, force: [&[f64]; 2]) -> f64 {
        sums(self.grid(), [&self.u, &self.v], force)
    }

    /// The power of viscosity: minus the dissipation, plus the work of a moving lid.
    pub fn viscous_power(&self) -> f64 {
        let grid = self.grid();
        let [nx, ny] = grid.cells;
        let scale = self.viscosity() / (grid.width * grid.width);
        let mut force = [grid.zeros(), grid.zeros()];
        for ((values, along_y), force) in [&self.u, &self.v].into_iter().zip(self.along_y()).zip(&mut force) {
            along_y.add(grid, self.viscosity(), values, force);
            along_x(grid, scale, values, force, [nx, ny]);
        }
        self.power(force.each_ref().map(Values::as_slice))
    }
}

/// Adds scale times the second difference along x.
fn along_x(grid: &Grid, scale: f64, values: &[f64], target: &mut [f64], [nx, ny]: [usize; 2]) {
    for row in 1..=ny {
        let values = grid.row(values, row);
        let target = grid.row_mut(target, row);
        for i in 1..=nx {
            target[i] += scale * (values[i - 1] - 2.0 * values[i] + values[i + 1]);
        }
    }
}
