//! Convolutions straight from their definition, for any sizes: one thread for each element of the result, one block for each
//! weight's gradient. Slow, and what faster ones are measured against.

use crate::function::Function;
use crate::{Draft, Launch, Step};
use pfm_ir::TensorType;
use pfm_plan::Kernel;

const BLOCK: usize = 256;

pub fn draft(kernel: &Kernel) -> Draft {
    let (operands, results) = (&kernel.operands, &kernel.results);
    let launch = match kernel.op.name {
        "conv" => per_element(sized(kernel, &operands[0], &results[0], &operands[1]), include_str!("forward.cu"), &results[0]),
        "conv_input_grad" => {
            per_element(sized(kernel, &results[0], &operands[0], &operands[1]), include_str!("input_grad.cu"), &results[0])
        }
        "conv_weight_grad" => {
            let f = sized(kernel, &operands[0], &operands[1], &results[0]);
            f.launch(include_str!("weight_grad.cu"), [results[0].elements(), 1, 1], 0)
        }
        name => panic!("`{name}` is not a convolution"),
    };
    Draft { steps: vec![Step::Launch(launch)], scratch_bytes: 0 }
}

fn per_element(f: Function, body: &str, result: &TensorType) -> Launch {
    f.launch(body, [result.elements().div_ceil(BLOCK), 1, 1], 0)
}

/// Sizes by name, three spatial axes; parameters `first`, `second` and `result`.
fn sized(kernel: &Kernel, x: &TensorType, y: &TensorType, w: &TensorType) -> Function {
    let axes = x.rank() - 2;
    let three = |sizes: &[usize], rest: usize| -> Vec<usize> {
        let mut sizes = sizes.to_vec();
        while sizes.len() < 3 {
            sizes.insert(0, rest);
        }
        sizes
    };
    let (operands, results) = (&kernel.operands, &kernel.results);
    let mut f = Function::new("conv_direct", BLOCK)
        .reads("first", operands[0].dtype, 0)
        .reads("second", operands[1].dtype, 1)
        .writes("result", results[0].dtype, 2)
        .constant("N", x.shape[0])
        .constant("CI", w.shape[1])
        .constant("CO", w.shape[0]);
    let lists = [
        ("I", three(&x.shape[1..=axes], 1)),
        ("O", three(&y.shape[1..=axes], 1)),
        ("K", three(&w.shape[2..], 1)),
        ("S", three(&kernel.attrs.get_sizes("stride"), 1)),
        ("L", three(&kernel.attrs.get_sizes("low"), 0)),
    ];
    for (name, sizes) in lists {
        for (axis, size) in sizes.iter().enumerate() {
            f = f.constant(&format!("{name}{axis}"), *size);
        }
    }
    f
}
