//! The seam to the compiler: what a loaded stage can do on one device. The training loop, the checkpoints and the
//! evaluation know tensors by name and size only, so any back end that offers these calls can train.

use crate::{RunError, Store};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterInfo {
    /// Such as `tok.encoder.head.weight`.
    pub path: String,
    pub shape: Vec<usize>,
    pub trainable: bool,
}

/// One tensor of optimiser state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// `PATH#slot`, such as `tok.encoder.head.weight#m`.
    pub name: String,
    pub shape: Vec<usize>,
}

/// What decides the last bits of a program's results: two runs agree to the byte only where this is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arithmetic {
    /// Such as `cpu avx512`.
    pub name: String,
    /// Other names of what makes the same bits.
    pub like: Vec<String>,
    /// Whether somebody asked for just this, rather than for the best that there is.
    pub chosen: bool,
}

impl Arithmetic {
    /// Whether steps made with what has this name end in the same bits.
    pub fn agrees_with(&self, name: &str) -> bool {
        self.name == name || self.like.iter().any(|other| other == name)
    }
}

/// Which metrics `measure` computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureKind {
    /// Those that the stage's report lists.
    Report,
    /// The one of the report's unrolled forecast.
    Unroll,
}

/// One metric output of one call: `[samples, frames, fields]` or `[samples, frames, fields, bands]`, NaN where undefined.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Such as `vrmse`.
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// The windows of a micro-batch.
#[derive(Clone, Copy, Debug)]
pub enum Window<'a> {
    Here(&'a [f32]),
    /// Those that `Programs::send_ahead` was given last.
    SentAhead,
}

/// One stage, loaded on one device. `set` says which of the stage's data sets a call is about; windows are `[samples, frames, *grid, fields]`, row-major, in physical units.
pub trait Programs {
    /// In the model's order; the store and the checkpoints keep it.
    fn parameters(&self) -> &[ParameterInfo];

    /// State of the trainable parameters, in an order that never changes.
    fn slots(&self) -> &[SlotInfo];

    /// Kept with checkpoints, so that a stage that goes on elsewhere is noticed.
    fn arithmetic(&self) -> Arithmetic;

    /// Brings the store up to date with what the device holds; before it the host may not read what programs have changed.
    fn fetch(&mut self, store: &mut Store) -> Result<(), RunError>;

    /// A pure function of the stage's seed and the path.
    fn initial_parameter(&self, path: &str) -> Vec<f32>;

    fn initial_slot(&self, name: &str) -> Vec<f32>;

    /// Samples that `predict` and `measure` take at once; the caller pads the last call.
    fn evaluation_batch(&self) -> usize;

    /// Whether windows that are given to `send_ahead` while the device computes are there sooner than those that come with their
    /// micro-batch. Where they are not, `send_ahead` is never called.
    fn sends_ahead(&self) -> bool {
        false
    }

    /// Lets the windows of the next micro-batch travel to the device; the caller may change them when this returns.
    fn send_ahead(&mut self, _: &[f32]) -> Result<(), RunError> {
        panic!("these programs send nothing ahead")
    }

    /// Starts to add a micro-batch's share of the gradient to every `grad:PATH`; the caller may change its windows when this
    /// returns. `key` is (seed, stage id, step counted from 0, position in the step's batch of the first sample).
    fn launch(&mut self, set: usize, variant: usize, window: Window, key: [i32; 4], store: &mut Store) -> Result<(), RunError>;

    /// Waits for the micro-batch that was launched last and returns its mean loss.
    fn loss(&mut self) -> Result<f32, RunError>;

    /// Both, one after the other.
    fn accumulate(&mut self, set: usize, variant: usize, window: &[f32], key: [i32; 4], store: &mut Store) -> Result<f32, RunError> {
        self.launch(set, variant, Window::Here(window), key, store)?;
        self.loss()
    }

    /// The optimiser's step number `step`, counted from 1 over the updates that were not skipped: clips, changes parameters
    /// and slots, zeroes gradients. Returns the gradient's norm before clipping; where that is not finite, parameters and
    /// slots stay as they were.
    fn update(&mut self, step: u64, rate: f64, store: &mut Store) -> Result<f32, RunError>;

    /// From `[samples, context, *grid, fields]` to the predicted frames: the context again for an autoencoder, one frame
    /// for a predictor. The store is left as it is; back ends take their inputs as mutable buffers.
    fn predict(&mut self, set: usize, variant: usize, context: &[f32], samples: usize, store: &mut Store) -> Result<Vec<f32>, RunError>;

    /// Metrics of `[samples, frames, *grid, fields]`.
    fn measure(
        &mut self,
        kind: MeasureKind,
        set: usize,
        truth: &[f32],
        prediction: &[f32],
        samples: usize,
        frames: usize,
    ) -> Result<Vec<Measured>, RunError>;

    /// The learning rate at the step counted from 0.
    fn rate(&self, step: u64) -> f64;
}

/// The windows of one stage's data sets. Every answer is a pure function of its arguments and the stage, so that a resumed run
/// reads what the first one would have read.
pub trait Samples {
    /// Windows of the training split.
    fn training_windows(&self, set: usize) -> usize;

    /// Fills `[batch, window, *grid, fields]` with the batch of this number, counted from 0, that training takes from the set.
    fn batch(&mut self, set: usize, number: u64, out: &mut [f32]) -> Result<(), RunError>;

    /// Windows of the validation split.
    fn validation_windows(&self, set: usize) -> usize;

    /// Fills `[window, *grid, fields]` with one of them.
    fn validation_window(&mut self, set: usize, index: usize, out: &mut [f32]) -> Result<(), RunError>;

    /// Longest forecast that some validation trajectory can be compared with.
    fn longest_horizon(&self, set: usize) -> usize;

    /// Places in the validation split that have a context and `horizon` frames after it.
    fn starts(&self, set: usize, horizon: usize) -> usize;

    /// Fills `[context + horizon, *grid, fields]` from one of them.
    fn trajectory(&mut self, set: usize, start: usize, horizon: usize, out: &mut [f32]) -> Result<(), RunError>;
}

/// A stage's programs and its data.
pub type Opened = (Box<dyn Programs>, Box<dyn Samples>);

/// Opens stages; called only for those that have something left to do.
pub trait Provider {
    fn open(&mut self, stage: &crate::StageWork) -> Result<Opened, RunError>;
}
