//! Attention and its gradient.

mod direct;
mod few;
mod group;
mod tensor;

use crate::{Draft, Target};
use pfm_ir::DType;
use pfm_plan::Kernel;

/// Few tokens are a matter of memory in every type. Else bf16 goes to tensor cores, f32 to plain arithmetic.
pub fn draft(kernel: &Kernel, target: &Target) -> Draft {
    let (q, k, v) = (&kernel.operands[0], &kernel.operands[1], &kernel.operands[2]);
    let (tokens, width) = (q.shape[2].max(k.shape[2]), q.shape[3].max(v.shape[3]));
    // Functions on tensor cores take maxima before the factor.
    let tensor_cores = q.dtype == DType::Bf16 && kernel.attrs.get_float("scale") > 0.0;
    if tokens <= few::MOST && width <= few::WIDEST {
        few::draft(kernel)
    } else if tensor_cores && target.multiplies_in_groups() && width <= group::WIDEST {
        group::draft(kernel)
    } else if tensor_cores && width <= tensor::WIDEST {
        tensor::draft(kernel)
    } else {
        direct::draft(kernel)
    }
}
