//! A CUDA device: its libraries found at run time (`libraries`), memory, modules, launches, events and graphs (`device`), input that
//! travels while the device computes (`staging`), matrix products (`gemm`), and source text compiled to machine code and kept on disk (`compile`, `cache`). The only place that calls
//! CUDA; a machine without it gets a reason, never a panic.
//!
//! Launches take addresses of device memory that the caller vouches for: a wrong one stops the device's work with an error at the
//! next wait, and never touches the host.

mod cache;
mod compile;
mod device;
mod gemm;
mod graph;
mod libraries;
mod memory;
mod pinned;
mod ring;
mod staging;
mod usage;

pub use cache::Cache;
pub use compile::{Compiled, compile, compile_all};
pub use device::{Device, Event, Function, Module};
pub use gemm::{Element, Gemm, Operand, Product};
pub use graph::Graph;
pub use libraries::{Found, find, find_in};
pub use memory::{Memory, Word};
pub use staging::Staging;
pub use usage::Usage;

/// What went wrong, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CudaError(pub String);

impl std::fmt::Display for CudaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CudaError {}

/// Names what was being done in an error of the driver or a library.
fn because<E: std::fmt::Debug>(doing: &str) -> impl Fn(E) -> CudaError + '_ {
    move |e| CudaError(format!("{doing}: {e:?}"))
}
