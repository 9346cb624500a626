//! Attention over few tokens, such as the frames of one pixel: nothing but memory traffic. A warp keeps a head's rows in registers
//! and reads and writes each once.

use super::direct;
use crate::function::Function;
use crate::{Draft, Step};
use pfm_ir::DType;
use pfm_plan::Kernel;

/// The most queries or keys.
pub const MOST: usize = 10;
/// The widest head: four elements for each lane.
pub const WIDEST: usize = 128;
const BLOCK: usize = 256;
/// Batch elements of a block.
const BATCHES: usize = 64;

pub fn draft(kernel: &Kernel) -> Draft {
    let (at, q) = (kernel.operands.len(), &kernel.operands[0].shape);
    let blocks = q[0].div_ceil(BATCHES);
    let grid = [blocks * q[1], 1, 1];
    let f = direct::sized(kernel, "attend_few", BLOCK).constant("BATCHES", BATCHES);
    let f = f.writes("result", kernel.results[0].dtype, at);
    if kernel.op.name == "attend" {
        let f = f.writes("lse", kernel.results[1].dtype, at + 1);
        let body = concat!(include_str!("few_common.cu"), include_str!("few_forward.cu"));
        return Draft { steps: vec![Step::Launch(f.launch(body, grid, 0))], scratch_bytes: 0 };
    }
    let scratch = at + kernel.results.len();
    let f = f.writes("dk", kernel.results[1].dtype, at + 1).writes("dv", kernel.results[2].dtype, at + 2);
    let f = f.writes("partial", DType::F32, scratch);
    let body = concat!(include_str!("few_common.cu"), include_str!("few_grad.cu"));
    let mut steps = vec![Step::Launch(f.launch(body, grid, 0))];
    if !kernel.attrs.get_bool("bias") {
        return Draft { steps, scratch_bytes: 4 };
    }
    let items = kernel.results[3].elements();
    let f = Function::new("attend_few_sum", BLOCK).constant("ITEMS", items).constant("BLOCKS", blocks);
    let f = f.reads("partial", DType::F32, scratch).writes("dbias", kernel.results[3].dtype, at + 3);
    steps.push(Step::Launch(f.launch(include_str!("few_sum.cu"), [items.div_ceil(BLOCK), 1, 1], 0)));
    Draft { steps, scratch_bytes: 4 * blocks * items }
}
