//! Time integration: the stable step from the signal speeds, two Runge-Kutta stages, and a repeat of the step at first order where
//! the second-order result is not physical. Steps are cut so that output times are met exactly.

use super::limiter::{Limiter, Slope};
use super::sweep::{Rows, Sweep};
use super::{Cells, Edge, Law, Mesh, cell};
use crate::problem::Breakdown;
use crate::wide::{Wide, wide};

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
    rows: Rows<N>,
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
        let rows = Rows::new(mesh.cells[1]);
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
            rows,
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
        self.advance_by(until, Self::step)
    }

    /// Marches to time `until` with a step of the caller's, which is given the length that suits the flow.
    ///
    /// # Errors
    /// The step's.
    pub fn advance_by(&mut self, until: f64, mut step: impl FnMut(&mut Self, f64) -> Result<(), Breakdown>) -> Result<(), Breakdown> {
        while self.time < until {
            let stable = self.stable_step();
            // A sliver of a step at the end would only cost time: stretch the last step by rounding error at most.
            let last = self.time + stable * (1.0 + 1e-12) >= until;
            let dt = if last { until - self.time } else { stable };
            step(self, dt)?;
            self.time = if last { until } else { self.time + dt };
        }
        Ok(())
    }

    /// Changes the conserved variables by something else than the flow.
    ///
    /// # Errors
    /// The result is not physical.
    pub fn change(&mut self, change: impl FnOnce(&mut Cells<N>)) -> Result<(), Breakdown> {
        change(&mut self.conserved);
        to_primitive(self.law, &self.conserved, &mut self.primitive).map_err(|at| breakdown(self.time, &self.mesh, &self.primitive, at))
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
        let slope = self.limiter.slope();
        if wide(Attempt { march: self, dt, slope }).is_err() {
            // The failed attempt left its stages in `primitive`; the conserved variables are still those of the start.
            to_primitive(self.law, &self.conserved, &mut self.primitive).expect("the state at the start of a step is physical");
            let slope = Limiter::FirstOrder.slope();
            if let Err(at) = wide(Attempt { march: self, dt, slope }) {
                return Err(breakdown(self.time, &self.mesh, &self.primitive, at));
            }
            self.first_order_steps += 1;
        }
        self.steps += 1;
        Ok(())
    }

    #[inline(always)]
    fn rate_of_change(&mut self, slope: Slope) {
        for rate in &mut self.rate {
            rate.fill(0.0);
        }
        for axis in 0..2 {
            let sweep = Sweep { mesh: self.mesh, axis, edge: self.edges[axis], slope };
            self.rows.add_rate(self.law, sweep, &self.primitive, &mut self.rate);
        }
    }
}

/// An attempt at a step: Shu and Osher's two-stage scheme, m = u + dt R(u); u' = (u + m + dt R(m)) / 2. It fails with a cell that is
/// not physical, and then leaves `conserved` as it was.
struct Attempt<'m, 'a, L, const N: usize> {
    march: &'m mut March<'a, L, N>,
    dt: f64,
    slope: Slope,
}

impl<L: Law<N>, const N: usize> Wide for Attempt<'_, '_, L, N> {
    type Output = Result<(), usize>;

    #[inline(always)]
    fn run(self) -> Result<(), usize> {
        let Self { march, dt, slope } = self;
        march.rate_of_change(slope);
        for v in 0..N {
            for ((m, u), r) in march.middle[v].iter_mut().zip(&march.conserved[v]).zip(&march.rate[v]) {
                *m = u + dt * r;
            }
        }
        to_primitive(march.law, &march.middle, &mut march.primitive)?;
        march.rate_of_change(slope);
        for v in 0..N {
            for ((m, u), r) in march.middle[v].iter_mut().zip(&march.conserved[v]).zip(&march.rate[v]) {
                *m = 0.5 * (u + *m + dt * r);
            }
        }
        to_primitive(march.law, &march.middle, &mut march.primitive)?;
        std::mem::swap(&mut march.conserved, &mut march.middle);
        Ok(())
    }
}

/// Converts every cell; fails with the first cell that is not physical.
#[inline(always)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::euler::Gas;

    /// Wide vectors change no byte.
    #[test]
    fn wide_steps_are_the_plain_steps() {
        let gas = Gas { gamma: 1.4 };
        let mesh = Mesh { cells: [13, 19], spacing: [0.1, 0.07] };
        let start = || -> Cells<4> {
            let state = |at: usize| gas.conserved([1.0 + (at % 7) as f64, (at % 3) as f64, (at % 5) as f64 - 2.0, 0.5 + (at % 11) as f64]);
            std::array::from_fn(|v| (0..mesh.len()).map(|at| state(at)[v]).collect())
        };
        let march = || March::new(&gas, mesh, [Edge::Open, Edge::Periodic], Limiter::MonotonisedCentral, 0.4, start()).expect("physical");
        let (mut plain, mut widened) = (march(), march());
        for _ in 0..20 {
            let (dt, slope) = (0.2 * plain.stable_step(), plain.limiter.slope());
            Attempt { march: &mut plain, dt, slope }.run().expect("physical");
            wide(Attempt { march: &mut widened, dt, slope }).expect("physical");
        }
        assert_eq!(plain.conserved, widened.conserved);
        assert_ne!(plain.conserved, start());
    }
}
