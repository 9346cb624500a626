//! One Runge-Kutta stage along one axis: values at the faces by fourth-order interpolation, fluxes with a third difference against
//! waves of the grid's length (hyperviscosity), and their differences. Columns of air are contiguous, so that every inner loop runs
//! over heights and vectorises.

use super::atmosphere::{GRAVITY, Levels};
use super::{State, power};

const GHOSTS: usize = 2;
/// Strength of the hyperviscosity, as a share of what the step allows.
const HYPERVISCOSITY: f64 = 0.05;

/// One stage: out = initial + dt * (rate of change of `forcing` along the axis).
pub(super) struct Stage<'a> {
    pub dt: f64,
    pub initial: &'a State,
    pub forcing: &'a State,
    pub out: &'a mut State,
}

/// The grid, air at rest where faces need it, and working arrays.
pub(super) struct Sweeps {
    cells: [usize; 2],
    spacing: [f64; 2],
    /// At the centres of cells, which is where faces along x lie.
    centres: Levels,
    /// Between cells, where faces along z lie; the ground and the lid included.
    between: Levels,
    /// Density at rest in the ghost cells relative to that in the outermost cell: below, above.
    ghost_density: [[f64; GHOSTS]; 2],
    /// A column with its ghosts.
    column: [Vec<f64>; 4],
    pressure: Vec<f64>,
    /// Fluxes through two adjacent rows of faces along x; the first serves the faces of a column, too.
    flux: [[Vec<f64>; 4]; 2],
}

impl Sweeps {
    pub fn new(cells: [usize; 2], spacing: [f64; 2]) -> Self {
        let (nz, dz) = (cells[1], spacing[1]);
        let centre = |k: f64| (k + 0.5) * dz;
        let density = |k: f64| super::AtRest::at(centre(k)).density;
        let below = [density(-2.0) / density(0.0), density(-1.0) / density(0.0)];
        let top = nz as f64;
        let above = [density(top) / density(top - 1.0), density(top + 1.0) / density(top - 1.0)];
        let faces = || std::array::from_fn(|_| vec![0.0; nz + 1]);
        Self {
            cells,
            spacing,
            centres: Levels::at((0..nz).map(|k| centre(k as f64))),
            between: Levels::at((0..=nz).map(|k| k as f64 * dz)),
            ghost_density: [below, above],
            column: std::array::from_fn(|_| vec![0.0; nz + 2 * GHOSTS]),
            pressure: vec![0.0; nz + 1],
            flux: [faces(), faces()],
        }
    }

    /// Air at rest in each cell of a column.
    pub fn centres(&self) -> &Levels {
        &self.centres
    }

    /// A stage along x, which is periodic.
    pub fn along_x(&mut self, stage: &mut Stage) {
        let [nx, nz] = self.cells;
        let viscosity = HYPERVISCOSITY * self.spacing[0] / (16.0 * stage.dt);
        let factor = stage.dt / self.spacing[0];
        for face in 0..=nx {
            self.flux.swap(0, 1);
            let rows = [face + nx - 2, face + nx - 1, face + nx, face + nx + 1].map(|row| row % nx * nz);
            let stencil = std::array::from_fn(|v| rows.map(|start| &stage.forcing[v][start..start + nz]));
            let [_, flux] = &mut self.flux;
            fluxes::<0>(&self.centres, &stencil, viscosity, &mut self.pressure, flux);
            if face == 0 {
                continue;
            }
            let row = (face - 1) * nz..face * nz;
            for v in 0..4 {
                let initial = &stage.initial[v][row.clone()];
                let [left, right] = [&self.flux[0][v][..nz], &self.flux[1][v][..nz]];
                for (((out, initial), left), right) in stage.out[v][row.clone()].iter_mut().zip(initial).zip(left).zip(right) {
                    *out = initial - factor * (right - left);
                }
            }
        }
    }

    /// A stage along z, between the ground and the lid, with gravity.
    pub fn along_z(&mut self, stage: &mut Stage) {
        let [nx, nz] = self.cells;
        let viscosity = HYPERVISCOSITY * self.spacing[1] / (16.0 * stage.dt);
        let factor = stage.dt / self.spacing[1];
        for i in 0..nx {
            let row = i * nz..(i + 1) * nz;
            self.load_column(stage.forcing, i);
            let faces = nz + 1;
            let stencil = std::array::from_fn(|v| std::array::from_fn(|s| &self.column[v][s..s + faces]));
            let flux = &mut self.flux[0];
            fluxes::<1>(&self.between, &stencil, viscosity, &mut self.pressure, flux);
            for k in [0, nz] {
                wall_flux(&stencil, k, viscosity, self.pressure[k], flux);
            }
            for v in 0..4 {
                let initial = &stage.initial[v][row.clone()];
                let [below, above] = [&self.flux[0][v][..nz], &self.flux[0][v][1..]];
                for (((out, initial), below), above) in stage.out[v][row.clone()].iter_mut().zip(initial).zip(below).zip(above) {
                    *out = initial - factor * (above - below);
                }
            }
            let weight = stage.dt * GRAVITY;
            for (out, density) in stage.out[2][row].iter_mut().zip(&self.column[0][GHOSTS..]) {
                *out -= weight * density;
            }
        }
    }

