//! The report's charts: one line per cell, in the cell's colour wherever it appears, and dashed lines for baselines.

use crate::chart::{Chart, Line, draw};
use crate::run::Run;
use crate::spectrum::spectrum;
use pfm_train::{StageMetrics, Summary, Whole};

/// Points of a line at most; longer curves are averaged over stretches.
const POINTS: usize = 400;
const BASELINE: usize = 6;

/// Names of the stages of all runs, in the order of their first appearance.
fn stages(runs: &[Run]) -> Vec<&str> {
    let mut names: Vec<&str> = vec![];
    for stage in runs.iter().flat_map(|r| &r.metrics.stages) {
        if !names.contains(&stage.name.as_str()) {
            names.push(&stage.name);
        }
    }
    names
}

/// Training loss over steps, a chart per stage.
pub(crate) fn losses(runs: &[Run]) -> Vec<String> {
    let of = |stage: &str| {
        let line = |(colour, run): (usize, &Run)| {
            let events = run.events.iter().filter(|e| e.stage == stage && e.name == "loss");
            let points = events.filter_map(|e| Some((e.step as f64, e.value?))).collect();
            Line { name: run.name.clone(), points: thin(points), dashed: false, colour: Some(colour) }
        };
        let title = format!("loss, {stage}");
        chart(&title, "step", "training loss", true, runs.iter().enumerate().map(line).collect())
    };
    stages(runs).into_iter().filter_map(of).collect()
}

/// Validation metrics over steps, a chart per stage and metric, beside the baselines of the stage's last report.
pub(crate) fn curves(runs: &[Run]) -> Vec<String> {
    let mut all = vec![];
    for stage in stages(runs) {
        for metric in names(runs, stage) {
            let mut lines: Vec<Line> = vec![];
            for (colour, run) in runs.iter().enumerate() {
                let Some(found) = run.stage(stage) else { continue };
                let value = |e: &pfm_train::Evaluation| Some((e.step as f64, find(&e.curve, &metric)?));
                let points = found.evaluations.iter().filter_map(value).collect();
                lines.push(Line { name: run.name.clone(), points, dashed: false, colour: Some(colour) });
            }
            lines.extend(baselines(runs, stage, &metric));
            all.extend(chart(&format!("{metric}, {stage}"), "step", &metric, false, lines));
        }
    }
    all
}

/// Metrics that the stage's learning curves have.
fn names(runs: &[Run], stage: &str) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    let evaluations = runs.iter().filter_map(|r| r.stage(stage)).flat_map(|s| &s.evaluations);
    for summary in evaluations.flat_map(|e| &e.curve) {
        if !names.contains(&summary.name) {
            names.push(summary.name.clone());
        }
    }
    names
}

/// Level lines of the first run that has baselines, over the steps of its curve.
fn baselines(runs: &[Run], stage: &str, metric: &str) -> Vec<Line> {
    let found = runs.iter().filter_map(|r| r.stage(stage)).find_map(|s| Some((s, whole(s)?)));
    let Some((stage, whole)) = found else { return vec![] };
    let (first, last) = (stage.evaluations[0].step as f64, stage.evaluations[stage.evaluations.len() - 1].step as f64);
    let line = |(place, b): (usize, &pfm_train::Baseline)| {
        let value = find(&b.metrics, metric)?;
        let points = vec![(first, value), (last, value)];
        Some(Line { name: b.name.clone(), points, dashed: true, colour: Some(BASELINE - place) })
    };
    whole.baselines.iter().enumerate().filter_map(line).collect()
}

/// Results over an axis of the grid, as the reports of the file ask for them: a line for each combination of the other labels.
pub(crate) fn comparisons(runs: &[Run]) -> Vec<String> {
    let of = |plot: &pfm_train::Plot| {
        let (mut lines, mut keys): (Vec<Line>, Vec<String>) = (vec![], vec![]);
        for run in runs {
            let label = |axis: &str| run.metrics.labels.iter().find(|(a, _)| a == axis).map(|(_, label)| label.as_str());
            let x = label(&plot.x).and_then(|l| l.parse::<f64>().ok());
            let (Some(x), Some(y)) = (x, run.metrics.results.get(&plot.y).copied().flatten()) else { continue };
            let others = run.metrics.labels.iter().filter(|(axis, _)| *axis != plot.x).map(|(_, label)| label.as_str());
            let name = others.collect::<Vec<_>>().join(", ");
            if let Some(line) = lines.iter_mut().find(|l| l.name == name) {
                line.points.push((x, y));
                continue;
            }
            let key = plot.colour.as_deref().and_then(label).unwrap_or(&name).to_string();
            let place = keys.iter().position(|k| *k == key).unwrap_or_else(|| {
                keys.push(key);
                keys.len() - 1
            });
            lines.push(Line { name, points: vec![(x, y)], dashed: false, colour: Some(place) });
        }
        lines.iter_mut().for_each(|l| l.points.sort_by(|a, b| a.0.total_cmp(&b.0)));
        chart(&format!("{} over {}", plot.y, plot.x), &plot.x, &plot.y, false, lines)
    };
    runs.first().map_or(&[][..], |r| &r.about.plots).iter().filter_map(of).collect()
}

