//! Reads a `.pfm` file from disk and resolves it: the first step of almost every verb.

use crate::output::{Exit, Output};
use pfm_compiler::{Checked, Request};
use pfm_hir::Experiment;
use std::path::{Path, PathBuf};

/// Which file, and how to close it.
#[derive(clap::Args, Clone)]
pub struct Source {
    /// The experiment's file.
    pub file: PathBuf,
    #[command(flatten)]
    pub choice: Choice,
}

/// How to close a file.
#[derive(clap::Args, Clone)]
pub struct Choice {
    /// Profile to run under: `paper` is the file as written. By default the one that the file calls default.
    #[arg(long)]
    pub profile: Option<String>,
    /// Override a setting, such as `rollout.optimiser.lr=1e-4`. Checked like the file, and recorded.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Which experiment, if the file has several.
    #[arg(long)]
    pub experiment: Option<String>,
}

/// A file that resolved without errors.
pub struct Loaded {
    pub checked: Checked,
}

impl Loaded {
    pub fn experiment(&self) -> &Experiment {
        self.checked.experiment.as_ref().expect("a loaded file has an experiment")
    }
}

/// The file's text, or the exit after saying why not.
pub fn read(path: &Path, out: &Output) -> Result<String, Exit> {
    std::fs::read_to_string(path).map_err(|e| out.fail(Exit::Usage, format!("cannot read {}: {e}", path.display())))
}

/// Parses and resolves; says nothing yet.
pub fn check(source: &Source, text: &str) -> Checked {
    pfm_compiler::check(&source.file.display().to_string(), text, &request(source), &Disk)
}

/// As `check`, for every experiment of the file.
pub fn check_all(source: &Source, text: &str) -> Checked {
    pfm_compiler::check_all(&source.file.display().to_string(), text, &request(source), &Disk)
}

fn request(source: &Source) -> Request {
    Request { experiment: source.choice.experiment.clone(), profile: source.choice.profile.clone(), sets: source.choice.sets.clone() }
}

/// The files of this machine.
pub struct Disk;

impl pfm_compiler::World for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|e| e.to_string())
    }
}

/// Reads, resolves and prints diagnostics; an exit if there are errors.
pub fn load(source: &Source, out: &Output) -> Result<Loaded, Exit> {
    let text = read(&source.file, out)?;
    let checked = check(source, &text);
    if pfm_diag::has_errors(&checked.diagnostics) || checked.experiment.is_none() {
        return Err(out.refuse(&checked.diagnostics, &checked.sources));
    }
    out.diagnostics(&checked.diagnostics, &checked.sources);
    Ok(Loaded { checked })
}
