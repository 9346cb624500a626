//! Units as native code on the pool's threads. The store's buffers are the programs' inputs, and all units share one arena.

use super::machine::{Loaded, Machine, Words};
use super::programs::first;
use super::times::{Clock, GroupTimes, Keep};
use crate::programs::Arithmetic;
use crate::{RunError, Store};
use pfm_compiler::{Isa, Options};
use pfm_cpu::Program;
use pfm_device::{Buffer, Pool};
use pfm_ir::{Graph, Precision};
use pfm_lower::Unit;
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct Cpu {
    pool: Arc<Pool>,
    options: Options,
    units: BTreeMap<Unit, Code>,
    arena: Buffer,
}

/// A unit's code and the buffers that only it uses.
struct Code {
    program: Program,
    /// One per `Data` input, by position among the inputs.
    data: BTreeMap<usize, Buffer>,
    /// One per free output.
    results: Vec<Buffer>,
}

impl Cpu {
    pub fn new(pool: Arc<Pool>, options: Options) -> Cpu {
        Cpu { pool, options, units: BTreeMap::new(), arena: Buffer::new(0) }
    }
}

impl Machine for Cpu {
    fn arithmetic(&self, precision: Precision) -> Arithmetic {
        let isa = self.options.isa.unwrap_or_else(Isa::detect);
        let name = |isa: Isa| format!("cpu {}", isa.name());
        // Tiles are for products of bf16: without those, what is left are the vectors.
        let like = Isa::ALL.into_iter().filter(|other| *other != isa && other.vectors() == isa.vectors() && precision == Precision::F32);
        Arithmetic { name: name(isa), like: like.map(name).collect(), chosen: self.options.isa.is_some() }
    }

    fn load(&mut self, unit: Unit, graph: Graph, clock: Option<Clock>) -> Result<Loaded, RunError> {
        let mut keep = Keep { wanted: clock.is_some(), groups: vec![] };
        let compiled = pfm_compiler::compile(graph, self.options, &mut keep).map_err(first)?;
        let times = clock.map(|clock| GroupTimes::new(unit, keep.groups, clock));
        let (flops, arena_bytes) = (compiled.flops, compiled.arena_bytes);
        let loaded = Loaded { unit, inputs: compiled.inputs, outputs: compiled.outputs, flops, arena_bytes, times };
        let data = loaded.data().map(|(at, i)| (at, Buffer::new(i.ty.bytes()))).collect();
        let results = loaded.free().map(|o| Buffer::new(o.ty.bytes())).collect();
        self.units.insert(unit, Code { program: compiled.program, data, results });
        Ok(loaded)
    }

    fn run(&mut self, loaded: &mut Loaded, data: &[(&str, Words)], store: &mut Store) -> Result<(), RunError> {
        if self.arena.bytes() < loaded.arena_bytes {
            self.arena = Buffer::new(loaded.arena_bytes);
        }
        let code = self.units.get_mut(&loaded.unit).expect("a loaded unit has its code");
        for (name, words) in data {
            let Some(buffer) = loaded.input(name).and_then(|at| code.data.get_mut(&at)) else { continue };
            match words {
                Words::Floats(values) => buffer.as_f32_mut().copy_from_slice(values),
                Words::Integers(values) => buffer.as_i32_mut().copy_from_slice(values),
                Words::SentAhead => panic!("nothing is sent ahead where programs run at once"),
            }
        }
        let positions: Vec<Option<usize>> = loaded.inputs.iter().map(|i| store.position(&i.name)).collect();
        let mut stored: Vec<Option<&mut Buffer>> = store.entries_mut().iter_mut().map(|e| Some(&mut e.buffer)).collect();
        let mut own: BTreeMap<usize, &mut Buffer> = code.data.iter_mut().map(|(at, b)| (*at, b)).collect();
        let mut inputs: Vec<&mut Buffer> = Vec::with_capacity(positions.len());
        for (at, position) in positions.iter().enumerate() {
            let buffer = match position {
                Some(p) => stored[*p].take(),
                None => own.remove(&at),
            };
            inputs.push(buffer.unwrap_or_else(|| panic!("input `{}` of {} is in the store", loaded.inputs[at].name, loaded.unit)));
        }
        let mut outputs: Vec<&mut Buffer> = code.results.iter_mut().collect();
        match &mut loaded.times {
            None => code.program.run(&self.pool, &mut self.arena, &mut inputs, &mut outputs),
            Some(times) => {
                times.runs += 1;
                code.program.run_timed(&self.pool, &mut self.arena, &mut inputs, &mut outputs, &times.clock, &mut times.seconds);
            }
        }
        Ok(())
    }

    fn result(&mut self, loaded: &Loaded, rank: usize) -> Result<Vec<f32>, RunError> {
        Ok(self.units[&loaded.unit].results[rank].as_f32().to_vec())
    }

    fn fetch(&mut self, _: &mut Store) -> Result<(), RunError> {
        Ok(())
    }
}
