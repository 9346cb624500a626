//! Discrete Fourier transforms from their definition, one axis after the other: one thread for each number of the result. Only
//! metrics need them.

use crate::function::Function;
use crate::{Draft, Step};
use pfm_plan::Kernel;

const BLOCK: usize = 256;

pub fn draft(kernel: &Kernel) -> Draft {
    let shape = &kernel.operands[0].shape;
    let numbers: usize = shape[..shape.len() - 1].iter().product();
    let axes = kernel.attrs.get_sizes("axes");
    // Positions: the operand, the result, working memory. The last axis ends in the result.
    let to = |step: usize| if (axes.len() - step) % 2 == 1 { 1 } else { 2 };
    let one = |(step, axis): (usize, &usize)| {
        let f = Function::new("fft", BLOCK)
            .reads("x", kernel.operands[0].dtype, if step == 0 { 0 } else { to(step - 1) })
            .writes("result", kernel.results[0].dtype, to(step))
            .constant("NUMBERS", numbers)
            .constant("N", shape[*axis])
            .constant("INNER", shape[axis + 1..shape.len() - 1].iter().product())
            .float("SIGN", if kernel.attrs.get_bool("inverse") { 1.0 } else { -1.0 });
        Step::Launch(f.launch(include_str!("simple/fft.cu"), [numbers.div_ceil(BLOCK), 1, 1], 0))
    };
    let scratch_bytes = if axes.len() > 1 { numbers * 8 } else { 0 };
    if axes.is_empty() {
        let f = Function::new("copy", BLOCK)
            .reads("x", kernel.operands[0].dtype, 0)
            .writes("result", kernel.results[0].dtype, 1)
            .constant("ELEMENTS", numbers * 2);
        let body = "  const long long at = (long long)blockIdx.x * THREADS + threadIdx.x;\n  if (at < ELEMENTS) result[at] = x[at];";
        return Draft { steps: vec![Step::Launch(f.launch(body, [(numbers * 2).div_ceil(BLOCK), 1, 1], 0))], scratch_bytes };
    }
    Draft { steps: axes.iter().enumerate().map(one).collect(), scratch_bytes }
}
