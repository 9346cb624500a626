//! Compressible gas from random piecewise constant states: the simulators behind `euler_multi_quadrants_openBC` and
//! `euler_multi_quadrants_periodicBC`. The unit square, ten gases, 101 frames up to t = 1.5; the scheme is the finite-volume core
//! with HLLC fluxes.

mod gas;
mod quadrants;

pub use gas::Gas;

use crate::draw::Draw;
use crate::finite_volume::{Cells, Edge, Law, Limiter, March, Mesh};
use crate::frames::{Frames, box_average};
use crate::problem::{Problem, SolverError};
use crate::system::{BoundaryKind, Field, ParameterSet, Spacing, System};
use crate::trajectory::Trajectory;
use quadrants::Ranges;

pub(crate) const OPEN: System = System {
    name: "euler_multi_quadrants_openBC",
    summary: "compressible Euler equations, random quadrants, open boundaries",
    boundaries: &[BoundaryKind::Open, BoundaryKind::Open],
    run: |problem| run(problem, Edge::Open, &OPEN_RANGES),
    ..COMMON
};

pub(crate) const PERIODIC: System = System {
    name: "euler_multi_quadrants_periodicBC",
    summary: "compressible Euler equations, random quadrants, periodic boundaries",
    boundaries: &[BoundaryKind::Periodic, BoundaryKind::Periodic],
    conserved: &["energy", "density", "momentum"],
    run: |problem| run(problem, Edge::Periodic, &PERIODIC_RANGES),
    ..COMMON
};

const COMMON: System = System {
    name: "",
    summary: "",
    revision: 1,
    fields: &[Field::scalar("energy"), Field::scalar("density"), Field::scalar("pressure"), Field::vector("momentum")],
    parameters: &["gamma"],
    parameter_sets: |_| GASES.iter().map(|&(label, gamma)| ParameterSet { label: label.into(), values: vec![gamma] }).collect(),
    axes: &["x", "y"],
    extent: &[(0.0, 1.0), (0.0, 1.0)],
    spacing: &[Spacing::Uniform, Spacing::Uniform],
    boundaries: &[],
    conserved: &[],
    grid: &[64, 64],
    frames: 101,
    interval: 0.015,
    cost,
    run: |problem| run(problem, Edge::Open, &OPEN_RANGES),
};

const OPEN_RANGES: Ranges = Ranges { density: (0.5, 1.45), pressure: (0.02, 5.2), velocity: 0.7 };

/// Periodic flow keeps its shocks, which spread the density more: the ranges are narrower.
const PERIODIC_RANGES: Ranges = Ranges { density: (0.6, 1.25), pressure: (0.03, 4.6), velocity: 0.65 };

/// The gases of The Well, named as its files are.
const GASES: [(&str, f64); 10] = [
    ("gamma_1.13_C3H8_16", 1.13),
    ("gamma_1.22_C2H6_15", 1.22),
    ("gamma_1.3_CO2_20", 1.3),
    ("gamma_1.33_H2O_20", 1.33),
    ("gamma_1.365_Dry_air_1000", 1.365),
    ("gamma_1.4_Dry_air_20", 1.4),
    ("gamma_1.404_H2_100_Dry_air_-15", 1.404),
    ("gamma_1.453_H2_-76", 1.453),
    ("gamma_1.597_H2_-181", 1.597),
    ("gamma_1.76_Ar_-180", 1.76),
];

/// Seconds on one core: cells times steps, and the number of steps grows with the finer axis.
fn cost(grid: &[usize], frames: usize) -> f64 {
    let cells: usize = grid.iter().product();
    let finest = grid.iter().copied().max().unwrap_or(1);
    let steps = 1_670.0 * (finest as f64 / 64.0) * (frames as f64 - 1.0) / 100.0;
    cells as f64 * steps * 6e-8
}

fn run(problem: &Problem, edge: Edge, ranges: &Ranges) -> Result<Trajectory, SolverError> {
    let gas = Gas { gamma: problem.parameters.values[0] };
    let cells = [problem.grid[0] * problem.supersampling, problem.grid[1] * problem.supersampling];
    let mesh = Mesh { cells, spacing: cells.map(|n| 1.0 / n as f64) };
    let start = quadrants::initial(&mut Draw::new(problem), ranges, &gas, &mesh);
    // Nearly isothermal gases compress without bound at shocks; the steeper limiter overshoots there.
    let limiter = if gas.gamma < 1.2 { Limiter::MinMod } else { Limiter::MonotonisedCentral };
    let mut march = March::new(&gas, mesh, [edge, edge], limiter, 0.4, start).map_err(|b| problem.breakdown(b.time, b.cause))?;
    let mut frames = Frames::new(problem, &Gas::CONSERVED);
    for frame in 0..problem.frames {
        march.advance(frames.due(frame)).map_err(|b| problem.breakdown(b.time, b.cause))?;
        frames.push(&stored(&gas, march.conserved(), problem), &march.sums())?;
    }
    let (steps, first_order_steps) = march.steps();
    Ok(frames.finish(steps, first_order_steps))
}

/// The output fields: the conserved variables averaged over each output cell. Pressure follows from the averages, so that the energy
/// relation holds in every stored cell.
fn stored(gas: &Gas, conserved: &Cells<4>, problem: &Problem) -> [Vec<f64>; 4] {
    let [density, momentum_x, momentum_y, energy] =
        conserved.each_ref().map(|variable| box_average(variable, &problem.grid, problem.supersampling));
    let cells = || (0..density.len()).map(|at| [density[at], momentum_x[at], momentum_y[at], energy[at]]);
    let pressure = cells().map(|state| gas.primitive(state)[3]).collect();
    let momentum = cells().flat_map(|state| [state[1], state[2]]).collect();
    [energy, density, pressure, momentum]
}
