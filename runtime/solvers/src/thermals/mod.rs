//! Rising and falling bubbles of air that collide: the simulator behind `miniweather_thermals`. A box of 20 km by 10 km of dry air,
//! 700 s, with the equations and the scheme of miniWeather and random bubbles. Axes are x, then y, the height; walls are the ground and
//! the lid.

pub mod atmosphere;
mod bubble;
mod march;
mod power;
mod sweep;

pub use bubble::{Bubble, collision};
pub use march::March;

use crate::draw::Draw;
use crate::frames::{Frames, box_average};
use crate::problem::{Problem, SolverError};
use crate::system::{BoundaryKind, Field, ParameterSet, Spacing, System};
use crate::trajectory::Trajectory;
use atmosphere::{AtRest, GAMMA};

/// Width and height of the box, m.
pub const EXTENT: [f64; 2] = [20e3, 10e3];

/// Density, momentum along x and z, and heat (density times potential temperature); columns of air are contiguous.
pub type State = [Vec<f64>; 4];

pub(crate) const THERMALS: System = System {
    name: "miniweather_thermals",
    summary: "dry air, a warm and a cold bubble that collide",
    revision: 1,
    fields: &[Field::scalar("air_density"), Field::scalar("potential_temperature"), Field::vector("wind")],
    parameters: &[],
    parameter_sets: |_| vec![ParameterSet { label: String::new(), values: Vec::new() }],
    axes: &["x", "y"],
    extent: &[(0.0, EXTENT[0]), (0.0, EXTENT[1])],
    spacing: &[Spacing::Uniform, Spacing::Uniform],
    boundaries: &[BoundaryKind::Periodic, BoundaryKind::Wall],
    conserved: &["air_density"],
    grid: &[128, 64],
    frames: 101,
    interval: 7.0,
    cost,
    run,
};

/// Seconds on one core: cells times steps, and the number of steps grows with the finer spacing.
fn cost(grid: &[usize], frames: usize) -> f64 {
    let cells: usize = grid.iter().product();
    let finest = (EXTENT[0] / grid[0] as f64).min(EXTENT[1] / grid[1] as f64);
    let steps = 7.0 * (frames as f64 - 1.0) * 300.0 / finest;
    cells as f64 * steps * 4.3e-8
}

fn run(problem: &Problem) -> Result<Trajectory, SolverError> {
    let cells = [problem.grid[0] * problem.supersampling, problem.grid[1] * problem.supersampling];
    let mut march = March::new(cells, &bubble::random(&mut Draw::new(problem)));
    let mut frames = Frames::new(problem, &["mass", "energy"]);
    for frame in 0..problem.frames {
        let due = frames.due(frame);
        march.advance(due).map_err(|cause| problem.breakdown(due, cause))?;
        frames.push(&stored(&march, problem), &march.sums())?;
    }
    Ok(frames.finish(march.steps(), 0))
}

/// The output fields, air at rest included: potential temperature and wind are those of the averaged mass, momentum and heat.
fn stored(march: &March, problem: &Problem) -> [Vec<f64>; 3] {
    let [density, momentum_x, momentum_z, heat] =
        march.conserved().map(|variable| box_average(&variable, &problem.grid, problem.supersampling));
    let temperature = heat.iter().zip(&density).map(|(heat, density)| heat / density).collect();
    let wind = (0..density.len()).flat_map(|at| [momentum_x[at] / density[at], momentum_z[at] / density[at]]).collect();
    [density, temperature, wind]
}
