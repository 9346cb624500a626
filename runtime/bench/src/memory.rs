//! Resident memory of this process, as Linux counts it.

use serde::Serialize;

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

/// Forgets the peak, so that the next one is of what follows. Where the system refuses, the peak is of the whole process.
pub fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Bytes resident now.
pub fn resident() -> Option<usize> {
    status("VmRSS:")
}

/// The most bytes resident since the start or `forget_peak`.
pub fn peak() -> Option<usize> {
    status("VmHWM:")
}

fn status(key: &str) -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix(key))?;
    line.split_whitespace().next()?.parse::<usize>().ok()?.checked_mul(1024)
}
