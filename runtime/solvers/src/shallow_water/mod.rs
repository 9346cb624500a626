//! A round dam that breaks: the simulator behind `pdebench_shallow_water`. The box [-2.5, 2.5]^2 over a flat bed, 101 frames up to
//! t = 1; the scheme is the finite-volume core with HLLC fluxes.

mod water;

pub use water::Water;

use crate::draw::Draw;
use crate::finite_volume::Law;
use crate::finite_volume::{Cells, Edge, Limiter, March, Mesh};
use crate::frames::{Frames, box_average};
use crate::problem::{Problem, SolverError};
use crate::system::{BoundaryKind, Field, ParameterSet, Spacing, System};
use crate::trajectory::Trajectory;

/// PDEBench's water.
pub const PDEBENCH: Water = Water { gravity: 1.0 };

pub(crate) const SHALLOW_WATER: System = System {
    name: "pdebench_shallow_water",
    summary: "shallow water, a round dam that breaks",
    revision: 1,
    fields: &[Field::scalar("height")],
    parameters: &[],
    parameter_sets: |_| vec![ParameterSet { label: String::new(), values: Vec::new() }],
    axes: &["x", "y"],
    extent: &[(-HALF_WIDTH, HALF_WIDTH), (-HALF_WIDTH, HALF_WIDTH)],
    spacing: &[Spacing::Uniform, Spacing::Uniform],
    boundaries: &[BoundaryKind::Open, BoundaryKind::Open],
    // Water stays in the box up to t = 1.2 at least, but more frames may be asked for.
    conserved: &[],
    grid: &[128, 128],
    frames: 101,
    interval: 0.01,
    cost,
    run,
};

const HALF_WIDTH: f64 = 2.5;
/// Height of the water behind the dam and around it.
const INNER: f64 = 2.0;
const OUTER: f64 = 1.0;
/// Range of the dam's radius.
const RADIUS: (f64, f64) = (0.3, 0.7);
const COURANT: f64 = 0.45;

/// Seconds on one core: cells times steps; a frame takes one step at least.
fn cost(grid: &[usize], frames: usize) -> f64 {
    let cells: usize = grid.iter().product();
    let fastest: f64 = grid.iter().map(|&n| 1.4 * n as f64 / (2.0 * HALF_WIDTH)).sum();
    let steps = (0.01 * fastest / COURANT).ceil() * (frames as f64 - 1.0);
    cells as f64 * steps * 3.5e-8
}

fn run(problem: &Problem) -> Result<Trajectory, SolverError> {
    let cells = [problem.grid[0] * problem.supersampling, problem.grid[1] * problem.supersampling];
    let mesh = Mesh { cells, spacing: cells.map(|n| 2.0 * HALF_WIDTH / n as f64) };
    let radius = Draw::new(problem).uniform(RADIUS.0, RADIUS.1);
    let start = round_dam(&mesh, radius);
    let edges = [Edge::Open, Edge::Open];
    let breakdown = |b: crate::finite_volume::Breakdown| problem.breakdown(b.time, b.cause);
    let mut march = March::new(&PDEBENCH, mesh, edges, Limiter::MonotonisedCentral, COURANT, start).map_err(breakdown)?;
    let mut frames = Frames::new(problem, &Water::CONSERVED);
    for frame in 0..problem.frames {
        march.advance(frames.due(frame)).map_err(breakdown)?;
        frames.push(&[box_average(&march.conserved()[0], &problem.grid, problem.supersampling)], &march.sums())?;
    }
    let (steps, first_order_steps) = march.steps();
    Ok(frames.finish(steps, first_order_steps))
}

/// Water at rest on a mesh of the box: high in the cells whose centre lies within `radius` of the middle. The edge is sharp, as
/// PDEBench has it.
pub fn round_dam(mesh: &Mesh, radius: f64) -> Cells<3> {
    // In half cells from the middle, so that mirrored cells are treated alike.
    let offset = |axis: usize, at: usize| (2 * at + 1) as f64 - mesh.cells[axis] as f64;
    let [half_x, half_y] = mesh.spacing.map(|h| 0.5 * h);
    let inside = |i: usize, j: usize| (offset(0, i) * half_x).hypot(offset(1, j) * half_y) <= radius;
    let height = |at: usize| if inside(at / mesh.cells[1], at % mesh.cells[1]) { INNER } else { OUTER };
    [(0..mesh.len()).map(height).collect(), vec![0.0; mesh.len()], vec![0.0; mesh.len()]]
}
