//! A dense suspension of active rods in Stokes flow: concentration c and the traceless part Q of the second orientation moment
//! D = c I / 2 + Q, as Fourier modes, with the Bingham closure for the fourth moment. Steps of second-order backward differences:
//! diffusion is implicit, everything else extrapolated. With e = (E_xx, E_xy), w the vorticity and q the closure's fourth moment,
//!
//! ```text
//! Q_t + div(u Q) = w (-Q_xy, Q_xx) + c e / 2 - M e / 2 + zeta c (1 - q) Q + d_T lap Q - 4 d_R Q,
//! -lap u + grad p = div [(alpha - zeta beta c (1 - q) / 2) Q + beta (c e + M e) / 4],
//! ```
//!
//! where M = ((C4, S4), (S4, -C4)) holds the moments c <cos 4 theta> and c <sin 4 theta>: the traceless parts of S:E and of D.D - S:D in
//! the plane are (c e + M e) / 4 and c (1 - q) Q / 4.

use super::closure::{Closure, FourthMoments};
use crate::fourier::{Complex, Modes, Spectrum, Transform};

/// The constants of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Medium {
    /// Strength of the active dipoles; negative for rods that push.
    pub alpha: f64,
    /// Resistance of the rods to strain.
    pub beta: f64,
    /// Strength of the alignment between rods.
    pub zeta: f64,
    /// Diffusivities of place and of direction.
    pub translation: f64,
    pub rotation: f64,
}

/// A suspension marching in time.
pub struct Suspension {
    medium: Medium,
    closure: Closure,
    modes: Modes,
    transform: Transform,
    steps: usize,
    /// c, Q_xx, Q_xy, now and a step ago; their rates of change without diffusion likewise.
    state: [Spectrum; 3],
    before: [Spectrum; 3],
    rate: [Spectrum; 3],
    rate_before: [Spectrum; 3],
    vorticity: Spectrum,
    stress: [Spectrum; 2],
    work: [Spectrum; 2],
    grid: Grid,
}

/// Values on the grid.
struct Grid {
    state: [Vec<f64>; 3],
    velocity: [Vec<f64>; 2],
    strain: [Vec<f64>; 2],
    /// Strain rates of the last two solutions for the flow.
    strain_before: [Vec<f64>; 2],
    vorticity: Vec<f64>,
    moments: Moments,
    product: [Vec<f64>; 2],
}

/// c <cos 4 theta>, c <sin 4 theta> and c (1 - q).
struct Moments {
    cos: Vec<f64>,
    sin: Vec<f64>,
    disorder: Vec<f64>,
}

/// Solutions for the flow that are iterated to the end, since there are no two earlier ones to extrapolate the strain rate from.
const ITERATED: usize = 2;
/// Each iteration takes at least four fifths off the error: at beta = 0.8 the stress that depends on the flow is a fifth of the other.
const ITERATIONS: usize = 30;

impl Suspension {
    /// Starts at time 0 from modes of the concentration and of both components of Q.
    pub fn new(modes: Modes, medium: Medium, state: [Spectrum; 3]) -> Self {
        let zeros = || modes.zeros();
        let values = || vec![0.0; modes.points()];
        let mut suspension = Self {
            medium,
            closure: Closure::new(),
            transform: Transform::new(&modes),
            steps: 0,
            before: state.clone(),
            state,
            rate: std::array::from_fn(|_| zeros()),
            rate_before: std::array::from_fn(|_| zeros()),
            vorticity: zeros(),
            stress: [zeros(), zeros()],
            work: [zeros(), zeros()],
            grid: Grid {
                state: std::array::from_fn(|_| values()),
                velocity: [values(), values()],
                strain: [values(), values()],
                strain_before: [values(), values()],
                vorticity: values(),
                moments: Moments { cos: values(), sin: values(), disorder: values() },
                product: [values(), values()],
            },
            modes,
        };
        suspension.solve_flow();
        suspension
    }

    /// The modes of all its spectra.
    pub fn modes(&self) -> &Modes {
        &self.modes
    }

    /// Concentration, Q_xx and Q_xy.
    pub fn state(&self) -> &[Spectrum; 3] {
        &self.state
    }

