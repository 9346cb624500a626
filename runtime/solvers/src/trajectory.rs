//! The result of a simulation: frames of named fields in single precision, laid out as The Well stores one trajectory, and the
//! conserved sums that let a caller judge the run.

use crate::system::Field;

/// One field over all frames.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldSeries {
    pub field: Field,
    /// Shape [frames, *grid, components], last axis fastest; a scalar has one component.
    pub values: Vec<f32>,
}

/// The integral of a conserved quantity over the domain, one value a frame, in double precision.
#[derive(Clone, Debug, PartialEq)]
pub struct ConservedSums {
    pub name: &'static str,
    pub values: Vec<f64>,
}

/// A computed trajectory.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// Time of each frame.
    pub times: Vec<f64>,
    /// Cells per axis.
    pub grid: Vec<usize>,
    /// In the order of `System::fields`.
    pub fields: Vec<FieldSeries>,
    pub conserved: Vec<ConservedSums>,
    /// Time steps taken.
    pub steps: usize,
    /// Steps among them that had to be repeated at first order to stay physical.
    pub first_order_steps: usize,
}
