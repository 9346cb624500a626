//! Compressible gas from random piecewise constant states: the simulators behind `euler_multi_quadrants_openBC` and
//! `euler_multi_quadrants_periodicBC`. The unit square, ten gases, 101 frames up to t = 1.5; the scheme is the finite-volume core
//! with HLLC fluxes.

mod gas;
mod quadrants;

pub use gas::Gas;

use crate::draw::Draw;
use crate::finite_volume::{Cells, Edge, Law, Limiter, March, Mesh};
use crate::problem::{Problem, SolverError};
use crate::system::{BoundaryKind, Field, ParameterSet, System};
use crate::trajectory::{ConservedSums, FieldSeries, Trajectory};
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
    run: |problem| run(problem, Edge::Periodic, &PERIODIC_RANGES),
    ..COMMON
};

const COMMON: System = System {
    name: "",
    summary: "",
    revision: 1,
    fields: &[
        Field { name: "energy", order: 0 },
        Field { name: "density", order: 0 },
        Field { name: "pressure", order: 0 },
        Field { name: "momentum", order: 1 },
    ],
    parameters: &["gamma"],
    parameter_sets: &[
        gas_row("gamma_1.13_C3H8_16", &[1.13]),
        gas_row("gamma_1.22_C2H6_15", &[1.22]),
        gas_row("gamma_1.3_CO2_20", &[1.3]),
        gas_row("gamma_1.33_H2O_20", &[1.33]),
        gas_row("gamma_1.365_Dry_air_1000", &[1.365]),
        gas_row("gamma_1.4_Dry_air_20", &[1.4]),
        gas_row("gamma_1.404_H2_100_Dry_air_-15", &[1.404]),
        gas_row("gamma_1.453_H2_-76", &[1.453]),
        gas_row("gamma_1.597_H2_-181", &[1.597]),
        gas_row("gamma_1.76_Ar_-180", &[1.76]),
    ],
    axes: &["x", "y"],
    extent: &[(0.0, 1.0), (0.0, 1.0)],
    boundaries: &[],
    grid: &[64, 64],
    frames: 101,
    interval: 0.015,
    cost,
    run: |problem| run(problem, Edge::Open, &OPEN_RANGES),
};

const OPEN_RANGES: Ranges = Ranges { density: (0.5, 1.45), pressure: (0.02, 5.2), velocity: 0.7 };

/// Periodic flow keeps its shocks, which spread the density more: the ranges are narrower.
const PERIODIC_RANGES: Ranges = Ranges { density: (0.6, 1.25), pressure: (0.03, 4.6), velocity: 0.65 };

const fn gas_row(label: &'static str, values: &'static [f64]) -> ParameterSet {
    ParameterSet { label, values }
}

/// Seconds on one core: cells times steps, and the number of steps grows with the finer axis.
fn cost(grid: &[usize], frames: usize) -> f64 {
    let cells: usize = grid.iter().product();
    let finest = grid.iter().copied().max().unwrap_or(1);
    let steps = 1_670.0 * (finest as f64 / 64.0) * (frames as f64 - 1.0) / 100.0;
    cells as f64 * steps * 1.5e-7
}

fn run(problem: &Problem, edge: Edge, ranges: &Ranges) -> Result<Trajectory, SolverError> {
    let gas = Gas { gamma: problem.parameters.values[0] };
    let cells = [problem.grid[0] * problem.supersampling, problem.grid[1] * problem.supersampling];
    let mesh = Mesh { cells, spacing: cells.map(|n| 1.0 / n as f64) };
    let start = quadrants::initial(&mut Draw::new(problem), ranges, &gas, &mesh);
    // Nearly isothermal gases compress without bound at shocks; the steeper limiter overshoots there.
    let limiter = if gas.gamma < 1.2 { Limiter::MinMod } else { Limiter::MonotonisedCentral };
    let mut march = March::new(&gas, mesh, [edge, edge], limiter, 0.4, start).map_err(|b| problem.breakdown(b.time, b.cause))?;
    let mut frames = Frames::new(problem, gas);
    for frame in 0..problem.frames {
        let time = frame as f64 * problem.system.interval;
        march.advance(time).map_err(|b| problem.breakdown(b.time, b.cause))?;
        frames.push(time, march.conserved(), march.sums());
    }
    Ok(frames.finish(march.steps()))
}

/// Collects output frames.
struct Frames {
    gas: Gas,
    supersampling: usize,
    trajectory: Trajectory,
}

impl Frames {
    fn new(problem: &Problem, gas: Gas) -> Self {
        let cells: usize = problem.grid.iter().product();
        let room = |components| Vec::with_capacity(problem.frames * cells * components);
        let fields = problem.system.fields.iter();
        let trajectory = Trajectory {
            times: Vec::with_capacity(problem.frames),
            grid: problem.grid.clone(),
            fields: fields.map(|&field| FieldSeries { field, values: room(if field.order == 0 { 1 } else { 2 }) }).collect(),
            conserved: Gas::CONSERVED.iter().map(|&name| ConservedSums { name, values: Vec::new() }).collect(),
            steps: 0,
            first_order_steps: 0,
        };
        Self { gas, supersampling: problem.supersampling, trajectory }
    }

    /// Averages the conserved variables over each output cell; pressure follows from the averages, so that the energy relation
    /// holds in every stored cell.
    fn push(&mut self, time: f64, conserved: &Cells<4>, sums: [f64; 4]) {
        let [nx, ny] = [self.trajectory.grid[0], self.trajectory.grid[1]];
        let fine = self.supersampling;
        let share = 1.0 / (fine * fine) as f64;
        let [energy, density, pressure, momentum] = &mut self.trajectory.fields[..] else {
            unreachable!("the Euler systems have four fields")
        };
        for i in 0..nx {
            for j in 0..ny {
                let mut average = [0.0; 4];
                for (mean, variable) in average.iter_mut().zip(conserved) {
                    for a in 0..fine {
                        let row = (i * fine + a) * ny * fine + j * fine;
                        *mean += variable[row..row + fine].iter().sum::<f64>();
                    }
                    *mean *= share;
                }
                energy.values.push(average[3] as f32);
                density.values.push(average[0] as f32);
                pressure.values.push(self.gas.primitive(average)[3] as f32);
                momentum.values.extend([average[1] as f32, average[2] as f32]);
            }
        }
        self.trajectory.times.push(time);
        for (series, sum) in self.trajectory.conserved.iter_mut().zip(sums) {
            series.values.push(sum);
        }
    }

    fn finish(mut self, (steps, first_order_steps): (usize, usize)) -> Trajectory {
        self.trajectory.steps = steps;
        self.trajectory.first_order_steps = first_order_steps;
        self.trajectory
    }
}
