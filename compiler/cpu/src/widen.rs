//! Kernels other than products, in plans with bfloat16: their operands are widened into working memory and their results rounded
//! from it. What the kernel does is unchanged.

use pfm_device::Pool;
use pfm_ir::{DType, TensorType, from_bf16, to_bf16};
use pfm_kernels::Operand;

/// Elements that a task converts.
const TASK: usize = 1 << 16;

/// Words of working memory for the bfloat16 tensors among these, 64-byte pieces.
pub fn words(types: &[TensorType]) -> usize {
    types.iter().map(piece).sum()
}

/// Words that a tensor takes there.
fn piece(ty: &TensorType) -> usize {
    if ty.dtype == DType::Bf16 { ty.elements().next_multiple_of(16) } else { 0 }
}

/// The operand in f32: where it is, or at the front of `scratch`, whose rest comes back.
pub fn widened<'a>(pool: &Pool, operand: Operand<'a>, scratch: &'a mut [f32]) -> (&'a [f32], &'a mut [f32]) {
    match operand {
        Operand::F32(x) => (x, scratch),
        Operand::Bf16(x) => {
            let (to, rest) = scratch.split_at_mut(x.len().next_multiple_of(16));
            let to = &mut to[..x.len()];
            widen(pool, x, to);
            (to, rest)
        }
    }
}

/// Each value in f32.
pub fn widen(pool: &Pool, from: &[u16], to: &mut [f32]) {
    assert_eq!(from.len(), to.len(), "as many as there are");
    in_parts(pool, to, |start, to| {
        for (to, from) in to.iter_mut().zip(&from[start..]) {
            *to = from_bf16(*from);
        }
    });
}

/// Each value rounded to bfloat16.
pub fn narrow(pool: &Pool, from: &[f32], to: &mut [u16]) {
    assert_eq!(from.len(), to.len(), "as many as there are");
    in_parts(pool, to, |start, to| {
        for (to, from) in to.iter_mut().zip(&from[start..]) {
            *to = to_bf16(*from);
        }
    });
}

/// Memory that tasks write disjoint parts of.
struct Shared<T>(*mut T);
// SAFETY: each task touches a part of its own.
unsafe impl<T> Sync for Shared<T> {}

/// Runs `part(start, slice)` for consecutive parts of `to`.
fn in_parts<T>(pool: &Pool, to: &mut [T], part: impl Fn(usize, &mut [T]) + Sync) {
    let (count, base) = (to.len(), Shared(to.as_mut_ptr()));
    pool.run(count.div_ceil(TASK), &|task| {
        let base = &base;
        let start = task * TASK;
        let length = TASK.min(count - start);
        // SAFETY: the parts are disjoint and inside `to`, which is borrowed for the whole call.
        part(start, unsafe { std::slice::from_raw_parts_mut(base.0.add(start), length) });
    });
}
