//! An incompressible flow: velocity and pressure, advanced stage by stage and projected onto divergence-free velocities after each.

use super::columns::{End, SecondDerivative};
use super::elliptic::Elliptic;
use super::grid::{Grid, Sides, Values};
use super::rows::Place;
use super::stages::{Substep, diffusive_step};
use super::transport::{divergence, rate_u, rate_v, subtract_gradient};

/// What walls do to the velocity along them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wall {
    NoSlip,
    FreeSlip,
}

/// Velocity and pressure on a staggered grid.
pub struct Flow {
    grid: Grid,
    viscosity: f64,
    wall: Wall,
    /// x velocity on left faces; the rows beyond hold its value at the lower and upper wall.
    pub u: Values,
    /// y velocity on lower faces.
    pub v: Values,
    /// Kinematic pressure at centres.
    pub pressure: Values,
    /// Explicit rates of change of u and v, to which a system adds its forces.
    pub rates: [Values; 2],
    earlier: [Values; 2],
    change: [Values; 2],
    correction: Values,
    along_y: [SecondDerivative; 2],
    pressure_along_y: SecondDerivative,
    poisson: Elliptic,
}

impl Flow {
    /// A flow at rest. All walls are alike.
    pub fn new(grid: Grid, viscosity: f64, wall: Wall) -> Self {
        let end = if wall == Wall::NoSlip { End::Fixed } else { End::Free };
        let along_y = [SecondDerivative::of_centres(&grid, end), SecondDerivative::of_faces(&grid)];
        let pressure_along_y = SecondDerivative::of_centres(&grid, End::Free);
        let mut poisson = Elliptic::new(&grid, Place::Centre, pressure_along_y.clone());
        poisson.set(0.0, -1.0);
        let pair = || [grid.zeros(), grid.zeros()];
        Self {
            viscosity,
            wall,
            u: grid.zeros(),
            v: grid.zeros(),
            pressure: grid.zeros(),
            rates: pair(),
            earlier: pair(),
            change: pair(),
            correction: grid.zeros(),
            along_y,
            pressure_along_y,
            poisson,
            grid,
        }
    }

    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    pub fn viscosity(&self) -> f64 {
        self.viscosity
    }

    pub(super) fn along_y(&self) -> &[SecondDerivative; 2] {
        &self.along_y
    }

    /// Sets the velocity from functions of (x, y), made free of divergence.
    pub fn set(&mut self, u: impl Fn(f64, f64) -> f64, v: impl Fn(f64, f64) -> f64) {
        let [nx, ny] = self.grid.cells;
        for j in 0..ny {
            for i in 0..nx {
                let at = self.grid.at(i, j);
                let x = i as f64 * self.grid.width;
                self.u[at] = u(x, self.grid.centres[j]);
                self.v[at] = if j == 0 { 0.0 } else { v(x + 0.5 * self.grid.width, self.grid.faces[j]) };
            }
        }
        self.project(1.0);
    }

    /// Lets the upper wall move: its x velocity on each line between cells.
    pub fn move_lid(&mut self, speed: impl Fn(f64) -> f64) {
        let [nx, ny] = self.grid.cells;
        // Corners belong to the side walls.
        let first = if self.grid.sides == Sides::Walls { 1 } else { 0 };
        for i in first..nx {
            let at = self.grid.at(i, ny);
            self.u[at] = speed(i as f64 * self.grid.width);
        }
    }

    /// The x velocity at the corner (i, j) of the lower (j = 0) or the upper wall.
    pub fn wall_speed(&self, i: usize, j: usize) -> f64 {
        let at = self.grid.at(i, j);
        match (self.wall, j) {
            (Wall::NoSlip, 0) | (Wall::FreeSlip, 1..) => self.u[at - self.grid.stride()],
            (Wall::NoSlip, _) | (Wall::FreeSlip, 0) => self.u[at],
        }
    }

    /// Adds a force at corners to the rates: its means on the faces.
    pub fn add_corner_force(&mut self, [x, y]: [&[f64]; 2]) {
        let stride = self.grid.stride();
        let [u, v] = &mut self.rates;
        let ends = x.iter().zip(&x[stride..]);
        u.iter_mut().zip(ends).skip(stride).for_each(|(rate, (below, above))| *rate += 0.5 * (below + above));
        let ends = y.iter().zip(&y[1..]);
        v.iter_mut().zip(ends).skip(stride).for_each(|(rate, (left, right))| *rate += 0.5 * (left + right));
    }

    /// Computes the explicit rates: transport, and diffusion along x.
    pub fn evaluate(&mut self) {
        let [rate_of_u, rate_of_v] = &mut self.rates;
        rate_u(&self.grid, self.viscosity, &self.u, &self.v, rate_of_u);
        rate_v(&self.grid, self.viscosity, &self.u, &self.v, rate_of_v);
    }

