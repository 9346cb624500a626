//! Machine code for loops and reductions through Cranelift. Every value in a register is a vector of four 32-bit lanes:
//! f32x4 for floats (bf16 ones too, rounded), i32x4 for integers, and masks of all ones or zeros for booleans. Loop ends use fewer lanes, not other code.

mod bf16;
mod evaluate;
pub(crate) mod lanes;
mod loops;
mod maths;
mod reduce;
pub(crate) mod scalar;
mod vector;

pub use loops::emit_loop;
pub use reduce::emit_reduce;
pub use vector::{Constants, Vectors};
