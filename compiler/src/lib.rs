//! The compiler as one function per question: read a file, resolve it, compile a unit of a stage, compile an application.
//! `pipeline` is the only place that knows the order of passes.

mod frontend;
mod pipeline;
mod used;

pub use frontend::{Alone, Checked, Request, World, check, check_all};
pub use pfm_cpu::Isa;
pub use pipeline::{Compiled, Options, Returned, Signature, Silent, Watch, called_with, compile, optimise, plan};
