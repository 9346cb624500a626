//! What there is to do, as plain numbers: one cell, its stages in order, and the report that watches a stage. Made from the
//! resolved experiment; nothing here is looked up again.

use pfm_hir::{Plot, Weights};
use serde::{Deserialize, Serialize};

/// One cell of an experiment.
#[derive(Clone, Debug)]
pub struct CellWork {
    pub experiment: String,
    /// `main`, or the labels joined.
    pub cell: String,
    pub about: About,
    /// In order of execution.
    pub stages: Vec<StageWork>,
    /// The experiment with every setting closed, as text.
    pub closed: String,
    /// What the run was pinned to: standard library, data and program hashes.
    pub lock: String,
    /// Device, versions, host; differs between machines and is never compared.
    pub environment: serde_json::Value,
}

/// What a report says about a run besides its numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct About {
    pub experiment: String,
    pub doc: String,
    pub profile: Option<String>,
    pub seed: u64,
    pub cell: String,
    pub grid: Option<String>,
    /// Axis and label.
    pub labels: Vec<(String, String)>,
    /// The claims on metrics, closed, as `pfm_hir::Claim` serialises them.
    pub claims: Vec<serde_json::Value>,
    /// Charts over the cells of the grid.
    #[serde(default)]
    pub plots: Vec<Plot>,
    /// Facts for the header, such as `device` or `parameters`, in order.
    pub facts: Vec<(String, String)>,
}

#[derive(Clone, Debug, Serialize)]
pub struct StageWork {
    pub name: String,
    /// Small stable number of the name, part of every random key.
    pub id: u32,
    /// Content identity, hex: equal keys are the same work.
    pub key: String,
    pub seed: u64,
    /// Optimiser steps to make.
    pub steps: u64,
    /// Samples of one step, and micro-batches that it is cut into.
    pub batch: usize,
    pub accumulate: usize,
    /// Steps between checkpoints; 0: only at report points and the end.
    pub checkpoint: u64,
    /// Variants that training draws from, and the one used in evaluation.
    pub variants: Vec<usize>,
    pub evaluation: usize,
    /// True when the context is the target; otherwise it is the frame after the context.
    pub reconstructs: bool,
    /// What it trains on: one data set, or several of which each step draws one.
    pub sets: Vec<SetWork>,
    pub mixing: Weights,
    pub weights: Vec<Handover>,
    pub report: Option<ReportWork>,
}

/// One data set of a stage.
#[derive(Clone, Debug, Serialize)]
pub struct SetWork {
    pub name: String,
    pub layout: Layout,
    /// Training trajectories that are used; None for all.
    pub trajectories: Option<usize>,
}

/// Sizes of a window.
#[derive(Clone, Debug, Serialize)]
pub struct Layout {
    /// Frames of one sample and how many of them are context.
    pub window: usize,
    pub context: usize,
    pub grid: Vec<usize>,
    pub fields: Vec<String>,
}

impl Layout {
    /// Values of one frame: grid points times fields.
    pub fn frame(&self) -> usize {
        self.grid.iter().product::<usize>() * self.fields.len()
    }
}

/// Parameters under `part.` start as an earlier stage left them.
#[derive(Clone, Debug, Serialize)]
pub struct Handover {
    pub part: String,
    pub stage: String,
    pub key: String,
    /// The step at which that stage is done.
    pub step: u64,
    /// Where each of its fields has its row here, if the vocabulary grew in between; else nothing.
    pub rows: Vec<usize>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ReportWork {
    pub name: String,
    /// Steps at which the whole sample is evaluated; the last step always is.
    pub at: Vec<u64>,
    /// Steps between points of the learning curve.
    pub every: Option<u64>,
    /// Names and settings of the metrics, for the identity of the evaluation.
    pub metrics: Vec<String>,
    pub sample: Sample,
    pub unroll: Option<UnrollWork>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Sample {
    All,
    Subsets { count: usize, size: usize },
}

#[derive(Clone, Debug, Serialize)]
pub struct UnrollWork {
    pub metric: String,
    /// Inclusive ranges of the horizon, counted from 1.
    pub horizons: Vec<(usize, usize)>,
    /// Places to start from.
    pub sample: usize,
}

impl StageWork {
    /// How often each data set is drawn, given the windows that it has for training.
    pub(crate) fn shares(&self, windows: impl Fn(usize) -> usize) -> Vec<u64> {
        match &self.mixing {
            Weights::Equal => vec![1; self.sets.len()],
            Weights::BySize => (0..self.sets.len()).map(|set| windows(set) as u64).collect(),
            Weights::Given(weights) => weights.clone(),
        }
    }

    /// True after the step (counted from 1) at which the whole sample is evaluated.
    pub fn is_report_point(&self, done: u64) -> bool {
        let listed = self.report.as_ref().is_some_and(|r| r.at.contains(&done));
        self.report.is_some() && (listed || done == self.steps)
    }

    /// True where the learning curve has a point.
    pub fn is_curve_point(&self, done: u64) -> bool {
        let Some(report) = &self.report else { return false };
        let every = report.every.is_some_and(|n| n > 0 && done > 0 && done.is_multiple_of(n));
        every || self.is_report_point(done)
    }

    pub(crate) fn is_checkpoint(&self, done: u64) -> bool {
        let due = self.checkpoint > 0 && done.is_multiple_of(self.checkpoint);
        due || done == self.steps || self.is_report_point(done)
    }

    /// Identity of what the report evaluates, so that another report never reads this one's files.
    pub(crate) fn report_key(&self) -> Option<String> {
        let report = self.report.as_ref()?;
        // The step list is left out: more points under the same rule keep those already made.
        let identity = (&report.metrics, report.sample, &report.unroll, self.evaluation, &self.sets);
        let text = serde_json::to_string(&identity).expect("a report is plain data");
        Some(blake3::hash(text.as_bytes()).to_hex()[..8].to_string())
    }
}

/// Content identity of a cell: its stages and what it reports.
pub fn cell_key(stages: &[StageWork]) -> String {
    let mut hasher = blake3::Hasher::new();
    for stage in stages {
        hasher.update(stage.key.as_bytes());
        hasher.update(serde_json::to_string(&stage.report).expect("a report is plain data").as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
