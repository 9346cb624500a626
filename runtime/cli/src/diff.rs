//! `pfmc diff`: what two files, locks or runs mean differently. Layout, comments, order and names have no part in it.

use crate::load;
use crate::lock::{programs, read};
use crate::output::{Exit, Output};
use pfm_meaning::{Costs, Meaning};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// A file, a lock, or the directory of a run.
    before: PathBuf,
    /// What it is compared with.
    after: PathBuf,
    /// Compare under one profile; by default under all that both have.
    #[arg(long)]
    profile: Option<String>,
}

/// One side: a lock as it is, or a text to read.
enum Side {
    Locked(Meaning),
    Text(PathBuf, String),
}

pub fn run(args: Args, out: &Output) -> Exit {
    let (before, after) = match (open(&args.before, out), open(&args.after, out)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(exit), _) | (_, Err(exit)) => return exit,
    };
    let profile = args.profile.as_deref();
    let meaning = |side: &Side, costs: &Costs| meaning(side, profile, costs, out);
    let quick = (meaning(&before, &Costs::None), meaning(&after, &Costs::None));
    let (a, b) = match quick {
        (Ok(a), Ok(b)) => (a, b),
        (Err(exit), _) | (_, Err(exit)) => return exit,
    };
    let mut changes = pfm_meaning::compare(&a, &b);
    // Costs are planned only for programs that differ.
    if !changes.is_empty()
        && let (Ok(a), Ok(b)) = (meaning(&before, &Costs::Except(&programs(&b))), meaning(&after, &Costs::Except(&programs(&a))))
    {
        changes = pfm_meaning::compare(&a, &b);
    }
    if changes.is_empty() {
        out.line("same meaning");
    }
    changes.iter().for_each(|c| out.line(c.to_string()));
    let exit = if changes.is_empty() { Exit::Done } else { Exit::Errors };
    out.value(exit, serde_json::json!({ "same": changes.is_empty(), "changes": changes }));
    exit
}

fn open(path: &Path, out: &Output) -> Result<Side, Exit> {
    let file = if path.is_dir() { path.join("experiment.pfm") } else { path.to_path_buf() };
    let text = load::read(&file, out)?;
    if file.extension().is_none_or(|e| e != "lock") {
        return Ok(Side::Text(file, text));
    }
    let lock = pfm_meaning::from_text(&text);
    lock.map(Side::Locked).ok_or_else(|| out.fail(Exit::Usage, format!("{} is no lock that this compiler reads", file.display())))
}

fn meaning(side: &Side, profile: Option<&str>, costs: &Costs, out: &Output) -> Result<Meaning, Exit> {
    let mut meaning = match side {
        Side::Text(file, text) => {
            return read(file, text, profile, costs).map(|r| r.meaning).map_err(|(sources, found)| out.refuse(&found, &sources));
        }
        Side::Locked(meaning) => meaning.clone(),
    };
    for (name, experiment) in &mut meaning.experiments {
        let Some(profile) = profile else { continue };
        if !experiment.profiles.contains_key(profile) {
            return Err(out.fail(Exit::Usage, format!("the lock of `{name}` has no profile `{profile}`")));
        }
        experiment.profiles.retain(|name, _| name == profile);
    }
    Ok(meaning)
}
