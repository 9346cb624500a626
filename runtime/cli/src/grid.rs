//! `pfmc grid`: the cells of an experiment's grids, shown, or each written as a file that runs without options.

use crate::load::{self, Loaded, Source};
use crate::output::{Exit, Output};
use pfm_hir::{Cell, Experiment, Grid};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
pub enum Verb {
    /// The cells of every grid: labels, stages, what they share, what a `skip` removed.
    List(List),
    /// One file per cell: FILE without its ending, then GRID/CELL.pfm.
    Expand(Expand),
}

#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    source: Source,
}

#[derive(clap::Args)]
pub struct Expand {
    #[command(flatten)]
    source: Source,
    /// Folder for the files, one folder in it per grid.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only this grid.
    #[arg(long)]
    grid: Option<String>,
    /// Write nothing; exit 1 if a file is missing or says something else.
    #[arg(long)]
    check: bool,
}

pub fn run(verb: Verb, out: &Output) -> Exit {
    let source = match &verb {
        Verb::List(args) => &args.source,
        Verb::Expand(args) => &args.source,
    };
    let loaded = match load::load(source, out) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    if loaded.experiment().grids.is_empty() {
        return out.fail(Exit::Usage, format!("`{}` has no grid", loaded.experiment().name));
    }
    match verb {
        Verb::List(_) => list(loaded.experiment(), out),
        Verb::Expand(args) => expand(&args, &loaded, out),
    }
}

fn list(experiment: &Experiment, out: &Output) -> Exit {
    let mut grids = Vec::new();
    for grid in &experiment.grids {
        out.line(format!("grid {} over {} ({})", grid.name, grid.over, profile(experiment)));
        let mut cells = Vec::new();
        for cell in grid.cells.iter().map(|c| &experiment.cells[*c]) {
            out.line(format!("  {}    {}", cell.name, labels(cell)));
            for &index in &cell.stages {
                let stage = &experiment.stages[index];
                let shared = sharing(experiment, cell, index);
                let with = if shared.is_empty() { String::new() } else { format!("    shared with {}", shared.join(", ")) };
                out.line(format!("    {:<12} {}{with}", stage.name, &stage.key[..8]));
            }
            cells.push(json!({
                "name": cell.name, "labels": labels_value(cell),
                "stages": cell.stages.iter().map(|s| json!({
                    "name": experiment.stages[*s].name, "key": experiment.stages[*s].key, "shared": sharing(experiment, cell, *s),
                })).collect::<Vec<_>>(),
            }));
        }
        let removed = removed(experiment, grid);
        removed.iter().for_each(|r| out.line(format!("  removed by `skip`: {r}")));
        grids.push(json!({ "name": grid.name, "over": grid.over, "cells": cells, "skipped": removed }));
    }
    out.value(Exit::Done, json!({ "experiment": experiment.name, "profile": profile(experiment), "grids": grids }));
    Exit::Done
}

fn profile(experiment: &Experiment) -> &str {
    experiment.profile.as_deref().unwrap_or("paper")
}

fn labels(cell: &Cell) -> String {
    cell.labels.iter().map(|(axis, label)| format!("{axis}: {label}")).collect::<Vec<_>>().join(", ")
}

fn labels_value(cell: &Cell) -> serde_json::Value {
    cell.labels.iter().map(|(axis, label)| (axis.clone(), json!(label))).collect::<serde_json::Map<_, _>>().into()
}

/// Other cells of the grids that run the same stage.
fn sharing<'e>(experiment: &'e Experiment, cell: &Cell, stage: usize) -> Vec<&'e str> {
    let others = experiment.cells.iter().filter(|c| c.grid.is_some() && (&c.name, &c.grid) != (&cell.name, &cell.grid));
    others.filter(|c| c.stages.contains(&stage)).map(|c| c.name.as_str()).collect()
}

/// Combinations of labels that are no cells.
fn removed(experiment: &Experiment, grid: &Grid) -> Vec<String> {
    let mut all = vec![vec![]];
    for (axis, options) in &grid.axes {
        let with = |head: Vec<(String, String)>| options.iter().map(move |o| [head.clone(), vec![(axis.clone(), o.clone())]].concat());
        all = all.into_iter().flat_map(with).collect();
    }
    let cells: Vec<&Cell> = grid.cells.iter().map(|c| &experiment.cells[*c]).collect();
    let gone = all.into_iter().filter(|labels| cells.iter().all(|c| c.labels != *labels));
    gone.map(|l| l.iter().map(|(axis, label)| format!("{axis}: {label}")).collect::<Vec<_>>().join(", ")).collect()
}

fn expand(args: &Expand, loaded: &Loaded, out: &Output) -> Exit {
    let experiment = loaded.experiment();
    let folder = args.out.clone().unwrap_or_else(|| args.source.file.with_extension(""));
    let grids: Vec<&Grid> = experiment.grids.iter().filter(|g| args.grid.as_ref().is_none_or(|name| g.name == *name)).collect();
    if grids.is_empty() {
        let names: Vec<&str> = experiment.grids.iter().map(|g| g.name.as_str()).collect();
        return out.fail(Exit::Usage, format!("no grid `{}`; there is {}", args.grid.as_deref().unwrap_or_default(), names.join(", ")));
    }
    let (mut exit, mut files) = (Exit::Done, Vec::new());
    for grid in grids {
        for cell in grid.cells.iter().map(|c| &experiment.cells[*c]) {
            let text = loaded.checked.closed(cell, &notes(experiment, grid, cell));
            let file = folder.join(&grid.name).join(format!("{}.pfm", cell.name));
            let fresh = std::fs::read_to_string(&file).is_ok_and(|old| old == text);
            if args.check && !fresh {
                out.line(format!("{} is not what the grid says now", file.display()));
                exit = Exit::Errors;
            } else if !args.check {
                if let Err(e) = write(&file, &text) {
                    return out.fail(Exit::Usage, format!("cannot write {}: {e}", file.display()));
                }
                out.line(file.display().to_string());
            }
            files.push(json!({ "cell": cell.name, "grid": grid.name, "file": file, "fresh": fresh || !args.check }));
        }
    }
    out.value(exit, json!({ "experiment": experiment.name, "profile": profile(experiment), "files": files }));
    exit
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(file.parent().expect("a file in a folder"))?;
    std::fs::write(file, text)
}

/// What the file is, and which of its work other cells do too.
fn notes(experiment: &Experiment, grid: &Grid, cell: &Cell) -> Vec<String> {
    let profile = profile(experiment);
    let mut notes =
        vec![format!("Cell `{}` of grid `{}` over `{}` ({}), profile `{profile}`.", cell.name, grid.name, grid.over, labels(cell))];
    for &index in &cell.stages {
        let shared = sharing(experiment, cell, index);
        let stage = &experiment.stages[index];
        if !shared.is_empty() {
            let cells: Vec<String> = shared.iter().map(|c| format!("`{c}`")).collect();
            notes.push(format!("Stage `{}` ({}) is shared with {}.", stage.name, &stage.key[..8], cells.join(", ")));
        }
    }
    notes
}