    /// Takes a stage with the rates as they stand.
    pub fn advance(&mut self, step: &Substep) {
        self.increments(step);
        let [change_u, change_v] = &mut self.change;
        subtract_gradient(&self.grid, step.whole, &self.pressure, change_u, change_v);
        for (along_y, change) in self.along_y.iter().zip(&mut self.change) {
            along_y.solve(&self.grid, step.implicit * self.viscosity, change);
        }
        // The rows of u at the walls, which the lid moves, stay.
        let [u, v] = [&mut self.u, &mut self.v];
        let stride = self.grid.stride();
        for (values, change) in [u, v].into_iter().zip(&self.change) {
            let inner = stride..values.len() - stride;
            values[inner.clone()].iter_mut().zip(&change[inner]).for_each(|(value, change)| *value += change);
        }
        std::mem::swap(&mut self.rates, &mut self.earlier);
        self.project(step.whole);
        self.update_pressure(step.implicit);
    }

    /// rate * weights + diffusion along y, without pressure.
    fn increments(&mut self, step: &Substep) {
        let parts = self.along_y.iter().zip([&self.u, &self.v]).zip(self.rates.iter().zip(&self.earlier)).zip(&mut self.change);
        for (((along_y, values), (rate, earlier)), change) in parts {
            along_y.increment(&self.grid, self.viscosity, step, values, [rate, earlier], change);
        }
    }

    /// Removes the divergence: `correction` becomes the pressure that does so within this time.
    fn project(&mut self, time: f64) {
        self.wrap();
        divergence(&self.grid, 1.0 / time, &self.u, &self.v, &mut self.correction);
        self.poisson.solve(&self.grid, &mut self.correction);
        self.grid.wrap(&mut self.correction, 1.0);
        subtract_gradient(&self.grid, time, &self.correction, &mut self.u, &mut self.v);
        self.wrap();
    }

    /// Adds the correction to the pressure, less what implicit diffusion has already done to it (Brown, Cortez and Minion 2001).
    fn update_pressure(&mut self, implicit: f64) {
        self.pressure.iter_mut().zip(&self.correction).for_each(|(pressure, correction)| *pressure += correction);
        self.pressure_along_y.add(&self.grid, -implicit * self.viscosity, &self.correction, &mut self.pressure);
    }

    /// Fills the columns beyond the sides.
    fn wrap(&mut self) {
        self.grid.wrap_lines(&mut self.u);
        let mirror = if self.wall == Wall::NoSlip { -1.0 } else { 1.0 };
        self.grid.wrap(&mut self.v, mirror);
    }

    /// Sets the pressure to that of the present velocity and rates: what keeps the acceleration free of divergence, of zero mean.
    pub fn settle_pressure(&mut self) {
        self.increments(&Substep { now: 1.0, before: 0.0, whole: 1.0, implicit: 0.0 });
        let [change_u, change_v] = &mut self.change;
        self.grid.wrap_lines(change_u);
        divergence(&self.grid, 1.0, change_u, change_v, &mut self.pressure);
        self.poisson.solve(&self.grid, &mut self.pressure);
        let size = self.grid.width * self.grid.cells[0] as f64 * self.grid.heights.iter().sum::<f64>();
        let mean = self.grid.integral(&self.pressure) / size;
        self.pressure.iter_mut().for_each(|value| *value -= mean);
        self.grid.wrap(&mut self.pressure, 1.0);
    }

    /// The longest step with `courant` >= dt * (|u| / dx + |v| / dy) everywhere that keeps diffusion along x stable.
    ///
    /// # Errors
    /// The velocity is not finite.
    pub fn stable_step(&self, courant: f64, diffusivity: f64) -> Result<f64, String> {
        let [nx, ny] = self.grid.cells;
        let inverse = 1.0 / self.grid.width;
        let mut fastest = 0.0f64;
        for j in 0..ny {
            let inverse_y = 1.0 / self.grid.heights[j];
            let u = &self.grid.row(&self.u, j + 1)[1..nx + 2];
            let [below, above] = [j + 1, j + 2].map(|row| &self.grid.row(&self.v, row)[1..nx + 1]);
            let mut finite = true;
            for i in 0..nx {
                let speed = u[i].abs().max(u[i + 1].abs()) * inverse + below[i].abs().max(above[i].abs()) * inverse_y;
                finite &= (u[i] + below[i]).is_finite();
                fastest = fastest.max(speed);
            }
            if !finite {
                let i = (0..nx).find(|&i| !(u[i] + below[i]).is_finite()).unwrap_or(0);
                return Err(format!("the velocity is ({}, {}) in cell ({i}, {j})", u[i], below[i]));
            }
        }
        Ok((courant / fastest).min(diffusive_step(self.grid.width, diffusivity.max(self.viscosity))))
    }

    /// The largest divergence of a cell.
    pub fn divergence(&self) -> f64 {
        let mut values = self.grid.zeros();
        divergence(&self.grid, 1.0, &self.u, &self.v, &mut values);
        values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
    }

    /// Both components at cell centres, in the order of output.
    pub fn at_centres(&self) -> [Vec<f64>; 2] {
        let stride = self.grid.stride();
        let u = self.grid.output(|at| 0.5 * (self.u[at] + self.u[at + 1]));
        let v = self.grid.output(|at| 0.5 * (self.v[at] + self.v[at + stride]));
        [u, v]
    }
}
