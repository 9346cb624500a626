//! Two substances that react and diffuse until noise turns into patterns: the simulator behind `pdebench_diffusion_reaction`. The
//! box [-1, 1]^2 without flux through its edges, 101 frames up to t = 5.

mod march;
mod noise;

pub use march::{March, Medium, State};

use crate::draw::Draw;
use crate::frames::{Frames, box_average};
use crate::problem::{Problem, SolverError};
use crate::system::{BoundaryKind, Field, ParameterSet, Spacing, System};
use crate::trajectory::Trajectory;

/// PDEBench's substances.
pub const PDEBENCH: Medium = Medium { diffusion: [1e-3, 5e-3], reaction: Some(5e-3) };

pub(crate) const DIFFUSION_REACTION: System = System {
    name: "pdebench_diffusion_reaction",
    summary: "an activator and an inhibitor, from noise to patterns",
    revision: 1,
    fields: &[Field::scalar("activator"), Field::scalar("inhibitor")],
    parameters: &[],
    parameter_sets: |_| vec![ParameterSet { label: String::new(), values: Vec::new() }],
    axes: &["x", "y"],
    extent: &[(-1.0, 1.0), (-1.0, 1.0)],
    spacing: &[Spacing::Uniform, Spacing::Uniform],
    boundaries: &[BoundaryKind::Wall, BoundaryKind::Wall],
    conserved: &[],
    grid: &[128, 128],
    frames: 101,
    interval: 0.05,
    cost,
    run,
};

/// Seconds on one core: cells times steps, whose number grows with the squares of the cells once diffusion bounds the step.
fn cost(grid: &[usize], frames: usize) -> f64 {
    let cells: usize = grid.iter().product();
    let fastest: f64 = grid.iter().map(|&n| 5e-3 * (n * n) as f64).sum();
    let steps = 0.05 * (frames as f64 - 1.0) * (fastest / 2.0).max(100.0);
    cells as f64 * steps * 1e-8
}

fn run(problem: &Problem) -> Result<Trajectory, SolverError> {
    let cells = [problem.grid[0] * problem.supersampling, problem.grid[1] * problem.supersampling];
    let start = noise::initial(&mut Draw::new(problem), cells);
    let mut march = March::new(PDEBENCH, cells, cells.map(|n| 2.0 / n as f64), start);
    let mut frames = Frames::new(problem, &[]);
    for frame in 0..problem.frames {
        march.advance(frames.due(frame));
        let fields = march.state().each_ref().map(|substance| box_average(substance, &problem.grid, problem.supersampling));
        frames.push(&fields, &[])?;
    }
    Ok(frames.finish(march.steps(), 0))
}
