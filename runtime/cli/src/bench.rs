//! `pfmc bench`: what whole training steps of a stage take on this machine, and where their time and memory go.

use crate::calibration;
use crate::device::DeviceChoice;
use crate::load::{self, Choice, Loaded, Source};
use crate::memory;
use crate::output::{Exit, Output};
use crate::processor::{Processor, note_precision};
use crate::programs::{Place, default_threads, make_data, refusals};
use pfm_bench::{Bench, Earlier, GroupClock, Machine, Other, Request};
use pfm_compiler::Isa;
use pfm_device::Pool;
use pfm_train::{Device, Native};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs whole steps of a stage, at its choice for evaluation, on random data that lies in memory: nothing is read or written.
/// Prints the time of a step and of its programs, memory as planned and as used, and the groups of code that took longest
/// beside what the machine can do.
#[derive(clap::Args)]
pub struct Args {
    /// The experiment's file.
    #[arg(required_unless_present = "calibrate")]
    file: Option<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    /// Measure the machine instead, once: rates of each class of work, from which `plan` and `bench` then tell how long steps take.
    /// Kept in `$XDG_CACHE_HOME/pfmc` or `~/.cache/pfmc`, for this number of threads and instruction set.
    #[arg(long, conflicts_with = "file")]
    calibrate: bool,
    /// Stage to measure; by default the first.
    #[arg(long)]
    stage: Option<String>,
    /// Steps to measure.
    #[arg(long, value_name = "N", default_value = "10", value_parser = at_least_one)]
    steps: usize,
    /// Steps before those.
    #[arg(long, value_name = "N", default_value = "2")]
    warmup: usize,
    /// Threads to use; by default one per core.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
    #[command(flatten)]
    processor: Processor,
    #[command(flatten)]
    device: DeviceChoice,
    /// Groups to show. With 0 the groups and the machine are not measured, only steps.
    #[arg(long, value_name = "N", default_value = "15")]
    top: usize,
    /// What groups are timed by: `wall`, or `cpu`, the time of all threads, which says more where others use the machine.
    #[arg(long, value_enum, default_value = "wall")]
    clock: ClockName,
    /// Results to compare with, as `--json` writes them.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    vs: Vec<PathBuf>,
    /// Write the first weights and the batch as safetensors, for another program to make the same steps.
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    /// Measure as many steps again on windows that are read from this directory as `run --data` does, beside those from memory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Memory to plan for in GiB; by default the machine's.
    #[arg(long, value_name = "GIB")]
    memory: Option<f64>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ClockName {
    Wall,
    Cpu,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err("a whole number of at least 1 is needed".into()),
    }
}

