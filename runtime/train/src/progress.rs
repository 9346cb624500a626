//! What a run tells whoever watches it. The command line draws a bar or prints lines; tests listen or stay silent.

use pfm_diag::Diagnostic;

/// The state after a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Steps done, of how many.
    pub step: u64,
    pub total: u64,
    pub loss: f32,
    pub rate: f64,
    pub gradient_norm: f32,
    /// Training steps per second since this process started the stage.
    pub steps_per_second: f64,
    /// Seconds left at that pace, evaluations not counted.
    pub seconds_left: f64,
}

pub trait Progress {
    /// A stage begins or goes on after `done` of `total` steps; `done == total` when there is nothing left to train.
    fn stage(&mut self, name: &str, done: u64, total: u64);
    fn step(&mut self, report: &StepReport);
    /// So many of the windows of an evaluation are through.
    fn evaluating(&mut self, done: usize, total: usize);
    /// A metric's value on the whole sample at a report point.
    fn result(&mut self, step: u64, name: &str, value: Option<f64>);
    /// Something that does not stop the run, such as a damaged checkpoint that was passed over.
    fn warning(&mut self, warning: &Diagnostic);
}

/// Listens to nothing.
pub struct Silent;

impl Progress for Silent {
    fn stage(&mut self, _: &str, _: u64, _: u64) {}
    fn step(&mut self, _: &StepReport) {}
    fn evaluating(&mut self, _: usize, _: usize) {}
    fn result(&mut self, _: u64, _: &str, _: Option<f64>) {}
    fn warning(&mut self, _: &Diagnostic) {}
}
