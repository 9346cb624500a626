//! What training takes on this machine: whole steps of a stage on random data that lies in memory, the time of every fused group
//! beside what the machine can do at most, and memory as planned beside memory as used.
//!
//! `steps` runs, `calibration` foretells, `groups` sorts where the time went, `ceilings` asks the machine, `memory` asks the operating system, `versus`
//! compares with earlier results, `text` is for people. `Bench` is the result, and its JSON what `--vs` reads.

mod calibration;
mod ceilings;
mod groups;
mod memory;
mod result;
mod start;
mod steps;
mod text;
mod versus;

pub use calibration::{Calibration, Costs, Machine, Table, VERSION as CALIBRATION_VERSION, planned};
pub use ceilings::Ceilings;
pub use groups::{Class, Group};
pub use memory::Memory;
pub use result::{Bench, Program, Reading, Times};
pub use steps::{GroupClock, Request, measure};
pub use text::lines;
pub use versus::{Earlier, Other, compare};
