//! What a compiled program needs of the machine: memory aligned for vector instructions and threads that are made once.
//! Nothing here knows about tensors. A CUDA back end would put its streams and launches beside these two.
#![allow(unsafe_code)]

mod buffer;
mod pool;

pub use buffer::Buffer;
pub use pool::Pool;
