//! `pfmc lock`: writes down what files mean. `check --locked` compares with it.

use crate::load;
use crate::output::{Exit, Output};
use pfm_diag::{Diagnostic, Sources};
use pfm_meaning::{Costs, Meaning, Read};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Files to lock: FILE.pfm is locked by FILE.lock beside it.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let mut written = Vec::new();
    for file in &args.files {
        let Ok(text) = load::read(file, out) else { return Exit::Usage };
        let read = match read(file, &text, None, &Costs::All) {
            Ok(read) => read,
            Err((sources, diagnostics)) => return out.refuse(&diagnostics, &sources),
        };
        let lock = lock_of(file);
        let old = std::fs::read_to_string(&lock).ok();
        let new = pfm_meaning::to_text(&read.meaning, &name(file));
        let changes = old.as_deref().and_then(pfm_meaning::from_text).map(|old| pfm_meaning::compare(&old, &read.meaning));
        if old.as_ref() != Some(&new)
            && let Err(e) = std::fs::write(&lock, &new)
        {
            return out.fail(Exit::Usage, format!("cannot write {}: {e}", lock.display()));
        }
        let how = match (&old, &changes) {
            (Some(old), _) if *old == new => "says this already",
            (None, _) => "written",
            (Some(_), _) => "written anew",
        };
        out.line(format!("{} {how}", lock.display()));
        for change in changes.iter().flatten() {
            out.line(format!("  {change}"));
        }
        written.push(serde_json::json!({ "file": file, "lock": lock, "how": how, "changes": changes }));
    }
    out.value(Exit::Done, serde_json::json!({ "locks": written }));
    Exit::Done
}

/// What a file's text means.
pub fn read(file: &Path, text: &str, profile: Option<&str>, costs: &Costs) -> Result<Read, (Sources, Vec<Diagnostic>)> {
    pfm_meaning::read(&name(file), text, profile, costs, &load::Disk)
}

fn name(file: &Path) -> String {
    file.display().to_string()
}

fn lock_of(file: &Path) -> PathBuf {
    file.with_extension("lock")
}

/// What is wrong between a file without errors and its lock; places are in the file itself.
pub fn check(file: &Path, text: &str) -> Option<Diagnostic> {
    let read_with = |costs: &Costs| read(file, text, None, costs);
    let now = match read_with(&Costs::None) {
        Ok(now) => now,
        // A profile that is not the default has a mistake.
        Err((_, diagnostics)) => return diagnostics.into_iter().find(Diagnostic::is_error),
    };
    let (name, lock) = (name(file), name(&lock_of(file)));
    let Ok(old) = std::fs::read_to_string(&lock) else { return Some(pfm_meaning::missing(&name, &lock, &now)) };
    let Some(old) = pfm_meaning::from_text(&old) else { return Some(pfm_meaning::unreadable(&name, &lock, &now)) };
    let now = match (pfm_meaning::compare(&old, &now.meaning).is_empty(), old.compiler == now.meaning.compiler) {
        (true, true) => return None,
        // Only programs that are not those of the lock are planned, unless another compiler plans.
        (false, true) => read_with(&Costs::Except(&programs(&old))).ok()?,
        (_, false) => read_with(&Costs::All).ok()?,
    };
    let changes = pfm_meaning::compare(&old, &now.meaning);
    (!changes.is_empty()).then(|| pfm_meaning::differs(&name, &lock, &now, &changes))
}

/// Programs of all stages.
pub fn programs(meaning: &Meaning) -> Vec<String> {
    let profiles = meaning.experiments.values().flat_map(|e| e.profiles.values());
    profiles.flat_map(|p| p.stages.values()).map(|s| s.program.clone()).collect()
}
