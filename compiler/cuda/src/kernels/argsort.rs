//! The order that sorts a vector: one thread for each element counts those that come before it. Meant for the few thousand
//! eigenvalues of an optimiser, not for data.

use crate::function::Function;
use crate::{Draft, Step};
use pfm_plan::Kernel;

const BLOCK: usize = 128;

pub fn draft(kernel: &Kernel) -> Draft {
    let n = kernel.operands[0].elements();
    let f = Function::new("argsort", BLOCK)
        .reads("x", kernel.operands[0].dtype, 0)
        .writes("result", kernel.results[0].dtype, 1)
        .constant("N", n)
        .flag("DESCENDING", kernel.attrs.get_bool("descending"));
    Draft { steps: vec![Step::Launch(f.launch(include_str!("simple/argsort.cu"), [n.div_ceil(BLOCK), 1, 1], 0))], scratch_bytes: 0 }
}
