//! What other tools ask of runs on disk without training: how far a stage is, and its weights as one safetensors file. Only
//! reads, so that a process that is training is not disturbed.

use crate::cell::STAGES;
use crate::place::Places;
use crate::{Checkpoints, RunError, durable};
use pfm_diag::Diagnostic;
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

/// How far a stage is under `runs`: `done`, `goes on after step N`, or `new`.
pub fn stage_status(runs: &Path, experiment: &str, key: &str, steps: u64) -> String {
    let checkpoints = Checkpoints::at(Places::new(runs, experiment).stage(key).join("checkpoints"));
    // A checkpoint that can't be read is none; running says why.
    let found = checkpoints.steps().unwrap_or_default().into_iter().rev();
    let whole = |step: &u64| *step <= steps && checkpoints.peek(*step, key).is_ok_and(|p| p.is_some());
    match found.into_iter().find(whole) {
        Some(step) if step == steps => "done".to_string(),
        Some(step) => format!("goes on after step {step}"),
        None => "new".to_string(),
    }
}

/// What `export` wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub stage: String,
    /// Steps done when the checkpoint was made.
    pub step: u64,
    pub tensors: usize,
}

/// Writes the parameters of a stage, under their paths, to the safetensors file `to`: of its newest whole checkpoint. `run` is
/// a cell's directory; without a stage it is the last one that has a checkpoint.
///
/// # Errors
/// R0112 when `run` is no cell's directory or has no such stage or checkpoint, R0104 when a file can't be read or written.
pub fn export(run: &Path, stage: Option<&str>, to: &Path) -> Result<Exported, RunError> {
    let names = stages(run)?;
    if let Some(wanted) = stage.filter(|s| !names.iter().any(|n| n == s)) {
        let message = format!("the run `{}` has no stage `{wanted}`", run.display());
        return Err(Diagnostic::new("R0112", message).help(format!("its stages are {}", names.join(", "))).into());
    }
    for name in names.into_iter().rev().filter(|n| stage.is_none_or(|s| s == n)) {
        let checkpoints = Checkpoints::at(run.join("checkpoints").join(&name));
        let Some((step, bytes)) = checkpoints.newest_parameters()? else { continue };
        let read = SafeTensors::deserialize(&bytes);
        let tensors = read.expect("a checkpoint with its hashes is what was written").len();
        write(to, &bytes)?;
        return Ok(Exported { stage: name, step, tensors });
    }
    let of = stage.map(|s| format!("stage `{s}` of ")).unwrap_or_default();
    Err(Diagnostic::new("R0112", format!("{of}the run `{}` has no whole checkpoint", run.display())).into())
}

fn write(to: &Path, bytes: &[u8]) -> Result<(), RunError> {
    if to.file_name().is_none() || to.is_dir() {
        return Err(RunError::file("write", to, &std::io::ErrorKind::IsADirectory.into()));
    }
    durable::write(to, bytes)
}

/// The names of a cell's stages, in order of execution.
fn stages(run: &Path) -> Result<Vec<String>, RunError> {
    let path: PathBuf = run.join(STAGES);
    let names: Option<Vec<String>> = durable::read(&path)?.and_then(|b| serde_json::from_slice(&b).ok());
    names.ok_or_else(|| {
        let message = format!("`{}` is not the directory of a run", run.display());
        Diagnostic::new("R0112", message).help("give a cell's directory, such as `runs/EXPERIMENT/latest`").into()
    })
}
