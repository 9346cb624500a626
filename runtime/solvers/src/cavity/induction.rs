//! The magnetic field in the plane of a flow on a uniform grid, from its potential A at the corners of the cells: B = B0 + (A_y, -A_x), which has no
//! divergence whatever A is, current J = -lap A, and
//!
//! A_t = (u x B)_z + eta lap A,   force on the flow s J x B.
//!
//! On the faces of the cells forces are means over corners, and velocities at corners are the same means over faces: what the force
//! takes from the flow is what the field gains.

use crate::staggered::{Elliptic, Flow, Grid, Place, SecondDerivative, Sides, Substep, Values};

/// What walls are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MagneticWall {
    /// Perfect conductors: A = 0, so that no induced field passes.
    Conducting,
    /// Insulators of a channel that is periodic along x: no induced field along them.
    Insulating,
}

/// The field of one flow.
pub struct Induction {
    /// Magnetic diffusivity, 1 / Rm in units of the flow.
    diffusivity: f64,
    /// Strength of the force: 1 if fields are given as Alfven speeds.
    strength: f64,
    external: [f64; 2],
    wall: MagneticWall,
    /// A at the lower left corners.
    pub potential: Values,
    current: Values,
    /// s J x B at corners.
    force: [Values; 2],
    rate: Values,
    earlier: Values,
    change: Values,
    helmholtz: Elliptic,
}

impl Induction {
    /// No induced field.
    pub fn new(grid: &Grid, diffusivity: f64, strength: f64, external: [f64; 2], wall: MagneticWall) -> Self {
        let along_y = match wall {
            MagneticWall::Conducting => SecondDerivative::of_faces(grid),
            MagneticWall::Insulating => {
                assert_eq!(grid.sides, Sides::Periodic, "insulating walls bound a channel");
                SecondDerivative::of_corners(grid)
            }
        };
        let zeros = || grid.zeros();
        Self {
            diffusivity,
            strength,
            external,
            wall,
            potential: zeros(),
            current: zeros(),
            force: [zeros(), zeros()],
            rate: zeros(),
            earlier: zeros(),
            change: zeros(),
            helmholtz: Elliptic::new(grid, Place::Corner, along_y),
        }
    }

    /// Computes current, forces and the explicit rate (u x B)_z.
    pub fn evaluate(&mut self, flow: &Flow) {
        let grid = flow.grid();
        for j in 1..grid.cells[1] {
            self.evaluate_row(flow, j);
        }
        for j in [0, grid.cells[1]] {
            self.evaluate_wall(flow, j);
        }
        for values in [&mut self.current, &mut self.rate].into_iter().chain(&mut self.force) {
            grid.wrap_lines(values);
        }
    }

    /// One row of corners between the walls.
    fn evaluate_row(&mut self, flow: &Flow, j: usize) {
        let grid = flow.grid();
        let n = grid.cells[0];
        let inverse = [1.0 / grid.width, 1.0 / grid.gaps[j]];
        let ([bx, by], strength) = (self.external, self.strength);
        let [below, here, above] = [j, j + 1, j + 2].map(|row| &grid.row(&self.potential, row)[..n + 2]);
        let [u_below, u_above] = [j, j + 1].map(|row| &grid.row(&flow.u, row)[1..n + 1]);
        let v = &grid.row(&flow.v, j + 1)[..n + 1];
        let [force_x, force_y] = self.force.each_mut().map(|force| &mut grid.row_mut(force, j + 1)[1..n + 1]);
        let current = &mut grid.row_mut(&mut self.current, j + 1)[1..n + 1];
        let rate = &mut grid.row_mut(&mut self.rate, j + 1)[1..n + 1];
        for i in 0..n {
            let (west, centre, east) = (here[i], here[i + 1], here[i + 2]);
            let (south, north) = (below[i + 1], above[i + 1]);
            let field_x = bx + 0.5 * inverse[1] * (north - south);
            let field_y = by - 0.5 * inverse[0] * (east - west);
            let along = inverse[0] * inverse[0] * ((centre - west) + (centre - east));
            let across = inverse[1] * inverse[1] * ((centre - south) + (centre - north));
            current[i] = along + across;
            rate[i] = 0.5 * (u_below[i] + u_above[i]) * field_y - 0.5 * (v[i] + v[i + 1]) * field_x;
            force_x[i] = -strength * current[i] * field_y;
            force_y[i] = strength * current[i] * field_x;
        }
    }

