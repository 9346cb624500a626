//! `pfmc plan`: what an experiment is made of and what it will cost, before anything is spent. Memory is exact: every buffer
//! of every program has its place before the first step.

use crate::calibration;
use crate::load::{self, Source};
use crate::memory;
use crate::output::{self, Exit, Output};
use crate::processor::Processor;
use pfm_bench::Machine;
use pfm_compiler::Isa;
use pfm_hir::{Cell, Claim, ClaimTerm, Experiment, Model, Stage};
use pfm_meaning::{Cost, bytes, flops, grouped};
use pfm_plan::PROCESS_BYTES;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Which cell: `main` is the file as written.
    #[arg(long, default_value = "main")]
    cell: String,
    /// Where runs lie: decides what is cached.
    #[arg(long, default_value = "runs")]
    runs: PathBuf,
    /// Leave out cost and memory, which take a few seconds to plan.
    #[arg(long)]
    quick: bool,
    /// Threads that steps are to be made on; by default one per core.
    #[arg(long)]
    threads: Option<usize>,
    #[command(flatten)]
    processor: Processor,
    /// Memory to plan for in GiB; by default the machine's.
    #[arg(long, value_name = "GIB")]
    memory: Option<f64>,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let loaded = match load::load(&args.source, out) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let options = match args.processor.options(out) {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let threads = args.threads.unwrap_or_else(crate::programs::default_threads).max(1);
    let machine = Machine::here(threads, options.isa.unwrap_or_else(Isa::detect));
    let calibration = if args.quick { None } else { calibration::known_or_said(&machine, out) };
    let experiment = loaded.experiment();
    let Some(cell) = experiment.cells.iter().find(|c| c.name == args.cell) else {
        let names: Vec<&str> = experiment.cells.iter().map(|c| c.name.as_str()).collect();
        return out.fail(Exit::Usage, format!("no cell `{}`; there is {}", args.cell, names.join(", ")));
    };
    let context = loaded.checked.context();
    let (mut stages, mut taken, mut refused) = (Vec::new(), BTreeMap::new(), Vec::new());
    out.line(heading(experiment));
    out.line(format!("\n  {:<12} {:>13} / {:<13} {:>12} {:>10} {:>12}   why", "stage", "trainable", "total", "step", "time", "memory"));
    for &index in &cell.stages {
        let stage = &experiment.stages[index];
        let cost = if args.quick { None } else { Some(pfm_meaning::cost(&context, stage)) };
        let cost = match cost.transpose() {
            Ok(cost) => cost,
            Err(diagnostics) => return out.refuse(&diagnostics, &loaded.checked.sources),
        };
        let seconds = calibration.as_ref().map(|c| pfm_bench::planned(&context, stage, c)).transpose();
        let seconds = match seconds {
            Ok(seconds) => seconds.flatten(),
            Err(diagnostics) => return out.refuse(&diagnostics, &loaded.checked.sources),
        };
        taken.extend(cost.as_ref().map(|c| (stage.name.clone(), c.memory() as f64)));
        let large = cost.as_ref().zip(memory::limit(args.memory)).filter(|(c, limit)| c.memory() > *limit);
        refused.extend(large.map(|(c, limit)| memory::too_large(&loaded, stage, c, limit)));
        let why = pfm_train::stage_status(&args.runs, &experiment.name, &stage.key, stage.run);
        stages.push(stage_line(experiment, stage, Foretold { cost, seconds }, &why, out));
    }
    if calibration.is_none() && !args.quick {
        out.line("  no times: `pfmc bench --calibrate` measures this machine once");
    }
    let last = &experiment.stages[*cell.stages.last().expect("a cell has a stage")];
    print_modules(&experiment.models[last.model], last, out);
    print_variants(&experiment.models[last.model], out);
    print_cells(experiment, out);
    let claims = judge(experiment, &taken);
    claims.iter().for_each(|c| out.line(format!("  {} {}    {}", if c.held { "ok" } else { "FAILED" }, c.text, c.found)));
    let exit = match (refused.is_empty(), claims.iter().all(|c| c.held)) {
        (false, _) => Exit::Memory,
        (true, false) => Exit::Errors,
        (true, true) => Exit::Done,
    };
    out.diagnostics(&refused, &loaded.checked.sources);
    let mut value = value(experiment, cell, last, stages);
    value["refused"] = output::diagnostics_value(&refused, &loaded.checked.sources);
    value["claims"] = claims.iter().map(|c| json!({ "text": c.text, "passed": c.held, "found": c.found })).collect();
    out.value(exit, value);
    exit
}

/// A claim on memory, and what became of it.
struct Claimed {
    text: String,
    held: bool,
    found: String,
}

/// The claims on memory that the planned stages decide.
fn judge(experiment: &Experiment, taken: &BTreeMap<String, f64>) -> Vec<Claimed> {
    let side = |term: &ClaimTerm| match term {
        ClaimTerm::Number(n) => Some(*n),
        ClaimTerm::Memory { stage } => taken.get(stage).copied(),
        ClaimTerm::Metric { .. } => None,
    };
    let on_memory = |c: &&Claim| [&c.left, &c.right].iter().any(|t| matches!(t, ClaimTerm::Memory { .. }));
    let claims = experiment.claims.iter().filter(|c| c.active).filter(on_memory);
    let judged = claims.filter_map(|c| {
        let (left, right) = (side(&c.left)?, side(&c.right)?);
        let found = format!("{} {} {}", bytes(left as usize), c.comparison, bytes(right as usize));
        Some(Claimed { text: c.text.clone(), held: c.holds(left, right), found })
    });
    judged.collect()
}

