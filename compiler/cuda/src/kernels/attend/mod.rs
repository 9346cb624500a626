//! Attention and its gradient.

mod direct;
mod few;
mod tensor;

use crate::{Draft, Target};
use pfm_ir::DType;
use pfm_plan::Kernel;

/// Few tokens are a matter of memory in every type. Else bf16 goes to tensor cores, f32 to plain arithmetic.
pub fn draft(kernel: &Kernel, _: &Target) -> Draft {
    let width = kernel.operands[0].shape[3].max(kernel.operands[2].shape[3]);
    if kernel.operands[0].shape[2].max(kernel.operands[1].shape[2]) <= few::MOST && width <= few::WIDEST {
        return few::draft(kernel);
    }
    if kernel.operands[0].dtype == DType::Bf16 && width <= tensor::WIDEST {
        return tensor::draft(kernel);
    }
    direct::draft(kernel)
}
