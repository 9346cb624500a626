//! Runs experiments: the training loop, checkpoints and exact resume, evaluation with baselines, and the files of a run.
//! Compiled programs and data come through the traits in `programs`; `native` and `disk` are the ones that ship.

mod cell;
mod checkpoint;
mod claims;
mod disk;
pub mod draw;
pub mod durable;
mod error;
mod evaluate;
mod evaluations;
mod events;
mod export;
mod fault;
mod frames;
mod native;
mod pictures;
mod place;
mod programs;
mod progress;
mod resolved;
mod results;
mod stage;
mod store;
mod summary;
mod unroll;
mod work;

pub use cell::{CellResult, run_cell};
pub use checkpoint::{Checkpoints, Interval, StageProgress, Timing};
pub use claims::{Judged, judge, number};
pub use disk::{WellSamples, folders, generated};
pub use error::RunError;
pub use evaluate::{Baseline, Evaluation, Whole};
pub use events::{EVENTS_FILE, Event, read_events};
pub use export::{Exported, export, stage_status};
pub use fault::{Faults, POINTS};
pub use native::{Native, NativePrograms};
pub use place::{DirectoryLock, Places, short};
pub use programs::{MeasureKind, Measured, Opened, ParameterInfo, Programs, Provider, Samples, SlotInfo};
pub use progress::{Progress, Silent, StepReport};
pub use resolved::{cell_work, stage_work};
pub use results::{CellMetrics, StageMetrics, StageTiming};
pub use stage::{StageResult, Surroundings, parameters, run_stage};
pub use store::{Entry, Role, Store};
pub use summary::Summary;
pub use unroll::{Range, Unrolled};
pub use work::{About, CellWork, Handover, Layout, ReportWork, Sample, StageWork, UnrollWork, cell_key};
