//! The tensors that training changes, by the names that programs give them: `PATH` for a parameter, `grad:PATH` for its
//! gradient, `PATH#slot` for optimiser state. Their order is parameters, gradients, slots, each in the programs' order.

use crate::programs::Programs;
use pfm_device::Buffer;
use std::collections::BTreeMap;

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
}

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
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    /// Position in `entries`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// # Panics
    /// If there is no such tensor.
    pub fn values(&self, name: &str) -> &[f32] {
        let at = self.position(name).unwrap_or_else(|| panic!("`{name}` is in the store"));
        self.entries[at].buffer.as_f32()
    }

    /// # Panics
    /// If there is no such tensor.
    pub fn values_mut(&mut self, name: &str) -> &mut [f32] {
        let at = self.position(name).unwrap_or_else(|| panic!("`{name}` is in the store"));
        self.entries[at].buffer.as_f32_mut()
    }
}
