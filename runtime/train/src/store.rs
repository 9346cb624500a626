//! The tensors that training changes, by the names that programs give them: `PATH` for a parameter, `grad:PATH` for its
//! gradient, `PATH#slot` for optimiser state. Their order is parameters, gradients, slots, each in the programs' order.
//!
//! A device may hold the tensors and change them there. The stamp says which contents it began with; until they are fetched, nobody
//! here may read them.

use crate::programs::Programs;
use pfm_device::Buffer;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Parameter,
    Gradient,
    Slot,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub name: String,
    pub shape: Vec<usize>,
    pub role: Role,
    /// f32 values, row-major.
    pub buffer: Buffer,
}

#[derive(Clone, Debug, Default)]
pub struct Store {
    entries: Vec<Entry>,
    index: BTreeMap<String, usize>,
    stamp: u64,
    changed_elsewhere: bool,
}

/// Stamps so far: each names the contents of one store at one time.
static STAMPS: AtomicU64 = AtomicU64::new(1);

impl Store {
    /// Parameters and slots at their initial values, gradients zero. Only trainable parameters have gradients and slots.
    pub fn initial(programs: &dyn Programs) -> Store {
        let mut store = Store::default();
        for p in programs.parameters() {
            let values = programs.initial_parameter(&p.path);
            store.push(p.path.clone(), p.shape.clone(), Role::Parameter, &values);
        }
        for p in programs.parameters().iter().filter(|p| p.trainable) {
            let zeros = Buffer::of_values(p.shape.iter().product());
            store.place(format!("grad:{}", p.path), p.shape.clone(), Role::Gradient, zeros);
        }
        for s in programs.slots() {
            let values = programs.initial_slot(&s.name);
            store.push(s.name.clone(), s.shape.clone(), Role::Slot, &values);
        }
        store
    }

    fn push(&mut self, name: String, shape: Vec<usize>, role: Role, values: &[f32]) {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "`{name}` has as many values as its shape says");
        self.place(name, shape, role, Buffer::from_f32(values));
    }

    fn place(&mut self, name: String, shape: Vec<usize>, role: Role, buffer: Buffer) {
        let before = self.index.insert(name.clone(), self.entries.len());
        assert!(before.is_none(), "`{name}` is stored once");
        self.entries.push(Entry { name, shape, role, buffer });
        self.stamp = STAMPS.fetch_add(1, Ordering::Relaxed);
    }

    pub fn entries(&self) -> &[Entry] {
        self.expect_here();
        &self.entries
    }

    pub fn entries_mut(&mut self) -> &mut [Entry] {
        self.expect_here();
        self.stamp = STAMPS.fetch_add(1, Ordering::Relaxed);
        &mut self.entries
    }

    fn expect_here(&self) {
        assert!(!self.changed_elsewhere, "a device has changed the store's tensors, and they were not fetched");
    }

    /// Equal stamps mean equal contents, apart from what a device has changed since.
    pub fn stamp(&self) -> u64 {
        self.stamp
    }

    /// Bytes of each tensor.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        self.entries.iter().map(|e| e.buffer.bytes())
    }

    /// Says that a device holds newer contents.
    pub fn changed_elsewhere(&mut self) {
        self.changed_elsewhere = true;
    }

    pub fn is_changed_elsewhere(&self) -> bool {
        self.changed_elsewhere
    }

    /// The buffers, for the device that holds newer contents to fill all of them.
    pub fn fetched(&mut self) -> impl Iterator<Item = &mut Buffer> {
        self.changed_elsewhere = false;
        self.entries.iter_mut().map(|e| &mut e.buffer)
    }

    /// Position in `entries`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// # Panics
    /// If there is no such tensor.
    pub fn values(&self, name: &str) -> &[f32] {
        let at = self.position(name).unwrap_or_else(|| panic!("`{name}` is in the store"));
        self.entries()[at].buffer.as_f32()
    }

    /// # Panics
    /// If there is no such tensor.
    pub fn values_mut(&mut self, name: &str) -> &mut [f32] {
        let at = self.position(name).unwrap_or_else(|| panic!("`{name}` is in the store"));
        self.entries_mut()[at].buffer.as_f32_mut()
    }
}
