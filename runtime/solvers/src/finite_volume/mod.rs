//! A second-order finite-volume core for hyperbolic conservation laws on a uniform 2-D grid: limited linear reconstruction of the
//! primitive variables, an approximate Riemann solver per face, two-stage strong-stability-preserving Runge-Kutta in time.
//! A law supplies variables, flux and signal speeds (`Law`); the core supplies everything else.

mod limiter;
mod march;
mod sweep;

pub use crate::problem::Breakdown;
pub use limiter::Limiter;
pub use march::March;

/// A system of conservation laws in N variables.
///
/// Convention: components 1 and 2 of both variable sets are a vector's x and y parts. A sweep along y exchanges them, so `flux`
/// is only ever asked about the x direction.
pub trait Law<const N: usize>: Sync {
    /// Names of the conserved variables.
    const CONSERVED: [&'static str; N];
    /// Primitive from conserved variables.
    fn primitive(&self, conserved: [f64; N]) -> [f64; N];
    /// Conserved from primitive variables.
    fn conserved(&self, primitive: [f64; N]) -> [f64; N];
    /// Numerical flux along x between two primitive states.
    fn flux(&self, left: [f64; N], right: [f64; N]) -> [f64; N];
    /// Largest signal speed of a primitive state along x and along y.
    fn speed(&self, primitive: [f64; N]) -> [f64; 2];
    /// Whether a primitive state is physical; false for anything that is not a number.
    fn admissible(&self, primitive: [f64; N]) -> bool;
}

/// A uniform grid: cells along x and y, and their sizes. Cell (i, j) is stored at i * cells\[1\] + j.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mesh {
    pub cells: [usize; 2],
    pub spacing: [f64; 2],
}

impl Mesh {
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.cells[0] * self.cells[1]
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the ghost cells beyond both ends of an axis hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A copy of the edge cell: waves leave.
    Open,
    /// The cells of the far end.
    Periodic,
}

/// Cell averages, one array per variable.
pub type Cells<const N: usize> = [Vec<f64>; N];

/// The values of one cell.
#[inline(always)]
pub(crate) fn cell<const N: usize>(cells: &Cells<N>, at: usize) -> [f64; N] {
    std::array::from_fn(|v| cells[v][at])
}
