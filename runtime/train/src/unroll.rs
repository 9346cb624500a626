//! Forecasts over many frames: the model's own prediction becomes its next input, in physical units, so that every step is
//! normalised by what the model sees then. Measured per horizon and averaged over the report's ranges.

use crate::evaluate::{Bench, measure, pad};
use crate::summary::{Summary, Table};
use crate::{MeasureKind, RunError, draw, frames};
use serde::{Deserialize, Serialize};

/// Keeps the draw of starting places apart from the draws of subsets.
const STARTS: u64 = u64::MAX;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unrolled {
    /// Places in the validation split that forecasts started from.
    pub starts: usize,
    /// In the report's order; ranges beyond the data's last frame are in `too_long`.
    pub ranges: Vec<Range>,
    pub too_long: Vec<(usize, usize)>,
    /// Over the whole horizon, `by_frame` being per horizon.
    pub model: Vec<Summary>,
    pub persistence: Vec<Summary>,
}

/// Means over the horizons `from..=to`, counted from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    pub from: usize,
    pub to: usize,
    pub model: Vec<Summary>,
    pub persistence: Vec<Summary>,
}

/// None if the report asks for none, or no trajectory is long enough for any range.
pub(crate) fn unroll(bench: &mut Bench) -> Result<Option<Unrolled>, RunError> {
    let report = bench.report;
    let Some(rule) = &report.unroll else { return Ok(None) };
    let longest = bench.samples.longest_horizon(bench.set);
    let (ranges, too_long): (Vec<_>, Vec<_>) = rule.horizons.iter().partition(|(_, to)| *to <= longest);
    let Some(horizon) = ranges.iter().map(|(_, to)| *to).max() else { return Ok(None) };
    let starts = draw::subset(bench.work.seed, STARTS, rule.sample, bench.samples.starts(bench.set, horizon));
    if starts.is_empty() {
        return Ok(None);
    }
    let (mut model, mut persistence) = (Table::default(), Table::default());
    let batch = bench.programs.evaluation_batch();
    for (done, chunk) in starts.chunks(batch).enumerate() {
        bench.faults.point("evaluation")?;
        bench.progress.evaluating(done * batch, starts.len());
        forecast(bench, chunk, horizon, &mut model, &mut persistence)?;
    }
    bench.progress.evaluating(starts.len(), starts.len());
    let all = std::slice::from_ref(&starts);
    let range = |&(from, to): &(usize, usize)| Range {
        from,
        to,
        model: model.summaries(all, Some((from - 1, to))),
        persistence: persistence.summaries(all, Some((from - 1, to))),
    };
    Ok(Some(Unrolled {
        starts: starts.len(),
        ranges: ranges.iter().map(range).collect(),
        too_long,
        model: model.summaries(all, None),
        persistence: persistence.summaries(all, None),
    }))
}

fn forecast(bench: &mut Bench, chunk: &[usize], horizon: usize, model: &mut Table, persistence: &mut Table) -> Result<(), RunError> {
    let layout = bench.layout();
    let (n, frame, context) = (bench.programs.evaluation_batch(), layout.frame(), layout.context);
    let length = context + horizon;
    let mut truth = vec![0.0; n * length * frame];
    for (place, start) in chunk.iter().enumerate() {
        let size = length * frame;
        bench.samples.trajectory(bench.set, *start, horizon, &mut truth[place * size..(place + 1) * size])?;
    }
    pad(&mut truth, chunk.len(), length * frame);
    let mut contexts = frames::cut(&truth, length, frame, 0, context);
    let last = frames::persistence(&contexts, context, frame, 1);
    for ahead in 0..horizon {
        let target = frames::cut(&truth, length, frame, context + ahead, 1);
        let prediction = bench.programs.predict(bench.set, bench.work.evaluation, &contexts, n, &mut *bench.store)?;
        let measured = measure(bench, MeasureKind::Unroll, &target, &prediction, 1)?;
        model.add_frame(chunk, &measured, n);
        let measured = measure(bench, MeasureKind::Unroll, &target, &last, 1)?;
        persistence.add_frame(chunk, &measured, n);
        frames::slide(&mut contexts, &prediction, frame, context);
    }
    Ok(())
}
