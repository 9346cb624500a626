//! The report's tables: metrics of each cell beside the baselines, metrics by field, stages and their wall times, claims.

use crate::charts::whole;
use crate::html::table;
use crate::run::Run;
use pfm_train::{Judged, number, short};
use std::collections::BTreeMap;

type Values = BTreeMap<String, Option<f64>>;

/// Metrics across, cells and baselines down. Baselines that are the same for all cells have one row.
pub(crate) fn metrics(runs: &[Run]) -> String {
    let columns = columns(runs);
    if columns.is_empty() {
        return String::new();
    }
    let mut rows: Vec<Vec<String>> = runs.iter().map(|r| row(&r.name, &r.metrics.results, &columns, &deviations(r))).collect();
    for (name, first) in runs.iter().flat_map(|r| &r.metrics.baselines) {
        let of = |r: &Run| r.metrics.baselines.get(name).cloned();
        if runs.iter().all(|r| of(r).as_ref() == Some(first)) {
            let row = row(name, first, &columns, &BTreeMap::new());
            if !rows.contains(&row) {
                rows.push(row);
            }
        } else {
            for (run, values) in runs.iter().filter_map(|r| Some((r, of(r)?))) {
                let row = row(&format!("{name} ({})", run.name), &values, &columns, &BTreeMap::new());
                if !rows.contains(&row) {
                    rows.push(row);
                }
            }
        }
    }
    let mut head = vec![String::new()];
    head.extend(columns);
    table(&head, &rows)
}

/// Every metric of any cell: those of the model's own reports first, forecasts by their horizon.
fn columns(runs: &[Run]) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    let reported = runs.iter().flat_map(|r| r.metrics.stages.iter().filter_map(whole)).flat_map(|w| &w.model).map(|s| s.name.clone());
    let of_sets = runs.iter().flat_map(|r| r.metrics.stages.iter().rev().find_map(|s| s.evaluations.last())).flat_map(|e| &e.sets);
    let of_sets = of_sets.filter_map(|set| Some((set, set.whole.as_ref()?)));
    let of_sets = of_sets.flat_map(|(set, whole)| whole.model.iter().map(|s| format!("{}.{}", set.name, s.name)));
    let ranges = runs.iter().flat_map(|r| r.metrics.results.keys().filter(|n| n.starts_with("unroll.")).cloned());
    let mut ranges: Vec<String> = ranges.collect();
    ranges.sort_by_key(|n| n.rsplit('.').next().and_then(|h| h.split('-').next()?.parse::<u64>().ok()));
    for name in reported.chain(of_sets).chain(ranges) {
        if !names.contains(&name) && runs.iter().any(|r| r.metrics.results.contains_key(&name)) {
            names.push(name);
        }
    }
    names
}

/// Standard deviations over subsets of the last report.
fn deviations(run: &Run) -> Values {
    let last = run.metrics.stages.iter().rev().find_map(whole);
    last.map(|w| w.model.iter().map(|s| (s.name.clone(), s.deviation)).collect()).unwrap_or_default()
}

fn row(name: &str, values: &Values, columns: &[String], deviations: &Values) -> Vec<String> {
    let value = |column: &String| match (values.get(column), deviations.get(column)) {
        (Some(Some(v)), Some(Some(d))) => format!("{} \u{b1} {}", number(*v), number(*d)),
        (Some(Some(v)), _) => number(*v),
        (Some(None), _) => "diverged or undefined".to_string(),
        (None, _) => "\u{2013}".to_string(),
    };
    std::iter::once(name.to_string()).chain(columns.iter().map(value)).collect()
}

/// The last report's metrics by field, for each cell.
pub(crate) fn by_field(runs: &[Run]) -> String {
    let mut text = String::new();
    for run in runs {
        let Some((stage, whole)) = run.metrics.stages.iter().rev().find_map(|s| Some((s, whole(s)?))) else { continue };
        let sets = stage.evaluations.last().map_or(&[][..], |e| &e.sets);
        if sets.is_empty() {
            text.push_str(&fields_table(&run.name, &stage.fields, whole));
        }
        // The first data set's fields are the stage's own.
        let fields = std::iter::once(&stage.fields).chain(stage.sets.iter().map(|(_, fields)| fields));
        for (set, fields) in sets.iter().zip(fields) {
            let Some(whole) = &set.whole else { continue };
            text.push_str(&fields_table(&format!("{} on {}", run.name, set.name), fields, whole));
        }
    }
    text
}

fn fields_table(name: &str, fields: &[String], whole: &pfm_train::Whole) -> String {
    let mut head = vec![name.to_string()];
    head.extend(fields.iter().cloned());
    let value = |v: &Option<f64>| v.map_or("diverged or undefined".to_string(), number);
    let row = |s: &pfm_train::Summary| -> Vec<String> { std::iter::once(s.name.clone()).chain(s.by_field.iter().map(value)).collect() };
    table(&head, &whole.model.iter().map(row).collect::<Vec<_>>())
}

/// Stages with their identity, the hash of their weights and their wall times.
pub(crate) fn stages(runs: &[Run]) -> String {
    let head = ["stage", "cell", "key", "weights", "steps", "skipped", "batch", "training (s)", "steps per second", "evaluation (s)"];
    let mut rows = vec![];
    for run in runs {
        for stage in &run.metrics.stages {
            let timing = run.timing.iter().find(|t| t.name == stage.name).map(|t| &t.timing);
            let seconds = |s: Option<f64>| s.map_or("\u{2013}".into(), number);
            let training = timing.map(|t| t.training).filter(|s| *s > 0.0);
            rows.push(vec![
                stage.name.clone(),
                run.name.clone(),
                short(&stage.key).to_string(),
                short(&stage.weights).to_string(),
                stage.steps.to_string(),
                stage.skipped_steps.to_string(),
                stage.samples_per_step.to_string(),
                seconds(training),
                seconds(training.map(|s| stage.steps as f64 / s)),
                seconds(timing.map(|t| t.evaluation)),
            ]);
        }
    }
    table(&head.map(String::from), &rows)
}

/// Wall time of each stretch between points of the learning curve.
pub(crate) fn intervals(runs: &[Run]) -> String {
    let mut rows = vec![];
    for run in runs {
        for timing in &run.timing {
            let row =
                |i: &pfm_train::Interval| vec![run.name.clone(), timing.name.clone(), format!("{} to {}", i.from, i.to), number(i.seconds)];
            rows.extend(timing.timing.intervals.iter().map(row));
        }
    }
    match rows.is_empty() {
        true => String::new(),
        false => table(&["cell", "stage", "steps", "seconds"].map(String::from), &rows),
    }
}

/// Claims with their verdicts.
pub(crate) fn claims(claims: &[Judged]) -> String {
    if claims.is_empty() {
        return String::new();
    }
    let row = |c: &Judged| vec![c.text.clone(), c.mark().to_string(), c.found.clone().unwrap_or_default()];
    table(&["claim", "verdict", "found"].map(String::from), &claims.iter().map(row).collect::<Vec<_>>())
}
