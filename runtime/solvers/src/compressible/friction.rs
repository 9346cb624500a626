//! Friction, integrated apart from the flow with stabilised Runge-Kutta steps (Meyer, Balsara and Aslam 2012): s stages span
//! (s^2 + s - 2) / 4 explicit steps at second order, so that viscosity never bounds the step of the flow.

use super::stress::{State, Stress, Viscosity};
use crate::finite_volume::{Cells, Mesh};
use crate::wide::{Wide, wide};

/// Integrates friction on a periodic grid; the density stays as it is.
pub struct Friction {
    mesh: Mesh,
    stress: Stress,
    start: State,
    start_rate: State,
    before: State,
    now: State,
    next: State,
    rate: State,
}

impl Friction {
    pub fn new(viscosity: Viscosity, mesh: Mesh) -> Self {
        let len = mesh.cells[0] * (mesh.cells[1] + 2);
        let state = || std::array::from_fn(|_| vec![0.0; len]);
        let (start, start_rate, before, now, next, rate) = (state(), state(), state(), state(), state(), state());
        Self { mesh, stress: Stress::new(viscosity, mesh), start, start_rate, before, now, next, rate }
    }

    /// Lets friction act for `dt` on the conserved variables of a gas.
    pub fn apply(&mut self, dt: f64, conserved: &mut Cells<4>) {
        wide(Application { friction: self, dt, conserved });
    }

    /// next = mu now + nu before + (1 - mu - nu) start + mu scale (rate - (1 - b) start_rate).
    #[inline(always)]
    fn combine(&mut self, stage: usize, scale: f64) {
        let j = stage as f64;
        let mu = (2.0 * j - 1.0) / j * weight(stage) / weight(stage - 1);
        let nu = -(j - 1.0) / j * weight(stage) / weight(stage - 2);
        let rest = 1.0 - mu - nu;
        let (by_rate, by_first) = (mu * scale, -(1.0 - weight(stage - 1)) * mu * scale);
        for v in 0..3 {
            let len = self.now[v].len();
            let [now, before, start, rate, first] =
                [&self.now, &self.before, &self.start, &self.rate, &self.start_rate].map(|state| &state[v][..len]);
            let next = &mut self.next[v][..len];
            for at in 0..len {
                next[at] = mu * now[at] + nu * before[at] + rest * start[at] + by_rate * rate[at] + by_first * first[at];
            }
        }
        std::mem::swap(&mut self.before, &mut self.now);
        std::mem::swap(&mut self.now, &mut self.next);
    }

    #[inline(always)]
    fn load(&mut self, conserved: &Cells<4>) {
        let [density, momentum_x, momentum_y, energy] = conserved;
        for (padded, plain) in rows(&self.mesh) {
            for (at, cell) in padded.zip(plain) {
                let lightness = 1.0 / density[cell];
                self.stress.lightness[at] = lightness;
                self.start[0][at] = momentum_x[cell] * lightness;
                self.start[1][at] = momentum_y[cell] * lightness;
                self.start[2][at] = energy[cell];
            }
        }
    }

    #[inline(always)]
    fn store(&self, conserved: &mut Cells<4>) {
        let [density, momentum_x, momentum_y, energy] = conserved;
        for (padded, plain) in rows(&self.mesh) {
            for (at, cell) in padded.zip(plain) {
                momentum_x[cell] = density[cell] * self.now[0][at];
                momentum_y[cell] = density[cell] * self.now[1][at];
                energy[cell] = self.now[2][at];
            }
        }
    }
}

struct Application<'a> {
    friction: &'a mut Friction,
    dt: f64,
    conserved: &'a mut Cells<4>,
}

impl Wide for Application<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { friction, dt, conserved } = self;
        friction.load(conserved);
        let stages = stages(0.5 * dt * friction.stress.fastest());
        let scale = 4.0 * dt / ((stages * stages + stages - 2) as f64);
        friction.stress.rates(&mut friction.start, &mut friction.start_rate);
        for v in 0..3 {
            friction.before[v].copy_from_slice(&friction.start[v]);
            for ((now, start), rate) in friction.now[v].iter_mut().zip(&friction.start[v]).zip(&friction.start_rate[v]) {
                *now = start + weight(1) * scale * rate;
            }
        }
        for stage in 2..=stages {
            friction.stress.rates(&mut friction.now, &mut friction.rate);
            friction.combine(stage, scale);
        }
        friction.store(conserved);
    }
}

/// Each row of cells, in an array with ghost columns and in one without.
fn rows(mesh: &Mesh) -> impl Iterator<Item = (std::ops::Range<usize>, std::ops::Range<usize>)> {
    let [nx, ny] = mesh.cells;
    (0..nx).map(move |i| (i * (ny + 2) + 1..i * (ny + 2) + 1 + ny, i * ny..(i + 1) * ny))
}

/// The fewest stages that span so many explicit steps.
fn stages(explicit_steps: f64) -> usize {
    let stages = 0.5 * ((9.0 + 16.0 * explicit_steps).sqrt() - 1.0);
    (stages.ceil() as usize).max(2)
}

/// The scheme's b.
fn weight(stage: usize) -> f64 {
    let j = stage.max(2) as f64;
    (j * j + j - 2.0) / (2.0 * j * (j + 1.0))
}

#[cfg(test)]
mod tests {
    use super::stages;

    #[test]
    fn stages_span_the_step() {
        assert_eq!([0.0, 1.0, 1.01, 2.5, 7.0, 100.0].map(stages), [2, 2, 3, 3, 5, 20]);
    }
}
