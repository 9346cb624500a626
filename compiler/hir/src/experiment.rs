//! The resolved experiment: what every later layer reads. Nothing here is a name to look up, a glob, a unit word, a default
//! without origin or an unchecked shape; choices are lists of finite variants.

use pfm_elaborate::{Init, Instance};
use pfm_ir::Precision;
use serde::{Deserialize, Serialize};

/// One experiment under one profile, closed.
pub struct Experiment {
    pub name: String,
    pub doc: String,
    /// The profile it was closed under; None is the file as written.
    pub profile: Option<String>,
    /// Names of all its profiles; the file as written is one more.
    pub profiles: Vec<String>,
    pub seed: u64,
    pub data: Vec<Data>,
    /// Trainable things: each tokeniser alone (an autoencoder) and each `model` block.
    pub models: Vec<Model>,
    /// Closed stages, each once, in an order where a stage comes after those that it takes weights from.
    pub stages: Vec<Stage>,
    /// Ways to run: the file as written first (`main`), then the cells of every grid.
    pub cells: Vec<Cell>,
    pub grids: Vec<Grid>,
    pub reports: Vec<Report>,
    pub claims: Vec<Claim>,
    /// Every setting with the value it ended up with and where that came from, for `explain --resolved`.
    pub origins: Vec<Origin>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Data {
    /// The name in the experiment, such as `euler`.
    pub name: String,
    /// The stdlib definition that it amends.
    pub definition: String,
    /// Folders under the data directory, each a data set in The Well's layout.
    pub datasets: Vec<String>,
    /// Channel names in the order of the tensors, vectors by component: `energy`, …, `momentum_x`.
    pub fields: Vec<String>,
    pub grid: Vec<usize>,
    /// Frames of one trajectory.
    pub frames: usize,
    /// Frames of one sample, and how many of them are context (the rest is to be predicted).
    pub window: usize,
    pub context: usize,
    pub source: Source,
    /// Trajectories of the training split that are used, taken from its files in turn; None for all.
    pub trajectories: Option<usize>,
    pub normalise: Normalise,
}

/// How each field of a sample is scaled, by statistics over its context and all pixels, which don't fall below the floor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Normalise {
    /// Divided by the root mean square.
    Rms { floor: f64 },
    /// Less the mean, divided by the standard deviation.
    Standard { floor: f64 },
}

/// What a stage trains on: one data set, or several, of which each step draws one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mixture {
    /// Indices into `Experiment::data`, in the order of the file.
    pub parts: Vec<usize>,
    pub weights: Weights,
}

/// How often each part of a mixture is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Weights {
    Equal,
    /// In proportion to the training windows of each part.
    BySize,
    /// In proportion to these, one for each part.
    Given(Vec<u64>),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Source {
    /// Read what is in the data directory.
    Directory,
    /// Made here, once, by the shipped solver.
    Generate { trajectories: usize, seed: u64 },
}

#[derive(Clone)]
pub struct Model {
    /// `tok` or `net`.
    pub name: String,
    pub kind: ModelKind,
    pub tokeniser: Part,
    /// Absent for an autoencoder.
    pub processor: Option<Part>,
    /// True when linear maps join the tokeniser's channels to the processor's width.
    pub linked: bool,
    /// In the order in which the parts declare them; paths are unique.
    pub parameters: Vec<Parameter>,
    /// Vocabulary of the adaptive heads: position of each field name.
    pub vocabulary: Vec<String>,
    /// One per combination of the tokeniser's choices, in a fixed order.
    pub variants: Vec<Variant>,
    /// Index of the variant used in evaluation.
    pub evaluation: usize,
    /// The setting that makes the number of tokens depend on the data; its shapes are those of the most tokens.
    pub adaptive: Option<pfm_diag::Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ModelKind {
    Autoencoder,
    Predictor,
}

/// A tokeniser or processor: a name in the experiment and a definition with every setting closed (choices stay choices).
#[derive(Clone)]
pub struct Part {
    pub name: String,
    pub instance: Instance,
}

#[derive(Clone, Debug, Serialize)]
pub struct Parameter {
    pub path: String,
    pub shape: Vec<usize>,
    #[serde(skip)]
    pub init: Init,
}

impl Parameter {
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Variant {
    /// `1x2,2x4,1x2`: per level, time x space.
    pub label: String,
    /// Option taken by each choice, in the order of `Instance::choices`.
    pub picks: Vec<usize>,
    /// Latent shape for the model's data: frames, spatial sizes, channels.
    pub latent: Vec<usize>,
    /// Tokens of one sample: frames times places, over all sequences of tokens.
    pub tokens: usize,
    /// Both for each further data set of a model that trains on several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<Further>,
}

/// A variant on another data set.
#[derive(Clone, Debug, Serialize)]
pub struct Further {
    pub data: String,
    pub latent: Vec<usize>,
    pub tokens: usize,
}

pub struct Stage {
    /// As written: `pretrain`, `rollout`.
    pub name: String,
    /// Small stable number of the name, part of every random key.
    pub id: u32,
    /// Content identity (hex): two stages with the same key are the same work.
    pub key: String,
    /// Identities of its aspects.
    pub identity: Identity,
    /// Index into `Experiment::models`.
    pub model: usize,
    pub data: Mixture,
    pub objective: Objective,
    pub optimiser: Instance,
    /// None: a constant rate.
    pub schedule: Option<Instance>,
    /// Limit of the global gradient norm.
    pub clip: Option<f64>,
    /// Samples of one optimiser step, over all devices.
    pub batch: usize,
    /// Micro-batches that each device cuts its part of a step into.
    pub accumulate: usize,
    /// Steps that this stage calls an epoch, and steps that it runs.
    pub epoch: u64,
    pub run: u64,
    /// Where each part's weights come from; parts not named start at random.
    pub weights: Vec<Handover>,
    /// Fields that its model knows beside the vocabulary of the blocks.
    pub new_fields: Vec<String>,
    /// Per parameter of the model.
    pub trainable: Vec<bool>,
    pub mask: Option<String>,
    /// Variants that training samples from.
    pub variants: Vec<usize>,
    /// Number format of products and activations.
    pub precision: Precision,
    /// Steps between checkpoints.
    pub checkpoint: u64,
    /// How devices share the work.
    pub parallel: Parallel,
    /// Warnings that are meant.
    pub allow: Vec<String>,
    /// The report that this stage's evaluations are for, if any.
    pub report: Option<usize>,
    pub seed: u64,
}

impl Stage {
    /// Samples that go through a device at once.
    pub fn micro_batch(&self) -> usize {
        self.batch / (self.accumulate * self.parallel.devices)
    }
}

/// How many devices share a stage's work, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parallel {
    /// `none`, `ddp` or `fsdp`.
    pub way: String,
    /// 1 where the file does not say.
    pub devices: usize,
}

impl std::fmt::Display for Parallel {
    /// As it is written.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.devices {
            1 => f.write_str(&self.way),
            devices => write!(f, "{}(devices: {devices})", self.way),
        }
    }
}

