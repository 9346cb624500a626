//! Units on a CUDA device. Parameters, gradients and slots live there: a store is sent when the host has changed it, and
//! read back when the host asks. Windows are sent for each run, or ahead while the run before is computed; losses come back.

use super::machine::{Loaded, Machine, StagingBytes, Words};
use super::programs::first;
use super::times::{Clock, GroupTimes};
use crate::programs::Arithmetic;
use crate::{RunError, Store};
use pfm_compiler::{Options, Silent, called_with};
use pfm_device::cuda::{CudaError, Memory, Staging};
use pfm_diag::Diagnostic;
use pfm_gpu::{Gpu, Program};
use pfm_ir::{Graph, Precision};
use pfm_lower::Unit;
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct Cuda {
    gpu: Arc<Gpu>,
    options: Options,
    units: BTreeMap<Unit, Code>,
    arena: Memory,
    resident: Resident,
    /// Copies of what was sent, by its place in the host's memory; none are kept unless somebody asks.
    held: Option<BTreeMap<(usize, usize), Memory>>,
    /// Made when the first window is sent ahead.
    staging: Option<Staging>,
}

/// A unit's program and the memory that only it uses.
struct Code {
    program: Program,
    /// One per `Data` input, by position among the inputs.
    data: BTreeMap<usize, Memory>,
    /// One per free output.
    results: Vec<Memory>,
}

/// The store's tensors on the device, in the store's order.
#[derive(Default)]
struct Resident {
    /// Which contents they began with.
    stamp: Option<u64>,
    memories: Vec<Memory>,
}

impl From<CudaError> for RunError {
    fn from(error: CudaError) -> RunError {
        let help = "`pfmc doctor --device cuda` says what this machine has";
        Diagnostic::new("R0114", format!("the CUDA device failed: {error}")).help(help).into()
    }
}

impl Cuda {
    pub fn new(gpu: Arc<Gpu>, options: Options) -> Result<Cuda, RunError> {
        let options = Options { cuda: Some(gpu.target()), ..options };
        let arena = Memory::new(&gpu.device, 0)?;
        Ok(Cuda { gpu, options, units: BTreeMap::new(), arena, resident: Resident::default(), held: None, staging: None })
    }

    /// Sends the store's tensors unless they are there.
    fn send(&mut self, store: &Store) -> Result<(), RunError> {
        if self.resident.stamp == Some(store.stamp()) {
            return Ok(());
        }
        let sizes = |s: &Store| s.sizes().collect::<Vec<usize>>();
        if self.resident.memories.iter().map(Memory::bytes).ne(sizes(store)) {
            self.resident.memories.clear();
            for bytes in sizes(store) {
                self.resident.memories.push(Memory::new(&self.gpu.device, bytes)?);
            }
        }
        for (memory, entry) in self.resident.memories.iter_mut().zip(store.entries()) {
            memory.write(entry.buffer.as_u8())?;
        }
        self.resident.stamp = Some(store.stamp());
        Ok(())
    }
}

/// Values that are sent each time even when copies are kept: a rate may change in its place.
const SMALL: usize = 1024;

/// Fills `to` from the device's copy of these values, which is made the first time.
fn copy_held(gpu: &Gpu, held: &mut BTreeMap<(usize, usize), Memory>, values: &[f32], to: &Memory) -> Result<(), CudaError> {
    let key = (values.as_ptr().addr(), values.len());
    if let std::collections::btree_map::Entry::Vacant(place) = held.entry(key) {
        place.insert(Memory::new(&gpu.device, to.bytes())?).write_words(values)?;
    }
    gpu.device.copy(held[&key].address(), to.address(), to.bytes())
}

impl Machine for Cuda {
    fn arithmetic(&self, _: Precision) -> Arithmetic {
        // Products are cuBLASLt's, which chooses by the device and not only by its capability.
        let name = format!("cuda sm_{} {}", self.gpu.target().sm, self.gpu.device.name);
        Arithmetic { name, like: vec![], chosen: true }
    }

