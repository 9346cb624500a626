//! Random numbers: one thread for each, from Philox words that depend only on what the draw is for.

use crate::function::Function;
use crate::{Draft, Step};
use pfm_plan::Kernel;

const BLOCK: usize = 256;
/// Uniform numbers are multiples of the inverse of this.
const STEPS: f64 = 16_777_216.0;

pub fn draft(kernel: &Kernel) -> Draft {
    let shape = kernel.attrs.get_sizes("shape");
    let elements: usize = shape.iter().product();
    let body = match kernel.attrs.get_text("kind") {
        "uniform" => include_str!("simple/uniform.cu"),
        "normal" => include_str!("simple/normal.cu"),
        _ => include_str!("simple/bernoulli.cu"),
    };
    let f = Function::new("random", BLOCK)
        .reads("key", kernel.operands[0].dtype, 0)
        .writes("result", kernel.results[0].dtype, 1)
        .constant("ELEMENTS", elements)
        .constant("EACH", shape[1..].iter().product())
        .constant("STREAM", kernel.attrs.get_int("stream") as u32 as usize)
        .constant("THRESHOLD", (kernel.attrs.get_float("rate") * STEPS).ceil() as usize);
    let body = format!("{}{body}", include_str!("simple/draw.cu"));
    Draft { steps: vec![Step::Launch(f.launch(&body, [elements.div_ceil(BLOCK), 1, 1], 0))], scratch_bytes: 0 }
}
