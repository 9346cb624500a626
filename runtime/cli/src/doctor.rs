//! `pfmc doctor`: what this machine has for running programs, why something is missing, and whether a device computes what it should.

use crate::device::DeviceChoice;
use crate::output::{Exit, Output};
use crate::programs::default_threads;
use pfm_compiler::Isa;
use pfm_device::cuda::{Found, find};
use pfm_gpu::{Gpu, compare};
use pfm_train::Device;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Says what was found and why not. With `--full`, every family of a CUDA device's kernels is compared with the interpreter, which
/// computes in f64 what each operation means.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    device: DeviceChoice,
    /// Compare the device's kernels with the interpreter: a few minutes.
    #[arg(long)]
    full: bool,
    /// Only the cases whose name contains this.
    #[arg(long, value_name = "TEXT", requires = "full")]
    only: Option<String>,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let found = find();
    let cpu: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
    out.line(format!("cpu       {} threads, instruction sets {}", default_threads(), cpu.join(", ")));
    cuda(found).iter().for_each(|line| out.line(line));
    let mut value = serde_json::json!({ "cpu": cpu, "cuda": {
        "devices": found.devices.clone().ok(), "compiler": found.nvrtc.clone().ok(), "products": found.cublaslt.is_ok(),
    }});
    let device = match args.device.open(default_threads(), out) {
        Ok(device) => device,
        Err(exit) => return exit,
    };
    let Device::Cuda(gpu) = &device else {
        out.value(Exit::Done, value);
        return Exit::Done;
    };
    let (all, processors) = (gpu.device.memory_bytes as f64 / (1u64 << 30) as f64, gpu.device.multiprocessors);
    out.line(format!("device    {}, {processors} multiprocessors, {all:.1} GiB", device.described("")));
    let mut exit = Exit::Done;
    if args.full {
        let families = compared(gpu, args.only.as_deref().unwrap_or(""), out);
        if families.values().any(|f| f.failed > 0) {
            exit = Exit::Errors;
        }
        let rows =
            families.iter().map(|(name, f)| serde_json::json!({ "family": name, "cases": f.cases, "failed": f.failed, "worst": f.worst }));
        value["families"] = rows.collect();
    }
    out.value(exit, value);
    exit
}

fn cuda(found: &Found) -> Vec<String> {
    let said = |name: &str, what: Result<String, String>| match what {
        Ok(there) => format!("{name:<9} {there}"),
        Err(why) => format!("{name:<9} not usable: {why}"),
    };
    let mut lines = vec![
        said("driver", found.devices.clone().map(|n| format!("{n} CUDA devices"))),
        said("compiler", found.nvrtc.clone().map(|(major, minor)| format!("NVRTC {major}.{minor}"))),
        said("products", found.cublaslt.clone().map(|()| "cuBLASLt".to_string())),
    ];
    if !found.directories.is_empty() {
        let names: Vec<String> = found.directories.iter().map(|d| d.display().to_string()).collect();
        lines.push(format!("looked in {}", names.join(", ")));
    }
    lines
}

#[derive(Default)]
struct Family {
    cases: usize,
    failed: usize,
    /// Largest difference, where 1 is what is allowed.
    worst: f64,
}

/// Compares every case, says which differ, and sums up by family.
fn compared(gpu: &Arc<Gpu>, only: &str, out: &Output) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for case in compare::cases().into_iter().filter(|c| c.name.contains(only)) {
        let family = families.entry(case.family.clone()).or_default();
        family.cases += 1;
        match compare::check(gpu, &case) {
            Ok(d) if d <= 1.0 => family.worst = family.worst.max(d),
            Ok(d) => {
                family.failed += 1;
                family.worst = f64::INFINITY;
                out.line(format!("  {} differs: {d:.2} times what is allowed", case.name));
            }
            Err(why) => {
                family.failed += 1;
                family.worst = f64::INFINITY;
                out.line(format!("  {} fails: {why}", case.name));
            }
        }
    }
    out.line("  family            cases  failed  largest difference, 1 is allowed");
    for (name, f) in &families {
        out.line(format!("  {name:<16} {:>6}  {:>6}  {:.3}", f.cases, f.failed, f.worst));
    }
    families
}
