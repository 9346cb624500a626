//! Convolutions and their gradients.

mod direct;
pub mod shape;
pub mod tiles;
pub mod weight_tiles;

use crate::{Draft, Target};
use pfm_ir::DType;
use pfm_plan::Kernel;
use shape::Shape;
use tiles::{Tiling, Types};

/// bf16 goes to tensor cores, f32 to plain arithmetic.
pub fn draft(kernel: &Kernel, target: &Target) -> Draft {
    if kernel.operands[0].dtype == DType::Bf16
        && let Some(draft) = on_tensor_cores(kernel, target)
    {
        return draft;
    }
    direct::draft(kernel)
}

fn on_tensor_cores(kernel: &Kernel, target: &Target) -> Option<Draft> {
    let shape = Shape::of(kernel);
    let types = Types { image: kernel.operands[0].dtype, weights: kernel.operands[1].dtype, result: kernel.results[0].dtype };
    match kernel.op.name {
        "conv" => Some(tiles::draft(&shape, None, types, Tiling::of(&shape, target.sm)?)),
        "conv_input_grad" => {
            let (adjoint, scatter) = shape.adjoint()?;
            Some(tiles::draft(&adjoint, Some(&scatter), types, Tiling::of(&adjoint, target.sm)?))
        }
        _ => Some(weight_tiles::draft(&shape, types, weight_tiles::Tiling::of(&shape, target.sm)?)),
    }
}