    fn load(&mut self, unit: Unit, graph: Graph, clock: Option<Clock>) -> Result<Loaded, RunError> {
        let plan = pfm_compiler::plan(graph, self.options, &mut Silent).map_err(first)?;
        let module = pfm_cuda::write(&plan, &self.gpu.target()).map_err(|d| RunError::from(*d))?;
        let program = Program::load(&self.gpu, &plan, &module)?;
        let (inputs, outputs) = called_with(&plan);
        let (flops, arena_bytes) = (plan.cost().flops, plan.arena_bytes);
        let times = clock.map(|clock| GroupTimes::new(unit, plan.groups, clock));
        let loaded = Loaded { unit, inputs, outputs, flops, arena_bytes, times };
        let memory = |bytes| Memory::new(&self.gpu.device, bytes);
        let data = loaded.data().map(|(at, i)| Ok((at, memory(i.ty.bytes())?))).collect::<Result<_, CudaError>>()?;
        let results = loaded.free().map(|o| memory(o.ty.bytes())).collect::<Result<_, CudaError>>()?;
        self.units.insert(unit, Code { program, data, results });
        Ok(loaded)
    }

    fn run(&mut self, loaded: &mut Loaded, data: &[(&str, Words)], store: &mut Store) -> Result<(), RunError> {
        let stored: Vec<Option<usize>> = loaded.inputs.iter().map(|i| store.position(&i.name)).collect();
        if stored.iter().any(Option::is_some) {
            self.send(store)?;
        }
        if self.arena.bytes() < loaded.arena_bytes {
            // Room for the new one is the old one's.
            self.arena = Memory::new(&self.gpu.device, 0)?;
            self.arena = Memory::new(&self.gpu.device, loaded.arena_bytes)?;
        }
        let code = self.units.get_mut(&loaded.unit).expect("a loaded unit has its code");
        for (name, words) in data {
            let Some(memory) = loaded.input(name).and_then(|at| code.data.get_mut(&at)) else { continue };
            let sized = |values: usize| assert_eq!(memory.bytes(), values * 4, "`{name}` of {} has its size", loaded.unit);
            match (words, &mut self.held) {
                (Words::Integers(values), _) => {
                    sized(values.len());
                    memory.write_words(values)?;
                }
                (Words::Floats(values), held) => {
                    sized(values.len());
                    match held {
                        Some(held) if values.len() > SMALL => copy_held(&self.gpu, held, values, memory)?,
                        _ => memory.write_words(values)?,
                    }
                }
                (Words::SentAhead, _) => self.staging.as_mut().expect("something was sent ahead").take(memory)?,
            }
        }
        let input = |(at, position): (usize, &Option<usize>)| match position {
            Some(p) => &self.resident.memories[*p],
            None => &code.data[&at],
        };
        let inputs: Vec<&Memory> = stored.iter().enumerate().map(input).collect();
        let outputs: Vec<&Memory> = code.results.iter().collect();
        match &mut loaded.times {
            None => code.program.run(&self.arena, &inputs, &outputs)?,
            Some(times) => {
                times.runs += 1;
                code.program.run_timed(&self.arena, &inputs, &outputs, &mut times.seconds)?;
            }
        }
        if loaded.outputs.iter().any(|o| o.into.is_some()) {
            store.changed_elsewhere();
        }
        Ok(())
    }

    fn result(&mut self, loaded: &Loaded, rank: usize) -> Result<Vec<f32>, RunError> {
        let memory = &self.units[&loaded.unit].results[rank];
        let mut values = vec![0.0f32; memory.bytes() / 4];
        memory.read_words(&mut values)?;
        Ok(values)
    }

    fn sends_ahead(&self) -> bool {
        true
    }

    fn send_ahead(&mut self, values: &[f32]) -> Result<(), RunError> {
        let bytes = values.len() * 4;
        let staging = match self.staging.take() {
            Some(staging) if staging.bytes() >= bytes => self.staging.insert(staging),
            // Data sets of one stage may have windows of different sizes; the room of the old one is free first.
            smaller => {
                drop(smaller);
                self.staging.insert(Staging::new(&self.gpu.device, bytes)?)
            }
        };
        Ok(staging.stage(values)?)
    }

    fn staging_bytes(&self) -> StagingBytes {
        self.staging.as_ref().map_or(StagingBytes::default(), |s| StagingBytes { host: s.host_bytes(), device: s.bytes() })
    }

    fn hold(&mut self, hold: bool) {
        self.held = hold.then(BTreeMap::new);
    }

    fn fetch(&mut self, store: &mut Store) -> Result<(), RunError> {
        if !store.is_changed_elsewhere() {
            return Ok(());
        }
        assert_eq!(self.resident.stamp, Some(store.stamp()), "the device holds this store");
        for (memory, buffer) in self.resident.memories.iter().zip(store.fetched()) {
            memory.read(buffer.as_u8_mut())?;
        }
        Ok(())
    }
}
