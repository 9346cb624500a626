//! The report of a run, or of several cells side by side: one HTML page that needs nothing else, and the same numbers as JSON
//! and YAML. Everything is read from the run directories, so a report can be made again anywhere and at any time.

mod chart;
mod charts;
mod contact;
mod html;
mod page;
mod picture;
mod pictures;
mod run;
mod spectrum;
mod tables;

pub use contact::{Sheet, Strip, contact_sheet};
use pfm_train::{CellMetrics, Judged, durable, judge};
use run::Run;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A file of a run that can't be read, or a file of the report that can't be written.
#[derive(Clone, Debug)]
pub struct ReportError {
    pub path: PathBuf,
    pub cause: String,
}

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no report: `{}`: {}", self.path.display(), self.cause)
    }
}

impl std::error::Error for ReportError {}

/// Writes report.html, report.yaml and report.json into `folder`, each at once and whole, and returns what is in
/// report.json. `runs` are the directories of finished cells.
///
/// # Errors
/// There is no run, a run lacks a file of a finished cell, or the folder can't be written.
pub fn write(runs: &[PathBuf], folder: &Path) -> Result<Value, ReportError> {
    if runs.is_empty() {
        return Err(ReportError { path: folder.to_path_buf(), cause: "it is to show no run".into() });
    }
    let runs = run::read_all(runs)?;
    let claims = claims(&runs);
    let value = numbers(&runs, &claims);
    let json = serde_json::to_string_pretty(&value).expect("JSON is plain data");
    for (name, text) in [("report.html", page::page(&runs, &claims)), ("report.yaml", yaml(&value)), ("report.json", json)] {
        let path = folder.join(name);
        durable::write(&path, text.as_bytes()).map_err(|e| ReportError { path, cause: e.to_string() })?;
    }
    Ok(value)
}

/// A value as YAML.
pub fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).expect("JSON is plain data")
}

/// The claims of each experiment among the runs, judged over its cells.
fn claims(runs: &[Run]) -> Vec<Judged> {
    let mut all = vec![];
    for (at, run) in runs.iter().enumerate() {
        let same = |other: &&Run| other.metrics.experiment == run.metrics.experiment;
        if !runs[..at].iter().any(|earlier| same(&earlier)) {
            let cells: Vec<&CellMetrics> = runs.iter().filter(same).map(|r| &r.metrics).collect();
            all.extend(judge(&run.about.claims, &cells));
        }
    }
    all
}

/// All numbers of the report.
fn numbers(runs: &[Run], claims: &[Judged]) -> Value {
    let cell = |run: &Run| {
        let mut cell = serde_json::to_value(&run.metrics).expect("metrics are plain data");
        let facts: serde_json::Map<String, Value> = run.about.facts.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        cell["name"] = json!(run.name);
        cell["seed"] = json!(run.about.seed);
        cell["grid"] = json!(run.about.grid);
        cell["facts"] = Value::Object(facts);
        cell["environment"] = run.environment.clone();
        cell["timing"] = serde_json::to_value(&run.timing).expect("timing is plain data");
        cell
    };
    json!({
        "title": page::title(runs),
        "doc": runs[0].about.doc,
        "claims": claims,
        "cells": runs.iter().map(cell).collect::<Vec<_>>(),
    })
}
