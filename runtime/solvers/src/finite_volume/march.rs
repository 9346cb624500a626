//! Time integration: the stable step from the signal speeds, two Runge-Kutta stages, and a repeat of the step at first order where
//! the second-order result is not physical. Steps are cut so that output times are met exactly.

use super::limiter::{Limiter, Slope};
use super::sweep::{Line, Sweep};
use super::{Cells, Edge, Law, Mesh, cell};
use crate::problem::Breakdown;

/// A solution marching in time.
pub struct March<'a, L, const N: usize> {
    law: &'a L,
    mesh: Mesh,
    edges: [Edge; 2],
    limiter: Limiter,
    courant: f64,
    time: f64,
    steps: usize,
    first_order_steps: usize,
    conserved: Cells<N>,
    primitive: Cells<N>,
    /// After the first stage.
    middle: Cells<N>,
    rate: Cells<N>,
    line: Line<N>,
}

impl<'a, L: Law<N>, const N: usize> March<'a, L, N> {
    /// Starts at time 0 from cell averages of the conserved variables.
    ///
    /// `courant` bounds dt * max(speed_x / dx + speed_y / dy); 0.4 suits both limiters.
    ///
    /// # Errors
    /// The initial state is not physical.
    pub fn new(law: &'a L, mesh: Mesh, edges: [Edge; 2], limiter: Limiter, courant: f64, conserved: Cells<N>) -> Result<Self, Breakdown> {
        for variable in &conserved {
            assert_eq!(variable.len(), mesh.len(), "one value per cell and variable");
        }
        let zeros = || std::array::from_fn(|_| vec![0.0; mesh.len()]);
        let mut primitive = zeros();
        if let Err(at) = to_primitive(law, &conserved, &mut primitive) {
            return Err(breakdown(0.0, &mesh, &primitive, at));
        }
        let line = Line::new(mesh.cells[0].max(mesh.cells[1]));
        Ok(Self {
            law,
            mesh,
            edges,
            limiter,
            courant,
            time: 0.0,
            steps: 0,
            first_order_steps: 0,
            conserved,
            primitive,
            middle: zeros(),
            rate: zeros(),
            line,
        })
    }

    /// Cell averages of the conserved variables.
    pub fn conserved(&self) -> &Cells<N> {
        &self.conserved
    }

    /// Primitive variables of the cell averages.
    pub fn primitive(&self) -> &Cells<N> {
        &self.primitive
    }

    /// Steps taken so far, and how many of them at first order.
    pub fn steps(&self) -> (usize, usize) {
        (self.steps, self.first_order_steps)
    }

    /// The integral of each conserved variable over the domain.
    pub fn sums(&self) -> [f64; N] {
        let area = self.mesh.spacing[0] * self.mesh.spacing[1];
        std::array::from_fn(|v| self.conserved[v].iter().sum::<f64>() * area)
    }

    /// Marches to time `until`, which is met exactly.
    ///
    /// # Errors
    /// A state that is not physical even when the step is repeated at first order.
    pub fn advance(&mut self, until: f64) -> Result<(), Breakdown> {
        while self.time < until {
            let stable = self.stable_step();
            // A sliver of a step at the end would only cost time: stretch the last step by rounding error at most.
            let last = self.time + stable * (1.0 + 1e-12) >= until;
            let dt = if last { until - self.time } else { stable };
            self.step(dt)?;
            self.time = if last { until } else { self.time + dt };
        }
        Ok(())
    }

    fn stable_step(&self) -> f64 {
        let inverse = self.mesh.spacing.map(|h| 1.0 / h);
        let mut fastest = 0.0f64;
        for at in 0..self.mesh.len() {
            let speed = self.law.speed(cell(&self.primitive, at));
            fastest = fastest.max(speed[0] * inverse[0] + speed[1] * inverse[1]);
        }
        self.courant / fastest
    }

    /// One time step: second order, or first order where that fails.
    ///
    /// # Errors
    /// See `advance`.
    pub fn step(&mut self, dt: f64) -> Result<(), Breakdown> {
        if self.try_step(dt, self.limiter.slope()).is_err() {
            // The failed attempt left its stages in `primitive`; the conserved variables are still those of the start.
            to_primitive(self.law, &self.conserved, &mut self.primitive).expect("the state at the start of a step is physical");
            if let Err(at) = self.try_step(dt, Limiter::FirstOrder.slope()) {
                return Err(breakdown(self.time, &self.mesh, &self.primitive, at));
            }
            self.first_order_steps += 1;
        }
        self.steps += 1;
        Ok(())
    }

    /// Shu and Osher's two-stage scheme: m = u + dt R(u); u' = (u + m + dt R(m)) / 2. On failure `conserved` is untouched.
    fn try_step(&mut self, dt: f64, slope: Slope) -> Result<(), usize> {
        self.rate_of_change(slope);
        for v in 0..N {
            for ((m, u), r) in self.middle[v].iter_mut().zip(&self.conserved[v]).zip(&self.rate[v]) {
                *m = u + dt * r;
            }
        }
        to_primitive(self.law, &self.middle, &mut self.primitive)?;
        self.rate_of_change(slope);
        for v in 0..N {
            for ((m, u), r) in self.middle[v].iter_mut().zip(&self.conserved[v]).zip(&self.rate[v]) {
                *m = 0.5 * (u + *m + dt * r);
            }
        }
        to_primitive(self.law, &self.middle, &mut self.primitive)?;
        std::mem::swap(&mut self.conserved, &mut self.middle);
        Ok(())
    }

    fn rate_of_change(&mut self, slope: Slope) {
        for rate in &mut self.rate {
            rate.fill(0.0);
        }
        for axis in 0..2 {
            let sweep = Sweep { mesh: self.mesh, axis, edge: self.edges[axis], slope };
            self.line.add_rate(self.law, sweep, &self.primitive, &mut self.rate);
        }
    }
}

/// Converts every cell; fails with the first cell that is not physical.
fn to_primitive<L: Law<N>, const N: usize>(law: &L, conserved: &Cells<N>, primitive: &mut Cells<N>) -> Result<(), usize> {
    let len = conserved[0].len();
    let mut physical = true;
    {
        let source: [&[f64]; N] = std::array::from_fn(|v| &conserved[v][..len]);
        let target = primitive.each_mut().map(|p| &mut p[..len]);
        for at in 0..len {
            let values = law.primitive(std::array::from_fn(|v| source[v][at]));
            physical &= law.admissible(values);
            for v in 0..N {
                target[v][at] = values[v];
            }
        }
    }
    if physical {
        return Ok(());
    }
    Err((0..len).find(|&at| !law.admissible(cell(primitive, at))).expect("a cell was found unphysical"))
}

fn breakdown<const N: usize>(time: f64, mesh: &Mesh, primitive: &Cells<N>, at: usize) -> Breakdown {
    let (i, j) = (at / mesh.cells[1], at % mesh.cells[1]);
    Breakdown { time, cause: format!("cell ({i}, {j}) has primitive values {:?}", cell(primitive, at)) }
}
