//! Layers of fluid that slide past each other and roll up, and a tracer that they carry: the simulator behind `shear_flow`. Periodic
//! in x over [0, 1] and in y over [-1, 1], 200 frames up to t = 19.9; the scheme is the Fourier core with fourth-order steps.

mod flow;
mod layers;

pub use flow::Flow;
pub use layers::Layers;

use crate::fourier::{Modes, Output};
use crate::frames::{Frames, vector};
use crate::problem::{Problem, SolverError};
use crate::system::{BoundaryKind, Field, ParameterSet, Spacing, System};
use crate::trajectory::Trajectory;

pub(crate) const SHEAR_FLOW: System = System {
    name: "shear_flow",
    summary: "incompressible shear layers with a tracer, periodic",
    revision: 1,
    fields: &[Field::scalar("tracer"), Field::scalar("pressure"), Field::vector("velocity")],
    // The Well stores the Reynolds number under this name.
    parameters: &["Rayleigh", "Schmidt"],
    parameter_sets,
    axes: &["x", "y"],
    extent: &EXTENT,
    spacing: &[Spacing::Uniform, Spacing::Uniform],
    boundaries: &[BoundaryKind::Periodic, BoundaryKind::Periodic],
    conserved: &["tracer", "velocity"],
    grid: &[64, 128],
    frames: 200,
    interval: 0.1,
    cost,
    run,
};

const EXTENT: [(f64, f64); 2] = [(0.0, 1.0), (-1.0, 1.0)];
const LENGTHS: [f64; 2] = [1.0, 2.0];

/// Bounds dt * max(|u| / dx + |v| / dy).
const COURANT: f64 = 0.5;

/// Of the published shapes none that its grid resolves takes the tracer beyond 0.6.
const LARGEST_TRACER: f64 = 0.65;

/// The published Reynolds and Schmidt numbers, and milder ones for grids that don't resolve three of the former.
const REYNOLDS: [f64; 4] = [1e4, 5e4, 1e5, 5e5];
const SCHMIDT: [f64; 7] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
const MILDER_REYNOLDS: [f64; 7] = [10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4];
const MILDER_SCHMIDT: [f64; 3] = [0.5, 1.0, 2.0];

/// The finest structures of flow in the plane are thinner by the root of the Reynolds number. The factor is such that 128 x 256
/// cells resolve 1e4, and 1024 x 2048, on which the published set was computed, its largest.
fn largest_reynolds(grid: &[usize]) -> f64 {
    let coarsest = (0..2).map(|axis| LENGTHS[axis] / grid[axis] as f64).fold(0.0, f64::max);
    0.75 / (coarsest * coarsest)
}

/// All published sets where the grid resolves them, else the three largest Reynolds numbers that it does.
fn parameter_sets(grid: &[usize]) -> Vec<ParameterSet> {
    let largest = largest_reynolds(grid);
    let (reynolds, schmidt): (Vec<f64>, &[f64]) = if REYNOLDS.iter().all(|&number| number <= largest) {
        (REYNOLDS.to_vec(), &SCHMIDT)
    } else {
        let candidates = MILDER_REYNOLDS.iter().chain(&REYNOLDS[1..]).copied();
        let resolved: Vec<f64> = candidates.filter(|&number| number <= largest.max(MILDER_REYNOLDS[0])).collect();
        (resolved[resolved.len().saturating_sub(3)..].to_vec(), &MILDER_SCHMIDT)
    };
    ParameterSet::product(&[("Reynolds", &reynolds), ("Schmidt", schmidt)])
}

/// Seconds on one core: points times steps, and the number of steps grows with the finer axis.
fn cost(grid: &[usize], frames: usize) -> f64 {
    let points: usize = grid.iter().product();
    let finest = (0..2).map(|axis| grid[axis] as f64 / LENGTHS[axis]).fold(0.0, f64::max);
    let steps = 3_300.0 * (finest / 128.0) * (frames as f64 - 1.0) / 199.0;
    points as f64 * steps * 4.6e-8
}

fn run(problem: &Problem) -> Result<Trajectory, SolverError> {
    let cells = [problem.grid[0] * problem.supersampling, problem.grid[1] * problem.supersampling];
    let modes = Modes::dealiased(cells, LENGTHS);
    let viscosity = 1.0 / problem.parameters.values[0];
    let diffusivity = viscosity / problem.parameters.values[1];
    let [u, v, tracer] = Layers::of(problem).modes(&modes);
    let mut output = Output::new(&modes, [problem.grid[0], problem.grid[1]]);
    let mut flow = Flow::new(modes, [viscosity, diffusivity], COURANT, [&u, &v], tracer);
    let mut frames = Frames::new(problem, &["tracer", "momentum x", "momentum y"]);
    for frame in 0..problem.frames {
        let time = frames.due(frame);
        flow.advance(time).map_err(|b| problem.breakdown(b.time, b.cause))?;
        let [u, v] = flow.velocity();
        let tracer = output.values(flow.tracer());
        resolved(&tracer).map_err(|cause| problem.breakdown(time, cause))?;
        let velocity = vector([output.values(&u), output.values(&v)]);
        let pressure = output.values(&flow.pressure());
        let area = LENGTHS[0] * LENGTHS[1];
        frames.push(&[tracer, pressure, velocity], &[flow.tracer()[0].re, u[0].re, v[0].re].map(|mean| mean * area))?;
    }
    Ok(frames.finish(flow.steps(), 0))
}

/// The tracer never leaves the range of its start; what it does beyond that tells how far the grid is from resolving the flow.
fn resolved(tracer: &[f64]) -> Result<(), String> {
    let most = tracer.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    if most > LARGEST_TRACER {
        return Err(format!("the tracer, which started within -0.5 and 0.5, reached {most:.3}: the grid does not resolve the flow"));
    }
    Ok(())
}
