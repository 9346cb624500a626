//! Boussinesq convection between a warm floor (buoyancy 1) and a cold ceiling (0) at distance 1, in free-fall units:
//! du/dt + u . grad u = -grad p + nu lap u + b e_y, db/dt + u . grad b = kappa lap b, with nu = (Ra / Pr)^-1/2, kappa = (Ra Pr)^-1/2.

use crate::staggered::{Flow, Grid, Scalar, Values, Wall, next_step, substeps};

/// Courant number, and the longest step: a plume that starts from rest needs some steps to be seen.
const COURANT: f64 = 0.6;
const LONGEST_STEP: f64 = 0.02;

/// Flow and buoyancy, marching in time.
pub struct Convection {
    pub flow: Flow,
    pub buoyancy: Scalar,
    time: f64,
    steps: usize,
}

impl Convection {
    /// At rest, with this buoyancy at cell centres; the grid has height 1.
    pub fn new(grid: Grid, rayleigh: f64, prandtl: f64, buoyancy: Values) -> Self {
        let buoyancy = Scalar::new(&grid, (rayleigh * prandtl).powf(-0.5), buoyancy, [1.0, 0.0]);
        let flow = Flow::new(grid, (rayleigh / prandtl).powf(-0.5), Wall::NoSlip);
        let mut convection = Self { flow, buoyancy, time: 0.0, steps: 0 };
        convection.settle_pressure();
        convection
    }

    pub fn time(&self) -> f64 {
        self.time
    }

    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Marches to time `until`, which is met exactly; pressure is then that of this time.
    ///
    /// # Errors
    /// The velocity is not finite any more.
    pub fn advance(&mut self, until: f64) -> Result<(), String> {
        while self.time < until {
            let stable = self.flow.stable_step(COURANT, self.buoyancy.diffusivity())?.min(LONGEST_STEP);
            let (dt, after) = next_step(self.time, until, stable);
            self.step(dt);
            self.time = after;
        }
        self.settle_pressure();
        Ok(())
    }

    /// One time step.
    pub fn step(&mut self, dt: f64) {
        for stage in substeps(dt) {
            self.evaluate();
            self.flow.advance(&stage);
            self.buoyancy.advance(self.flow.grid(), &stage);
        }
        self.steps += 1;
    }

    fn settle_pressure(&mut self) {
        self.evaluate();
        self.flow.settle_pressure();
    }

    /// The rates of both, with the force of buoyancy on the lower faces.
    fn evaluate(&mut self) {
        self.flow.evaluate();
        self.buoyancy.evaluate(&self.flow);
        let stride = self.flow.grid().stride();
        let faces = 2 * stride..self.buoyancy.values.len() - stride;
        let below = &self.buoyancy.values[faces.start - stride..];
        let rates = self.flow.rates[1][faces.clone()].iter_mut();
        for ((rate, above), below) in rates.zip(&self.buoyancy.values[faces]).zip(below) {
            *rate += 0.5 * (below + above);
        }
    }

    /// Nusselt numbers: of the mean over the volume, at the floor and at the ceiling. A steady state has all three equal.
    pub fn nusselt(&self) -> [f64; 3] {
        let grid = self.flow.grid();
        let [nx, ny] = grid.cells;
        let mut carried = 0.0;
        for j in 1..ny {
            for i in 0..nx {
                let (at, below) = (grid.at(i, j), grid.at(i, j - 1));
                carried += self.flow.v[at] * 0.5 * (self.buoyancy.values[at] + self.buoyancy.values[below]) * grid.gaps[j];
            }
        }
        let conducted = self.buoyancy.diffusivity() * nx as f64;
        let [floor, ceiling] = self.buoyancy.wall_fluxes(grid, &self.buoyancy.values);
        [1.0 + carried / conducted, floor / (conducted * grid.width), -ceiling / (conducted * grid.width)]
    }
}
