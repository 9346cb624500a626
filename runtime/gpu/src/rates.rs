//! What a device does at most, as its library and its driver show: the figures that a program's are judged beside.

use crate::Gpu;
use pfm_device::cuda::{CudaError, Element, Memory, Operand, Product};

/// Per second.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Of a large matrix product in bf16.
    pub flops: f64,
    /// Read and written by a copy.
    pub bytes: f64,
}

/// Side of the product's matrices, and bytes of a copy.
const SIDE: usize = 8192;
const BYTES: usize = 1 << 30;
/// The fastest of so many short tries is taken.
const TRIES: usize = 8;

impl Gpu {
    pub fn rates(&self) -> Result<Rates, CudaError> {
        let (from, to) = (Memory::new(&self.device, BYTES)?, Memory::new(&self.device, BYTES)?);
        let operand = Operand { element: Element::Bf16, leading: SIDE, transposed: false, step: 0 };
        let product = Product { m: SIDE, n: SIDE, k: SIDE, batch: 1, a: operand, b: operand, c: operand };
        let half = (SIDE * SIDE * 2) as u64;
        let multiply = || self.gemm.run(&product, from.address(), from.address() + half, to.address());
        let flops = 2.0 * (SIDE as f64).powi(3) / self.fastest(&multiply)?;
        let bytes = 2.0 * BYTES as f64 / self.fastest(&|| self.device.copy(from.address(), to.address(), BYTES))?;
        Ok(Rates { flops, bytes })
    }

    /// Seconds of the fastest try.
    fn fastest(&self, run: &dyn Fn() -> Result<(), CudaError>) -> Result<f64, CudaError> {
        let (begin, end) = (self.device.event()?, self.device.event()?);
        let mut best = f64::INFINITY;
        for _ in 0..TRIES {
            begin.record()?;
            run()?;
            end.record()?;
            self.device.wait()?;
            best = best.min(end.since(&begin)?);
        }
        Ok(best)
    }
}
