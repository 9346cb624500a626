//! The op table: one record per operation, each with its shape rule, meaning, gradient, cost and test samples.
//! `table` lists them, `lookup` finds one by name, and the functions of `build` write graphs with them.
//!
//! To add an operation: one file with a `pub static` record and one line in `TABLE` (and a function in `build`).

mod argsort;
mod attend;
mod attend_grad;
mod binary;
mod broadcast;
mod build;
mod cast;
mod collective;
mod compare;
mod concat;
mod constant;
mod contract;
mod conv;
mod conv_input_grad;
mod conv_weight_grad;
mod cost;
mod doc;
mod eigh;
mod fft;
mod flip;
mod gather;
mod iota;
mod literal;
mod mean;
mod normalise;
mod pad;
mod permute;
pub mod philox;
mod qr;
mod random;
mod reduce_max;
mod reduce_sum;
mod reshape;
mod rotate_pairs;
mod rules;
mod scatter_add;
mod select;
mod slice;
mod softmax;
mod square;
mod strided;
mod unary;

pub use argsort::ARGSORT;
pub use attend::ATTEND;
pub use attend_grad::ATTEND_GRAD;
pub use binary::{ADD, AND, DIV, MAX, MIN, MUL, OR, POW, SUB};
pub use broadcast::BROADCAST;
pub use build::*;
pub use cast::CAST;
pub use collective::{ALL_GATHER, ALL_REDUCE, REDUCE_SCATTER};
pub use compare::{EQUAL, LESS, LESS_EQUAL};
pub use concat::CONCAT;
pub use constant::CONSTANT;
pub use contract::{CONTRACT, Groups};
pub use conv::{CONV, Geometry};
pub use conv_input_grad::CONV_INPUT_GRAD;
pub use conv_weight_grad::CONV_WEIGHT_GRAD;
pub use doc::page;
pub use eigh::EIGH;
pub use fft::FFT;
pub use flip::FLIP;
pub use gather::GATHER;
pub use iota::IOTA;
pub use literal::LITERAL;
pub use mean::MEAN;
pub use normalise::NORMALISE;
pub use pad::PAD;
pub use permute::PERMUTE;
pub use philox::draw;
pub use qr::QR;
pub use random::RANDOM;
pub use reduce_max::REDUCE_MAX;
pub use reduce_sum::REDUCE_SUM;
pub use reshape::RESHAPE;
pub use rotate_pairs::ROTATE_PAIRS;
pub use scatter_add::SCATTER_ADD;
pub use select::SELECT;
pub use slice::SLICE;
pub use softmax::SOFTMAX;
pub use square::SQUARE;
pub use unary::{ABS, COS, ERF, EXP, FLOOR, LOG, NEG, NOT, RECIPROCAL, RSQRT, SIGMOID, SIGN, SIN, SQRT, TANH, erf_reference};

use pfm_ir::Op;

static TABLE: &[&Op] = &[
    &CONSTANT,
    &LITERAL,
    &IOTA,
    &NEG,
    &ABS,
    &SIGN,
    &EXP,
    &LOG,
    &SQRT,
    &RSQRT,
    &RECIPROCAL,
    &SIN,
    &COS,
    &TANH,
    &ERF,
    &SIGMOID,
    &FLOOR,
    &NOT,
    &ADD,
    &SUB,
    &MUL,
    &DIV,
    &MAX,
    &MIN,
    &POW,
    &LESS,
    &LESS_EQUAL,
    &EQUAL,
    &AND,
    &OR,
    &SELECT,
    &CAST,
    &RESHAPE,
    &PERMUTE,
    &BROADCAST,
    &SLICE,
    &PAD,
    &FLIP,
    &CONCAT,
    &REDUCE_SUM,
    &REDUCE_MAX,
    &CONTRACT,
    &CONV,
    &CONV_INPUT_GRAD,
    &CONV_WEIGHT_GRAD,
    &GATHER,
    &SCATTER_ADD,
    &ATTEND,
    &ATTEND_GRAD,
    &NORMALISE,
    &SOFTMAX,
    &ROTATE_PAIRS,
    &MEAN,
    &SQUARE,
    &FFT,
    &EIGH,
    &QR,
    &ARGSORT,
    &RANDOM,
    &ALL_REDUCE,
    &REDUCE_SCATTER,
    &ALL_GATHER,
];

/// Every operation, in the order of the manual.
pub fn table() -> &'static [&'static Op] {
    TABLE
}

pub fn lookup(name: &str) -> Option<&'static Op> {
    TABLE.iter().copied().find(|op| op.name == name)
}
