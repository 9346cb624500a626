//! Native kernels for what generated loops cannot do fast: contractions, convolutions, attention and the opaque operations.
//! Every kernel has a specification made once from shapes and a function that runs it on a pool, an instruction set and slices.
//! No call allocates (`eigh` excepted), and results are bit-identical for any number of threads: work is cut by shape alone.
#![allow(unsafe_code)]

mod argsort;
mod attend;
mod attend_grad;
mod attend_short;
mod block;
mod ceiling;
mod contract;
mod contract_run;
mod conv;
mod conv_narrow;
mod conv_weight;
mod conv_weight_winograd;
mod conv_winograd;
mod eigh;
mod exp;
mod fft;
mod index;
mod isa;
mod qr;
mod random;
mod simd;
mod tile;
mod walk;
mod winograd;

pub use argsort::argsort;
pub use attend::{AttendInputs, AttendSpec, attend};
pub use attend_grad::{AttendGradInputs, AttendGradOutputs, attend_grad};
pub use ceiling::{copy_memory, multiply_adds, read_memory};
pub use contract::ContractSpec;
pub use contract_run::contract;
pub use conv::{ConvSpec, conv, conv_input_grad};
pub use conv_weight::conv_weight_grad;
pub use eigh::eigh;
pub use fft::{FftSpec, fft};
pub use index::{IndexSpec, gather, scatter_add};
pub use isa::Isa;
pub use qr::{QrSpec, qr};
pub use random::{Draw, RandomSpec, philox, random};
