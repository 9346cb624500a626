//! The CUDA back end as text: every group of a plan becomes launches of header-free CUDA C++ with all shapes as literals
//! (`kernels` for nodes), or matrix products for a library. Nothing here needs a device.
//!
//! Invariants: the text is a pure function of (plan, target); sums are added in an order that only shapes decide.
//! Absent on purpose: compiling the text, memory, streams.

mod draft;
mod function;
pub mod kernels;
mod loops;
mod module;
mod prelude;
mod step;

pub use draft::draft;
pub use module::{Module, scratch_bytes, write};
pub use prelude::PRELUDE;
pub use step::{Draft, Gemm, Launch, Matrix, Step, Target};
