//! A dense suspension of active rods that align and stir the fluid between them: the simulator behind `active_matter`. A periodic square
//! of length 10, 81 frames up to t = 20; the kinetic model of the published set is closed at the second moment (Bingham closure).

mod closure;
mod initial;
mod suspension;

pub use closure::Closure;
pub use suspension::{Medium, Suspension};

use crate::fourier::{Modes, Output};
use crate::frames::{Frames, equal_steps, vector};
use crate::problem::{Problem, SolverError};
use crate::system::{BoundaryKind, Field, ParameterSet, Spacing, System};
use crate::trajectory::Trajectory;

pub(crate) const ACTIVE_MATTER: System = System {
    name: "active_matter",
    summary: "active rods in Stokes flow, periodic",
    revision: 1,
    fields: &[Field::scalar("concentration"), Field::vector("velocity"), Field::symmetric_tensor("D"), Field::symmetric_tensor("E")],
    parameters: &["L", "zeta", "alpha"],
    parameter_sets,
    axes: &["x", "y"],
    extent: &[(0.0, LENGTH), (0.0, LENGTH)],
    spacing: &[Spacing::Uniform, Spacing::Uniform],
    boundaries: &[BoundaryKind::Periodic, BoundaryKind::Periodic],
    conserved: &["concentration", "velocity"],
    grid: &[64, 64],
    frames: 81,
    interval: INTERVAL,
    cost,
    run,
};

const LENGTH: f64 = 10.0;
const INTERVAL: f64 = 0.25;

/// Resistance to strain, and diffusivity of places and of directions, of the published set.
const RESISTANCE: f64 = 0.8;
const DIFFUSIVITY: f64 = 0.05;

/// Defects thinner than a grid resolves overshoot full order, by two thirds on the coarsest, and the closure takes that for full order.
/// More is a breakdown.
const LARGEST_ORDER: f64 = 2.0;

/// The published grid of parameters.
const ZETA: [f64; 9] = [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0];
const ALPHA: [f64; 5] = [-1.0, -2.0, -3.0, -4.0, -5.0];

/// A defect of the order is about sqrt(d_T / zeta) wide. With so many cells to that, the order stays below 1 on the grid.
const CELLS_OF_A_DEFECT: f64 = 1.08;

/// The published sets whose defects the grid resolves: zeta = 1 on 64 cells, up to 7 on 128, all on 256. The weakest alignment is made on
/// any grid.
fn parameter_sets(grid: &[usize]) -> Vec<ParameterSet> {
    let coarsest = grid.iter().map(|&n| LENGTH / n as f64).fold(0.0, f64::max);
    let resolved = |zeta: f64| zeta == ZETA[0] || (DIFFUSIVITY / zeta).sqrt() >= CELLS_OF_A_DEFECT * coarsest;
    let zeta: Vec<f64> = ZETA.into_iter().filter(|&zeta| resolved(zeta)).collect();
    ParameterSet::product(&[("L", &[LENGTH]), ("zeta", &zeta), ("alpha", &ALPHA)])
}

/// Steps in a frame: alignment sets the pace, and on fine grids what flow carries in a step.
fn steps_per_frame(zeta: f64, cells: [usize; 2]) -> usize {
    let finest = LENGTH / cells[0].max(cells[1]) as f64;
    equal_steps(INTERVAL, 5e-3f64.min(1.5e-2 / zeta).min(0.1 * finest))
}

/// Seconds on one core: points times steps, for the mean alignment of the grid's sets.
fn cost(grid: &[usize], frames: usize) -> f64 {
    let sets = parameter_sets(grid);
    let steps: usize = sets.iter().map(|set| steps_per_frame(set.values[1], [grid[0], grid[1]])).sum();
    let points: usize = grid.iter().product();
    points as f64 * (frames as f64 - 1.0) * steps as f64 / sets.len() as f64 * 3.1e-8
}

fn run(problem: &Problem) -> Result<Trajectory, SolverError> {
    let [zeta, alpha] = [problem.parameters.values[1], problem.parameters.values[2]];
    let cells = [problem.grid[0] * problem.supersampling, problem.grid[1] * problem.supersampling];
    let modes = Modes::dealiased(cells, [LENGTH; 2]);
    let state = initial::initial(problem, &modes);
    let mut output = Output::new(&modes, [problem.grid[0], problem.grid[1]]);
    let medium = Medium { alpha, beta: RESISTANCE, zeta, translation: DIFFUSIVITY, rotation: DIFFUSIVITY };
    let mut suspension = Suspension::new(modes, medium, state);
    let steps = steps_per_frame(zeta, cells);
    let mut frames = Frames::new(problem, &["concentration"]);
    for frame in 0..problem.frames {
        for _ in 0..if frame == 0 { 0 } else { steps } {
            suspension.step(INTERVAL / steps as f64);
        }
        suspension.check(LARGEST_ORDER).map_err(|cause| problem.breakdown(frames.due(frame), cause))?;
        frames.push(&stored(&suspension, &mut output), &[suspension.state()[0][0].re * LENGTH * LENGTH])?;
    }
    Ok(frames.finish(suspension.steps(), 0))
}

/// The output fields; D has the concentration as its trace, E has none.
fn stored(suspension: &Suspension, output: &mut Output) -> [Vec<f64>; 4] {
    let [c, xx, xy] = suspension.state().each_ref().map(|spectrum| output.values(spectrum));
    let [u, v] = suspension.velocity().map(|spectrum| output.values(&spectrum));
    let [e, f] = suspension.strain_rate().map(|spectrum| output.values(&spectrum));
    let first: Vec<f64> = c.iter().zip(&xx).map(|(c, xx)| 0.5 * c + xx).collect();
    let last: Vec<f64> = c.iter().zip(&xx).map(|(c, xx)| 0.5 * c - xx).collect();
    let negative: Vec<f64> = e.iter().map(|e| -e).collect();
    let orientation = vector([first, xy.clone(), xy, last]);
    [c, vector([u, v]), orientation, vector([e, f.clone(), f, negative])]
}
