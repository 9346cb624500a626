//! The exact solution of the Riemann problem for an ideal gas, after Toro, Riemann Solvers and Numerical Methods for Fluid
//! Dynamics, chapter 4: the reference for the simulator's shocks, contacts and rarefactions.

/// Density, normal velocity, pressure.
pub type State = [f64; 3];

/// The four constant states' middle part: pressure and velocity between the outer waves.
pub struct Exact {
    gamma: f64,
    left: State,
    right: State,
    pub pressure: f64,
    pub velocity: f64,
}

/// Velocity change across the wave next to `state` when the pressure behind it is `p`, and its derivative.
fn wave(gamma: f64, [density, _, pressure]: State, p: f64) -> (f64, f64) {
    let sound = (gamma * pressure / density).sqrt();
    if p > pressure {
        let a = 2.0 / ((gamma + 1.0) * density);
        let b = (gamma - 1.0) / (gamma + 1.0) * pressure;
        let root = (a / (p + b)).sqrt();
        ((p - pressure) * root, root * (1.0 - 0.5 * (p - pressure) / (p + b)))
    } else {
        let exponent = (gamma - 1.0) / (2.0 * gamma);
        let ratio = p / pressure;
        (2.0 * sound / (gamma - 1.0) * (ratio.powf(exponent) - 1.0), ratio.powf(-(gamma + 1.0) / (2.0 * gamma)) / (density * sound))
    }
}

impl Exact {
    pub fn solve(gamma: f64, left: State, right: State) -> Self {
        let mut p = 0.5 * (left[2] + right[2]);
        for _ in 0..200 {
            let (f, g) = (wave(gamma, left, p), wave(gamma, right, p));
            let next = (p - (f.0 + g.0 + right[1] - left[1]) / (f.1 + g.1)).max(0.1 * p);
            if (next - p).abs() < 1e-15 * p {
                break;
            }
            p = next;
        }
        let velocity = 0.5 * (left[1] + right[1] + wave(gamma, right, p).0 - wave(gamma, left, p).0);
        Self { gamma, left, right, pressure: p, velocity }
    }

    fn star_density(&self, [density, _, pressure]: State) -> f64 {
        let (g, ratio) = (self.gamma, self.pressure / pressure);
        if ratio > 1.0 {
            let k = (g - 1.0) / (g + 1.0);
            density * (ratio + k) / (k * ratio + 1.0)
        } else {
            density * ratio.powf(1.0 / g)
        }
    }

    /// Densities left and right of the contact.
    #[allow(dead_code, reason = "not every test that shares this file needs it")]
    pub fn star_densities(&self) -> (f64, f64) {
        (self.star_density(self.left), self.star_density(self.right))
    }

    /// Speeds of the outer edge and the inner edge of the wave on the left or right; equal for a shock.
    pub fn wave_speeds(&self, right: bool) -> (f64, f64) {
        let (state, sign) = if right { (self.right, 1.0) } else { (self.left, -1.0) };
        let [density, u, pressure] = state;
        let sound = (self.gamma * pressure / density).sqrt();
        let ratio = self.pressure / pressure;
        if ratio > 1.0 {
            let g = self.gamma;
            let speed = u + sign * sound * ((g + 1.0) / (2.0 * g) * ratio + (g - 1.0) / (2.0 * g)).sqrt();
            (speed, speed)
        } else {
            let inner = sound * ratio.powf((self.gamma - 1.0) / (2.0 * self.gamma));
            (u + sign * sound, self.velocity + sign * inner)
        }
    }

    /// Density at the similarity coordinate x / t.
    pub fn density(&self, speed: f64) -> f64 {
        let right = speed > self.velocity;
        let (state, sign) = if right { (self.right, 1.0) } else { (self.left, -1.0) };
        let (outer, inner) = self.wave_speeds(right);
        if sign * speed >= sign * outer {
            state[0]
        } else if sign * speed <= sign * inner {
            self.star_density(state)
        } else {
            let g = self.gamma;
            let sound = (g * state[2] / state[0]).sqrt();
            let base = 2.0 / (g + 1.0) - sign * (g - 1.0) / ((g + 1.0) * sound) * (state[1] - speed);
            state[0] * base.powf(2.0 / (g - 1.0))
        }
    }
}
