//! Convolutions and their gradients.

mod direct;
mod shape;
mod tiles;
mod weight_tiles;

use crate::{Draft, Target};
use pfm_plan::Kernel;
use shape::Shape;
use tiles::{Tiling, Types};

/// Tensor cores take bf16, and f32 in parts; what they have no tiles for goes straight from the definition.
pub fn draft(kernel: &Kernel, target: &Target) -> Draft {
    on_tensor_cores(kernel, target).unwrap_or_else(|| direct::draft(kernel))
}

fn on_tensor_cores(kernel: &Kernel, target: &Target) -> Option<Draft> {
    let shape = Shape::of(kernel);
    let types = Types { image: kernel.operands[0].dtype, weights: kernel.operands[1].dtype, result: kernel.results[0].dtype };
    match kernel.op.name {
        "conv" => Some(tiles::draft(&shape, None, types, Tiling::of(&shape, types.image, target.sm)?)),
        "conv_input_grad" => {
            let (adjoint, scatter) = shape.adjoint()?;
            Some(tiles::draft(&adjoint, Some(&scatter), types, Tiling::of(&adjoint, types.image, target.sm)?))
        }
        _ => Some(weight_tiles::draft(&shape, types, weight_tiles::Tiling::of(&shape, target.sm)?)),
    }
}
