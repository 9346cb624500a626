//! `pfmc data stats`: means, root mean squares and spreads of the training split, as The Well's `stats.yaml`.

use super::{data_sets, refuse};
use crate::output::{Exit, Output};
use crate::programs::default_threads;
use pfm_data::{DataError, Dataset, Split, Statistics};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Folders of data sets, or folders of such folders.
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// Only print them; otherwise they are written into each data set's folder as `stats.yaml`, in place of what was there.
    #[arg(long)]
    print: bool,
    /// Threads to use; the results do not depend on it.
    #[arg(long)]
    threads: Option<usize>,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let threads = args.threads.unwrap_or_else(default_threads).max(1);
    let mut all = Vec::new();
    for folder in &data_sets(&args.folders) {
        let computed = match compute(folder, threads) {
            Ok(computed) => computed,
            Err(e) => return refuse(&e, out),
        };
        let place = folder.join("stats.yaml");
        if args.print {
            out.line(format!("{}\n{}", folder.display(), computed.to_yaml()));
        } else {
            if let Err(e) = computed.write(&place) {
                return refuse(&e, out);
            }
            out.line(format!("wrote {}", place.display()));
        }
        all.push(serde_json::json!({ "folder": folder, "statistics": computed }));
    }
    out.value(Exit::Done, serde_json::json!({ "data": all }));
    Exit::Done
}

fn compute(folder: &Path, threads: usize) -> Result<Statistics, DataError> {
    Statistics::compute(&Dataset::open(folder, Split::Train)?, threads)
}
