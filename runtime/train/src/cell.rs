//! One cell of an experiment: its stages in order, each only if no cell has done it before, then the files that reports read.
//! Started again after a kill, it goes on where it was.

use crate::events::{EVENTS_FILE, lines, read_events};
use crate::place::{DirectoryLock, Places};
use crate::results::{self, CellMetrics, cell_metrics};
use crate::stage::{StageResult, Surroundings, run_stage};
use crate::work::{CellWork, cell_key};
use crate::{Faults, Progress, Provider, RunError, durable};
use std::path::{Path, PathBuf};

/// The names of a cell's stages, in order of execution.
pub(crate) const STAGES: &str = "stages.json";

/// A cell that is done.
#[derive(Clone, Debug)]
pub struct CellResult {
    /// `runs/EXPERIMENT/CELL/KEY8`.
    pub directory: PathBuf,
    pub metrics: CellMetrics,
}

/// Runs a cell under `runs`.
pub fn run_cell(
    work: &CellWork,
    runs: &Path,
    provider: &mut dyn Provider,
    faults: &Faults,
    progress: &mut dyn Progress,
) -> Result<CellResult, RunError> {
    let places = Places::new(runs, &work.experiment);
    let key = cell_key(&work.stages);
    let links: Vec<(&str, &str)> = work.stages.iter().map(|s| (s.name.as_str(), s.key.as_str())).collect();
    let directory = places.make_cell(&work.cell, &key, &links)?;
    let _lock = DirectoryLock::take(&directory)?;
    write_inputs(&directory, work)?;
    let mut done: Vec<StageResult> = vec![];
    for stage in &work.stages {
        let mut around = Surroundings { places: &places, cell: &work.cell, provider, faults, progress };
        done.push(run_stage(stage, &mut around)?);
        places.point_latest(&work.cell, &key)?;
        gather_events(&directory, &work.cell, &done)?;
        faults.point("between-stages")?;
    }
    for (stage, result) in work.stages.iter().zip(&done) {
        keep_pictures(&directory, &stage.name, result)?;
    }
    let metrics = cell_metrics(work, &key, &done);
    results::write(&directory, work, &metrics, &done, faults)?;
    Ok(CellResult { directory, metrics })
}

fn write_inputs(directory: &Path, work: &CellWork) -> Result<(), RunError> {
    let json = |value: &serde_json::Value| serde_json::to_vec_pretty(value).expect("JSON is plain data");
    let about = serde_json::to_value(&work.about).expect("what a run is about is plain data");
    let stages: Vec<&str> = work.stages.iter().map(|s| s.name.as_str()).collect();
    durable::write(&directory.join(STAGES), &json(&serde_json::json!(stages)))?;
    durable::write(&directory.join("experiment.pfm"), work.closed.as_bytes())?;
    durable::write(&directory.join("lock"), work.lock.as_bytes())?;
    durable::write(&directory.join("about.json"), &json(&about))?;
    durable::write(&directory.join("env.json"), &json(&work.environment))
}

/// The events of the stages so far, under this cell's name: a cell's directory can be copied without its stages.
fn gather_events(directory: &Path, cell: &str, done: &[StageResult]) -> Result<(), RunError> {
    let mut all = vec![];
    for stage in done {
        all.extend(read_events(&stage.directory.join(EVENTS_FILE))?);
    }
    all.iter_mut().for_each(|e| e.cell = cell.to_string());
    durable::write(&directory.join(EVENTS_FILE), &lines(&all))
}

fn keep_pictures(directory: &Path, stage: &str, result: &StageResult) -> Result<(), RunError> {
    let Some(from) = &result.pictures else { return Ok(()) };
    let bytes = durable::read(from)?.unwrap_or_default();
    durable::write(&directory.join("pictures").join(format!("{stage}.safetensors")), &bytes)
}