/// Hashes (hex) of what a stage computes, of the samples that it sees, and of how it is run, which changes no number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Identity {
    pub program: String,
    pub data: String,
    pub run: String,
    /// Definitions that the program needs (`block linear`) and hashes of what they say.
    pub definitions: Vec<(String, String)>,
}

pub struct Objective {
    pub kind: ObjectiveKind,
    /// `mse`, `mae`, or one of the user's.
    pub loss: Instance,
    /// In which the loss sees truth and prediction.
    pub units: Units,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Units {
    Normalised,
    Physical,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ObjectiveKind {
    /// Decode what was encoded; the context is the target.
    Reconstruct,
    /// Predict the frame after the context.
    NextFrame,
}

/// A part takes its weights from an earlier stage.
#[derive(Clone, Debug, Serialize)]
pub struct Handover {
    /// Path prefix, such as `tok`.
    pub part: String,
    /// Index into `Experiment::stages`.
    pub stage: usize,
    /// Where the vocabulary of that stage's model grew: for each of its fields, the place in the vocabulary of this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<usize>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// `main`, or the labels joined: `in_domain-trainable`.
    pub name: String,
    pub grid: Option<String>,
    /// Axis and label.
    pub labels: Vec<(String, String)>,
    /// Indices into `Experiment::stages`, in order of execution.
    pub stages: Vec<usize>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Grid {
    pub name: String,
    pub over: String,
    pub axes: Vec<(String, Vec<String>)>,
    /// Indices into `Experiment::cells`.
    pub cells: Vec<usize>,
}

#[derive(Clone)]
pub struct Report {
    pub name: String,
    /// The stage (by its written name) that it watches.
    pub stage: String,
    /// Steps at which the whole sample is evaluated, sorted; the last step of the run is always added.
    pub at: Vec<u64>,
    /// Steps between points of the learning curve.
    pub every: Option<u64>,
    pub metrics: Vec<Instance>,
    pub sample: SampleRule,
    pub unroll: Option<Unroll>,
    /// Content identity (hex): what is evaluated, and when.
    pub key: String,
    /// Definitions that the metrics need and hashes of what they say.
    pub definitions: Vec<(String, String)>,
    pub plot: Option<Plot>,
}

/// A chart of a result over the cells of a grid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plot {
    /// The axis whose labels, which are numbers, go across.
    pub x: String,
    /// The result that goes up: `nrmse`, `neps.low`.
    pub y: String,
    /// The axis whose labels have a colour each.
    pub colour: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum SampleRule {
    /// Every window of the validation split.
    All,
    /// Means over `count` subsets of `size` windows each.
    Subsets { count: usize, size: usize },
}

#[derive(Clone)]
pub struct Unroll {
    pub metric: Instance,
    /// Inclusive ranges of the horizon, counted from 1: `[1, 2, 3 .. 6]` is (1,1), (2,2), (3,6).
    pub horizons: Vec<(usize, usize)>,
    /// Validation windows to start from.
    pub sample: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct Origin {
    pub path: String,
    pub value: String,
    /// `indomain.pfm:23`, `std/tokenisers/magvit_simple.pfm:7`, `profile laptop`, `--set`, `language, …:23`.
    pub origin: String,
    #[serde(skip)]
    pub span: Option<pfm_diag::Span>,
}

/// A claim of the file, closed. Structural ones are checked by `check`, those on metrics after a run.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// As written.
    pub text: String,
    pub left: ClaimTerm,
    pub comparison: String,
    pub right: ClaimTerm,
    /// Relative tolerance.
    pub within: Option<f64>,
    /// True when the claim applies under this profile.
    pub active: bool,
    #[serde(skip)]
    pub span: Option<pfm_diag::Span>,
}

#[derive(Clone, Debug, Serialize)]
pub enum ClaimTerm {
    Number(f64),
    /// Bytes that a stage of the file as written takes: decided when it is planned.
    Memory {
        stage: String,
    },
    /// A factor times a metric of the cells that match the labels (all axes not named range over every label).
    Metric {
        factor: f64,
        /// As results are named: `vrmse`, `neps.low`, `shear_flow.unroll.vrmse.3-6`.
        name: String,
        labels: Vec<(String, String)>,
        /// The report point; None is the last.
        at: Option<u64>,
    },
}
