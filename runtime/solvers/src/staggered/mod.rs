//! Incompressible flow in two dimensions between walls: a staggered grid, second-order central transport in conservative form, three
//! Runge-Kutta stages with diffusion along y taken implicitly, and a projection after each stage that removes the divergence to rounding
//! error. Poisson's equation is solved directly, by a fast transform along x and elimination along y.
//!
//! A system calls `evaluate`, adds its forces to `Flow::rates`, and calls `advance`, three times a step.

mod columns;
mod elliptic;
mod energy;
mod flow;
mod grid;
mod rows;
mod scalar;
mod stages;
mod tracer;
mod transport;

pub use columns::{End, SecondDerivative};
pub use elliptic::Elliptic;
pub use flow::{Flow, Wall};
pub use grid::{Grid, Sides, Values};
pub use rows::Place;
pub use scalar::Scalar;
pub use stages::{Substep, diffusive_step, next_step, substeps};
pub use tracer::Tracer;
