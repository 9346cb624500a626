//! A scalar that the flow carries without diffusion. Limited slopes at upwind faces and a strong-stability-preserving scheme keep every
//! value between those around it if the velocity is free of divergence and |u| dt / dx + |v| dt / dy is at most 1/2.

use super::grid::{Grid, Values};
use crate::finite_volume::Limiter;

/// Values at cell centres; nothing passes a wall.
pub struct Tracer {
    pub values: Values,
    middle: Values,
    rate: Values,
    /// Half slopes along x and along y.
    slopes: [Values; 2],
    /// Flux through the faces of one row of cells on the left, and of one row of lower faces.
    flux: [Vec<f64>; 2],
}

impl Tracer {
    pub fn new(grid: &Grid, mut values: Values) -> Self {
        wrap(grid, &mut values);
        let row = || vec![0.0; grid.stride()];
        let middle = values.clone();
        Self { values, middle, rate: grid.zeros(), slopes: [grid.zeros(), grid.zeros()], flux: [row(), row()] }
    }

    /// Carries the values for a time by a velocity that stays the same: Shu and Osher's three stages (1988).
    pub fn advance(&mut self, grid: &Grid, velocity: [&[f64]; 2], dt: f64) {
        self.middle.copy_from_slice(&self.values);
        for (old, new) in [(0.0, 1.0), (0.75, 0.25), (1.0 / 3.0, 2.0 / 3.0)] {
            self.find_slopes(grid);
            self.find_rate(grid, velocity);
            for ((middle, value), rate) in self.middle.iter_mut().zip(&self.values).zip(&self.rate) {
                *middle = old * value + new * (*middle + dt * rate);
            }
            wrap(grid, &mut self.middle);
        }
        std::mem::swap(&mut self.values, &mut self.middle);
    }

    fn find_slopes(&mut self, grid: &Grid) {
        let limiter = Limiter::MonotonisedCentral.slope();
        let [n, ny] = grid.cells;
        for row in 1..=ny {
            let [below, here, above] = [row - 1, row, row + 1].map(|row| &grid.row(&self.middle, row)[..n + 2]);
            let along = &mut grid.row_mut(&mut self.slopes[0], row)[1..n + 1];
            for i in 0..n {
                along[i] = limiter.half(here[i + 1] - here[i], here[i + 2] - here[i + 1]);
            }
            let across = &mut grid.row_mut(&mut self.slopes[1], row)[1..n + 1];
            for i in 0..n {
                across[i] = limiter.half(here[i + 1] - below[i + 1], above[i + 1] - here[i + 1]);
            }
        }
        grid.wrap(&mut self.slopes[0], 1.0);
    }

    fn find_rate(&mut self, grid: &Grid, [u, v]: [&[f64]; 2]) {
        let [n, ny] = grid.cells;
        let inverse = 1.0 / grid.width;
        let [flux_x, flux_y] = &mut self.flux;
        for row in 1..=ny {
            let here = grid.row(&self.middle, row);
            let slope = grid.row(&self.slopes[0], row);
            upwind(&grid.row(u, row)[1..], [here, &here[1..]], [slope, &slope[1..]], &mut flux_x[..n + 1]);
            let rate = &mut grid.row_mut(&mut self.rate, row)[1..n + 1];
            for i in 0..n {
                rate[i] = inverse * (flux_x[i] - flux_x[i + 1]);
            }
            if row == 1 {
                continue;
            }
            // The flux through the faces below leaves one row of cells and enters the next.
            let sides = [row - 1, row].map(|row| &grid.row(&self.middle, row)[1..]);
            let slopes = [row - 1, row].map(|row| &grid.row(&self.slopes[1], row)[1..]);
            upwind(&grid.row(v, row)[1..], sides, slopes, &mut flux_y[..n]);
            let (lower, upper) = self.rate[(row - 1) * (n + 2)..][..2 * (n + 2)].split_at_mut(n + 2);
            let [leaves, enters] = [row - 2, row - 1].map(|j| 1.0 / grid.heights[j]);
            for ((lower, upper), flux) in lower[1..].iter_mut().zip(&mut upper[1..]).zip(&flux_y[..n]) {
                *lower -= leaves * flux;
                *upper += enters * flux;
            }
        }
    }
}

/// Fluxes through faces from the values behind and ahead of each and their half slopes.
fn upwind(velocity: &[f64], [behind, ahead]: [&[f64]; 2], [slope_behind, slope_ahead]: [&[f64]; 2], flux: &mut [f64]) {
    let n = flux.len();
    let (velocity, behind, ahead) = (&velocity[..n], &behind[..n], &ahead[..n]);
    let (slope_behind, slope_ahead) = (&slope_behind[..n], &slope_ahead[..n]);
    for i in 0..n {
        flux[i] = velocity[i].max(0.0) * (behind[i] + slope_behind[i]) + velocity[i].min(0.0) * (ahead[i] - slope_ahead[i]);
    }
}

/// Fills the rows and columns around: copies at walls.
fn wrap(grid: &Grid, values: &mut [f64]) {
    let (stride, ny) = (grid.stride(), grid.cells[1]);
    values.copy_within(stride..2 * stride, 0);
    values.copy_within(ny * stride..(ny + 1) * stride, (ny + 1) * stride);
    grid.wrap(values, 1.0);
}
