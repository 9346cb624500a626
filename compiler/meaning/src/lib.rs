//! What a file means, as one value that can be written down and compared: settings as they came out, parameters, shapes, what is
//! trained, programs, data, reports, claims and costs, for each profile and cell. Locks hold it, and differences are said in words.

mod compare;
mod cost;
mod lock;
mod read;
mod shown;

pub use compare::{Change, Subject, compare};
pub use cost::{Cost, cost, evaluation, largest};
pub use lock::{differs, from_text, missing, to_text, unreadable};
pub use read::{Costs, Read, read};
pub use shown::{bytes, flops, grouped};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names of settings and their values, as text.
pub type Settings = BTreeMap<String, String>;

/// What a file means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meaning {
    /// Version of the compiler that read it.
    pub compiler: String,
    /// Edition of the language that it is written in.
    pub edition: u32,
    /// Definitions that its programs and metrics need, and hashes of what they say.
    pub definitions: Settings,
    pub experiments: BTreeMap<String, Experiment>,
}

/// One experiment under each of its profiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    pub profiles: BTreeMap<String, Profile>,
}

/// An experiment under one profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub data: BTreeMap<String, Settings>,
    /// Tokenisers and processors.
    pub parts: BTreeMap<String, Settings>,
    pub models: BTreeMap<String, Model>,
    /// By name; where cells differ, `rollout of CELL`.
    pub stages: BTreeMap<String, Stage>,
    /// The stages of each cell, in order.
    pub cells: BTreeMap<String, Vec<String>>,
    pub reports: BTreeMap<String, Report>,
    /// Those that hold under this profile.
    pub claims: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its parts and what joins them.
    pub of: String,
    /// Numbers by part.
    pub parameters: BTreeMap<String, u64>,
    pub tensors: u64,
    /// Hash of paths, shapes and initial distributions.
    pub tree: String,
    /// Latent frames, sizes and channels of each choice; empty where they are those of the tokeniser alone.
    #[serde(skip_serializing_if = "Settings::is_empty", default)]
    pub shapes: Settings,
    /// The choice used in evaluation.
    pub evaluation: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub key: String,
    pub program: String,
    pub data: String,
    pub run: String,
    /// In a lock: the stage whose settings hold where this one's are not written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub like: Option<String>,
    #[serde(skip_serializing_if = "Settings::is_empty", default)]
    pub settings: Settings,
    /// Numbers trained, by part.
    pub trained: BTreeMap<String, u64>,
    pub trained_tensors: u64,
    /// Modules and tensors all of which is trained.
    pub trains: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cost: Option<Cost>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub key: String,
    pub settings: Settings,
}
