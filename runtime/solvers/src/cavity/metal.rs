//! A conducting fluid in a magnetic field, marching in time: with the field that it induces, or in the limit of small magnetic Reynolds
//! numbers, where the induced field is negligible and the force follows from the velocity.

use super::induction::Induction;
use crate::staggered::{Flow, next_step, substeps};

/// Courant number of the flow and, separately, of Alfven waves.
const COURANT: f64 = 0.5;

/// How the field acts.
pub enum Magnetism {
    /// The induced field is computed.
    Induced(Box<Induction>),
    /// N J x B with J = u x B for a unit vector B, in two dimensions without electric potential. N = Ha^2 / Re.
    QuasiStatic { interaction: f64, direction: [f64; 2] },
}

/// Flow and field.
pub struct Metal {
    pub flow: Flow,
    pub magnetism: Magnetism,
    /// A uniform force along x, as of a pressure gradient.
    pub drive: f64,
    time: f64,
    steps: usize,
}

impl Metal {
    pub fn new(flow: Flow, magnetism: Magnetism) -> Self {
        Self { flow, magnetism, drive: 0.0, time: 0.0, steps: 0 }
    }

    pub fn time(&self) -> f64 {
        self.time
    }

    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Marches to time `until`, which is met exactly.
    ///
    /// # Errors
    /// The velocity is not finite any more.
    pub fn advance(&mut self, until: f64) -> Result<(), String> {
        while self.time < until {
            let of_field = match &self.magnetism {
                Magnetism::Induced(induction) => induction.stable_step(self.flow.grid(), COURANT),
                Magnetism::QuasiStatic { interaction, .. } => 1.0 / interaction,
            };
            let stable = self.flow.stable_step(COURANT, 0.0)?.min(of_field);
            let (dt, after) = next_step(self.time, until, stable);
            self.step(dt);
            self.time = after;
        }
        Ok(())
    }

    /// One time step.
    pub fn step(&mut self, dt: f64) {
        for stage in substeps(dt) {
            self.evaluate();
            self.flow.advance(&stage);
            if let Magnetism::Induced(induction) = &mut self.magnetism {
                induction.advance(self.flow.grid(), &stage);
            }
        }
        self.steps += 1;
    }

    /// The induced field at cell centres, in the order of output; zero in the quasi-static limit.
    pub fn induced_field(&self) -> [Vec<f64>; 2] {
        let grid = self.flow.grid();
        match &self.magnetism {
            Magnetism::Induced(induction) => induction.at_centres(grid),
            Magnetism::QuasiStatic { .. } => [(); 2].map(|()| grid.output(|_| 0.0)),
        }
    }

    /// The rates of both.
    pub fn evaluate(&mut self) {
        self.flow.evaluate();
        match &mut self.magnetism {
            Magnetism::Induced(induction) => {
                induction.evaluate(&self.flow);
                self.flow.add_corner_force(induction.force());
            }
            Magnetism::QuasiStatic { interaction, direction } => add_quasi_static_force(&mut self.flow, *interaction, *direction),
        }
        if self.drive != 0.0 {
            self.flow.rates[0].iter_mut().for_each(|rate| *rate += self.drive);
        }
    }
}

/// The force of the quasi-static limit on the faces, where the other component is the mean of the four around.
fn add_quasi_static_force(flow: &mut Flow, interaction: f64, [bx, by]: [f64; 2]) {
    let [nx, ny] = flow.grid().cells;
    let stride = flow.grid().stride();
    let first = flow.grid().at(0, 0);
    let Flow { u, v, rates, .. } = flow;
    for j in 0..ny {
        let row = first + j * stride;
        for at in row..row + nx {
            let v_here = 0.25 * (v[at - 1] + v[at] + v[at - 1 + stride] + v[at + stride]);
            rates[0][at] -= interaction * by * (u[at] * by - v_here * bx);
            if j > 0 {
                let u_here = 0.25 * (u[at - stride] + u[at + 1 - stride] + u[at] + u[at + 1]);
                rates[1][at] += interaction * bx * (u_here * by - v[at] * bx);
            }
        }
    }
}