    /// The velocity; it has no mean.
    pub fn velocity(&self) -> [Spectrum; 2] {
        let [mut u, mut v] = [self.modes.zeros(), self.modes.zeros()];
        self.modes.velocity(&self.vorticity, [0.0; 2], [&mut u, &mut v]);
        [u, v]
    }

    /// The rate of strain: E_xx and E_xy.
    pub fn strain_rate(&self) -> [Spectrum; 2] {
        let [mut xx, mut xy] = [self.modes.zeros(), self.modes.zeros()];
        self.modes.strain_rate(&self.vorticity, [&mut xx, &mut xy]);
        [xx, xy]
    }

    /// Steps taken so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Whether the concentration is positive everywhere, and the order 2 |Q| / c at most `largest_order`: it would not exceed 1.
    ///
    /// # Errors
    /// A place where that is not so.
    pub fn check(&self, largest_order: f64) -> Result<(), String> {
        let [c, xx, xy] = &self.grid.state;
        let physical = |at: usize| c[at] > 0.0 && 2.0 * xx[at].hypot(xy[at]) <= largest_order * c[at];
        match (0..c.len()).find(|&at| !physical(at)) {
            None => Ok(()),
            Some(at) => {
                let ny = self.modes.cells()[1];
                let place = (at / ny, at % ny);
                Err(format!("point {place:?} has concentration {}, Q_xx {} and Q_xy {}", c[at], xx[at], xy[at]))
            }
        }
    }

    /// One step; all steps of a suspension have the same size.
    pub fn step(&mut self, dt: f64) {
        std::mem::swap(&mut self.rate, &mut self.rate_before);
        self.rate_of_change();
        // 3/2 x' - 2 x + 1/2 x_before = dt (2 rate - rate_before + diffusion of x'); the first step is one of first order.
        let (now, before, lead) = if self.steps == 0 { (1.0, 0.0, 1.0) } else { (2.0, -0.5, 1.5) };
        let (rate_now, rate_before) = if self.steps == 0 { (dt, 0.0) } else { (2.0 * dt, -dt) };
        for (field, relaxation) in [0.0, 4.0 * self.medium.rotation, 4.0 * self.medium.rotation].into_iter().enumerate() {
            let (state, old) = (&self.state[field], &mut self.before[field]);
            for (ky, row) in self.modes.rows() {
                let rates = self.rate[field][row.clone()].iter().zip(&self.rate_before[field][row.clone()]);
                let states = old[row.clone()].iter_mut().zip(&state[row]);
                for (((old, state), (rate, previous)), kx) in states.zip(rates).zip(self.modes.x()) {
                    let implicit = lead + dt * (self.medium.translation * (kx * kx + ky * ky) + relaxation);
                    *old = (state * now + *old * before + rate * rate_now + previous * rate_before) / implicit;
                }
            }
        }
        std::mem::swap(&mut self.state, &mut self.before);
        self.steps += 1;
        self.solve_flow();
    }

    /// The flow that the present state drives. The stress depends on the strain rate, weakly: that is extrapolated from the two
    /// solutions before, or iterated where there are none.
    fn solve_flow(&mut self) {
        for (spectrum, values) in self.state.iter().zip(&mut self.grid.state) {
            self.transform.to_grid(spectrum, values);
        }
        let iterate = self.steps < ITERATED;
        if !iterate {
            for (now, before) in self.grid.strain.iter_mut().zip(&mut self.grid.strain_before) {
                for (now, before) in now.iter_mut().zip(before) {
                    (*now, *before) = (2.0 * *now - *before, *now);
                }
            }
        }
        self.close();
        let [before_xx, before_xy] = &mut self.grid.strain_before;
        if iterate {
            before_xx.copy_from_slice(&self.grid.strain[0]);
            before_xy.copy_from_slice(&self.grid.strain[1]);
        }
        for _ in 0..if iterate { ITERATIONS } else { 1 } {
            self.form_stress();
            for (values, spectrum) in self.grid.product.iter().zip(&mut self.stress) {
                self.transform.to_modes(values, spectrum);
            }
            self.modes.stokes_vorticity([&self.stress[0], &self.stress[1]], &mut self.vorticity);
            let [xx, xy] = &mut self.work;
            self.modes.strain_rate(&self.vorticity, [xx, xy]);
            for (spectrum, values) in self.work.iter().zip(&mut self.grid.strain) {
                self.transform.to_grid(spectrum, values);
            }
        }
    }

