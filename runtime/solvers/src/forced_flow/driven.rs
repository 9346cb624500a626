//! Flow driven by a fixed force field times the density of particles that it carries:
//! du/dt + u . grad u = -grad p + nu lap u + s f, ds/dt + u . grad s = 0.

use crate::staggered::{Flow, Tracer, Values, next_step, substeps};

/// Courant number: limited transport of particles allows 1/2.
const COURANT: f64 = 0.4;

/// Flow and particles, marching in time.
pub struct Driven {
    pub flow: Flow,
    pub particles: Tracer,
    /// The force on particles of density 1, on the faces of u and of v.
    pub force: [Values; 2],
    /// The force on those that there are, in the middle of the step.
    acting: [Values; 2],
    /// Particles and velocity before the last step, and its length.
    before: [Values; 3],
    last_step: f64,
    time: f64,
    steps: usize,
}

impl Driven {
    pub fn new(flow: Flow, particles: Values, force: [Values; 2]) -> Self {
        let grid = flow.grid();
        let (acting, before) = ([grid.zeros(), grid.zeros()], [particles.clone(), flow.u.clone(), flow.v.clone()]);
        let particles = Tracer::new(grid, particles);
        let mut driven = Self { flow, particles, force, acting, before, last_step: 1.0, time: 0.0, steps: 0 };
        driven.settle_pressure();
        driven
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
            let stable = self.flow.stable_step(COURANT, 0.0)?;
            let (dt, after) = next_step(self.time, until, stable);
            self.step(dt);
            self.time = after;
        }
        self.settle_pressure();
        Ok(())
    }

    /// One time step: particles are carried by the velocity in its middle, extrapolated from the last two, which is free of divergence as
    /// they are; then the flow feels the mean of the particles before and after. Both are of second order.
    pub fn step(&mut self, dt: f64) {
        let weight = 0.5 * dt / self.last_step;
        let [particles, u, v] = &mut self.before;
        particles.copy_from_slice(&self.particles.values);
        for (before, now) in [u, v].into_iter().zip([&self.flow.u, &self.flow.v]) {
            before.iter_mut().zip(now).for_each(|(before, now)| *before = now + weight * (now - *before));
        }
        let [particles, u, v] = &mut self.before;
        self.particles.advance(self.flow.grid(), [u, v], dt);
        particles.iter_mut().zip(&self.particles.values).for_each(|(before, now)| *before = 0.5 * (*before + now));
        u.copy_from_slice(&self.flow.u);
        v.copy_from_slice(&self.flow.v);
        self.find_acting_force();
        for stage in substeps(dt) {
            self.evaluate();
            self.flow.advance(&stage);
        }
        self.last_step = dt;
        self.steps += 1;
    }

    /// The force at the particles of `before`.
    fn find_acting_force(&mut self) {
        let particles = &self.before[0];
        let grid = self.flow.grid();
        for (acting, (force, shift)) in self.acting.iter_mut().zip(self.force.iter().zip([1, grid.stride()])) {
            let pairs = particles[shift..].iter().zip(particles);
            for ((acting, force), (here, behind)) in acting[shift..].iter_mut().zip(&force[shift..]).zip(pairs) {
                *acting = force * 0.5 * (here + behind);
            }
        }
    }

    fn evaluate(&mut self) {
        self.flow.evaluate();
        for (rate, acting) in self.flow.rates.iter_mut().zip(&self.acting) {
            rate.iter_mut().zip(acting).for_each(|(rate, acting)| *rate += acting);
        }
    }

    fn settle_pressure(&mut self) {
        self.before[0].copy_from_slice(&self.particles.values);
        self.find_acting_force();
        self.evaluate();
        self.flow.settle_pressure();
    }

    /// The power of the force as it acts now.
    pub fn power(&mut self) -> f64 {
        self.before[0].copy_from_slice(&self.particles.values);
        self.find_acting_force();
        self.flow.power(self.acting.each_ref().map(Values::as_slice))
    }
}
