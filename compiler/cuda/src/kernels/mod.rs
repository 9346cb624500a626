//! One file or folder for each family of kernels: a node of the graph that is not a loop becomes launches and matrix products.

pub mod attend;
pub mod conv;

use crate::{Draft, Target};
use pfm_plan::Kernel;

/// None when this back end has no such kernel.
pub fn draft(kernel: &Kernel, target: &Target) -> Option<Draft> {
    Some(match kernel.op.name {
        "conv" | "conv_input_grad" | "conv_weight_grad" => conv::draft(kernel, target),
        "attend" | "attend_grad" => attend::draft(kernel, target),
        _ => return None,
    })
}
