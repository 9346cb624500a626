//! Liquid metal in a square cavity whose upper wall moves, in a magnetic field, with the field that the flow induces: the simulator behind
//! `liquid_metal_cavity`. Lengths are those of the box, [-1/2, 1/2]^2, speeds those of the lid; magnetic fields are given as Alfven speeds.

mod induction;
mod metal;

pub use induction::{Induction, MagneticWall};
pub use metal::{Magnetism, Metal};

use crate::frames::{Frames, box_average, vector};
use crate::problem::{Problem, SolverError};
use crate::staggered::{Flow, Grid, Sides, Wall};
use crate::system::{BoundaryKind, Field, ParameterSet, Spacing, System};
use crate::trajectory::Trajectory;

pub(crate) const LIQUID_METAL: System = System {
    name: "liquid_metal_cavity",
    summary: "liquid metal in a lid-driven cavity under a magnetic field",
    revision: 1,
    fields: &[Field::vector("metal_velocity"), Field::vector("induced_field")],
    parameters: &["Reynolds", "magnetic_Reynolds", "field", "angle"],
    parameter_sets,
    axes: &["x", "y"],
    extent: &[(-0.5, 0.5), (-0.5, 0.5)],
    spacing: &[Spacing::Uniform, Spacing::Uniform],
    boundaries: &[BoundaryKind::Wall, BoundaryKind::Wall],
    conserved: &[],
    grid: &[64, 64],
    frames: 200,
    interval: 0.1,
    cost,
    run,
};

/// The sets of a fixed list that a grid resolves: at most 16 times as large a Reynolds number as there are cells, and two cells in a
/// Hartmann layer of thickness 1 / Ha.
fn parameter_sets(grid: &[usize]) -> Vec<ParameterSet> {
    let cells = grid[0].min(grid[1]) as f64;
    let all = ParameterSet::product(&[
        ("Reynolds", &[100.0, 200.0, 400.0, 1000.0]),
        ("magnetic_Reynolds", &[10.0, 50.0, 100.0]),
        ("field", &[0.1, 0.3, 0.5]),
        ("angle", &[0.0, 45.0, 90.0]),
    ]);
    let resolved = |set: &ParameterSet| {
        let [reynolds, magnetic_reynolds, field] = [0, 1, 2].map(|at| set.values[at]);
        reynolds <= 16.0 * cells && 2.0 * field * (reynolds * magnetic_reynolds).sqrt() <= cells
    };
    spread(all.into_iter().filter(resolved).collect())
}

/// The sets in another order, in steps of about 0.62 of their number: data sets with fewer trajectories than there are sets take the
/// first ones, which then lie all over the list.
fn spread(sets: Vec<ParameterSet>) -> Vec<ParameterSet> {
    let count = sets.len();
    let coprime = |step: usize| (2..=step).all(|divisor| !(step.is_multiple_of(divisor) && count.is_multiple_of(divisor)));
    let golden = ((count as f64 * 0.618) as usize).max(1);
    let step = (golden..).find(|&step| coprime(step)).unwrap_or(1);
    (0..count).map(|k| sets[k * step % count].clone()).collect()
}

/// Seconds on one core.
fn cost(grid: &[usize], frames: usize) -> f64 {
    let cells: usize = grid.iter().product();
    let finest = grid.iter().copied().max().unwrap_or(1);
    let steps = 45.0 * finest as f64 * frames as f64 / 200.0;
    cells as f64 * steps * 6.8e-8
}

/// The first frame is the state at the end of the first interval: the fluid at rest under a moving lid contradicts its walls, and MATEY
/// drops it too.
fn run(problem: &Problem) -> Result<Trajectory, SolverError> {
    let [reynolds, magnetic_reynolds, field, angle] = [0, 1, 2, 3].map(|at| problem.parameters.values[at]);
    let cells = [problem.grid[0] * problem.supersampling, problem.grid[1] * problem.supersampling];
    let grid = Grid::new(cells, Sides::Walls, [1.0, 1.0], Spacing::Uniform);
    let (sine, cosine) = angle.to_radians().sin_cos();
    let induction = Induction::new(&grid, 1.0 / magnetic_reynolds, 1.0, [field * cosine, field * sine], MagneticWall::Conducting);
    let mut flow = Flow::new(grid, 1.0 / reynolds, Wall::NoSlip);
    flow.move_lid(|_| 1.0);
    let mut metal = Metal::new(flow, Magnetism::Induced(Box::new(induction)));
    let mut frames = Frames::new(problem, &[]).starting_at(problem.system.interval);
    for frame in 0..problem.frames {
        metal.advance(frames.due(frame)).map_err(|cause| problem.breakdown(metal.time(), cause))?;
        let average = |values: Vec<f64>| box_average(&values, &problem.grid, problem.supersampling);
        let fields = [metal.flow.at_centres(), metal.induced_field()];
        frames.push(&fields.map(|components| vector(components.map(average))), &[])?;
    }
    Ok(frames.finish(metal.steps(), 0))
}