    /// The corners on the lower or the upper wall. On a conductor A stays, and the force on half a cell there is left to the wall: so
    /// flow and field exchange energy exactly, and the layer at a moving lid needs far fewer cells.
    fn evaluate_wall(&mut self, flow: &Flow, j: usize) {
        if self.wall == MagneticWall::Conducting {
            return;
        }
        let grid = flow.grid();
        let gap = grid.gaps[j];
        for i in 0..grid.cells[0] {
            let (at, inside) = (grid.at(i, j), grid.at(i, if j == 0 { 1 } else { j - 1 }));
            let field = self.external[1] - 0.5 * (self.potential[at + 1] - self.potential[at - 1]) / grid.width;
            let across = (self.potential[at] - self.potential[inside]) / (2.0 * gap * gap);
            let along = 2.0 * self.potential[at] - self.potential[at - 1] - self.potential[at + 1];
            self.current[at] = across + along / (grid.width * grid.width);
            self.rate[at] = flow.wall_speed(i, j) * field;
            self.force[0][at] = -self.strength * self.current[at] * field;
        }
    }

    /// The force s J x B at corners, as last evaluated.
    pub fn force(&self) -> [&[f64]; 2] {
        self.force.each_ref().map(Values::as_slice)
    }

    /// Takes a stage with the rates as they stand.
    pub fn advance(&mut self, grid: &Grid, step: &Substep) {
        let explicit = step.whole * self.diffusivity;
        let rates = self.rate.iter().zip(&self.earlier).zip(&self.current);
        for (change, ((rate, earlier), current)) in self.change.iter_mut().zip(rates) {
            *change = step.now * rate + step.before * earlier - explicit * current;
        }
        self.helmholtz.set(1.0, step.implicit * self.diffusivity);
        self.helmholtz.solve(grid, &mut self.change);
        self.potential.iter_mut().zip(&self.change).for_each(|(potential, change)| *potential += change);
        grid.wrap_lines(&mut self.potential);
        std::mem::swap(&mut self.rate, &mut self.earlier);
    }

    /// The longest step for Alfven waves at this Courant number.
    pub fn stable_step(&self, grid: &Grid, courant: f64) -> f64 {
        let (a, stride) = (&self.potential, grid.stride());
        let mut fastest = 0.0f64;
        for row in 2..=grid.cells[1] {
            for at in row * stride + 1..(row + 1) * stride - 1 {
                let field_x = self.external[0] + 0.5 * (a[at + stride] - a[at - stride]) / grid.heights[0];
                let field_y = self.external[1] - 0.5 * (a[at + 1] - a[at - 1]) / grid.width;
                fastest = fastest.max(field_x.abs() / grid.width + field_y.abs() / grid.heights[0]);
            }
        }
        courant / (fastest * self.strength.sqrt())
    }

    /// The induced field at cell centres, in the order of output.
    pub fn at_centres(&self, grid: &Grid) -> [Vec<f64>; 2] {
        let (a, stride) = (&self.potential, grid.stride());
        let along = grid.output(|at| 0.5 * (a[at + stride] - a[at] + a[at + stride + 1] - a[at + 1]));
        let across = grid.output(|at| -0.5 * (a[at + 1] - a[at] + a[at + stride + 1] - a[at + stride]));
        let height = grid.heights[0];
        [along.into_iter().map(|value| value / height).collect(), across.into_iter().map(|value| value / grid.width).collect()]
    }

    /// Magnetic energy of the induced field, and the power that resistance takes from it, both in units of the flow's.
    pub fn energy_and_loss(&self, grid: &Grid) -> (f64, f64) {
        let [nx, ny] = grid.cells;
        let cell = grid.width * grid.heights[0];
        let (mut energy, mut loss) = (0.0, 0.0);
        for j in 0..=ny {
            // Corners and faces on walls stand for half a cell.
            let part = if j == 0 || j == ny { 0.5 } else { 1.0 };
            for i in 0..nx {
                let at = grid.at(i, j);
                let across = (self.potential[at + 1] - self.potential[at]) / grid.width;
                energy += 0.5 * part * across * across;
                if j < ny {
                    let along = (self.potential[at + grid.stride()] - self.potential[at]) / grid.heights[j];
                    energy += 0.5 * along * along;
                }
                loss += part * self.current[at] * self.current[at];
            }
        }
        (self.strength * cell * energy, self.strength * self.diffusivity * cell * loss)
    }
}
