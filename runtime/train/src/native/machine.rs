//! What a device must do for a stage's programs: compile a unit, run it on its data and the store's tensors, and give results.

use super::times::{Clock, GroupTimes};
use crate::programs::Arithmetic;
use crate::{RunError, Store};
use pfm_compiler::{Returned, Signature};
use pfm_ir::{Graph, Precision, Role};
use pfm_lower::Unit;
use serde::Serialize;

/// Values of one input.
pub enum Words<'a> {
    Floats(&'a [f32]),
    Integers(&'a [i32]),
    /// What `Machine::send_ahead` was given last.
    SentAhead,
}

/// A compiled unit, as far as it is the same everywhere. The machine that loaded it keeps its code and memory.
pub struct Loaded {
    pub unit: Unit,
    pub inputs: Vec<Signature>,
    pub outputs: Vec<Returned>,
    pub flops: f64,
    pub arena_bytes: usize,
    /// None where nobody asked: such a program runs without looking at a clock.
    pub times: Option<GroupTimes>,
}

impl Loaded {
    /// Inputs that belong to this unit alone, by position.
    pub fn data(&self) -> impl Iterator<Item = (usize, &Signature)> {
        self.inputs.iter().enumerate().filter(|(_, i)| i.role == Role::Data)
    }

    /// Outputs that no input receives.
    pub fn free(&self) -> impl Iterator<Item = &Returned> {
        self.outputs.iter().filter(|o| o.into.is_none())
    }

    /// Bytes of both.
    pub fn own_bytes(&self) -> usize {
        self.data().map(|(_, i)| i.ty.bytes()).chain(self.free().map(|o| o.ty.bytes())).sum()
    }

    /// The position of a `Data` input. A program that has no use for one, such as the key of a model without drop path, may have
    /// dropped it.
    pub fn input(&self, name: &str) -> Option<usize> {
        self.data().find(|(_, i)| i.name == name).map(|(at, _)| at)
    }
}

/// Bytes for inputs that travel ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StagingBytes {
    /// Page-locked memory of the host.
    pub host: usize,
    pub device: usize,
}

/// Runs units on one device.
pub trait Machine {
    /// Of stages with products of this precision.
    fn arithmetic(&self, precision: Precision) -> Arithmetic;

    /// Compiles a unit; with a clock, its groups are timed.
    fn load(&mut self, unit: Unit, graph: Graph, clock: Option<Clock>) -> Result<Loaded, RunError>;

    /// Fills the named inputs and runs. The store holds the others, and what the unit changes.
    fn run(&mut self, loaded: &mut Loaded, data: &[(&str, Words)], store: &mut Store) -> Result<(), RunError>;

    /// The free output of this rank, as the last run left it.
    fn result(&mut self, loaded: &Loaded, rank: usize) -> Result<Vec<f32>, RunError>;

    /// Whether from now on the same place of the host's memory always holds the same values, so that what has been sent from there
    /// need not be sent again.
    fn hold(&mut self, _: bool) {}

    /// Whether what is given to `send_ahead` travels while a run that was started before is computed.
    fn sends_ahead(&self) -> bool {
        false
    }

    /// Lets an input of the next run travel ahead. Only machines of which `sends_ahead` holds are asked to.
    fn send_ahead(&mut self, _: &[f32]) -> Result<(), RunError> {
        panic!("this machine sends nothing ahead")
    }

    /// What that has taken; nothing before the first input.
    fn staging_bytes(&self) -> StagingBytes {
        StagingBytes::default()
    }

    /// Brings the store up to date.
    fn fetch(&mut self, store: &mut Store) -> Result<(), RunError>;
}
