//! `pfmc run`: data, training, evaluation, report. What is done already is not done again; what was interrupted goes on.

mod progress;

use crate::device::DeviceChoice;
use crate::load::{self, Loaded, Source};
use crate::memory;
use crate::output::{Exit, Output};
use crate::processor::{Processor, note_precision};
use crate::programs::{Place, at_setting, make_data, refusals};
use pfm_compiler::{Isa, Options};
use pfm_device::Pool;
use pfm_diag::Diagnostic;
use pfm_hir::{Cell, Experiment};
use pfm_train::{CellResult, Device, Faults, Native, RunError, WellSamples};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    processor: Processor,
    #[command(flatten)]
    device: DeviceChoice,
    /// Where runs go.
    #[arg(long, default_value = "runs")]
    runs: PathBuf,
    /// Run one cell: `main` is the file as written.
    #[arg(long, conflicts_with = "grid")]
    cell: Option<String>,
    /// Run every cell of a grid; stages that no axis touches run once.
    #[arg(long)]
    grid: Option<String>,
    /// Memory to plan for in GiB; by default the machine's.
    #[arg(long, value_name = "GIB")]
    memory: Option<f64>,
    /// Die at a named point, to test that a run survives it: `NAME` or `NAME:COUNT`.
    #[arg(long, hide = true, env = "PFMC_FAULT")]
    fault: Option<String>,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let faults = match args.fault.as_deref().map(Faults::parse).transpose() {
        Ok(faults) => faults.unwrap_or_else(Faults::none),
        Err(diagnostic) => return out.fail(Exit::Usage, diagnostic.message),
    };
    let options = match args.processor.options(out) {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    crate::interrupt::watch(out);
    let loaded = match load::load(&args.source, out) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let cells = match chosen(loaded.experiment(), &args) {
        Ok(cells) => cells,
        Err(message) => return out.fail(Exit::Usage, message),
    };
    let stages: Vec<usize> = cells.iter().flat_map(|c| loaded.experiment().cells[*c].stages.iter().copied()).collect();
    let refused = refusals(loaded.experiment(), &stages);
    if !refused.is_empty() {
        return out.refuse(&refused, &loaded.checked.sources);
    }
    let device = match args.device.open(args.place.threads(), out) {
        Ok(device) => device,
        Err(exit) => return exit,
    };
    if let Err(exit) = fits(&loaded, &cells, &args, &device, out) {
        return exit;
    }
    if let Err(exit) = make_data(&loaded, &cells, &args.place, out) {
        return exit;
    }
    let refused = unusable_data(loaded.experiment(), &cells, &args);
    if !refused.is_empty() {
        return out.refuse(&refused, &loaded.checked.sources);
    }
    run_cells(loaded, &args, (options, device), cells, &faults, out)
}

/// What keeps the data of stages that are not done from being opened: told before the first stage trains, not hours later.
fn unusable_data(experiment: &Experiment, cells: &[usize], args: &Args) -> Vec<Diagnostic> {
    let (mut seen, mut refused) = (BTreeSet::new(), vec![]);
    for &index in cells.iter().flat_map(|c| &experiment.cells[*c].stages) {
        let stage = &experiment.stages[index];
        let done = || pfm_train::stage_status(&args.runs, &experiment.name, &stage.key, stage.run) == "done";
        if done() || !seen.insert((&stage.data.parts, stage.report.is_some())) {
            continue;
        }
        let Err(error) = WellSamples::open(experiment, index, &args.place.data) else { continue };
        let d = error.diagnostic();
        if refused.iter().all(|other: &Diagnostic| other.message != d.message) {
            refused.push(at_setting(experiment, &format!("{}.data", stage.name), d, "trained on here"));
        }
    }
    refused
}

