//! Evaluation at one step: the model's predictions on validation windows measured beside two baselines, on a small sample for
//! the learning curve and on the report's whole sample at report points. Same weights, same bytes.

use crate::mixed::joined;
use crate::pictures::{PICTURES, Pictures};
use crate::summary::{Summary, Table};
use crate::unroll::{Unrolled, unroll};
use crate::work::{Layout, ReportWork, Sample, StageWork};
use crate::{Faults, MeasureKind, Measured, Programs, Progress, RunError, Samples, Store, draw, frames};
use pfm_diag::Diagnostic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Windows of a point of the learning curve, at most.
const CURVE_WINDOWS: usize = 64;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Steps done.
    pub step: u64,
    /// On a fixed small sample, the same at every step.
    pub curve: Vec<Summary>,
    pub curve_windows: usize,
    /// On the report's sample; only at report points.
    pub whole: Option<Whole>,
    /// Each data set of a stage that trains on several; the numbers above are then means over them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<SetEvaluation>,
}

/// The evaluation on one data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetEvaluation {
    pub name: String,
    pub curve: Vec<Summary>,
    pub curve_windows: usize,
    pub whole: Option<Whole>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Whole {
    /// Different windows that were evaluated.
    pub windows: usize,
    pub subsets: usize,
    pub model: Vec<Summary>,
    pub baselines: Vec<Baseline>,
    pub unroll: Option<Unrolled>,
}

/// `mean`: each frame of the truth replaced by its spatial mean. `persistence`: the last context frame, for predictors only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    pub name: String,
    pub metrics: Vec<Summary>,
}

/// What an evaluation works with.
pub(crate) struct Bench<'a> {
    pub work: &'a StageWork,
    pub report: &'a ReportWork,
    /// The data set that is evaluated.
    pub set: usize,
    pub programs: &'a mut dyn Programs,
    pub samples: &'a mut dyn Samples,
    pub store: &'a mut Store,
    pub faults: &'a Faults,
    pub progress: &'a mut dyn Progress,
}

impl<'a> Bench<'a> {
    pub fn layout(&self) -> &'a Layout {
        &self.work.sets[self.set].layout
    }
}

/// Evaluates after `step` steps, on every data set; on the whole sample, with pictures of the first set, if `whole`.
pub(crate) fn evaluate(bench: &mut Bench, step: u64, whole: bool) -> Result<(Evaluation, Option<Pictures>), RunError> {
    let (mut sets, mut pictures) = (vec![], None);
    for set in 0..bench.work.sets.len() {
        bench.set = set;
        let (evaluation, kept) = evaluate_set(bench, whole)?;
        sets.push(evaluation);
        pictures = pictures.or(kept);
    }
    Ok((joined(step, sets), pictures))
}

fn evaluate_set(bench: &mut Bench, whole: bool) -> Result<(SetEvaluation, Option<Pictures>), RunError> {
    let total = bench.samples.validation_windows(bench.set);
    if total == 0 {
        let message = format!("stage `{}` has no validation windows of `{}`", bench.work.name, bench.work.sets[bench.set].name);
        return Err(Diagnostic::new("R0109", message).help("give the data more trajectories, or remove the report").into());
    }
    let curve = draw::spread(CURVE_WINDOWS, total);
    let subsets = if whole { subsets(bench, total) } else { vec![] };
    let windows: BTreeSet<usize> = curve.iter().chain(subsets.iter().flatten()).copied().collect();
    let windows: Vec<usize> = windows.into_iter().collect();

    let mut tables = Tables::default();
    let mut pictures = (whole && bench.set == 0).then(|| Pictures::new(bench.layout()));
    let batch = bench.programs.evaluation_batch();
    for (done, chunk) in windows.chunks(batch).enumerate() {
        bench.faults.point("evaluation")?;
        bench.progress.evaluating(done * batch, windows.len());
        measure_chunk(bench, chunk, total, whole, &mut tables, pictures.as_mut())?;
    }
    bench.progress.evaluating(windows.len(), windows.len());

    let evaluation = SetEvaluation {
        name: bench.work.sets[bench.set].name.clone(),
        curve: tables.model.summaries(std::slice::from_ref(&curve), None),
        curve_windows: curve.len(),
        whole: if whole { Some(whole_results(bench, &tables, &subsets)?) } else { None },
    };
    Ok((evaluation, pictures))
}

