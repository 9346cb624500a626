//! What a compiled program needs of the machine: memory aligned for vector instructions and threads that are made once.
//! Nothing here knows about tensors. `cuda` is the same for a GPU, loaded when it is there.
#![allow(unsafe_code)]

mod buffer;
pub mod cuda;
mod pool;

pub use buffer::Buffer;
pub use pool::Pool;
