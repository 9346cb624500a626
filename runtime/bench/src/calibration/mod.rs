//! A calibration: what each class of work takes on this machine, measured once by small programs of each, kept in a file, and used to
//! foretell how long the steps of any experiment take before one is made.
//!
//! `kernels` has tables of rates by shape, `place` says where in them a kernel lies, `loops` the costs of generated code, `micro` runs the small programs, `predict` adds up a plan.

mod kernels;
mod loops;
mod micro;
mod place;
mod predict;
mod table;

pub use loops::Costs;
pub use predict::planned;
pub use table::Table;

use crate::Ceilings;
use micro::Micro;
use pfm_device::Pool;
use pfm_kernels::Isa;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Of the file's layout and of what is measured: other versions are measured anew.
pub const VERSION: u32 = 2;

/// Values that are read between two runs of a kernel: as much as a group of a small step has.
const BETWEEN: usize = 6 << 20;

/// What was measured, on what. It holds for this processor, number of threads and instruction set only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calibration {
    pub version: u32,
    pub processor: String,
    pub threads: usize,
    pub instruction_set: String,
    pub ceilings: Ceilings,
    /// FLOPs a second of kernels by class and shape, bytes a second where a kernel counts no FLOPs.
    pub kernels: BTreeMap<String, Table>,
    /// Bytes a second of simple loops, by how many bytes they go through.
    pub streams: Table,
    pub loops: Costs,
}

/// What a calibration has to be for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub processor: String,
    pub threads: usize,
    pub isa: Isa,
}

impl Machine {
    /// This one, with programs for so many threads and this instruction set.
    pub fn here(threads: usize, isa: Isa) -> Machine {
        Machine { processor: processor(), threads, isa }
    }

    /// Name of the file that keeps a calibration for it.
    pub fn file_name(&self) -> String {
        format!("calibration-{}-{}.json", self.isa.name(), self.threads)
    }
}

/// As Linux calls it; the architecture where it does not say.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| text.lines().find(|l| l.starts_with(key)).and_then(|l| l.split_once(':')).map(|(_, v)| v.trim().to_string());
    let parts = ["model name", "cpu family", "model\t"].map(|key| value(key).unwrap_or_default());
    match parts[0].as_str() {
        "" => std::env::consts::ARCH.to_string(),
        name => format!("{name} (family {}, model {})", parts[1], parts[2]),
    }
}

impl Calibration {
    /// Measures everything: a minute or two. `told` hears what is being measured.
    pub fn measure(machine: &Machine, told: &mut dyn FnMut(&str)) -> Calibration {
        let pool = Pool::new(machine.threads);
        told("ceilings");
        let ceilings = Ceilings::measure(machine.isa, machine.threads);
        told("loops");
        let costs = loops::costs(&Micro { pool: &pool, isa: machine.isa, between: vec![] });
        let micro = Micro { pool: &pool, isa: machine.isa, between: vec![1.0; BETWEEN] };
        Calibration {
            version: VERSION,
            processor: machine.processor.clone(),
            threads: machine.threads,
            instruction_set: machine.isa.name().into(),
            ceilings,
            kernels: kernels::tables(&micro, told),
            streams: loops::streams(&micro),
            loops: costs,
        }
    }

    /// From the text of a file. The error says why it can't be used for this machine.
    pub fn read(text: &str, machine: &Machine) -> Result<Calibration, String> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|e| format!("it is not JSON: {e}"))?;
        if value["version"] != VERSION {
            return Err("it is of another version of pfmc".into());
        }
        let c: Calibration = serde_json::from_value(value).map_err(|e| format!("it is damaged: {e}"))?;
        if (&c.processor, c.threads, c.instruction_set.as_str()) != (&machine.processor, machine.threads, machine.isa.name()) {
            return Err(format!("it is of another machine: {}, {} threads, {}", c.processor, c.threads, c.instruction_set));
        }
        let whole = c.kernels.values().chain([&c.streams]).all(Table::is_whole) && c.loops.is_whole();
        if whole { Ok(c) } else { Err("it is damaged: a rate is missing or not positive".into()) }
    }
}
