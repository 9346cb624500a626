//! The most that this machine does with an instruction set: multiply-adds that never leave the registers, reading and copying
//! memory. What a program takes is judged beside these. The caller has the clock; nothing here is used by a program.

use crate::isa::{Isa, Kernel, Shared, launch};
use crate::simd::Simd;
use pfm_device::Pool;
use std::hint::black_box;

/// Sums that do not wait for each other: more than the latency of a multiply-add times the units that do them.
const CHAINS: usize = 12;
/// Values of one task of `read_memory` and `copy_memory`: large enough that starting one costs nothing.
const CHUNK: usize = 1 << 18;

/// Does `rounds` rounds of multiply-adds in each of `tasks` tasks and returns how many FLOPs that were.
pub fn multiply_adds(pool: &Pool, isa: Isa, tasks: usize, rounds: usize) -> f64 {
    launch(pool, isa, tasks, &MultiplyAdds { rounds });
    let lanes = match isa.vectors() {
        Isa::Avx512 => 16,
        Isa::Avx2 => 8,
        _ => 4,
    };
    2.0 * (lanes * CHAINS * rounds * tasks) as f64
}

/// Reads all values once.
pub fn read_memory(pool: &Pool, isa: Isa, values: &[f32]) {
    launch(pool, isa, values.len().div_ceil(CHUNK), &Read { values });
}

/// Copies all values. Panics when the lengths differ.
pub fn copy_memory(pool: &Pool, isa: Isa, from: &[f32], to: &mut [f32]) {
    assert_eq!(from.len(), to.len(), "a copy is as long as what is copied");
    launch(pool, isa, from.len().div_ceil(CHUNK), &Copy { from, to: Shared::of(to) });
}

struct MultiplyAdds {
    rounds: usize,
}

impl Kernel for MultiplyAdds {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, _: usize) {
        // SAFETY: no memory is touched; the processor has the instructions.
        unsafe {
            // Below 1, so that no sum grows beyond what a float holds.
            let (factor, term) = (S::splat(black_box(0.999)), S::splat(black_box(0.001)));
            let mut chains = [S::splat(0.0); CHAINS];
            for _ in 0..self.rounds {
                for chain in &mut chains {
                    *chain = S::fma(*chain, factor, term);
                }
            }
            black_box(total::<S>(&chains));
        }
    }
}

struct Read<'a> {
    values: &'a [f32],
}

impl Kernel for Read<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let chunk = &self.values[task * CHUNK..(task * CHUNK + CHUNK).min(self.values.len())];
        // SAFETY: every load lies inside the chunk.
        unsafe {
            let mut sums = [S::splat(0.0); 8];
            for part in chunk.chunks_exact(8 * S::LANES) {
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = S::add(*sum, S::load(part.as_ptr().add(i * S::LANES)));
                }
            }
            black_box(total::<S>(&sums));
        }
    }
}

struct Copy<'a> {
    from: &'a [f32],
    to: Shared,
}

impl Kernel for Copy<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let (begin, end) = (task * CHUNK, (task * CHUNK + CHUNK).min(self.from.len()));
        // SAFETY: both are as long as `from`, and tasks have chunks of their own.
        unsafe {
            let (from, to) = (self.from.as_ptr(), self.to.0);
            let mut at = begin;
            while at + S::LANES <= end {
                S::store(to.add(at), S::load(from.add(at)));
                at += S::LANES;
            }
            S::store_first(to.add(at), S::load_first(from.add(at), end - at), end - at);
        }
    }
}

/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
unsafe fn total<S: Simd>(vectors: &[S::V]) -> f32 {
    let mut total = 0.0;
    for v in vectors {
        // SAFETY: passed on from the caller.
        total += unsafe { S::sum(*v) };
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_whole_and_counts() {
        let pool = Pool::new(2);
        let from: Vec<f32> = (0..CHUNK + 37).map(|i| i as f32).collect();
        for isa in Isa::available() {
            let mut to = vec![0.0; from.len()];
            copy_memory(&pool, isa, &from, &mut to);
            assert_eq!(from, to);
            read_memory(&pool, isa, &from);
            assert!(multiply_adds(&pool, isa, 3, 10) >= 2.0 * 4.0 * 12.0 * 30.0);
        }
    }
}
