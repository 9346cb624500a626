//! Time integration as miniWeather's: three-stage Runge-Kutta along one axis after the other, the order of axes changing every step.

use super::atmosphere::{GAS_CONSTANT, GRAVITY, HEAT_AT_CONSTANT_VOLUME, PRESSURE_FACTOR};
use super::bubble::{Bubble, initial};
use super::sweep::{Stage, Sweeps};
use super::{EXTENT, GAMMA, State};
use crate::frames::equal_steps;

/// Speed that the step is made for, m / s, and the share of a cell that it may cross in a step: sound at 350 m/s, wind at 100.
const FASTEST: f64 = 450.0;
const COURANT: f64 = 1.5;

/// A flow marching in time.
pub struct March {
    cells: [usize; 2],
    spacing: [f64; 2],
    sweeps: Sweeps,
    time: f64,
    steps: usize,
    state: State,
    stages: [State; 2],
}

impl March {
    /// Bubbles in air at rest at time 0, on so many cells along x and z.
    pub fn new(cells: [usize; 2], bubbles: &[Bubble]) -> Self {
        let spacing = [EXTENT[0] / cells[0] as f64, EXTENT[1] / cells[1] as f64];
        let zeros = || std::array::from_fn(|_| vec![0.0; cells[0] * cells[1]]);
        Self {
            cells,
            spacing,
            sweeps: Sweeps::new(cells, spacing),
            time: 0.0,
            steps: 0,
            state: initial(bubbles, cells),
            stages: [zeros(), zeros()],
        }
    }

    /// Perturbations of density, momentum along x and z, and heat (density times potential temperature), cell (i, k) at i * nz + k.
    pub fn perturbations(&self) -> &State {
        &self.state
    }

    /// Steps taken so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Marches to time `until` in equal steps, the fewest that are stable.
    ///
    /// # Errors
    /// The first cell in which the air is no longer air.
    pub fn advance(&mut self, until: f64) -> Result<(), String> {
        let stable = COURANT * self.spacing[0].min(self.spacing[1]) / FASTEST;
        let count = equal_steps(until - self.time, stable);
        for _ in 0..count {
            self.step((until - self.time) / count as f64);
        }
        self.time = until;
        self.check()
    }

    fn step(&mut self, dt: f64) {
        for turn in 0..2 {
            let axis = (self.steps + turn) % 2;
            let [first, second] = &mut self.stages;
            let mut stage = |dt, forcing: &State, out: &mut State| {
                let mut stage = Stage { dt, initial: &self.state, forcing, out };
                if axis == 0 { self.sweeps.along_x(&mut stage) } else { self.sweeps.along_z(&mut stage) }
            };
            stage(dt / 3.0, &self.state, first);
            stage(dt / 2.0, first, second);
            stage(dt, second, first);
            std::mem::swap(&mut self.state, first);
        }
        self.steps += 1;
    }

    fn check(&self) -> Result<(), String> {
        let [density, momentum_x, momentum_z, heat] = self.conserved();
        // Comparisons with a value that is not a number are false.
        let air = |at: usize| density[at] > 0.0 && heat[at] > 0.0 && momentum_x[at].is_finite() && momentum_z[at].is_finite();
        match (0..density.len()).find(|&at| !air(at)) {
            None => Ok(()),
            Some(at) => {
                let cell = (at / self.cells[1], at % self.cells[1]);
                let values = [density[at], momentum_x[at], momentum_z[at], heat[at]];
                Err(format!("cell {cell:?} has density, momentum along x and z, and density times potential temperature {values:?}"))
            }
        }
    }

    /// Density, momentum along x and z, and heat, air at rest included.
    pub fn conserved(&self) -> State {
        let rest = self.sweeps.centres();
        let total = |variable: &Vec<f64>, rest: &[f64]| {
            variable.chunks_exact(self.cells[1]).flat_map(|column| column.iter().zip(rest).map(|(a, b)| a + b)).collect()
        };
        let [density, momentum_x, momentum_z, heat] = &self.state;
        [total(density, &rest.density), momentum_x.clone(), momentum_z.clone(), total(heat, &rest.heat)]
    }

    /// The integrals of mass, kg / m, and of energy (kinetic, internal and potential), J / m.
    pub fn sums(&self) -> [f64; 2] {
        let [density, momentum_x, momentum_z, heat] = self.conserved();
        let area = self.spacing[0] * self.spacing[1];
        let energy = |at: usize| {
            let kinetic = 0.5 * (momentum_x[at].powi(2) + momentum_z[at].powi(2)) / density[at];
            let internal = PRESSURE_FACTOR * heat[at].powf(GAMMA) * HEAT_AT_CONSTANT_VOLUME / GAS_CONSTANT;
            let height = ((at % self.cells[1]) as f64 + 0.5) * self.spacing[1];
            kinetic + internal + density[at] * GRAVITY * height
        };
        let mass: f64 = density.iter().sum();
        let energy: f64 = (0..density.len()).map(energy).sum();
        [mass * area, energy * area]
    }
}
