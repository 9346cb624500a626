//! `pfmc report`: the report of one cell or of several side by side, from what their runs left on disk.

use crate::output::{Exit, Output};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Run directories, such as `runs/indomain/latest`.
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Folder for report.html, report.json and report.yaml; by default the first run's.
    #[arg(long)]
    into: Option<PathBuf>,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let folder = args.into.unwrap_or_else(|| args.runs[0].clone());
    match pfm_report::write(&args.runs, &folder) {
        Ok(report) => {
            out.line(format!("{}", folder.join("report.html").display()));
            out.value(Exit::Done, serde_json::json!({ "folder": folder, "report": report }));
            Exit::Done
        }
        Err(e) => out.fail(Exit::Usage, e.to_string()),
    }
}
