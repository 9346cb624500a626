//! Viscous compressible flow from random smooth fields: the simulators behind `pdebench_compressible_128`,
//! `pdebench_compressible_512` and `pdebench_turbulent`. The periodic unit square, a monatomic gas, 21 frames up to t = 1; the scheme
//! is the finite-volume core with HLLC fluxes and friction in steps of its own.

mod friction;
mod march;
mod start;
mod stress;
mod waves;

pub use friction::Friction;
pub use march::ViscousMarch;
pub use stress::Viscosity;

use crate::draw::Draw;
use crate::euler::Gas;
use crate::finite_volume::{Breakdown, Cells, Law, Mesh};
use crate::frames::{Frames, box_average};
use crate::problem::{Problem, SolverError};
use crate::system::{BoundaryKind, Field, ParameterSet, Spacing, System};
use crate::trajectory::Trajectory;

/// PDEBench's gas.
pub const PDEBENCH: Gas = Gas { gamma: 5.0 / 3.0 };

pub(crate) const COMPRESSIBLE_128: System = System {
    name: "pdebench_compressible_128",
    summary: "viscous compressible flow, random smooth fields",
    parameter_sets: |_| sets(&[0.01, 0.1]),
    ..COMMON
};

pub(crate) const COMPRESSIBLE_512: System = System {
    name: "pdebench_compressible_512",
    summary: "compressible flow almost without viscosity, random smooth fields",
    grid: &[512, 512],
    ..COMMON
};

pub(crate) const TURBULENT: System = System {
    name: "pdebench_turbulent",
    summary: "compressible flow almost without viscosity, random velocity without divergence",
    grid: &[512, 512],
    run: |problem| run(problem, start::turbulent),
    ..COMMON
};

const COMMON: System = System {
    name: "",
    summary: "",
    revision: 1,
    fields: &[Field::scalar("density"), Field::scalar("pressure"), Field::vector("velocity")],
    parameters: &["M", "eta", "zeta"],
    parameter_sets: |_| sets(&[1e-8]),
    axes: &["x", "y"],
    extent: &[(0.0, 1.0), (0.0, 1.0)],
    spacing: &[Spacing::Uniform, Spacing::Uniform],
    boundaries: &[BoundaryKind::Periodic, BoundaryKind::Periodic],
    conserved: &["density"],
    grid: &[128, 128],
    frames: 21,
    interval: 0.05,
    cost,
    run: |problem| run(problem, start::random),
};

/// Both Mach numbers with each of these viscosities, shear and bulk alike.
fn sets(viscosities: &[f64]) -> Vec<ParameterSet> {
    let set = |mach: f64, viscosity: f64| ParameterSet {
        label: format!("M_{mach}_eta_{viscosity:?}_zeta_{viscosity:?}"),
        values: vec![mach, viscosity, viscosity],
    };
    [0.1, 1.0].into_iter().flat_map(|mach| viscosities.iter().map(move |&viscosity| set(mach, viscosity))).collect()
}

/// Seconds on one core: cells times steps, and the number of steps grows with the finer axis.
fn cost(grid: &[usize], frames: usize) -> f64 {
    let cells: usize = grid.iter().product();
    let finest = grid.iter().copied().max().unwrap_or(1);
    let steps = 3_500.0 * (finest as f64 / 128.0) * (frames as f64 - 1.0) / 20.0;
    cells as f64 * steps * 7e-8
}

fn run(problem: &Problem, start: fn(&mut Draw, &Gas, f64, &Mesh) -> Cells<4>) -> Result<Trajectory, SolverError> {
    let [mach, shear, bulk] = problem.parameters.values[..] else {
        panic!("a parameter set has a value for each of the system's parameters")
    };
    let cells = [problem.grid[0] * problem.supersampling, problem.grid[1] * problem.supersampling];
    let mesh = Mesh { cells, spacing: cells.map(|n| 1.0 / n as f64) };
    let start = start(&mut Draw::new(problem), &PDEBENCH, mach, &mesh);
    let breakdown = |b: Breakdown| problem.breakdown(b.time, b.cause);
    let mut march = ViscousMarch::new(&PDEBENCH, Viscosity { shear, bulk }, mesh, start).map_err(breakdown)?;
    let mut frames = Frames::new(problem, &Gas::CONSERVED);
    for frame in 0..problem.frames {
        march.advance(frames.due(frame)).map_err(breakdown)?;
        frames.push(&stored(march.flow().conserved(), problem), &march.flow().sums())?;
    }
    let (steps, first_order_steps) = march.flow().steps();
    Ok(frames.finish(steps, first_order_steps))
}

/// The output fields, which follow from the conserved variables averaged over each output cell.
fn stored(conserved: &Cells<4>, problem: &Problem) -> [Vec<f64>; 3] {
    let averages = conserved.each_ref().map(|variable| box_average(variable, &problem.grid, problem.supersampling));
    let primitive: Vec<[f64; 4]> =
        (0..averages[0].len()).map(|at| PDEBENCH.primitive(averages.each_ref().map(|variable| variable[at]))).collect();
    let scalar = |v: usize| primitive.iter().map(|cell| cell[v]).collect();
    [scalar(0), scalar(3), primitive.iter().flat_map(|cell| [cell[1], cell[2]]).collect()]
}
