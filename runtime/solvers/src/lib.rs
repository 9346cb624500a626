//! The simulators that ship with the compiler: each turns a grid, a parameter set and a seed into a trajectory of named fields.
//! `systems()` lists them; a new one is a file with a `System` value and one line in that list. Results depend on the problem
//! alone, never on the number of threads.

pub mod active_matter;
pub mod cavity;
pub mod compressible;
pub mod diffusion_reaction;
mod draw;
pub mod euler;
pub mod finite_volume;
pub mod forced_flow;
pub mod fourier;
mod frames;
mod parallel;
mod problem;
pub mod rayleigh_benard;
pub mod shallow_water;
pub mod shear_flow;
pub mod staggered;
mod system;
pub mod thermals;
mod trajectory;
mod wide;

pub use parallel::{in_order, simulate_all};
pub use problem::{Breakdown, Problem, SolverError};
pub use system::{BoundaryKind, Field, ParameterSet, Spacing, System, system, systems};
pub use trajectory::{ConservedSums, FieldSeries, Trajectory};