    /// Copies column `i` and fills its ghosts: no vertical momentum, the horizontal velocity of the outermost cell, and the outermost
    /// perturbations of density and heat.
    fn load_column(&mut self, state: &State, i: usize) {
        let nz = self.cells[1];
        for (v, column) in self.column.iter_mut().enumerate() {
            column[GHOSTS..GHOSTS + nz].copy_from_slice(&state[v][i * nz..(i + 1) * nz]);
            let ends = [column[GHOSTS], column[GHOSTS + nz - 1]];
            for (g, start) in [(0, 0), (1, GHOSTS + nz)] {
                for ghost in 0..GHOSTS {
                    let factor = match v {
                        1 => self.ghost_density[g][ghost],
                        2 => 0.0,
                        _ => 1.0,
                    };
                    column[start + ghost] = factor * ends[g];
                }
            }
        }
    }
}

/// Four values of each variable around each of a row of faces.
type Stencil<'a> = [[&'a [f64]; 4]; 4];

#[inline(always)]
fn interpolated([a, b, c, d]: [f64; 4]) -> f64 {
    (7.0 * (b + c) - (a + d)) * (1.0 / 12.0)
}

#[inline(always)]
fn third_difference([a, b, c, d]: [f64; 4]) -> f64 {
    (d - a) + 3.0 * (b - c)
}

/// Fluxes through a row of faces across AXIS, one per level. The pressure is that above rest: along x its part at rest is the same on
/// both sides of a cell, along z gravity balances it.
fn fluxes<const AXIS: usize>(levels: &Levels, stencil: &Stencil, viscosity: f64, pressure: &mut [f64], flux: &mut [Vec<f64>; 4]) {
    let n = levels.len();
    let stencil = stencil.map(|variable| variable.map(|values| &values[..n]));
    let pressure = &mut pressure[..n];
    pressures(levels, stencil[3], pressure);
    let [density, heat] = [&levels.density[..n], &levels.heat[..n]];
    let flux = flux.each_mut().map(|f| &mut f[..n]);
    for k in 0..n {
        let near: [[f64; 4]; 4] = std::array::from_fn(|v| std::array::from_fn(|s| stencil[v][s][k]));
        let value = near.map(interpolated);
        let normal = value[1 + AXIS] / (value[0] + density[k]);
        let damping = near.map(|values| viscosity * third_difference(values));
        let push = |axis| if axis == AXIS { pressure[k] } else { 0.0 };
        flux[0][k] = value[1 + AXIS] + damping[0];
        flux[1][k] = value[1] * normal + push(0) + damping[1];
        flux[2][k] = value[2] * normal + push(1) + damping[2];
        flux[3][k] = (value[3] + heat[k]) * normal + damping[3];
    }
}

/// Pressure above rest at each face, from the heat around it.
fn pressures(levels: &Levels, heat: [&[f64]; 4], pressure: &mut [f64]) {
    let n = pressure.len();
    let [inverse, rest] = [&levels.inverse_heat[..n], &levels.pressure[..n]];
    let heat = heat.map(|values| &values[..n]);
    let change = |k: usize| interpolated(std::array::from_fn(|s| heat[s][k])) * inverse[k];
    let mut large = 0u64;
    for k in 0..n {
        let e = change(k);
        large |= u64::from(e.abs() > power::SMALL);
        pressure[k] = rest[k] * power::small(e);
    }
    if large != 0 {
        for k in 0..n {
            pressure[k] = rest[k] * power::any(change(k));
        }
    }
}

/// Nothing passes the ground or the lid but the push of the pressure, and no mass by hyperviscosity either.
fn wall_flux(stencil: &Stencil, k: usize, viscosity: f64, pressure: f64, flux: &mut [Vec<f64>; 4]) {
    for v in 0..4 {
        let damping = viscosity * third_difference(std::array::from_fn(|s| stencil[v][s][k]));
        flux[v][k] = match v {
            0 => 0.0,
            2 => pressure + damping,
            _ => damping,
        };
    }
}
