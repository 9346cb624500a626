//! The numbers of a cell as files: `metrics.json` and `metrics.yaml` hold no clock and are the same bytes for equal runs,
//! `timing.json` holds the wall times.

use crate::checkpoint::Timing;
use crate::evaluate::{Evaluation, Whole};
use crate::stage::StageResult;
use crate::summary::Summary;
use crate::work::CellWork;
use crate::{Faults, RunError, durable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellMetrics {
    pub experiment: String,
    pub profile: Option<String>,
    pub cell: String,
    /// Axis and label.
    pub labels: Vec<(String, String)>,
    /// Content key of the cell.
    pub key: String,
    /// Of the last report point of the last stage with a report: `vrmse`, `neps.low`, `unroll.vrmse.3-6`; null if undefined. Of
    /// several data sets these are means; each is there too: `shear_flow.vrmse`.
    pub results: BTreeMap<String, Option<f64>>,
    /// The same for each baseline.
    pub baselines: BTreeMap<String, BTreeMap<String, Option<f64>>>,
    pub stages: Vec<StageMetrics>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageMetrics {
    pub name: String,
    pub key: String,
    pub steps: u64,
    pub samples_per_step: usize,
    pub skipped_steps: u64,
    /// BLAKE3 of the final parameters file.
    pub weights: String,
    pub report: Option<String>,
    /// Of its data; of the first of several data sets.
    pub fields: Vec<String>,
    /// The further data sets of a stage that trains on several, with their fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<(String, Vec<String>)>,
    pub evaluations: Vec<Evaluation>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageTiming {
    pub name: String,
    pub steps: u64,
    #[serde(flatten)]
    pub timing: Timing,
}

/// Gathers the stages' results.
pub fn cell_metrics(work: &CellWork, key: &str, stages: &[StageResult]) -> CellMetrics {
    let mut metrics = CellMetrics {
        experiment: work.experiment.clone(),
        profile: work.about.profile.clone(),
        cell: work.cell.clone(),
        labels: work.about.labels.clone(),
        key: key.to_string(),
        results: BTreeMap::new(),
        baselines: BTreeMap::new(),
        stages: vec![],
    };
    for (stage, result) in work.stages.iter().zip(stages) {
        if let Some((last, whole)) = result.evaluations.last().and_then(|e| Some((e, e.whole.as_ref()?))) {
            (metrics.results, metrics.baselines) = all_values(last, whole);
        }
        metrics.stages.push(StageMetrics {
            name: stage.name.clone(),
            key: stage.key.clone(),
            steps: stage.steps,
            samples_per_step: stage.batch,
            skipped_steps: result.skipped,
            weights: result.weights.clone(),
            report: stage.report.as_ref().map(|r| r.name.clone()),
            fields: stage.sets[0].layout.fields.clone(),
            sets: stage.sets.iter().skip(1).map(|s| (s.name.clone(), s.layout.fields.clone())).collect(),
            evaluations: result.evaluations.clone(),
        });
    }
    metrics
}

impl CellMetrics {
    /// The results at a report point, of the last stage that has it.
    pub fn at(&self, step: u64) -> Option<BTreeMap<String, Option<f64>>> {
        let points = self.stages.iter().rev().flat_map(|s| &s.evaluations).filter(|e| e.step == step);
        points.filter_map(|e| Some(all_values(e, e.whole.as_ref()?).0)).next()
    }
}

/// Of the stage's data, and of each data set where there are several: `shear_flow.vrmse`.
fn all_values(evaluation: &Evaluation, whole: &Whole) -> (Values, BTreeMap<String, Values>) {
    let (mut results, mut baselines) = final_values(whole);
    for (set, whole) in evaluation.sets.iter().filter_map(|s| Some((s, s.whole.as_ref()?))) {
        let named = |(name, value)| (format!("{}.{name}", set.name), value);
        let (of_set, baselines_of_set) = final_values(whole);
        results.extend(of_set.into_iter().map(named));
        for (name, values) in baselines_of_set {
            baselines.entry(name).or_default().extend(values.into_iter().map(named));
        }
    }
    (results, baselines)
}

type Values = BTreeMap<String, Option<f64>>;

fn final_values(whole: &Whole) -> (Values, BTreeMap<String, Values>) {
    let values = |s: &[Summary]| -> Values { s.iter().map(|s| (s.name.clone(), s.value)).collect() };
    let mut results = values(&whole.model);
    let mut baselines: BTreeMap<String, Values> = whole.baselines.iter().map(|b| (b.name.clone(), values(&b.metrics))).collect();
    for range in whole.unroll.iter().flat_map(|u| &u.ranges) {
        let horizon = match range.from == range.to {
            true => format!("{}", range.from),
            false => format!("{}-{}", range.from, range.to),
        };
        let named =
            |s: &[Summary]| -> Vec<(String, Option<f64>)> { s.iter().map(|s| (format!("unroll.{}.{horizon}", s.name), s.value)).collect() };
        results.extend(named(&range.model));
        baselines.entry("persistence".to_string()).or_default().extend(named(&range.persistence));
    }
    (results, baselines)
}

/// Writes the three files into the cell's directory.
pub(crate) fn write(
    directory: &Path,
    work: &CellWork,
    metrics: &CellMetrics,
    stages: &[StageResult],
    faults: &Faults,
) -> Result<(), RunError> {
    let json = serde_json::to_vec_pretty(metrics).expect("metrics are plain data");
    let yaml = serde_saphyr::to_string(metrics).expect("metrics are plain data");
    let timing: Vec<StageTiming> = work
        .stages
        .iter()
        .zip(stages)
        .map(|(stage, result)| StageTiming { name: stage.name.clone(), steps: stage.steps, timing: result.timing.clone() })
        .collect();
    let timing = serde_json::to_vec_pretty(&timing).expect("timing is plain data");
    durable::write(&directory.join("timing.json"), &timing)?;
    durable::write(&directory.join("metrics.yaml"), yaml.as_bytes())?;
    faults.point("results-write")?;
    durable::write(&directory.join("metrics.json"), &json)
}
