//! Resident memory of this process, as Linux counts it, or memory of a device that is taken.

use pfm_gpu::Gpu;
use pfm_train::{Device, Native};
use serde::Serialize;
use std::sync::Arc;

/// Bytes that training takes: what was planned, and what it was.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Memory {
    pub weights: usize,
    pub gradients: usize,
    pub optimiser: usize,
    /// The arena that all programs share.
    pub work: usize,
    /// The batch that lies ready, and the buffers that programs take their inputs from and leave their results in.
    pub batch: usize,
    /// What the process takes besides.
    pub process: usize,
    /// Sum of these.
    pub planned: usize,
    /// Resident before the stage had weights: the program itself, what it compiled, the file that it read.
    pub before: Option<usize>,
    /// The most that was resident later, less `before`. None where the system does not say.
    pub above: Option<usize>,
}

/// Where memory is counted.
pub enum Meter {
    Process,
    /// A device gives nothing back while it trains, so what is taken now is the peak.
    Device(Arc<Gpu>),
}

impl Meter {
    pub fn of(native: &Native) -> Meter {
        match &native.device {
            Device::Cpu => Meter::Process,
            Device::Cuda(gpu) => Meter::Device(gpu.clone()),
        }
    }

    pub fn forget_peak(&self) {
        if matches!(self, Meter::Process) {
            forget_peak();
        }
    }

    /// Bytes taken now.
    pub fn now(&self) -> Option<usize> {
        match self {
            Meter::Process => resident(),
            Meter::Device(gpu) => gpu.device.memory().ok().map(|(free, all)| all - free),
        }
    }

    /// The most bytes taken since the start or `forget_peak`.
    pub fn peak(&self) -> Option<usize> {
        match self {
            Meter::Process => peak(),
            Meter::Device(_) => self.now(),
        }
    }
}

/// Forgets the peak, so that the next one is of what follows. Where the system refuses, the peak is of the whole process.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Bytes resident now.
fn resident() -> Option<usize> {
    status("VmRSS:")
}

/// The most bytes resident since the start or `forget_peak`.
fn peak() -> Option<usize> {
    status("VmHWM:")
}

fn status(key: &str) -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix(key))?;
    line.split_whitespace().next()?.parse::<usize>().ok()?.checked_mul(1024)
}
