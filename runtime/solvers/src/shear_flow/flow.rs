//! Incompressible flow with a tracer in a periodic box: vorticity and tracer as Fourier modes, classical fourth-order Runge-Kutta
//! steps with diffusion as an exact integrating factor. The mean velocity is constant and held beside the vorticity.

use crate::fourier::{Complex, Modes, Spectrum, Transform};
use crate::problem::Breakdown;

/// A flow marching in time.
pub struct Flow {
    modes: Modes,
    transform: Transform,
    viscosity: f64,
    diffusivity: f64,
    courant: f64,
    mean_velocity: [f64; 2],
    time: f64,
    steps: usize,
    /// Vorticity and tracer.
    state: [Spectrum; 2],
    stage: [Spectrum; 2],
    sum: [Spectrum; 2],
    rate: [Spectrum; 2],
    velocity: [Spectrum; 2],
    flux: Spectrum,
    /// Grid values: velocity, the advected field, its flux.
    velocity_values: [Vec<f64>; 2],
    values: Vec<f64>,
    flux_values: Vec<f64>,
    decay: Decay,
}

/// What diffusion leaves of vorticity and tracer after half a step, as factors of both wave numbers.
struct Decay {
    half_step: f64,
    x: [Vec<f64>; 2],
    y: [Vec<f64>; 2],
}

impl Flow {
    /// Starts at time 0. The divergence of the velocity is removed.
    ///
    /// `courant` bounds dt * max(|u| / dx + |v| / dy).
    pub fn new(modes: Modes, [viscosity, diffusivity]: [f64; 2], courant: f64, velocity: [&Spectrum; 2], tracer: Spectrum) -> Self {
        let zeros = || [modes.zeros(), modes.zeros()];
        let values = || vec![0.0; modes.points()];
        Self {
            transform: Transform::new(&modes),
            viscosity,
            diffusivity,
            courant,
            mean_velocity: velocity.map(|component| component[0].re),
            time: 0.0,
            steps: 0,
            state: [modes.vorticity([velocity[0], velocity[1]]), tracer],
            stage: zeros(),
            sum: zeros(),
            rate: zeros(),
            velocity: zeros(),
            flux: modes.zeros(),
            velocity_values: [values(), values()],
            values: values(),
            flux_values: values(),
            decay: Decay { half_step: f64::NAN, x: Default::default(), y: Default::default() },
            modes,
        }
    }

    /// The modes of all its spectra.
    pub fn modes(&self) -> &Modes {
        &self.modes
    }

    /// The vorticity dv/dx - du/dy.
    pub fn vorticity(&self) -> &Spectrum {
        &self.state[0]
    }

    /// The tracer.
    pub fn tracer(&self) -> &Spectrum {
        &self.state[1]
    }

    /// The velocity, whose mean never changes.
    pub fn velocity(&self) -> [Spectrum; 2] {
        let [mut u, mut v] = [self.modes.zeros(), self.modes.zeros()];
        self.modes.velocity(&self.state[0], self.mean_velocity, [&mut u, &mut v]);
        [u, v]
    }

    /// The pressure that keeps the velocity free of divergence; its mean is 0.
    pub fn pressure(&mut self) -> Spectrum {
        let velocity = self.velocity();
        for (component, values) in velocity.iter().zip(&mut self.velocity_values) {
            self.transform.to_grid(component, values);
        }
        let products = [(0, 0), (0, 1), (1, 1)].map(|(a, b)| {
            multiply(&self.velocity_values[a], &self.velocity_values[b], &mut self.flux_values);
            let mut product = self.modes.zeros();
            self.transform.to_modes(&self.flux_values, &mut product);
            product
        });
        self.modes.pressure(products.each_ref().map(Vec::as_slice))
    }

