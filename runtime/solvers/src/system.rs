//! The registry of simulators. A `System` is a table row that says what a simulator produces (fields, boundaries, parameter grid,
//! default sizes) and holds the function that runs it, so that writers and listings need no knowledge of any one system.

use crate::euler;
use crate::problem::{Problem, SolverError};
use crate::trajectory::Trajectory;

/// What happens at both ends of an axis, in The Well's three kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundaryKind {
    Wall,
    Open,
    Periodic,
}

/// A field of the output; `order` 0 is a scalar, 1 a vector, 2 a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub order: usize,
}

/// One point of a system's parameter grid. `values` follow `System::parameters`; `label` ends the file name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterSet {
    pub label: &'static str,
    pub values: &'static [f64],
}

/// A simulator and what it makes.
#[derive(Debug)]
pub struct System {
    /// The data set's name, as in The Well where it has one.
    pub name: &'static str,
    /// One line for listings.
    pub summary: &'static str,
    /// Raised whenever the same problem gives other values than before.
    pub revision: u32,
    /// Fields in file order: scalars, then vectors, then tensors.
    pub fields: &'static [Field],
    /// Names of the scalars that a parameter set gives.
    pub parameters: &'static [&'static str],
    pub parameter_sets: &'static [ParameterSet],
    /// Names of the spatial axes.
    pub axes: &'static [&'static str],
    /// Lower and upper end of each axis.
    pub extent: &'static [(f64, f64)],
    /// Boundary of each axis.
    pub boundaries: &'static [BoundaryKind],
    /// Cells per axis unless asked otherwise.
    pub grid: &'static [usize],
    /// Frames per trajectory unless asked otherwise.
    pub frames: usize,
    /// Time between frames.
    pub interval: f64,
    /// Estimated seconds on one core for one trajectory of this grid and number of frames.
    pub cost: fn(&[usize], usize) -> f64,
    pub(crate) run: fn(&Problem) -> Result<Trajectory, SolverError>,
}

static SYSTEMS: [System; 2] = [euler::OPEN, euler::PERIODIC];

/// All simulators.
pub fn systems() -> &'static [System] {
    &SYSTEMS
}

/// The simulator of this name.
pub fn system(name: &str) -> Option<&'static System> {
    systems().iter().find(|system| system.name == name)
}