#[derive(Default)]
struct Tables {
    model: Table,
    mean: Table,
    persistence: Table,
}

fn subsets(bench: &Bench, total: usize) -> Vec<Vec<usize>> {
    match bench.report.sample {
        Sample::All => vec![(0..total).collect()],
        Sample::Subsets { count, size } => {
            let draw = |which: usize| draw::subset(bench.work.seed, which as u64, size, total);
            (0..count).map(draw).collect()
        }
    }
}

fn measure_chunk(
    bench: &mut Bench,
    chunk: &[usize],
    total: usize,
    whole: bool,
    tables: &mut Tables,
    pictures: Option<&mut Pictures>,
) -> Result<(), RunError> {
    let layout = bench.layout();
    let (n, frame) = (bench.programs.evaluation_batch(), layout.frame());
    let windows = read_windows(bench, chunk, n)?;
    let context = frames::cut(&windows, layout.window, frame, 0, layout.context);
    let (from, count) = if bench.work.reconstructs { (0, layout.context) } else { (layout.context, 1) };
    let truth = frames::cut(&windows, layout.window, frame, from, count);
    let prediction = bench.programs.predict(bench.set, bench.work.evaluation, &context, n, &mut *bench.store)?;
    let measured = measure(bench, MeasureKind::Report, &truth, &prediction, count)?;
    tables.model.add(chunk, &measured, n);
    if let Some(pictures) = pictures {
        let wanted = draw::spread(PICTURES, total);
        pictures.take(chunk, &wanted, &truth, &prediction, count);
    }
    if whole {
        let mean = frames::spatial_mean(&truth, layout);
        let measured = measure(bench, MeasureKind::Report, &truth, &mean, count)?;
        tables.mean.add(chunk, &measured, n);
        if !bench.work.reconstructs {
            let last = frames::persistence(&context, layout.context, frame, count);
            let measured = measure(bench, MeasureKind::Report, &truth, &last, count)?;
            tables.persistence.add(chunk, &measured, n);
        }
    }
    Ok(())
}

fn whole_results(bench: &mut Bench, tables: &Tables, subsets: &[Vec<usize>]) -> Result<Whole, RunError> {
    let baseline = |name: &str, table: &Table| Baseline { name: name.to_string(), metrics: table.summaries(subsets, None) };
    let mut baselines = vec![baseline("mean", &tables.mean)];
    if !bench.work.reconstructs {
        baselines.insert(0, baseline("persistence", &tables.persistence));
    }
    let different: BTreeSet<usize> = subsets.iter().flatten().copied().collect();
    Ok(Whole {
        windows: different.len(),
        subsets: subsets.len(),
        model: tables.model.summaries(subsets, None),
        baselines,
        unroll: if bench.work.reconstructs { None } else { unroll(bench)? },
    })
}

/// Metrics of `frames` frames of a full batch; entries whose prediction is not finite come back infinite.
pub(crate) fn measure(
    bench: &mut Bench,
    kind: MeasureKind,
    truth: &[f32],
    prediction: &[f32],
    count: usize,
) -> Result<Vec<Measured>, RunError> {
    let n = bench.programs.evaluation_batch();
    let mut measured = bench.programs.measure(kind, bench.set, truth, prediction, n, count)?;
    let bad = frames::not_finite(prediction, bench.layout());
    if bad.contains(&true) {
        for m in &mut measured {
            let each = m.values.len() / bad.len();
            for (values, _) in m.values.chunks_exact_mut(each.max(1)).zip(&bad).filter(|(_, b)| **b) {
                values.fill(f32::INFINITY);
            }
        }
    }
    Ok(measured)
}

/// The windows of a chunk; a short chunk is filled up with its last window.
fn read_windows(bench: &mut Bench, chunk: &[usize], n: usize) -> Result<Vec<f32>, RunError> {
    let size = bench.layout().window * bench.layout().frame();
    let mut windows = vec![0.0; n * size];
    for (place, index) in chunk.iter().enumerate() {
        bench.samples.validation_window(bench.set, *index, &mut windows[place * size..(place + 1) * size])?;
    }
    pad(&mut windows, chunk.len(), size);
    Ok(windows)
}

/// Repeats the last of `used` blocks to the end.
pub(crate) fn pad(blocks: &mut [f32], used: usize, size: usize) {
    for place in used..blocks.len() / size {
        blocks.copy_within((used - 1) * size..used * size, place * size);
    }
}
