//! One file or folder for each family of kernels: a node of the graph that is not a loop becomes launches and matrix products.

mod argsort;
pub mod attend;
mod contract;
pub mod conv;
mod factor;
mod fft;
mod index;
mod random;

use crate::{Draft, Target};
use pfm_plan::Kernel;

/// None when this back end has no such kernel.
pub fn draft(kernel: &Kernel, target: &Target) -> Option<Draft> {
    Some(match kernel.op.name {
        "contract" => contract::draft(kernel, target),
        "conv" | "conv_input_grad" | "conv_weight_grad" => conv::draft(kernel, target),
        "attend" | "attend_grad" => attend::draft(kernel, target),
        "gather" => index::gather(kernel),
        "scatter_add" => index::scatter_add(kernel),
        "random" => random::draft(kernel),
        "argsort" => argsort::draft(kernel),
        "qr" => factor::qr(kernel),
        "eigh" => factor::eigh(kernel),
        "fft" => fft::draft(kernel),
        _ => return None,
    })
}
