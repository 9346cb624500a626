//! Arithmetic and memory traffic of a group: each buffer is counted once, at most as often as it is touched.

use crate::plan::{Buffer, BufferId, Expr, Work};
use pfm_ir::Scalar;
use std::collections::BTreeMap;

/// FLOPs of one scalar operation; those of the functions are the length of their usual approximations.
fn flops(scalar: Scalar) -> f64 {
    use Scalar::*;
    match scalar {
        Cast | Select | Not | And | Or => 0.0,
        Exp | Log | Sin | Cos | Sigmoid | Tanh | Erf => 10.0,
        Pow => 20.0,
        _ => 1.0,
    }
}

/// FLOPs and bytes moved.
pub fn price(work: &Work, ids: &[BufferId], buffers: &[Buffer]) -> (f64, f64) {
    let space = match work {
        Work::Kernel(k) => {
            let operands: Vec<_> = k.operands.iter().collect();
            let cost = (k.op.cost)(&operands, &k.results, &k.attrs);
            return (cost.flops, cost.bytes);
        }
        Work::Loop(l) => &l.space,
        Work::Reduce(r) => &r.space,
    };
    let elements: usize = space.iter().product();
    let mut per_element = if matches!(work, Work::Reduce(_)) { 1.0 } else { 0.0 };
    let mut touched: BTreeMap<usize, usize> = BTreeMap::new();
    for e in work.body() {
        match e {
            Expr::Apply { scalar, .. } => per_element += flops(*scalar),
            Expr::Load { buffer, .. } => *touched.entry(*buffer).or_default() += elements,
            _ => {}
        }
    }
    for s in work.stores() {
        *touched.entry(s.buffer).or_default() += elements;
    }
    let bytes = touched.iter().map(|(slot, times)| {
        let b = &buffers[ids[*slot].0 as usize];
        (b.elements.min(*times) * b.dtype.size()) as f64
    });
    (per_element * elements as f64, bytes.sum())
}
