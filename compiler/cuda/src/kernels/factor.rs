//! QR and eigenvectors of the matrices that an optimiser keeps: one launch of a few blocks that wait for each other between the steps
//! of the factorisation. Small matrices are the work of one block.

use crate::function::Function;
use crate::{Draft, Launch, Step};
use pfm_plan::Kernel;

const BLOCK: usize = 256;
/// Blocks that fit any supported device side by side: they wait for each other, so none may be left out.
const MOST_BLOCKS: usize = 64;
/// Elements that keep a block busy between two waits.
const SHARE: usize = 8192;

/// Working memory of `qr`: the columns of a, the reflections, their factors, the counter of arrivals.
pub fn qr(kernel: &Kernel) -> Draft {
    let shape = &kernel.operands[0].shape;
    let (m, n) = (shape[0], shape[1]);
    let blocks = (m * n).div_ceil(SHARE).min(MOST_BLOCKS);
    let dtype = kernel.operands[0].dtype;
    let f = Function::new("qr", BLOCK)
        .reads("a", dtype, 0)
        .writes("q", dtype, 1)
        .writes("r", dtype, 2)
        .writes("work", dtype, 3)
        .constant("M", m)
        .constant("N", n)
        .constant("BLOCKS", blocks);
    let launch = f.launch(include_str!("factor/qr.cu"), [blocks, 1, 1], m * 4);
    Draft { steps: vec![clear(2 * m * n + n), Step::Launch(launch)], scratch_bytes: (2 * m * n + n + 1) * 4 }
}

/// Working memory of `eigh`: the matrix and its vectors, each twice, the ranks of the eigenvalues, the counter of arrivals and which of the
/// two copies is the last.
pub fn eigh(kernel: &Kernel) -> Draft {
    let n = kernel.operands[0].shape[0];
    let blocks = (n * n).div_ceil(SHARE).min(MOST_BLOCKS);
    let dtype = kernel.operands[0].dtype;
    let sized = |family| Function::new(family, BLOCK).constant("N", n);
    let rotate = sized("eigh").reads("a", dtype, 0).writes("work", dtype, 3).constant("BLOCKS", blocks).launch(
        include_str!("factor/eigh.cu"),
        [blocks, 1, 1],
        2 * n.next_multiple_of(2) * 4,
    );
    let order = sized("eigh_order").writes("values", dtype, 1).writes("vectors", dtype, 2).writes("work", dtype, 3).launch(
        include_str!("factor/eigh_order.cu"),
        [n, 1, 1],
        0,
    );
    let steps = vec![clear(4 * n * n), Step::Launch(rotate), Step::Launch(order)];
    Draft { steps, scratch_bytes: (4 * n * n + 2) * 4 }
}

/// Sets the counter at this word of the working memory to zero.
fn clear(word: usize) -> Step {
    let f = Function::new("factor_clear", 32).writes("work", pfm_ir::DType::F32, 3).constant("WORD", word);
    let launch: Launch = f.launch("  if (threadIdx.x == 0) work[WORD] = 0.0f;", [1, 1, 1], 0);
    Step::Launch(launch)
}
