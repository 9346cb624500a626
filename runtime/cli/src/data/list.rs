//! `pfmc data list`: the simulators, what they make and what that takes, and the data sets that lie in the data folder.

use super::{Grid, bytes, crossed, data_sets, duration, refuse};
use crate::output::{Exit, Output};
use pfm_data::{GenerateSpec, System, systems};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Cells per axis for the costs, such as `128x128`; each simulator's own unless given.
    #[arg(long)]
    grid: Option<Grid>,
    /// Trajectories for the costs.
    #[arg(long, default_value_t = 20)]
    trajectories: usize,
    /// Frames of a trajectory for the costs; each simulator's own unless given.
    #[arg(long)]
    frames: Option<usize>,
    /// Where data sets lie.
    #[arg(long, default_value = "data")]
    data: PathBuf,
}

pub fn run(args: &Args, out: &Output) -> Exit {
    out.line(format!("simulators, with the cost of {} trajectories", args.trajectories));
    let mut simulators = vec![];
    for system in systems().iter().filter(|s| args.grid.as_ref().is_none_or(|Grid(grid)| grid.len() == s.axes.len())) {
        match simulator(args, system, out) {
            Ok(value) => simulators.push(value),
            Err(exit) => return exit,
        }
    }
    let there = match there(&args.data, out) {
        Ok(there) => there,
        Err(e) => return refuse(&e, out),
    };
    out.value(Exit::Done, json!({ "simulators": simulators, "data": there }));
    Exit::Done
}

/// The data sets in the data folder: printed, and as values.
fn there(data: &Path, out: &Output) -> Result<Vec<Value>, pfm_data::DataError> {
    let folders: Vec<PathBuf> = data_sets(&[data.to_path_buf()]).into_iter().filter(|folder| folder != data).collect();
    if !folders.is_empty() {
        out.line(format!("\ndata sets in {}", data.display()));
    }
    let mut values = vec![];
    for folder in folders {
        let found = pfm_data::inspect(&folder)?;
        let size: u64 = found.splits.iter().map(|split| split.bytes).sum();
        let trajectories: usize = found.splits.iter().map(|split| split.trajectories).sum();
        let about = format!("{trajectories} trajectories of {}, {}", crossed(&found.grid), bytes(size as f64));
        out.line(format!("  {}: {about}", folder.display()));
        let name = found.dataset_name;
        values.push(json!({ "folder": folder, "dataset": name, "grid": found.grid, "trajectories": trajectories, "bytes": size }));
    }
    Ok(values)
}

/// One simulator: printed, and as a value.
fn simulator(args: &Args, system: &System, out: &Output) -> Result<Value, Exit> {
    let failed = |e: pfm_data::DataError| out.fail(Exit::Usage, e.to_string());
    let own = GenerateSpec::new(system.name, args.trajectories, 0).map_err(failed)?;
    let spec = GenerateSpec {
        grid: args.grid.clone().map_or_else(|| system.grid.to_vec(), |Grid(grid)| grid),
        frames: args.frames.unwrap_or(system.frames),
        ..own
    };
    let (seconds, size) = (spec.cost().map_err(failed)?, spec.bytes().map_err(failed)?);
    let fields: Vec<&str> = system.fields.iter().map(|field| field.name).collect();
    let boundaries: Vec<String> =
        system.axes.iter().zip(system.boundaries).map(|(axis, kind)| format!("{axis} {kind:?}").to_lowercase()).collect();
    let parameters = match system.parameters {
        [] => "no parameters".to_string(),
        names => format!("{} sets of {}", (system.parameter_sets)(&spec.grid).len(), names.join(", ")),
    };
    out.line(format!(
        "  {}: {}\n    {}; {parameters}; {}\n    {} frames of {}, {} apart: {} on disk, about {} on one core",
        system.name,
        system.summary,
        fields.join(", "),
        boundaries.join(", "),
        spec.frames,
        crossed(&spec.grid),
        system.interval,
        bytes(size as f64),
        duration(seconds),
    ));
    Ok(json!({
        "name": system.name,
        "summary": system.summary,
        "fields": fields,
        "parameters": system.parameters,
        "parameter_sets": (system.parameter_sets)(&spec.grid).len(),
        "boundaries": boundaries,
        "grid": spec.grid,
        "frames": spec.frames,
        "interval": system.interval,
        "trajectories": spec.trajectories,
        "bytes": size,
        "seconds_on_one_core": seconds,
    }))
}
