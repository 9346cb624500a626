//! `pfmc data convert`: a data set as contiguous files of The Well's layout.

use super::refuse;
use crate::output::{Exit, Output};
use crate::programs::{bar, default_threads};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// The data set's folder, or a file.
    from: PathBuf,
    /// The folder to write; files that are there are kept.
    to: PathBuf,
    /// Threads to use; the results do not depend on it.
    #[arg(long)]
    threads: Option<usize>,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let bar = bar(out);
    bar.set_message(format!("writing {}", args.to.display()));
    let threads = args.threads.unwrap_or_else(default_threads).max(1);
    let done = pfm_data::convert(&args.from, &args.to, threads, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    match done {
        Ok(done) => {
            out.line(format!("{}: {} files, {} trajectories", args.to.display(), done.files, done.trajectories));
            out.value(Exit::Done, serde_json::json!({ "folder": args.to, "converted": done }));
            Exit::Done
        }
        Err(e) => refuse(&e, out),
    }
}