pub fn run(args: Args, out: &Output) -> Exit {
    let options = match args.processor.options(out) {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let threads = args.threads.unwrap_or_else(default_threads);
    let machine = Machine::here(threads, options.isa.unwrap_or_else(Isa::detect));
    let Some(file) = args.file.clone() else {
        if args.device.is_cuda() {
            let message =
                "--calibrate measures the processor, and times on a CUDA device are not foretold; leave out `--device` (or PFMC_DEVICE)";
            return out.fail(Exit::Usage, message);
        }
        return calibration::measure(&machine, out);
    };
    let source = Source { file, choice: args.choice.clone() };
    // Before a minute of measuring.
    let earlier: Result<Vec<Earlier>, Exit> = args.vs.iter().map(|path| earlier(path, out)).collect();
    let earlier = match earlier {
        Ok(earlier) => earlier,
        Err(exit) => return exit,
    };
    let loaded = match load::load(&source, out) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let stage = match chosen(&args, &source, &loaded) {
        Ok(stage) => stage,
        Err(message) => return out.fail(Exit::Usage, message),
    };
    let device = match args.device.open(threads, out) {
        Ok(device) => device,
        Err(exit) => return exit,
    };
    if let Err(exit) = possible(&args, &loaded, stage, &device, out) {
        return exit;
    }
    note_precision(std::iter::once(&loaded.experiment().stages[stage]), options, &device, out);
    if let Err(exit) = made(&args, &loaded, stage, threads, out) {
        return exit;
    }
    let sources = loaded.checked.sources;
    let native = Native {
        experiment: Arc::new(loaded.checked.experiment.expect("a loaded file has an experiment")),
        library: Arc::new(loaded.checked.library),
        data: args.data.clone().unwrap_or_default(),
        pool: Arc::new(Pool::new(threads)),
        options,
        device,
    };
    let clock = match args.clock {
        ClockName::Wall => GroupClock::Wall,
        ClockName::Cpu => GroupClock::Cpu,
    };
    let groups = (args.top > 0).then_some(clock);
    let calibration = calibration::known_or_said(&machine, out);
    let request = Request {
        stage,
        steps: args.steps,
        warmup: args.warmup,
        groups,
        start: args.start.clone(),
        read: args.data.is_some(),
        calibration,
    };
    match pfm_bench::measure(&native, &request) {
        Ok(bench) => show(&args, &bench, &earlier, out),
        Err(error) => out.stopped(&error, &sources),
    }
}

/// The index of the stage to measure.
fn chosen(args: &Args, source: &Source, loaded: &Loaded) -> Result<usize, String> {
    let experiment = loaded.experiment();
    let Some(wanted) = &args.stage else {
        let first = (!experiment.stages.is_empty()).then_some(0);
        return first
            .ok_or_else(|| format!("{} has no stage, so there is nothing to measure; write one with `stage`", source.file.display()));
    };
    // A stage is there once for each cell that changes it.
    let mut seen = BTreeSet::new();
    let names: Vec<&str> = experiment.stages.iter().map(|s| s.name.as_str()).filter(|name| seen.insert(*name)).collect();
    experiment.stages.iter().position(|s| s.name == *wanted).ok_or_else(|| {
        let near = pfm_hir::nearest(wanted, &names);
        let help = near.first().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        format!("no stage `{wanted}`; there is {}{help}", names.join(", "))
    })
}

/// Makes the data that the stage wants and that is to be made, where steps are to read it.
fn made(args: &Args, loaded: &Loaded, stage: usize, threads: usize, out: &Output) -> Result<(), Exit> {
    let Some(data) = args.data.clone() else { return Ok(()) };
    let cells = &loaded.experiment().cells;
    let cell = cells.iter().position(|c| c.stages.contains(&stage)).expect("a stage belongs to a cell");
    make_data(loaded, &[cell], &Place { data, threads: Some(threads) }, out)
}

/// Refuses what no back end does and what does not fit, before any of it is there.
fn possible(args: &Args, loaded: &Loaded, stage: usize, device: &Device, out: &Output) -> Result<(), Exit> {
    let refused = refusals(loaded.experiment(), &[stage]);
    if !refused.is_empty() {
        return Err(out.refuse(&refused, &loaded.checked.sources));
    }
    let Some(limit) = memory::limit_on(args.memory, device) else { return Ok(()) };
    let stage = &loaded.experiment().stages[stage];
    match pfm_meaning::evaluation(&loaded.checked.context(), stage) {
        Ok(cost) if cost.memory() > limit => {
            let refused = [memory::too_large(loaded, stage, &cost, limit)];
            Err(memory::refuse(&refused, loaded, out))
        }
        Ok(_) => Ok(()),
        Err(diagnostics) => Err(out.refuse(&diagnostics, &loaded.checked.sources)),
    }
}

fn earlier(path: &Path, out: &Output) -> Result<Earlier, Exit> {
    let text = load::read(path, out)?;
    Earlier::read(&path.display().to_string(), &text).map_err(|message| out.fail(Exit::Usage, message))
}

fn show(args: &Args, bench: &Bench, earlier: &[Earlier], out: &Output) -> Exit {
    let others: Vec<Other> = earlier.iter().map(|e| pfm_bench::compare(bench, e)).collect();
    pfm_bench::lines(bench, args.top, &others).iter().for_each(|line| out.line(line));
    let mut value = serde_json::to_value(bench).expect("a measurement is plain data");
    if !others.is_empty() {
        value["vs"] = serde_json::to_value(&others).expect("a comparison is plain data");
    }
    out.value(Exit::Done, value);
    Exit::Done
}
