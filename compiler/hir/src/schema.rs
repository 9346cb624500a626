//! The words of the experiment tier: kinds of block and the settings that each knows. One table serves checking, did-you-mean
//! and documentation; settings of tokenisers and processors come from their definitions instead.

use std::panic::Location;

/// A kind of block inside an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Data,
    Tokeniser,
    Processor,
    Model,
    Mask,
    Stage,
    Grid,
    Report,
    Profile,
}

impl Kind {
    pub const ALL: [Kind; 9] =
        [Kind::Data, Kind::Tokeniser, Kind::Processor, Kind::Model, Kind::Mask, Kind::Stage, Kind::Grid, Kind::Report, Kind::Profile];

    /// The keyword.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Data => "data",
            Kind::Tokeniser => "tokeniser",
            Kind::Processor => "processor",
            Kind::Model => "model",
            Kind::Mask => "mask",
            Kind::Stage => "stage",
            Kind::Grid => "grid",
            Kind::Report => "report",
            Kind::Profile => "profile",
        }
    }

    pub fn of_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.word() == word)
    }

    /// Kinds whose names may not clash. A report has the name of its grid, and profiles are named by `--profile` only.
    pub(crate) fn namespace(self) -> u8 {
        match self {
            Kind::Grid => 1,
            Kind::Report => 2,
            Kind::Profile => 3,
            _ => 0,
        }
    }

    /// The settings that this kind knows from the language itself.
    pub fn settings(self) -> &'static [SettingInfo] {
        match self {
            Kind::Data => DATA,
            Kind::Model => MODEL,
            Kind::Stage => STAGE,
            Kind::Report => REPORT,
            _ => &[],
        }
    }
}

/// A setting of a kind of block.
#[derive(Clone, Copy, Debug)]
pub struct SettingInfo {
    pub name: &'static str,
    pub required: bool,
    /// What holds when it is not written, as it would be written.
    pub default: Option<&'static str>,
    /// One line for hover and the manual.
    pub doc: &'static str,
    /// Line of this file that declares it, where a reader finds its default.
    pub line: u32,
}

#[track_caller]
const fn needed(name: &'static str, doc: &'static str) -> SettingInfo {
    SettingInfo { name, required: true, default: None, doc, line: Location::caller().line() }
}

#[track_caller]
const fn optional(name: &'static str, default: &'static str, doc: &'static str) -> SettingInfo {
    SettingInfo { name, required: false, default: Some(default), doc, line: Location::caller().line() }
}

/// Settings of the experiment itself.
pub const EXPERIMENT: &[SettingInfo] = &[optional("seed", "0", "seed of every random draw: weights, order of samples, choices, drop path")];

const DATA: &[SettingInfo] = &[
    optional("window", "10 frames", "frames of one sample"),
    optional("context", "9 frames", "frames that the model sees; those after it are to be predicted"),
    optional("normalise", "rms(per: [sample, field], floor: 1e-7)", "how fields are scaled; statistics come from the context only"),
    optional("trajectories", "all", "how many trajectories of the training split are used, taken from its files in turn"),
    optional("source", "directory", "where the samples come from: `directory`, or `generate(…)` to make them here"),
];

const MODEL: &[SettingInfo] = &[
    needed("tokeniser", "turns frames into latent frames and back"),
    needed("processor", "steps latent frames forward in time"),
    optional("link", "linear", "what joins their channels: `linear` maps, or `none` where the counts are equal"),
];

const STAGE: &[SettingInfo] = &[
    needed("train", "a tokeniser or a model"),
    needed("data", "the samples to train on: a data block, or a mixture"),
    needed("objective", "`reconstruct(loss: …)` or `next_frame(loss: …)`"),
    needed("optimiser", "how gradients change weights, such as `adamw(lr: 5e-5)`"),
    optional("schedule", "constant", "factor on the learning rate over time"),
    optional("clip", "none", "limit of the global norm of the gradient"),
    needed("batch", "samples of one optimiser step, over all devices"),
    optional("accumulate", "1", "micro-batches that a step is cut into, to save memory"),
    optional("epoch", "the whole run", "what this stage calls an epoch, in batches"),
    needed("run", "how long it trains, in steps or epochs"),
    optional("weights", "random", "where weights come from: `random`, `STAGE.PART`, or a list of those"),
    optional("new_fields", "none", "fields that the trained model gets rows for beside its vocabulary; rows of the others are kept"),
    optional("mask", "none", "which weights are trained"),
    optional("parallel", "none", "how devices share the work: `ddp`, `fsdp` or `none`; `ddp(devices: 8)` says how many there are"),
    optional("precision", "f32", "number format of products and activations: `f32`, `bf16` or `f32_split`"),
    optional("checkpoint", "the tenth of the run, at most 500 steps", "steps between checkpoints"),
    optional("allow", "none", "a warning that is meant: `frozen_random`"),
    optional("seed", "the experiment's", "seed of this stage"),
];

const REPORT: &[SettingInfo] = &[
    optional("at", "the last step", "steps at which the whole sample is evaluated"),
    optional("every", "none", "steps between points of the learning curve"),
    needed("metrics", "what is computed, such as `[vrmse, neps(bands: 3)]`"),
    optional("sample", "all", "`all` of the validation windows, or `subsets(count:, size:)`"),
    optional("plot", "none", "a chart over the cells of the grid: `lines(x: AXIS, y: METRIC, colour: AXIS)`"),
    optional("unroll", "none", "a metric over longer horizons: `vrmse(horizons: [1, 2 .. 6], sample: 1_024)`"),
];
