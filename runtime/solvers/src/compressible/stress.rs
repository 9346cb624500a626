//! Viscous stress of a compressible fluid on a periodic grid, from differences across the faces of the cells:
//!
//!   rho u_t = div sigma,   e_t = div(sigma u),   sigma = shear (grad u + grad u^T) + (bulk - 2/3 shear) div u I
//!
//! Arrays have a ghost column at either end of a row, so that the loops along rows need not wrap around.

use crate::finite_volume::Mesh;

/// Coefficients of viscosity, constant in space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viscosity {
    /// eta.
    pub shear: f64,
    /// zeta.
    pub bulk: f64,
}

impl Viscosity {
    /// What resists a change of volume along one axis: sound of wave number k decays at k^2 times half of this over the density.
    pub fn along(self) -> f64 {
        4.0 / 3.0 * self.shear + self.bulk
    }

    /// What a change of volume along one axis brings about across it.
    fn across(self) -> f64 {
        self.bulk - 2.0 / 3.0 * self.shear
    }
}

/// Velocity along x and y, and total energy; cell (i, j) at i * (ny + 2) + j + 1.
pub(super) type State = [Vec<f64>; 3];

/// The stress of a fluid of known density.
pub(super) struct Stress {
    viscosity: Viscosity,
    mesh: Mesh,
    /// 1 / density, laid out as a state.
    pub lightness: Vec<f64>,
    /// Flux through the faces before and after a row of cells, and between the cells of a row.
    before: Flux,
    after: Flux,
    between: Flux,
}

/// Stress on x momentum and y momentum, and its power, through a row of faces.
type Flux = [Vec<f64>; 3];

impl Stress {
    pub fn new(viscosity: Viscosity, mesh: Mesh) -> Self {
        let flux = || std::array::from_fn(|_| vec![0.0; mesh.cells[1] + 1]);
        let (before, after, between) = (flux(), flux(), flux());
        Self { viscosity, mesh, lightness: vec![0.0; mesh.cells[0] * (mesh.cells[1] + 2)], before, after, between }
    }

    /// The fastest rate at which friction acts.
    pub fn fastest(&self) -> f64 {
        let lightest = self.lightness.iter().fold(0.0f64, |a, &b| a.max(b));
        4.0 * self.viscosity.along() * lightest * self.mesh.spacing.iter().map(|h| 1.0 / (h * h)).sum::<f64>()
    }

    /// Rates of change of a state, whose ghost columns are filled.
    #[inline(always)]
    pub fn rates(&mut self, state: &mut State, rate: &mut State) {
        let [nx, ny] = self.mesh.cells;
        let stride = ny + 2;
        for velocity in &mut state[..2] {
            for row in velocity.chunks_exact_mut(stride) {
                row[0] = row[ny];
                row[ny + 1] = row[1];
            }
        }
        let [u, v, _] = &*state;
        let row = |i: usize| [u, v].map(|velocity| &velocity[i * stride..(i + 1) * stride]);
        self.across_rows(row(nx - 1), row(0));
        for i in 0..nx {
            std::mem::swap(&mut self.before, &mut self.after);
            let [previous, here, next] = [(i + nx - 1) % nx, i, (i + 1) % nx].map(row);
            self.across_rows(here, next);
            self.along_row(previous, here, next);
            self.differences(i * stride + 1, rate);
        }
    }

    /// Flux through the faces between two rows of cells.
    #[inline(always)]
    fn across_rows(&mut self, here: [&[f64]; 2], next: [&[f64]; 2]) {
        let n = self.mesh.cells[1];
        let [per_x, per_y] = self.mesh.spacing.map(|h| 1.0 / h);
        let (along, across, shear) = (self.viscosity.along(), self.viscosity.across(), self.viscosity.shear);
        let [u, v] = here.map(|row| &row[..n + 2]);
        let [u_next, v_next] = next.map(|row| &row[..n + 2]);
        let [stress_x, stress_y, power] = self.after.each_mut().map(|flux| &mut flux[..n]);
        for j in 0..n {
            let by_x = |a: &[f64], b: &[f64]| (b[j + 1] - a[j + 1]) * per_x;
            let by_y = |a: &[f64], b: &[f64]| ((a[j + 2] - a[j]) + (b[j + 2] - b[j])) * (0.25 * per_y);
            let pull = along * by_x(u, u_next) + across * by_y(v, v_next);
            let shift = shear * (by_x(v, v_next) + by_y(u, u_next));
            stress_x[j] = pull;
            stress_y[j] = shift;
            power[j] = 0.5 * ((u[j + 1] + u_next[j + 1]) * pull + (v[j + 1] + v_next[j + 1]) * shift);
        }
    }

    /// Flux through the faces between the cells of a row.
    #[inline(always)]
    fn along_row(&mut self, previous: [&[f64]; 2], here: [&[f64]; 2], next: [&[f64]; 2]) {
        let n = self.mesh.cells[1];
        let [per_x, per_y] = self.mesh.spacing.map(|h| 1.0 / h);
        let (along, across, shear) = (self.viscosity.along(), self.viscosity.across(), self.viscosity.shear);
        let [[u_previous, v_previous], [u, v], [u_next, v_next]] = [previous, here, next].map(|rows| rows.map(|row| &row[..n + 2]));
        let [stress_x, stress_y, power] = self.between.each_mut().map(|flux| &mut flux[..n + 1]);
        for j in 0..n + 1 {
            let by_x = |a: &[f64], b: &[f64]| ((b[j] - a[j]) + (b[j + 1] - a[j + 1])) * (0.25 * per_x);
            let by_y = |a: &[f64]| (a[j + 1] - a[j]) * per_y;
            let pull = along * by_y(v) + across * by_x(u_previous, u_next);
            let shift = shear * (by_y(u) + by_x(v_previous, v_next));
            stress_x[j] = shift;
            stress_y[j] = pull;
            power[j] = 0.5 * ((u[j] + u[j + 1]) * shift + (v[j] + v[j + 1]) * pull);
        }
    }

    /// Differences of the fluxes over the row of cells that starts at `first`.
    #[inline(always)]
    fn differences(&self, first: usize, rate: &mut State) {
        let n = self.mesh.cells[1];
        let [per_x, per_y] = self.mesh.spacing.map(|h| 1.0 / h);
        let lightness = &self.lightness[first..first + n];
        for (v, rate) in rate.iter_mut().enumerate() {
            let (before, after, between) = (&self.before[v][..n], &self.after[v][..n], &self.between[v][..n + 1]);
            let rate = &mut rate[first..first + n];
            for j in 0..n {
                rate[j] = (after[j] - before[j]) * per_x + (between[j + 1] - between[j]) * per_y;
            }
            if v < 2 {
                for (rate, lightness) in rate.iter_mut().zip(lightness) {
                    *rate *= lightness;
                }
            }
        }
    }
}