/// Refuses stages that need more memory than there is, before anything is made or trained.
fn fits(loaded: &Loaded, cells: &[usize], args: &Args, device: &Device, out: &Output) -> Result<(), Exit> {
    let Some(limit) = memory::limit_on(args.memory, device) else { return Ok(()) };
    let experiment = loaded.experiment();
    let mut stages: Vec<usize> = cells.iter().flat_map(|c| experiment.cells[*c].stages.iter().copied()).collect();
    stages.sort_unstable();
    stages.dedup();
    let mut refused = vec![];
    for stage in stages.into_iter().map(|s| &experiment.stages[s]) {
        match pfm_meaning::largest(&loaded.checked.context(), stage, stage.accumulate) {
            Ok(cost) if cost.memory() > limit => refused.push(memory::too_large(loaded, stage, &cost, limit)),
            Ok(_) => {}
            Err(diagnostics) => return Err(out.refuse(&diagnostics, &loaded.checked.sources)),
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    Err(memory::refuse(&refused, loaded, out))
}

/// Indices of the cells to run.
fn chosen(experiment: &Experiment, args: &Args) -> Result<Vec<usize>, String> {
    if let Some(grid) = &args.grid {
        let names = || experiment.grids.iter().map(|g| g.name.as_str()).collect::<Vec<_>>().join(", ");
        let found = experiment.grids.iter().find(|g| g.name == *grid);
        return found.map(|g| g.cells.clone()).ok_or_else(|| format!("no grid `{grid}`; there is {}", names()));
    }
    let wanted = args.cell.as_deref().unwrap_or("main");
    let names = || experiment.cells.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = experiment.cells.iter().position(|c| c.name == wanted);
    found.map(|c| vec![c]).ok_or_else(|| format!("no cell `{wanted}`; there is {}", names()))
}

fn run_cells(loaded: Loaded, args: &Args, (options, device): (Options, Device), cells: Vec<usize>, faults: &Faults, out: &Output) -> Exit {
    let experiment = loaded.experiment();
    let stages = cells.iter().flat_map(|c| &experiment.cells[*c].stages).collect::<std::collections::BTreeSet<_>>();
    note_precision(stages.into_iter().map(|s| &experiment.stages[*s]), options, &device, out);
    let closed: Vec<String> = cells.iter().map(|c| loaded.checked.closed(&experiment.cells[*c], &[])).collect();
    let Loaded { checked } = loaded;
    let sources = checked.sources;
    let mut native = Native {
        experiment: Arc::new(checked.experiment.expect("a loaded file has an experiment")),
        library: Arc::new(checked.library),
        data: args.place.data.clone(),
        pool: Arc::new(Pool::new(args.place.threads())),
        options,
        device,
    };
    let experiment = native.experiment.clone();
    let mut done: Vec<CellResult> = Vec::new();
    for (index, closed) in cells.into_iter().zip(closed) {
        let cell = &experiment.cells[index];
        out.line(format!("cell {} of {}", cell.name, experiment.name));
        let work = work(&experiment, cell, args, &native, closed);
        let mut progress = progress::Shown::new(out);
        match pfm_train::run_cell(&work, &args.runs, &mut native, faults, &mut progress) {
            Ok(result) => done.push(result),
            Err(error) => return out.stopped(&error, &sources),
        }
        let last = done.last().expect("just pushed").directory.clone();
        if let Err(exit) = write_report(std::slice::from_ref(&last), &last, faults, out) {
            return exit;
        }
    }
    let directories: Vec<PathBuf> = done.iter().map(|d| d.directory.clone()).collect();
    let mut report = directories[0].join("report.html");
    if let Some(grid) = &args.grid {
        let folder = args.runs.join(&experiment.name).join(grid);
        if let Err(exit) = write_report(&directories, &folder, faults, out) {
            return exit;
        }
        report = folder.join("report.html");
    }
    out.line(format!("report: {}", report.display()));
    finish(&experiment, &done, &report, out)
}

/// One cell as plain work, with the text and the facts that a run directory keeps.
fn work(experiment: &Experiment, cell: &Cell, args: &Args, native: &Native, closed: String) -> pfm_train::CellWork {
    let mut work = pfm_train::cell_work(experiment, cell);
    work.closed = closed;
    let stage = |s: &pfm_train::StageWork| format!("stage {} {}\n", s.name, s.key);
    work.lock = format!("pfmc {}\n{}", env!("CARGO_PKG_VERSION"), work.stages.iter().map(stage).collect::<String>());
    let isa = native.options.isa.unwrap_or_else(Isa::detect).name();
    work.environment = serde_json::json!({
        "pfmc": env!("CARGO_PKG_VERSION"), "device": native.device.name(), "instruction_set": isa, "threads": args.place.threads(),
        "os": std::env::consts::OS, "arch": std::env::consts::ARCH,
    });
    work.about.facts = vec![("device".into(), native.device.described(isa)), ("pfmc".into(), env!("CARGO_PKG_VERSION").into())];
    work
}

fn write_report(runs: &[PathBuf], folder: &Path, faults: &Faults, out: &Output) -> Result<(), Exit> {
    let told = |e: RunError| out.fail(Exit::Errors, e.diagnostic().message);
    faults.point("report-write").map_err(told)?;
    pfm_report::write(runs, folder).map(|_| ()).map_err(|e| out.fail(Exit::Errors, e.to_string()))
}

/// The claims of the file, judged on what was measured.
fn finish(experiment: &Experiment, done: &[CellResult], report: &Path, out: &Output) -> Exit {
    let metrics: Vec<_> = done.iter().map(|d| &d.metrics).collect();
    let judged = pfm_train::judge(&experiment.claims, &metrics);
    for j in &judged {
        out.line(format!("{} {}{}", j.mark(), j.text, j.found.as_ref().map(|f| format!("    {f}")).unwrap_or_default()));
    }
    let exit = if judged.iter().any(|j| j.failed()) { Exit::Errors } else { Exit::Done };
    let cells: Vec<_> = done.iter().map(|d| serde_json::json!({ "directory": d.directory, "metrics": d.metrics })).collect();
    out.value(exit, serde_json::json!({ "experiment": experiment.name, "cells": cells, "report": report, "claims": judged }));
    exit
}
