//! Collecting the output of a simulator: frame by frame, in single precision, refused where a value is not finite.

use crate::problem::{Problem, SolverError};
use crate::trajectory::{ConservedSums, FieldSeries, Trajectory};

/// The frames of one trajectory so far.
pub(crate) struct Frames<'p> {
    problem: &'p Problem,
    trajectory: Trajectory,
    start: f64,
}

impl<'p> Frames<'p> {
    /// Nothing yet; `conserved` names the sums that come with each frame.
    pub fn new(problem: &'p Problem, conserved: &[&'static str]) -> Self {
        let cells: usize = problem.grid.iter().product();
        let room = |components| Vec::with_capacity(problem.frames * cells * components);
        let fields = problem.system.fields.iter();
        let trajectory = Trajectory {
            times: Vec::with_capacity(problem.frames),
            grid: problem.grid.clone(),
            fields: fields.map(|&field| FieldSeries { field, values: room(field.components()) }).collect(),
            conserved: conserved.iter().map(|&name| ConservedSums { name, values: Vec::new() }).collect(),
            steps: 0,
            first_order_steps: 0,
        };
        Self { problem, trajectory, start: 0.0 }
    }

    /// Gives the first frame this time in place of 0.
    pub fn starting_at(self, start: f64) -> Self {
        Self { start, ..self }
    }

    /// The time at which a frame is due.
    pub fn due(&self, frame: usize) -> f64 {
        self.start + frame as f64 * self.problem.system.interval
    }

    /// Adds the next frame: per field of the system its values [*grid, components], last axis fastest, and the conserved sums.
    ///
    /// # Errors
    /// A value is not finite in single precision.
    pub fn push(&mut self, fields: &[Vec<f64>], sums: &[f64]) -> Result<(), SolverError> {
        let time = self.due(self.trajectory.times.len());
        assert_eq!(fields.len(), self.trajectory.fields.len(), "one array per field of the system");
        let cells: usize = self.trajectory.grid.iter().product();
        for (series, values) in self.trajectory.fields.iter_mut().zip(fields) {
            assert_eq!(values.len(), cells * series.field.components(), "one value per cell and component of {}", series.field.name);
            if let Some(at) = values.iter().position(|&value| !(value as f32).is_finite()) {
                let cell = at / series.field.components();
                let place = (cell / self.trajectory.grid[1], cell % self.trajectory.grid[1]);
                let cause = format!("{} is {} in cell {place:?}", series.field.name, values[at]);
                return Err(self.problem.breakdown(time, cause));
            }
            series.values.extend(values.iter().map(|&value| value as f32));
        }
        assert_eq!(sums.len(), self.trajectory.conserved.len(), "one sum per conserved quantity");
        for (series, &sum) in self.trajectory.conserved.iter_mut().zip(sums) {
            series.values.push(sum);
        }
        self.trajectory.times.push(time);
        Ok(())
    }

    /// The trajectory, after this many steps, of which so many had to be repeated at first order.
    pub fn finish(mut self, steps: usize, first_order_steps: usize) -> Trajectory {
        self.trajectory.steps = steps;
        self.trajectory.first_order_steps = first_order_steps;
        self.trajectory
    }
}

/// The fewest equal steps over `span` of which none is longer than `longest`. Rounding doesn't add a step where they fit exactly.
pub(crate) fn equal_steps(span: f64, longest: f64) -> usize {
    (span / longest * (1.0 - 1e-12)).ceil() as usize
}

/// A vector or tensor field from its components: those of one cell stand together.
pub(crate) fn vector<const N: usize>(components: [Vec<f64>; N]) -> Vec<f64> {
    let cells = components.iter().map(Vec::len).min().unwrap_or(0);
    (0..cells).flat_map(|cell| components.each_ref().map(|component| component[cell])).collect()
}

/// Averages a field of the computing grid over the cells of the output grid, `fine` of them along each axis.
pub(crate) fn box_average(values: &[f64], grid: &[usize], fine: usize) -> Vec<f64> {
    let [nx, ny] = [grid[0], grid[1]];
    let share = 1.0 / (fine * fine) as f64;
    let mut averages = Vec::with_capacity(nx * ny);
    for i in 0..nx {
        for j in 0..ny {
            let row = |a: usize| (i * fine + a) * ny * fine + j * fine;
            let sum: f64 = (0..fine).map(|a| values[row(a)..row(a) + fine].iter().sum::<f64>()).sum();
            averages.push(sum * share);
        }
    }
    averages
}
