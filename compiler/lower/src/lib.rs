//! Experiment to graphs, one per unit of compilation. Here a stage's words become tensors: normalisation, the model's forward
//! pass for one variant, the loss and its gradient, clipping and the optimiser, metrics.
//!
//! Inputs and outputs are found by name. `accumulate`: `window`, `key`, parameters by path, `grad:PATH`; out `loss`.
//! `update`: `rate`, `step`, trainable parameters, `grad:PATH`, `PATH#slot`; out `grad_norm`. `predict`: `context`, parameters;
//! out `prediction`. `measure`: `truth`, `prediction`; out one tensor per metric. Frames are [samples, frames, *grid, fields].

mod accumulate;
mod init;
mod measure;
mod model;
mod optimiser;
mod predict;
mod scale;
mod schedule;
mod unit;
mod update;

pub use init::{initial_values, stream_of};
pub use measure::wanted_metrics;
pub use optimiser::{Optimiser, Step};
pub use predict::{Application, application};
pub use schedule::rate;
pub use unit::{Phase, Unit, UpdatePhase};

use pfm_diag::Diagnostic;
use pfm_elaborate::Library;
use pfm_hir::{Data, Experiment, Stage};
use pfm_ir::Graph;

pub type Result<T> = std::result::Result<T, Vec<Diagnostic>>;

/// What lowering reads: the experiment and the definitions that it uses.
pub struct Context<'a> {
    pub experiment: &'a Experiment,
    pub library: &'a Library,
}

impl<'a> Context<'a> {
    /// The data of a unit.
    pub fn data(&self, stage: &Stage, unit: Unit) -> &'a Data {
        &self.experiment.data[stage.data.parts[unit.set]]
    }
}

/// The graph of one unit of a stage.
pub fn lower(context: &Context, stage: &Stage, unit: Unit) -> Result<Graph> {
    match unit.phase {
        Phase::Accumulate => accumulate::lower(context, stage, unit),
        Phase::Update(phase) => update::lower(context, stage, unit, phase),
        Phase::Predict => predict::lower(context, stage, unit),
        Phase::Measure { frames } => measure::lower(context, stage, unit, frames),
    }
}
