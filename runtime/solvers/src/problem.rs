//! What to simulate, and what can go wrong. A `Problem` fixes a trajectory completely: the same problem gives the same bytes.

use std::fmt;

use crate::system::{ParameterSet, System};
use crate::trajectory::Trajectory;

/// One trajectory to be computed.
#[derive(Clone, Debug)]
pub struct Problem {
    pub system: &'static System,
    pub parameters: ParameterSet,
    /// Cells per axis of the output.
    pub grid: Vec<usize>,
    /// Output frames, the initial state included, `System::interval` apart.
    pub frames: usize,
    /// The seed of the data set.
    pub seed: u64,
    /// Which trajectory of this parameter set.
    pub index: u64,
    /// Cells of the computation per output cell and axis; 1 computes on the output grid.
    pub supersampling: usize,
}

impl Problem {
    /// Runs the simulator.
    ///
    /// # Errors
    /// A request that the system can't meet, or a solution that broke down (never a silent bad value).
    pub fn simulate(&self) -> Result<Trajectory, SolverError> {
        let axes = self.system.axes.len();
        if self.grid.len() != axes || self.grid.iter().any(|&n| n < 4) {
            return Err(SolverError::Request(format!("{} needs {axes} axes of at least 4 cells, got {:?}", self.system.name, self.grid)));
        }
        if self.frames == 0 || self.supersampling == 0 {
            return Err(SolverError::Request(format!("{} needs at least one frame and a supersampling of at least 1", self.system.name)));
        }
        (self.system.run)(self)
    }

    pub(crate) fn breakdown(&self, time: f64, cause: String) -> SolverError {
        SolverError::Breakdown {
            system: self.system.name,
            parameters: self.parameters.label.clone(),
            seed: self.seed,
            index: self.index,
            time,
            cause,
        }
    }
}

/// A state from which a scheme can't go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Breakdown {
    /// Time at the start of the failed step.
    pub time: f64,
    /// What is wrong with the state, and where.
    pub cause: String,
}

/// Why a trajectory could not be computed.
#[derive(Clone, Debug, PartialEq)]
pub enum SolverError {
    /// The request itself is impossible.
    Request(String),
    /// The numerical solution left the physical range.
    Breakdown { system: &'static str, parameters: String, seed: u64, index: u64, time: f64, cause: String },
}

impl fmt::Display for SolverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(cause) => f.write_str(cause),
            Self::Breakdown { system, parameters, seed, index, time, cause } => {
                write!(f, "{system} ({parameters}, seed {seed}, trajectory {index}) broke down at t = {time:.6}: {cause}")
            }
        }
    }
}

impl std::error::Error for SolverError {}
