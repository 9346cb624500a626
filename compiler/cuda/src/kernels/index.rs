//! Picking and adding slices along one axis by an i32 index: one thread for each element of the result. Updates that meet are
//! added in the order of the index.

use crate::function::Function;
use crate::{Draft, Step};
use pfm_plan::Kernel;

const BLOCK: usize = 256;

pub fn gather(kernel: &Kernel) -> Draft {
    let f = sized(kernel).writes("result", kernel.results[0].dtype, 2);
    finish(kernel, f, include_str!("simple/gather.cu"))
}

pub fn scatter_add(kernel: &Kernel) -> Draft {
    let dtype = kernel.results[0].dtype;
    let f = sized(kernel).reads("updates", dtype, 2).writes("result", dtype, 3);
    finish(kernel, f, include_str!("simple/scatter_add.cu"))
}

fn sized(kernel: &Kernel) -> Function {
    let (shape, axis) = (&kernel.operands[0].shape, kernel.attrs.get_int("axis") as usize);
    Function::new("index", BLOCK)
        .reads("x", kernel.operands[0].dtype, 0)
        .reads("index", kernel.operands[1].dtype, 1)
        .constant("LENGTH", shape[axis])
        .constant("INNER", shape[axis + 1..].iter().product())
        .constant("PICKED", kernel.operands[1].elements())
        .constant("ELEMENTS", kernel.results[0].elements())
}

fn finish(kernel: &Kernel, f: Function, body: &str) -> Draft {
    let blocks = kernel.results[0].elements().div_ceil(BLOCK);
    Draft { steps: vec![Step::Launch(f.launch(body, [blocks, 1, 1], 0))], scratch_bytes: 0 }
}
