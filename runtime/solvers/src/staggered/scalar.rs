//! A scalar that the flow carries and that diffuses, with given values at the lower and the upper wall; side walls let nothing through.

use super::columns::{End, SecondDerivative};
use super::flow::Flow;
use super::grid::{Grid, Values};
use super::stages::Substep;
use super::transport::rate_scalar;

/// Values at cell centres.
pub struct Scalar {
    diffusivity: f64,
    /// The rows beyond hold the values at the walls.
    pub values: Values,
    rate: Values,
    earlier: Values,
    change: Values,
    along_y: SecondDerivative,
    inflow: f64,
}

impl Scalar {
    /// From the values at centres and those at the lower and the upper wall.
    pub fn new(grid: &Grid, diffusivity: f64, mut values: Values, walls: [f64; 2]) -> Self {
        grid.row_mut(&mut values, 0).fill(walls[0]);
        grid.row_mut(&mut values, grid.cells[1] + 1).fill(walls[1]);
        grid.wrap(&mut values, 1.0);
        let along_y = SecondDerivative::of_centres(grid, End::Fixed);
        Self { diffusivity, values, rate: grid.zeros(), earlier: grid.zeros(), change: grid.zeros(), along_y, inflow: 0.0 }
    }

    pub fn diffusivity(&self) -> f64 {
        self.diffusivity
    }

    /// Computes the explicit rates: transport, and diffusion along x.
    pub fn evaluate(&mut self, flow: &Flow) {
        rate_scalar(flow.grid(), self.diffusivity, [&flow.u, &flow.v], &self.values, &mut self.rate);
    }

    /// Takes a stage with the rates as they stand.
    pub fn advance(&mut self, grid: &Grid, step: &Substep) {
        let before = self.wall_fluxes(grid, &self.values);
        let rates = [&self.rate[..], &self.earlier];
        self.along_y.increment(grid, self.diffusivity, step, &self.values, rates, &mut self.change);
        self.along_y.solve(grid, step.implicit * self.diffusivity, &mut self.change);
        let by_change = self.wall_fluxes(grid, &self.change);
        for w in 0..2 {
            self.inflow += step.whole * before[w] + step.implicit * by_change[w];
        }
        let stride = grid.stride();
        let inner = stride..self.values.len() - stride;
        self.values[inner.clone()].iter_mut().zip(&self.change[inner]).for_each(|(value, change)| *value += change);
        grid.wrap(&mut self.values, 1.0);
        std::mem::swap(&mut self.rate, &mut self.earlier);
    }

    /// What diffuses in through the lower and the upper wall per unit of time.
    pub fn wall_fluxes(&self, grid: &Grid, values: &[f64]) -> [f64; 2] {
        let ny = grid.cells[1];
        let flux = |wall: usize, inside: usize, gap: f64| {
            let pairs = grid.row(values, wall).iter().zip(grid.row(values, inside));
            let sum: f64 = pairs.skip(1).take(grid.cells[0]).map(|(wall, inside)| wall - inside).sum();
            sum * self.diffusivity * grid.width / gap
        };
        [flux(0, 1, grid.gaps[0]), flux(ny + 1, ny, grid.gaps[ny])]
    }

    /// The integral over the grid less all that came in through the walls: constant but for rounding.
    pub fn balance(&self, grid: &Grid) -> f64 {
        grid.integral(&self.values) - self.inflow
    }
}
