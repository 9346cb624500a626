//! Convection between a warm floor and a cold ceiling: the simulators behind `rayleigh_benard`, stored on Chebyshev nodes as The Well
//! stores it, and `rayleigh_benard_uniform`. Both compute on the grid that they store, 4 wide and 1 high, up to t = 49.75 in 200 frames.

mod convection;

pub use convection::Convection;

use crate::draw::Draw;
use crate::frames::{Frames, box_average, vector};
use crate::problem::{Problem, SolverError};
use crate::staggered::{Grid, Sides};
use crate::system::{BoundaryKind, Field, ParameterSet, Spacing, System};
use crate::trajectory::Trajectory;

pub(crate) const CHEBYSHEV: System = System {
    name: "rayleigh_benard",
    summary: "convection between a warm floor and a cold ceiling, stored on Chebyshev nodes",
    spacing: &[Spacing::Uniform, Spacing::Chebyshev],
    ..UNIFORM
};

pub(crate) const UNIFORM: System = System {
    name: "rayleigh_benard_uniform",
    summary: "convection between a warm floor and a cold ceiling, stored on a uniform grid",
    revision: 1,
    fields: &[Field::scalar("buoyancy"), Field::scalar("pressure"), Field::vector("velocity")],
    parameters: &["Rayleigh", "Prandtl"],
    parameter_sets,
    axes: &["x", "y"],
    extent: &[(0.0, LENGTH), (0.0, 1.0)],
    spacing: &[Spacing::Uniform, Spacing::Uniform],
    boundaries: &[BoundaryKind::Periodic, BoundaryKind::Wall],
    conserved: &[],
    grid: &[128, 32],
    frames: 200,
    interval: 0.25,
    cost,
    run,
};

const LENGTH: f64 = 4.0;

/// The Rayleigh numbers whose thermal layers a grid resolves with about four cells, at the Prandtl numbers of The Well. The published
/// ones, 1e6 to 1e10, need grids that are finer than the published grid of 512 x 128 for this scheme.
fn parameter_sets(grid: &[usize]) -> Vec<ParameterSet> {
    // Plumes are wider than the layers they rise from: cells may be twice as wide as high.
    let rayleigh: &[f64] = match grid[1].min(grid[0] / 2) {
        128.. => &[1e6, 3e6, 1e7],
        64.. => &[1e5, 3e5, 1e6],
        32.. => &[1e4, 3e4, 1e5],
        _ => &[3e3, 1e4],
    };
    ParameterSet::product(&[("Rayleigh", rayleigh), ("Prandtl", &[0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0])])
}

/// Seconds on one core: cells times steps, whose number starts from the longest step and grows with the finer axis.
fn cost(grid: &[usize], frames: usize) -> f64 {
    let cells: usize = grid.iter().product();
    let finest = (grid[0] as f64 / LENGTH).max(grid[1] as f64);
    let steps = (1_500.0 + 30.0 * finest) * (frames as f64 - 1.0) / 199.0;
    cells as f64 * steps * 4e-8
}

fn run(problem: &Problem) -> Result<Trajectory, SolverError> {
    let fine = problem.supersampling;
    let grid = Grid::new([problem.grid[0] * fine, problem.grid[1] * fine], Sides::Periodic, [LENGTH, 1.0], problem.system.spacing[1]);
    let buoyancy = initial(&mut Draw::new(problem), &grid, problem);
    let [rayleigh, prandtl] = [problem.parameters.values[0], problem.parameters.values[1]];
    let mut convection = Convection::new(grid, rayleigh, prandtl, buoyancy);
    let mut frames = Frames::new(problem, &["buoyancy_less_inflow"]);
    for frame in 0..problem.frames {
        convection.advance(frames.due(frame)).map_err(|cause| problem.breakdown(convection.time(), cause))?;
        frames.push(&stored(&convection, problem), &[convection.buoyancy.balance(convection.flow.grid())])?;
    }
    Ok(frames.finish(convection.steps(), 0))
}

/// The Well's initial buoyancy: conduction with a drop of 0.2, 0.4, ... or 1 between the walls, whose values are 1 and 0 all the same,
/// and white noise that vanishes there. Noise belongs to the cells of the output, so that a finer computation starts from the same.
fn initial(draw: &mut Draw, grid: &Grid, problem: &Problem) -> Vec<f64> {
    let drop = 0.2 * draw.integer(1, 5) as f64;
    let [nx, ny] = [problem.grid[0], problem.grid[1]];
    let noise: Vec<f64> = (0..nx * ny).map(|_| 1e-3 * draw.normal()).collect();
    let mut values = grid.zeros();
    for j in 0..grid.cells[1] {
        let y = grid.centres[j];
        for i in 0..grid.cells[0] {
            let cell = (i / problem.supersampling) * ny + j / problem.supersampling;
            values[grid.at(i, j)] = drop * (1.0 - y) + y * (1.0 - y) * noise[cell];
        }
    }
    values
}

fn stored(convection: &Convection, problem: &Problem) -> [Vec<f64>; 3] {
    let grid = convection.flow.grid();
    let average = |values: Vec<f64>| box_average(&values, &problem.grid, problem.supersampling);
    let scalar = |values: &[f64]| average(grid.output(|at| values[at]));
    let velocity = vector(convection.flow.at_centres().map(average));
    [scalar(&convection.buoyancy.values), scalar(&convection.flow.pressure), velocity]
}
