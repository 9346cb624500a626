//! Native kernels for what generated loops cannot do fast: contractions, convolutions, attention and the opaque operations.
//! Every kernel has a specification made once from shapes and a function that runs it on a pool, an instruction set and slices.
//! No call allocates (`eigh` excepted), and results are bit-identical for any number of threads: work is cut by shape alone.
#![allow(unsafe_code)]

mod amx;
mod argsort;
mod attend;
mod block;
mod ceiling;
mod contract;
mod contract_run;
mod conv;
mod eigh;
mod exp;
mod fft;
mod index;
mod isa;
mod mixed;
mod precision;
mod qr;
mod random;
mod simd;
mod tile;

pub use argsort::argsort;
pub use attend::grad::{AttendGradInputs, AttendGradOutputs, attend_grad};
pub use attend::{AttendInputs, AttendSpec, attend};
pub use ceiling::{copy_memory, multiply_adds, read_memory};
pub use contract::ContractSpec;
pub use contract_run::contract;
pub use conv::weight::conv_weight_grad;
pub use conv::{ConvSpec, conv, conv_input_grad};
pub use eigh::eigh;
pub use fft::{FftSpec, fft};
pub use index::{IndexSpec, gather, scatter_add};
pub use isa::Isa;
pub use mixed::attend::{AttendGradMixedInputs, AttendGradMixedOutputs, AttendMixedInputs, attend_grad_mixed, attend_mixed};
pub use mixed::copies::{readable, rounded};
pub use mixed::{contract_mixed, conv_input_grad_mixed, conv_mixed, conv_weight_grad_mixed};
pub use precision::{Operand, Output, Products, Storage, from_bf16, to_bf16};
pub use qr::{QrSpec, qr};
pub use random::{Draw, RandomSpec, philox, random};
