//! Cost functions: bytes are every operand read once and every result written once, as if run alone.

use pfm_ir::{Attrs, Cost, TensorType};

fn traffic(operands: &[&TensorType], results: &[TensorType]) -> f64 {
    let read: usize = operands.iter().map(|t| t.bytes()).sum();
    let written: usize = results.iter().map(TensorType::bytes).sum();
    (read + written) as f64
}

/// `flops` operations in total.
pub(crate) fn counted(operands: &[&TensorType], results: &[TensorType], flops: f64) -> Cost {
    Cost { flops, bytes: traffic(operands, results) }
}

/// No arithmetic: views, indexing, sources.
pub(crate) fn moved(operands: &[&TensorType], results: &[TensorType], _: &Attrs) -> Cost {
    counted(operands, results, 0.0)
}

/// One operation per element of the result.
pub(crate) fn per_result(operands: &[&TensorType], results: &[TensorType], _: &Attrs) -> Cost {
    let elements: usize = results.iter().map(TensorType::elements).sum();
    counted(operands, results, elements as f64)
}

/// One operation per element of the first operand.
pub(crate) fn per_operand(operands: &[&TensorType], results: &[TensorType], _: &Attrs) -> Cost {
    counted(operands, results, operands[0].elements() as f64)
}

/// About eight operations per element of the first operand: the small composites.
pub(crate) fn per_operand_8(operands: &[&TensorType], results: &[TensorType], _: &Attrs) -> Cost {
    counted(operands, results, 8.0 * operands[0].elements() as f64)
}