/// Metrics of forecasts over the horizon, beside persistence.
pub(crate) fn forecasts(runs: &[Run]) -> Vec<String> {
    let mut all = vec![];
    for stage in stages(runs) {
        let (mut lines, mut still, mut metric) = (vec![], None, String::new());
        for (colour, run) in runs.iter().enumerate() {
            let unrolled = run.stage(stage).and_then(whole).and_then(|w| w.unroll.as_ref());
            let Some((unrolled, model)) = unrolled.and_then(|u| Some((u, u.model.first()?))) else { continue };
            metric.clone_from(&model.name);
            lines.push(Line { name: run.name.clone(), points: horizons(model), dashed: false, colour: Some(colour) });
            let line = |s: &Summary| Line { name: "persistence".into(), points: horizons(s), dashed: true, colour: Some(BASELINE) };
            still = still.or_else(|| unrolled.persistence.first().map(line));
        }
        lines.extend(still);
        all.extend(chart(&format!("unrolled {metric}, {stage}"), "frames ahead", &metric, false, lines));
    }
    all
}

fn horizons(summary: &Summary) -> Vec<(f64, f64)> {
    let values = summary.by_frame.iter().enumerate();
    values.filter_map(|(ahead, v)| Some(((ahead + 1) as f64, (*v)?))).collect()
}

/// Power by wavenumber of each field in the kept predictions, beside the truth; means over the kept windows.
pub(crate) fn spectra(runs: &[Run]) -> Vec<String> {
    let mut all = vec![];
    for stage in stages(runs) {
        let named = runs.iter().find_map(|r| r.stage(stage).filter(|_| r.fields_of(stage).is_some()));
        for field in named.map_or(&[][..], |s| &s.fields) {
            let mut lines: Vec<Line> = vec![];
            for (colour, run) in runs.iter().enumerate() {
                let Some((truth, prediction)) = powers(run, stage, field) else { continue };
                if lines.is_empty() {
                    lines.push(Line { name: "true".into(), points: truth, dashed: true, colour: Some(BASELINE) });
                }
                lines.push(Line { name: run.name.clone(), points: prediction, dashed: false, colour: Some(colour) });
            }
            let title = format!("{field}, {stage}");
            all.extend(draw(&Chart {
                title: &title,
                across: "wavenumber (cycles per box)",
                up: "power",
                logarithmic: true,
                logarithmic_across: true,
                lines,
            }));
        }
    }
    all
}

type Points = Vec<(f64, f64)>;

fn powers(run: &Run, stage: &str, field: &str) -> Option<(Points, Points)> {
    let at = run.stage(stage)?.fields.iter().position(|f| f == field)?;
    let fields = run.fields_of(stage)?;
    let [windows, height, width, _] = fields.shape;
    let mean = |frames: &[Vec<f32>]| {
        let each: Vec<Vec<f64>> = frames.iter().map(|f| spectrum(f, height, width)).collect();
        let wavenumbers = each.first().map_or(0, Vec::len);
        let point = |k: usize| ((k + 1) as f64, each.iter().map(|p| p[k]).sum::<f64>() / windows as f64);
        (0..wavenumbers).map(point).collect::<Points>()
    };
    let (truth, prediction): (Vec<_>, Vec<_>) = (0..windows).map(|w| fields.pair(w, at)).unzip();
    Some((mean(&truth), mean(&prediction)))
}

/// Wall time of a step, mean over each stretch between points of the learning curve.
pub(crate) fn paces(runs: &[Run]) -> Vec<String> {
    let of = |stage: &str| {
        let line = |(colour, run): (usize, &Run)| {
            let timing = run.timing.iter().find(|t| t.name == stage);
            let intervals = timing.map_or(&[][..], |t| &t.timing.intervals);
            let points = intervals.iter().map(|i| (i.to as f64, i.seconds / (i.to - i.from).max(1) as f64)).collect();
            Line { name: run.name.clone(), points, dashed: false, colour: Some(colour) }
        };
        chart(&format!("wall time, {stage}"), "step", "seconds per step", false, runs.iter().enumerate().map(line).collect())
    };
    stages(runs).into_iter().filter_map(of).collect()
}

fn chart(title: &str, across: &str, up: &str, logarithmic: bool, lines: Vec<Line>) -> Option<String> {
    draw(&Chart { title, across, up, logarithmic, logarithmic_across: false, lines })
}

fn find(summaries: &[Summary], name: &str) -> Option<f64> {
    summaries.iter().find(|s| s.name == name)?.value
}

/// The whole-sample evaluation of the stage's end.
pub(crate) fn whole(stage: &StageMetrics) -> Option<&Whole> {
    stage.evaluations.last()?.whole.as_ref()
}

/// At most `POINTS` points, each the mean of a stretch.
fn thin(points: Points) -> Points {
    let size = points.len().div_ceil(POINTS).max(1);
    let mean = |c: &[(f64, f64)]| {
        let n = c.len() as f64;
        (c.iter().map(|p| p.0).sum::<f64>() / n, c.iter().map(|p| p.1).sum::<f64>() / n)
    };
    points.chunks(size).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::thin;

    #[test]
    fn long_curves_are_averaged() {
        let long: Vec<(f64, f64)> = (0..1200).map(|i| (f64::from(i), f64::from(i % 2))).collect();
        let short = thin(long);
        assert_eq!(short.len(), 400);
        assert_eq!(short[1].0, 4.0);
        assert_eq!(thin(vec![(1.0, 2.0)]), [(1.0, 2.0)]);
        assert!(thin(vec![]).is_empty());
    }
}
