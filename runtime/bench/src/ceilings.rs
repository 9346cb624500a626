//! What this machine does at most, measured by small loops: the figures that a program's are judged beside.

use pfm_device::Pool;
use pfm_device::cuda::CudaError;
use pfm_gpu::Gpu;
use pfm_kernels::{Isa, copy_memory, multiply_adds, read_memory};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Values of each array that is read or copied: 256 MiB, far more than any cache holds.
const VALUES: usize = 64 << 20;
/// The fastest of so many short tries is taken: others on the machine only ever make one slower.
const TRIES: usize = 24;

/// GFLOP/s and GB/s of one core and of all threads.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Ceilings {
    pub one: Rates,
    pub all: Rates,
    /// They are those of a device: both the same.
    pub device: bool,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Rates {
    /// Multiply-adds in f32 that stay in registers, counted as two FLOPs.
    pub gflops: f64,
    /// Reading memory, and copying it counted as one read and one write.
    pub read: f64,
    pub copy: f64,
}

impl Ceilings {
    pub fn measure(isa: Isa, threads: usize) -> Ceilings {
        let from = vec![1.0f32; VALUES];
        let mut to = vec![0.0f32; VALUES];
        let mut rates = |threads: usize| Rates::measure(&Pool::new(threads), isa, &from, &mut to);
        let one = rates(1);
        Ceilings { one, all: rates(threads).at_least(&one), device: false }
    }

    /// Those of a CUDA device: its library's matrix products in bf16, and copies.
    pub fn of_device(gpu: &Gpu) -> Result<Ceilings, CudaError> {
        let rates = gpu.rates()?;
        let rates = Rates { gflops: rates.flops / 1e9, read: rates.bytes / 1e9, copy: rates.bytes / 1e9 };
        Ok(Ceilings { one: rates, all: rates, device: true })
    }
}

impl Rates {
    fn measure(pool: &Pool, isa: Isa, from: &[f32], to: &mut [f32]) -> Rates {
        let bytes = (VALUES * 4) as f64;
        let mut flops = 0.0;
        let seconds = fastest(|| flops = multiply_adds(pool, isa, 16 * pool.threads(), 100_000));
        Rates {
            gflops: flops / seconds / 1e9,
            read: bytes / fastest(|| read_memory(pool, isa, from)) / 1e9,
            copy: 2.0 * bytes / fastest(|| copy_memory(pool, isa, from, to)) / 1e9,
        }
    }

    /// Several threads that had to share a busy machine may have done less than one that had luck.
    fn at_least(self, one: &Rates) -> Rates {
        Rates { gflops: self.gflops.max(one.gflops), read: self.read.max(one.read), copy: self.copy.max(one.copy) }
    }

    /// Seconds that this much takes at least, if arithmetic and memory traffic go on side by side.
    pub fn floor(&self, flops: f64, bytes: f64) -> f64 {
        (flops / self.gflops).max(bytes / self.read.max(self.copy)) / 1e9
    }
}

fn fastest(mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..TRIES {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}