    /// Steps taken so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Marches to time `until`, which is met exactly by steps of about equal size.
    ///
    /// # Errors
    /// The velocity is not finite any more.
    pub fn advance(&mut self, until: f64) -> Result<(), Breakdown> {
        while self.time < until {
            let [dx, dy] = self.modes.spacing();
            self.rate_of_change(false);
            let speeds = self.velocity_values[0].iter().zip(&self.velocity_values[1]).map(|(u, v)| u.abs() / dx + v.abs() / dy);
            // A maximum skips what is not a number; a sum does not.
            let (fastest, sum) = speeds.fold((0.0f64, 0.0), |(fastest, sum), speed| (fastest.max(speed), sum + speed));
            if !f64::is_finite(sum) {
                return Err(Breakdown { time: self.time, cause: "the velocity is not finite".to_string() });
            }
            let remaining = until - self.time;
            let steps = (remaining * fastest / self.courant).ceil().max(1.0);
            self.step(remaining / steps);
            self.time = if steps > 1.0 { self.time + remaining / steps } else { until };
            self.steps += 1;
        }
        Ok(())
    }

    /// One step whose first rate of change is known. With E the decay over half a step: a = E (s + dt/2 k1), b = E s + dt/2 k2,
    /// c = E (E s + dt k3), s' = E E (s + dt/6 k1) + dt/3 E (k2 + k3) + dt/6 k4.
    fn step(&mut self, dt: f64) {
        self.set_decay(0.5 * dt);
        let half = 0.5 * dt;
        self.for_each_mode(|decay, state, rate, stage, sum| {
            *sum = (*state + rate * (dt / 6.0)) * (decay * decay);
            *stage = (*state + rate * half) * decay;
        });
        self.rate_of_change(true);
        self.for_each_mode(|decay, state, rate, stage, sum| {
            *sum += rate * (decay * dt / 3.0);
            *stage = *state * decay + rate * half;
        });
        self.rate_of_change(true);
        self.for_each_mode(|decay, state, rate, stage, sum| {
            *sum += rate * (decay * dt / 3.0);
            *stage = (*state * decay + rate * dt) * decay;
        });
        self.rate_of_change(true);
        self.for_each_mode(|_, state, rate, _, sum| *state = *sum + rate * (dt / 6.0));
    }

    /// Calls `update(decay, state, rate, stage, sum)` for every mode of both fields.
    fn for_each_mode(&mut self, update: impl Fn(f64, &mut Complex<f64>, Complex<f64>, &mut Complex<f64>, &mut Complex<f64>)) {
        for field in 0..2 {
            let along_x = &self.decay.x[field];
            for ((_, row), along_y) in self.modes.rows().zip(&self.decay.y[field]) {
                let state = self.state[field][row.clone()].iter_mut().zip(&self.rate[field][row.clone()]);
                let buffers = self.stage[field][row.clone()].iter_mut().zip(&mut self.sum[field][row]);
                for (((state, &rate), (stage, sum)), x) in state.zip(buffers).zip(along_x) {
                    update(x * along_y, state, rate, stage, sum);
                }
            }
        }
    }

    fn set_decay(&mut self, half_step: f64) {
        if self.decay.half_step == half_step {
            return;
        }
        let factors = |waves: &[f64], by: f64| waves.iter().map(|k| (-by * half_step * k * k).exp()).collect();
        let both = [self.viscosity, self.diffusivity];
        self.decay = Decay { half_step, x: both.map(|by| factors(self.modes.x(), by)), y: both.map(|by| factors(self.modes.y(), by)) };
    }

    /// Minus the divergence of the fluxes of vorticity and tracer, of the state or of the stage.
    fn rate_of_change(&mut self, of_stage: bool) {
        let fields = if of_stage { &self.stage } else { &self.state };
        let [u, v] = &mut self.velocity;
        self.modes.velocity(&fields[0], self.mean_velocity, [u, v]);
        for (component, values) in self.velocity.iter().zip(&mut self.velocity_values) {
            self.transform.to_grid(component, values);
        }
        for (field, rate) in fields.iter().zip(&mut self.rate) {
            self.transform.to_grid(field, &mut self.values);
            rate.fill(Complex::default());
            for (axis, velocity) in self.velocity_values.iter().enumerate() {
                multiply(velocity, &self.values, &mut self.flux_values);
                self.transform.to_modes(&self.flux_values, &mut self.flux);
                self.modes.subtract_derivative(axis, &self.flux, rate);
            }
        }
    }
}

fn multiply(a: &[f64], b: &[f64], product: &mut [f64]) {
    for ((product, a), b) in product.iter_mut().zip(a).zip(b) {
        *product = a * b;
    }
}
