//! Memory for finished code: written once, then only executed.

use super::Function;
use memmap2::{Mmap, MmapMut};

/// Some functions, ready to be called.
pub struct Executable {
    memory: Mmap,
    entries: Vec<usize>,
}

impl Executable {
    /// Puts the functions into memory. Fails where the system gives none that can be executed.
    pub fn new(functions: &[Function]) -> std::io::Result<Executable> {
        let aligned = |n: usize| n.next_multiple_of(64);
        let bytes: usize = functions.iter().map(|f| aligned(f.bytes.len())).sum();
        let mut memory = MmapMut::map_anon(bytes.max(1))?;
        let mut entries = Vec::with_capacity(functions.len());
        let mut at = 0;
        for f in functions {
            memory[at..at + f.bytes.len()].copy_from_slice(&f.bytes);
            entries.push(at + f.entry);
            at += aligned(f.bytes.len());
        }
        Ok(Executable { memory: memory.make_exec()?, entries })
    }

    /// Where a function begins.
    pub fn address(&self, function: usize) -> *const u8 {
        self.memory[self.entries[function]..].as_ptr()
    }
}
