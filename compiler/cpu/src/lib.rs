//! The CPU back end: a plan becomes a program of native code. Loops and reductions are generated with Cranelift
//! (`schedule`, `emit`, `module`); contractions, convolutions, attention and opaque operations call pfm-kernels
//! (`kernel`); `program` holds the result and runs it.
//!
//! Invariants: a program is a pure function of (plan, options, processor); results do not depend on the number of threads.
#![allow(unsafe_code)]

mod effort;
mod emit;
mod kernel;
mod module;
mod program;
mod schedule;
#[cfg(all(target_arch = "x86_64", unix))]
mod wide;

pub use effort::{Effort, effort};
pub use pfm_kernels::Isa;
pub use program::{Options, Program, compile, scratch_bytes};
