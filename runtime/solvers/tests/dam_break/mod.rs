//! References for dams that break: the exact solution over a wet bed (Stoker 1957) and over a dry one (Ritter 1892), and a round
//! dam computed along its radius alone.

/// Water of height `left` at rest beside lower water of height `right`, under gravity g: a rarefaction, a middle state, a shock.
pub struct Stoker {
    g: f64,
    left: f64,
    right: f64,
    pub height: f64,
    pub velocity: f64,
    pub shock: f64,
}

impl Stoker {
    pub fn solve(g: f64, left: f64, right: f64) -> Self {
        let behind_rarefaction = |h: f64| 2.0 * ((g * left).sqrt() - (g * h).sqrt());
        let behind_shock = |h: f64| (h - right) * (0.5 * g * (h + right) / (h * right)).sqrt();
        let (mut low, mut high) = (right, left);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if behind_rarefaction(middle) > behind_shock(middle) { low = middle } else { high = middle }
        }
        let velocity = behind_rarefaction(low);
        Self { g, left, right, height: low, velocity, shock: low * velocity / (low - right) }
    }

    /// Speeds of the head and the tail of the rarefaction.
    pub fn rarefaction(&self) -> (f64, f64) {
        (-(self.g * self.left).sqrt(), self.velocity - (self.g * self.height).sqrt())
    }

    /// Height at x / t.
    pub fn height_at(&self, speed: f64) -> f64 {
        let (head, tail) = self.rarefaction();
        match speed {
            _ if speed <= head => self.left,
            _ if speed < tail => (2.0 * (self.g * self.left).sqrt() - speed).powi(2) / (9.0 * self.g),
            _ if speed < self.shock => self.height,
            _ => self.right,
        }
    }
}

/// Height and velocity at x / t of water of height `left` that runs over a dry bed.
pub fn ritter(g: f64, left: f64, speed: f64) -> (f64, f64) {
    let wave = (g * left).sqrt();
    if speed <= -wave {
        (left, 0.0)
    } else if speed < 2.0 * wave {
        ((2.0 * wave - speed).powi(2) / (9.0 * g), 2.0 / 3.0 * (wave + speed))
    } else {
        (0.0, 0.0)
    }
}

/// Heights along the radius, at the centres of n cells up to 2.5, at time `until` after a round dam of radius `dam` between heights
/// 2 and 1 broke (g = 1):  (r h)_t + (r h u)_r = 0,  (r h u)_t + (r (h u^2 + h^2 / 2))_r = h^2 / 2.
///
/// Rusanov's flux, minmod slopes, two-stage Runge-Kutta: nothing that the simulator uses.
pub fn radial(n: usize, dam: f64, until: f64) -> Vec<f64> {
    let dr = 2.5 / n as f64;
    let centre = |i: usize| (i as f64 + 0.5) * dr;
    // The dam may cut a cell: its share counts.
    let inside = |i: usize| ((dam - i as f64 * dr) / dr).clamp(0.0, 1.0);
    let mut state: Vec<[f64; 2]> = (0..n).map(|i| [1.0 + inside(i), 0.0]).collect();
    let mut time = 0.0;
    while time < until {
        let fastest = state.iter().map(|&[h, q]| (q / h).abs() + h.sqrt()).fold(0.0, f64::max);
        let dt = (0.45 * dr / fastest).min(until - time);
        let add = |state: &[[f64; 2]]| -> Vec<[f64; 2]> {
            let rates = radial_rates(state, dr, centre);
            state.iter().zip(rates).map(|(u, r)| [u[0] + dt * r[0], u[1] + dt * r[1]]).collect()
        };
        let last = add(&add(&state));
        for (u, v) in state.iter_mut().zip(last) {
            *u = [0.5 * (u[0] + v[0]), 0.5 * (u[1] + v[1])];
        }
        time += dt;
    }
    state.into_iter().map(|[h, _]| h).collect()
}

fn radial_rates(state: &[[f64; 2]], dr: f64, centre: impl Fn(usize) -> f64) -> Vec<[f64; 2]> {
    let n = state.len();
    // Height and velocity, with mirrored ghosts at the centre and copies at the far end.
    let cell = |i: isize| -> [f64; 2] {
        let sign = if i < 0 { -1.0 } else { 1.0 };
        let [h, q] = state[(if i < 0 { -1 - i } else { i }).min(n as isize - 1) as usize];
        [h, sign * q / h]
    };
    let minmod = |a: f64, b: f64| if a * b > 0.0 { a.abs().min(b.abs()).copysign(a) } else { 0.0 };
    let half_slope = |i: isize| {
        let (a, b, c) = (cell(i - 1), cell(i), cell(i + 1));
        [0, 1].map(|v| 0.5 * minmod(b[v] - a[v], c[v] - b[v]))
    };
    let slopes: Vec<[f64; 2]> = (-1..=n as isize).map(half_slope).collect();
    let flux: Vec<[f64; 2]> = (0..=n)
        .map(|face| {
            let (a, b) = (cell(face as isize - 1), cell(face as isize));
            let (hl, ul) = (a[0] + slopes[face][0], a[1] + slopes[face][1]);
            let (hr, ur) = (b[0] - slopes[face + 1][0], b[1] - slopes[face + 1][1]);
            let speed = (ul.abs() + hl.sqrt()).max(ur.abs() + hr.sqrt());
            let [fl, fr] = [(hl, ul), (hr, ur)].map(|(h, u)| [h * u, h * u * u + 0.5 * h * h]);
            [0.5 * (fl[0] + fr[0] - speed * (hr - hl)), 0.5 * (fl[1] + fr[1] - speed * (hr * ur - hl * ul))]
        })
        .collect();
    (0..n)
        .map(|i| {
            let (inner, outer) = (i as f64 * dr, (i + 1) as f64 * dr);
            let push = 0.5 * state[i][0] * state[i][0];
            let difference = |v: usize| (outer * flux[i + 1][v] - inner * flux[i][v]) / dr;
            [-difference(0) / centre(i), (push - difference(1)) / centre(i)]
        })
        .collect()
}