    /// The fourth moments of the state.
    fn close(&mut self) {
        let Moments { cos, sin, disorder } = &mut self.grid.moments;
        let [c, xx, xy] = &self.grid.state;
        let fourth = cos.iter_mut().zip(sin).zip(disorder);
        for (((cos, sin), disorder), ((&c, &xx), &xy)) in fourth.zip(c.iter().zip(xx).zip(xy)) {
            let moments: FourthMoments = self.closure.fourth_moments(c, xx, xy);
            (*cos, *sin, *disorder) = (moments.cos, moments.sin, c * (1.0 - moments.aligned));
        }
    }

    /// The traceless stress, into the products.
    fn form_stress(&mut self) {
        let Medium { alpha, beta, zeta, .. } = self.medium;
        let n = self.modes.points();
        let Grid { state, strain, moments, product, .. } = &mut self.grid;
        let [c, xx, xy] = state.each_ref().map(|values| &values[..n]);
        let [e, f] = strain.each_ref().map(|values| &values[..n]);
        let (cos, sin, disorder) = (&moments.cos[..n], &moments.sin[..n], &moments.disorder[..n]);
        let [out_xx, out_xy] = product.each_mut().map(|values| &mut values[..n]);
        for at in 0..n {
            let nematic = alpha - 0.5 * zeta * beta * disorder[at];
            out_xx[at] = nematic * xx[at] + 0.25 * beta * ((c[at] + cos[at]) * e[at] + sin[at] * f[at]);
            out_xy[at] = nematic * xy[at] + 0.25 * beta * (sin[at] * e[at] + (c[at] - cos[at]) * f[at]);
        }
    }

    /// The rates of change without diffusion.
    fn rate_of_change(&mut self) {
        let [u, v] = &mut self.work;
        self.modes.velocity(&self.vorticity, [0.0; 2], [u, v]);
        for (spectrum, values) in self.work.iter().zip(&mut self.grid.velocity) {
            self.transform.to_grid(spectrum, values);
        }
        self.transform.to_grid(&self.vorticity, &mut self.grid.vorticity);
        self.form_turning();
        self.rate[0].fill(Complex::default());
        for (values, rate) in self.grid.product.iter().zip(&mut self.rate[1..]) {
            self.transform.to_modes(values, rate);
        }
        let Grid { state, velocity, product, .. } = &mut self.grid;
        for (field, rate) in state.iter().zip(&mut self.rate) {
            for (axis, velocity) in velocity.iter().enumerate() {
                for ((flux, field), velocity) in product[0].iter_mut().zip(field).zip(velocity) {
                    *flux = field * velocity;
                }
                self.transform.to_modes(&product[0], &mut self.work[0]);
                self.modes.subtract_derivative(axis, &self.work[0], rate);
            }
        }
    }

    /// What turns and aligns the rods in place, into the products.
    fn form_turning(&mut self) {
        let zeta = self.medium.zeta;
        let n = self.modes.points();
        let Grid { state, strain, vorticity, moments, product, .. } = &mut self.grid;
        let [c, xx, xy] = state.each_ref().map(|values| &values[..n]);
        let [e, f] = strain.each_ref().map(|values| &values[..n]);
        let (vorticity, cos, sin, disorder) = (&vorticity[..n], &moments.cos[..n], &moments.sin[..n], &moments.disorder[..n]);
        let [out_xx, out_xy] = product.each_mut().map(|values| &mut values[..n]);
        for at in 0..n {
            let align = zeta * disorder[at];
            out_xx[at] = align * xx[at] - vorticity[at] * xy[at] + 0.5 * ((c[at] - cos[at]) * e[at] - sin[at] * f[at]);
            out_xy[at] = align * xy[at] + vorticity[at] * xx[at] + 0.5 * ((c[at] + cos[at]) * f[at] - sin[at] * e[at]);
        }
    }
}
