//! f32 copies of tensors in scratch, for kernels that know f32 only: operands rounded as the products ask, results rounded
//! to bf16 where they are stored so.

use crate::isa::{Isa, Kernel, launch};
use crate::precision::{Operand, Output, Products, Storage, from_bf16, to_bf16};
use crate::simd::Simd;
use pfm_device::Pool;

/// Values of one task of a copy.
const CHUNK: usize = 1 << 15;

/// Floats of scratch for copies of all these tensors, if any are made.
pub(crate) fn extra(lengths: &[usize], products: Products, stored: Storage) -> usize {
    if products == Products::Bf16 || stored == Storage::Bf16 { lengths.iter().sum() } else { 0 }
}

/// The operand as f32 values, and the scratch that is left.
pub fn readable<'a>(pool: &Pool, isa: Isa, products: Products, x: Operand<'a>, scratch: &'a mut [f32]) -> (&'a [f32], &'a mut [f32]) {
    match x {
        Operand::F32(x) if products != Products::Bf16 => (x, scratch),
        _ => {
            let (copy, scratch) = scratch.split_at_mut(x.len());
            launch(pool, isa, x.len().div_ceil(CHUNK), &Copy { from: x, to: copy.as_mut_ptr() });
            (copy, scratch)
        }
    }
}

/// Runs `fill` on an f32 place for the result and on the scratch that is left, then rounds the result if it is stored as bf16.
pub(crate) fn writable(pool: &Pool, isa: Isa, out: Output<'_>, scratch: &mut [f32], fill: impl FnOnce(&mut [f32], &mut [f32])) {
    match out {
        Output::F32(out) => fill(out, scratch),
        Output::Bf16(out) => {
            let (copy, scratch) = scratch.split_at_mut(out.len());
            fill(copy, scratch);
            rounded(pool, isa, copy, out);
        }
    }
}

/// Writes each value rounded to bf16.
pub fn rounded(pool: &Pool, isa: Isa, from: &[f32], to: &mut [u16]) {
    assert_eq!(from.len(), to.len(), "as many as there are");
    launch(pool, isa, from.len().div_ceil(CHUNK), &Round { from, to: to.as_mut_ptr() });
}

/// Values of x rounded to bf16, as f32.
struct Copy<'a> {
    from: Operand<'a>,
    to: *mut f32,
}
// SAFETY: every task writes its own chunk.
unsafe impl Sync for Copy<'_> {}

impl Kernel for Copy<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let chunk = task * CHUNK..self.from.len().min((task + 1) * CHUNK);
        // SAFETY: the copy is as long as the operand, and the chunk is of this task alone.
        let to = unsafe { std::slice::from_raw_parts_mut(self.to.add(chunk.start), chunk.len()) };
        match self.from {
            Operand::F32(x) => to.iter_mut().zip(&x[chunk]).for_each(|(to, x)| *to = from_bf16(to_bf16(*x))),
            Operand::Bf16(x) => to.iter_mut().zip(&x[chunk]).for_each(|(to, x)| *to = from_bf16(*x)),
        }
    }
}

struct Round<'a> {
    from: &'a [f32],
    to: *mut u16,
}
// SAFETY: every task writes its own chunk.
unsafe impl Sync for Round<'_> {}

impl Kernel for Round<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let from = &self.from[task * CHUNK..self.from.len().min((task + 1) * CHUNK)];
        // SAFETY: the result is as long as the copy, and the chunk is of this task alone.
        let to = unsafe { std::slice::from_raw_parts_mut(self.to.add(task * CHUNK), from.len()) };
        to.iter_mut().zip(from).for_each(|(to, x)| *to = to_bf16(*x));
    }
}
