//! Incompressible flow in a closed box under a random force that acts on particles which the flow carries: the simulator behind
//! `pdebench_incompressible`. Every fifth of PDEBench's thousand frames is made, up to t = 4.975.

mod driven;
mod noise;

pub use driven::Driven;

use std::f64::consts::PI;

use crate::draw::Draw;
use crate::frames::{Frames, box_average, vector};
use crate::problem::{Problem, SolverError};
use crate::staggered::{Flow, Grid, Sides, Wall};
use crate::system::{BoundaryKind, Field, ParameterSet, Spacing, System};
use crate::trajectory::Trajectory;
use noise::Noise;

pub(crate) const INCOMPRESSIBLE: System = System {
    name: "pdebench_incompressible",
    summary: "incompressible flow in a box, driven by a random force on the particles it carries",
    revision: 1,
    fields: &[Field::scalar("particles"), Field::vector("flow")],
    parameters: &[],
    parameter_sets: |_| vec![ParameterSet { label: String::new(), values: Vec::new() }],
    axes: &["x", "y"],
    extent: &[(0.0, 1.0), (0.0, 1.0)],
    spacing: &[Spacing::Uniform, Spacing::Uniform],
    boundaries: &[BoundaryKind::Wall, BoundaryKind::Wall],
    conserved: &["particles"],
    grid: &[64, 64],
    frames: 200,
    interval: 0.025,
    cost,
    run,
};

const VISCOSITY: f64 = 0.01;

/// Seconds on one core: cells times steps, which transport limits on coarse grids and viscosity along x on fine ones.
fn cost(grid: &[usize], frames: usize) -> f64 {
    let cells: usize = grid.iter().product();
    let finest = grid.iter().copied().max().unwrap_or(1) as f64;
    let steps = (7.0 * finest + 0.1 * (grid[0] * grid[0]) as f64) * (frames as f64 - 1.0) / 199.0;
    cells as f64 * steps * 6e-8
}

fn run(problem: &Problem) -> Result<Trajectory, SolverError> {
    let mut driven = initial(&mut Draw::new(problem), problem);
    let mut frames = Frames::new(problem, &["particles"]);
    for frame in 0..problem.frames {
        driven.advance(frames.due(frame)).map_err(|cause| problem.breakdown(driven.time(), cause))?;
        let grid = driven.flow.grid();
        let average = |values: Vec<f64>| box_average(&values, &problem.grid, problem.supersampling);
        let particles = average(grid.output(|at| driven.particles.values[at]));
        let flow = vector(driven.flow.at_centres().map(average));
        frames.push(&[particles, flow], &[grid.integral(&driven.particles.values)])?;
    }
    Ok(frames.finish(driven.steps(), 0))
}

/// Smooth random particles, force and velocity. The velocity fades towards the walls, is made free of divergence and scaled to a mean
/// square of 1.
fn initial(draw: &mut Draw, problem: &Problem) -> Driven {
    let [particles, force_x, force_y, u, v]: [Noise; 5] = std::array::from_fn(|_| Noise::new(draw, [problem.grid[0], problem.grid[1]]));
    let cells = [problem.grid[0] * problem.supersampling, problem.grid[1] * problem.supersampling];
    let grid = Grid::new(cells, Sides::Walls, [1.0, 1.0], Spacing::Uniform);
    let half = 0.5 * grid.width;
    let force = [grid.at_centres(|x, y| force_x.at(x - half, y)), grid.at_centres(|x, y| force_y.at(x, y - 0.5 * grid.heights[0]))];
    let particles = grid.at_centres(|x, y| particles.at(x, y));
    let mut flow = Flow::new(grid, VISCOSITY, Wall::NoSlip);
    let fade = |x: f64, y: f64| (PI * x).sin() * (PI * y).sin();
    flow.set(|x, y| fade(x, y) * u.at(x, y), |x, y| fade(x, y) * v.at(x, y));
    let scale = 1.0 / (2.0 * flow.energy()).sqrt();
    for values in [&mut flow.u, &mut flow.v] {
        values.iter_mut().for_each(|value| *value *= scale);
    }
    Driven::new(flow, particles, force)
}
