//! `pfmc data generate`: the data of an experiment, or of one simulator.

use super::{Grid, bytes, duration, holds_data};
use crate::load::{self, Choice, Source};
use crate::output::{Exit, Output};
use crate::programs::{Place, make, make_data, needed};
use pfm_data::GenerateSpec;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// An experiment's file, or the name of a simulator: `pfmc data list` has them.
    #[arg(value_name = "FILE|SIMULATOR")]
    what: String,
    #[command(flatten)]
    choice: Choice,
    /// For a simulator: cells per axis, such as `128x128`; its own unless given.
    #[arg(long)]
    grid: Option<Grid>,
    /// For a simulator: trajectories, of which a tenth each are for validation and test.
    #[arg(long)]
    trajectories: Option<usize>,
    /// For a simulator: frames of a trajectory; its own unless given.
    #[arg(long)]
    frames: Option<usize>,
    /// For a simulator: the seed.
    #[arg(long)]
    seed: Option<u64>,
    /// For a simulator: computing cells per stored cell and axis.
    #[arg(long)]
    supersampling: Option<usize>,
    #[command(flatten)]
    place: Place,
}

/// Trajectories of a simulator unless asked otherwise.
const TRAJECTORIES: usize = 20;

pub fn run(args: Args, out: &Output) -> Exit {
    let path = PathBuf::from(&args.what);
    if path.extension().is_some_and(|e| e == "pfm") || path.is_file() { experiment(args, path, out) } else { simulator(&args, out) }
}

fn simulator(args: &Args, out: &Output) -> Exit {
    if args.choice.profile.is_some() || args.choice.experiment.is_some() || !args.choice.sets.is_empty() {
        return out.fail(Exit::Usage, "`--profile`, `--set` and `--experiment` are for an experiment's file, not for a simulator");
    }
    let own = match GenerateSpec::new(&args.what, args.trajectories.unwrap_or(TRAJECTORIES), args.seed.unwrap_or(0)) {
        Ok(own) => own,
        Err(e) => return out.fail(Exit::Usage, format!("{e}; an experiment's file ends in .pfm")),
    };
    let spec = GenerateSpec {
        grid: args.grid.clone().map_or(own.grid, |Grid(grid)| grid),
        frames: args.frames.unwrap_or(own.frames),
        supersampling: args.supersampling.unwrap_or(own.supersampling),
        threads: args.place.threads(),
        ..own
    };
    let planned = spec.directory(&args.place.data).and_then(|folder| Ok((folder, spec.cost()?, spec.bytes()?)));
    let (folder, seconds, size) = match planned {
        Ok(planned) => planned,
        Err(e) => return out.fail(Exit::Usage, e.to_string()),
    };
    let estimate = format!("about {} on {} cores, {}", duration(seconds / spec.threads as f64), spec.threads, bytes(size as f64));
    out.line(format!("{} trajectories of {}: {estimate}", spec.trajectories, spec.system));
    if let Err(exit) = make(&spec, &folder, out) {
        return exit;
    }
    told(&[folder], out)
}

fn experiment(args: Args, file: PathBuf, out: &Output) -> Exit {
    if args.grid.is_some() || args.trajectories.is_some() || args.frames.is_some() || args.seed.is_some() || args.supersampling.is_some() {
        let why = "`--grid`, `--trajectories`, `--frames`, `--seed` and `--supersampling` are for a simulator; a file's profile says them: use `--set`";
        return out.fail(Exit::Usage, why);
    }
    let loaded = match load::load(&Source { file, choice: args.choice }, out) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let cells: Vec<usize> = (0..loaded.experiment().cells.len()).collect();
    if let Err(exit) = make_data(&loaded, &cells, &args.place, out) {
        return exit;
    }
    let mut folders = Vec::new();
    for data in needed(loaded.experiment(), &cells) {
        match pfm_train::folders(data, &args.place.data) {
            // Cells of a grid often share data.
            Ok(found) => folders.extend(found.into_iter().filter(|folder| !folders.contains(folder)).collect::<Vec<_>>()),
            Err(e) => return out.fail(Exit::Usage, e.diagnostic().message),
        }
    }
    told(&folders, out)
}

fn told(folders: &[PathBuf], out: &Output) -> Exit {
    let missing = |folder: &Path| if holds_data(folder) { "" } else { " is not there: this profile reads it, and does not make it" };
    folders.iter().for_each(|folder| out.line(format!("{}{}", folder.display(), missing(folder))));
    out.value(Exit::Done, serde_json::json!({ "folders": folders }));
    Exit::Done
}
