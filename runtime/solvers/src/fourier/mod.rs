//! A pseudo-spectral core for real periodic fields on a uniform 2-D grid: the kept Fourier modes (`Modes`), the transform between
//! them and grid values (`Transform`), and the linear operators of incompressible flow in the plane. Linear terms act on modes and
//! are exact; products are formed on the grid. Only modes below a third of the grid's are kept, so that the product of two fields
//! carries no aliasing error into a kept mode (Orszag 1971), and no mode is its own mirror image: derivatives of real fields are real.

mod modes;
mod operators;
mod output;
mod transform;

pub use modes::{Modes, Spectrum};
pub(crate) use output::Output;
pub use rustfft::num_complex::Complex;
pub use transform::Transform;
