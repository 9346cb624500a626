//! The registry of simulators. A `System` is a table row that says what a simulator produces (fields, boundaries, parameter grid,
//! default sizes) and holds the function that runs it, so that writers and listings need no knowledge of any one system.

use crate::active_matter;
use crate::cavity;
use crate::compressible;
use crate::diffusion_reaction;
use crate::euler;
use crate::forced_flow;
use crate::problem::{Problem, SolverError};
use crate::rayleigh_benard;
use crate::shallow_water;
use crate::shear_flow;
use crate::thermals;
use crate::trajectory::Trajectory;

/// What happens at both ends of an axis, in The Well's three kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundaryKind {
    Wall,
    Open,
    Periodic,
}

/// Where the stored points of an axis lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Centres of equal cells.
    Uniform,
    /// Chebyshev nodes of the first kind, (1 - cos(pi (j + 1/2) / n)) / 2 of the way: dense at both walls.
    Chebyshev,
}

impl Spacing {
    /// The `n` points between both ends of an axis.
    pub fn points(self, (low, high): (f64, f64), n: usize) -> Vec<f64> {
        let share = |j: usize| match self {
            Self::Uniform => (j as f64 + 0.5) / n as f64,
            Self::Chebyshev => 0.5 * (1.0 - (std::f64::consts::PI * (j as f64 + 0.5) / n as f64).cos()),
        };
        (0..n).map(|j| low + (high - low) * share(j)).collect()
    }
}

/// A field of the output; `order` 0 is a scalar, 1 a vector, 2 a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub order: usize,
    /// Whether a tensor equals its transpose; false for scalars and vectors.
    pub symmetric: bool,
}

impl Field {
    pub const fn scalar(name: &'static str) -> Self {
        Self { name, order: 0, symmetric: false }
    }

    pub const fn vector(name: &'static str) -> Self {
        Self { name, order: 1, symmetric: false }
    }

    pub const fn symmetric_tensor(name: &'static str) -> Self {
        Self { name, order: 2, symmetric: true }
    }

    /// Values per grid point in two dimensions.
    pub fn components(self) -> usize {
        1 << self.order
    }
}

/// One point of a system's parameter grid. `values` follow `System::parameters`; `label` ends the file name and is empty for a
/// system without parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSet {
    pub label: String,
    pub values: Vec<f64>,
}

impl ParameterSet {
    /// All combinations of the values of each parameter, the last one fastest, labelled `a_1_b_0.5`.
    pub fn product(parameters: &[(&str, &[f64])]) -> Vec<Self> {
        let mut sets = vec![Self { label: String::new(), values: Vec::new() }];
        for (name, values) in parameters {
            let grow = |set: &Self| {
                let (label, known) = (set.label.clone(), set.values.clone());
                let separator = if label.is_empty() { "" } else { "_" };
                let extended = move |value: &f64| Self {
                    label: format!("{label}{separator}{name}_{value}"),
                    values: known.iter().copied().chain([*value]).collect(),
                };
                values.iter().map(extended).collect::<Vec<_>>()
            };
            sets = sets.iter().flat_map(grow).collect();
        }
        sets
    }
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
    /// The parameter sets that are made on an output grid: those of the published set that it resolves, and where it resolves none of
    /// them a milder choice.
    pub parameter_sets: fn(&[usize]) -> Vec<ParameterSet>,
    /// Names of the spatial axes.
    pub axes: &'static [&'static str],
    /// Lower and upper end of each axis.
    pub extent: &'static [(f64, f64)],
    /// Where the stored points of each axis lie.
    pub spacing: &'static [Spacing],
    /// Boundary of each axis.
    pub boundaries: &'static [BoundaryKind],
    /// Fields whose sums over the grid stay what they are at the start, up to single precision: `pfmc data verify` checks them.
    pub conserved: &'static [&'static str],
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

static SYSTEMS: &[System] = &[
    active_matter::ACTIVE_MATTER,
    cavity::LIQUID_METAL,
    compressible::COMPRESSIBLE_128,
    compressible::COMPRESSIBLE_512,
    compressible::TURBULENT,
    diffusion_reaction::DIFFUSION_REACTION,
    euler::OPEN,
    euler::PERIODIC,
    forced_flow::INCOMPRESSIBLE,
    rayleigh_benard::CHEBYSHEV,
    rayleigh_benard::UNIFORM,
    shallow_water::SHALLOW_WATER,
    shear_flow::SHEAR_FLOW,
    thermals::THERMALS,
];

/// All simulators.
pub fn systems() -> &'static [System] {
    SYSTEMS
}

/// The simulator of this name.
pub fn system(name: &str) -> Option<&'static System> {
    systems().iter().find(|system| system.name == name)
}
