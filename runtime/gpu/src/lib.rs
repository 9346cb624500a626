//! Programs on a CUDA device: what pfm-cuda wrote, compiled, loaded and run as one graph of launches (`program`), on a device that is
//! opened once (`gpu`). `compare` runs samples of the op table beside the interpreter, there or on the processor.

pub mod compare;
mod gpu;
mod program;
mod rates;

pub use gpu::Gpu;
pub use program::Program;
pub use rates::Rates;