fn heading(experiment: &Experiment) -> String {
    let profile = experiment.profile.as_deref().unwrap_or("paper");
    let mut data: Vec<String> = vec![];
    for d in &experiment.data {
        let shown = format!("{} {:?}", d.name, d.grid);
        // Cells may have the same data in several amounts.
        if !data.contains(&shown) {
            data.push(shown);
        }
    }
    format!("{} ({profile}), seed {}, data {}", experiment.name, experiment.seed, data.join(", "))
}

/// What a stage will take, as far as it was asked for and is known.
struct Foretold {
    cost: Option<Cost>,
    /// Of one step at the choice for evaluation, by a calibration of this machine.
    seconds: Option<f64>,
}

fn stage_line(experiment: &Experiment, stage: &Stage, foretold: Foretold, why: &str, out: &Output) -> Value {
    let Foretold { cost, seconds } = foretold;
    let model = &experiment.models[stage.model];
    let total: usize = model.parameters.iter().map(|p| p.count()).sum();
    let trained: usize = model.parameters.iter().zip(&stage.trainable).filter(|(_, t)| **t).map(|(p, _)| p.count()).sum();
    let step = cost.as_ref().map_or("-".into(), |c| flops(c.flops));
    let time = seconds.map_or("-".into(), |s| format!("{s:.3} s"));
    let memory = cost.as_ref().map_or("-".into(), |c| bytes(c.memory()));
    out.line(format!("  {:<12} {:>13} / {:<13} {step:>12} {time:>10} {memory:>12}   {why}", stage.name, grouped(trained), grouped(total)));
    json!({
        "name": stage.name, "key": stage.key, "model": model.name, "trainable": trained, "total": total, "steps": stage.run,
        "batch": stage.batch, "accumulate": stage.accumulate, "mask": stage.mask, "why": why,
        "step_seconds": seconds, "step_flops": cost.as_ref().map(|c| c.flops),
        "memory": cost.as_ref().map(|c| json!({ "weights": c.weights, "gradients": c.gradients, "optimiser": c.slots, "arena": c.arena, "process": PROCESS_BYTES, "total": c.memory() })),
    })
}

/// Parameters by part and by the module two levels down.
fn print_modules(model: &Model, stage: &Stage, out: &Output) {
    let mut modules: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (p, trainable) in model.parameters.iter().zip(&stage.trainable) {
        let segments: Vec<&str> = p.path.split('.').collect();
        for depth in 1..segments.len().min(3) {
            let entry = modules.entry(segments[..depth].join(".")).or_default();
            entry.0 += if *trainable { p.count() } else { 0 };
            entry.1 += p.count();
        }
    }
    let mask = stage.mask.as_deref().map(|m| format!(" under `{m}`")).unwrap_or_default();
    out.line(format!("\n  parameters of `{}` in `{}`{mask}: trainable / total", model.name, stage.name));
    for (module, (trained, total)) in modules {
        let indent = "  ".repeat(module.matches('.').count());
        out.line(format!("    {:<28} {:>13} / {}", format!("{indent}{module}"), grouped(trained), grouped(total)));
    }
}

fn print_variants(model: &Model, out: &Output) {
    if model.variants.len() > 1 {
        out.line(format!("\n  {} choices of compression (time x space per level): latent frames x space x channels", model.variants.len()));
    }
    if model.adaptive.is_some() {
        out.line("\n  the number of tokens depends on the data: shapes, cost and memory are those of the most");
    }
    for (i, v) in model.variants.iter().enumerate() {
        let latent: Vec<String> = v.latent.iter().map(usize::to_string).collect();
        let mark = if i == model.evaluation { "evaluation" } else { "" };
        out.line(format!("    {:<14} {:<18}{mark}", v.label, latent.join(" x ")).trim_end());
        for further in &v.further {
            let latent: Vec<String> = further.latent.iter().map(usize::to_string).collect();
            out.line(format!("    {:<14} {:<18}on {}", "", latent.join(" x "), further.data));
        }
    }
}

fn print_cells(experiment: &Experiment, out: &Output) {
    for grid in &experiment.grids {
        out.line(format!("\n  grid {} over {}:", grid.name, grid.over));
        for &c in &grid.cells {
            let cell = &experiment.cells[c];
            let stages: Vec<String> =
                cell.stages.iter().map(|&s| format!("{} {}", experiment.stages[s].name, &experiment.stages[s].key[..8])).collect();
            out.line(format!("    {:<24} {}", cell.name, stages.join(", ")));
        }
    }
}

fn value(experiment: &Experiment, cell: &Cell, last: &Stage, stages: Vec<Value>) -> Value {
    let model = &experiment.models[last.model];
    let parameters: Vec<Value> = model
        .parameters
        .iter()
        .zip(&last.trainable)
        .map(|(p, t)| json!({ "path": p.path, "count": p.count(), "shape": p.shape, "trainable": t }))
        .collect();
    let variants: Vec<Value> =
        model.variants.iter().map(|v| json!({ "choice": v.label, "latent": v.latent, "tokens": v.tokens, "further": v.further })).collect();
    json!({
        "experiment": experiment.name, "profile": experiment.profile.as_deref().unwrap_or("paper"), "cell": cell.name, "data": experiment.data, "stages": stages,
        "parameters": parameters, "variants": variants, "evaluation": model.variants[model.evaluation].label,
        "cells": experiment.cells, "grids": experiment.grids,
    })
}
