//! The FitzHugh-Nagumo equations on a box without flux through its edges: five-point Laplacian, classical Runge-Kutta.

use crate::frames::equal_steps;

/// Activator and inhibitor, one value per cell, cell (i, j) at i * ny + j.
pub type State = [Vec<f64>; 2];

/// u_t = D_u lap u + u - u^3 - k - v,  v_t = D_v lap v + u - v.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Medium {
    /// Diffusion of activator u and inhibitor v.
    pub diffusion: [f64; 2],
    /// The constant k; without reaction there is diffusion alone.
    pub reaction: Option<f64>,
}

/// The longest step, which resolves the reaction of the largest random values.
const LONGEST_STEP: f64 = 0.01;
/// Step times the fastest rate of diffusion; Runge-Kutta is stable up to 2.78.
const STABLE: f64 = 2.0;

/// A solution marching in time.
pub struct March {
    medium: Medium,
    cells: [usize; 2],
    spacing: [f64; 2],
    time: f64,
    steps: usize,
    state: State,
    stage: State,
    rate: State,
    sum: State,
    /// A row of each substance, with one ghost at either end.
    row: [Vec<f64>; 2],
}

impl March {
    /// Starts at time 0 from cell values.
    pub fn new(medium: Medium, cells: [usize; 2], spacing: [f64; 2], state: State) -> Self {
        for substance in &state {
            assert_eq!(substance.len(), cells[0] * cells[1], "one value per cell and substance");
        }
        let zeros = || std::array::from_fn(|_| vec![0.0; cells[0] * cells[1]]);
        let row = std::array::from_fn(|_| vec![0.0; cells[1] + 2]);
        Self { medium, cells, spacing, time: 0.0, steps: 0, state, stage: zeros(), rate: zeros(), sum: zeros(), row }
    }

    /// The values now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Steps taken so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Marches to time `until` in equal steps, the fewest that are stable.
    pub fn advance(&mut self, until: f64) {
        let fastest = self.medium.diffusion[0].max(self.medium.diffusion[1]) * self.spacing.iter().map(|h| 4.0 / (h * h)).sum::<f64>();
        let count = equal_steps(until - self.time, LONGEST_STEP.min(STABLE / fastest));
        for _ in 0..count {
            self.step((until - self.time) / count as f64);
        }
        self.steps += count;
        self.time = until;
    }

    fn step(&mut self, dt: f64) {
        self.rates(false);
        combine(&mut self.sum, &self.state, &self.rate, dt / 6.0);
        combine(&mut self.stage, &self.state, &self.rate, dt / 2.0);
        for to_next in [dt / 2.0, dt] {
            self.rates(true);
            add(&mut self.sum, &self.rate, dt / 3.0);
            combine(&mut self.stage, &self.state, &self.rate, to_next);
        }
        self.rates(true);
        add(&mut self.sum, &self.rate, dt / 6.0);
        std::mem::swap(&mut self.state, &mut self.sum);
    }

    /// Rates of change of the state or of the stage.
    fn rates(&mut self, of_stage: bool) {
        let source = if of_stage { &self.stage } else { &self.state };
        let [nx, ny] = self.cells;
        let scale = |axis: usize| self.medium.diffusion.map(|d| d / (self.spacing[axis] * self.spacing[axis]));
        let (along_x, along_y) = (scale(0), scale(1));
        for i in 0..nx {
            // Beyond an edge lies a copy of the outermost cell: no difference, no flux.
            let [before, here, after] = [i.saturating_sub(1), i, (i + 1).min(nx - 1)].map(|row| row * ny..(row + 1) * ny);
            for s in 0..2 {
                let row = &mut self.row[s];
                row[1..=ny].copy_from_slice(&source[s][here.clone()]);
                row[0] = row[1];
                row[ny + 1] = row[ny];
                let [west, middle, east] = [&row[..ny], &row[1..=ny], &row[2..]];
                let [north, south] = [&source[s][before.clone()][..ny], &source[s][after.clone()][..ny]];
                let rate = &mut self.rate[s][here.clone()][..ny];
                for j in 0..ny {
                    let bend_x = (north[j] - middle[j]) + (south[j] - middle[j]);
                    let bend_y = (west[j] - middle[j]) + (east[j] - middle[j]);
                    rate[j] = along_x[s] * bend_x + along_y[s] * bend_y;
                }
            }
            if let Some(k) = self.medium.reaction {
                let [activator, inhibitor] = source.each_ref().map(|substance| &substance[here.clone()][..ny]);
                let [rate_u, rate_v] = self.rate.each_mut().map(|rate| &mut rate[here.clone()][..ny]);
                for j in 0..ny {
                    let (u, v) = (activator[j], inhibitor[j]);
                    rate_u[j] += u - u * u * u - k - v;
                    rate_v[j] += u - v;
                }
            }
        }
    }
}

/// out = state + factor * rate.
fn combine(out: &mut State, state: &State, rate: &State, factor: f64) {
    for ((out, state), rate) in out.iter_mut().zip(state).zip(rate) {
        for ((out, state), rate) in out.iter_mut().zip(state).zip(rate) {
            *out = state + factor * rate;
        }
    }
}

/// sum += factor * rate.
fn add(sum: &mut State, rate: &State, factor: f64) {
    for (sum, rate) in sum.iter_mut().zip(rate) {
        for (sum, rate) in sum.iter_mut().zip(rate) {
            *sum += factor * rate;
        }
    }
}
