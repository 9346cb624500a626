//! `pfmc data verify`: every value of data sets read, and what is wrong with them.

use super::{data_sets, refuse};
use crate::output::{Exit, Output};
use crate::programs::{bar, default_threads};
use pfm_data::Severity;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Folders of data sets, folders of such folders, or single files.
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// Threads to use; the results do not depend on it.
    #[arg(long)]
    threads: Option<usize>,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let threads = args.threads.unwrap_or_else(default_threads).max(1);
    let mut all = Vec::new();
    let mut exit = Exit::Done;
    for folder in &data_sets(&args.folders) {
        let bar = bar(out);
        bar.set_message(format!("reading {}", folder.display()));
        let found = pfm_data::verify(folder, threads, &mut |done, total| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        });
        bar.finish_and_clear();
        let found = match found {
            Ok(found) => found,
            Err(e) => return refuse(&e, out),
        };
        for finding in &found.findings {
            let word = if finding.severity == Severity::Error { "error" } else { "warning" };
            out.line(format!("{word}: {}: {}", finding.path.display(), finding.cause));
        }
        let verdict = match (found.failed(), found.findings.is_empty()) {
            (true, _) => "not fit for training",
            (_, false) => "see the warnings",
            _ => "sound",
        };
        out.line(format!(
            "{}: {} files, {} trajectories, {} frames: {verdict}",
            folder.display(),
            found.files,
            found.trajectories,
            found.frames
        ));
        if found.failed() {
            exit = Exit::Errors;
        }
        all.push(serde_json::json!({ "folder": folder, "verification": found }));
    }
    out.value(exit, serde_json::json!({ "data": all }));
    exit
}
