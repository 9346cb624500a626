//! `pfmc doctor`: what this machine has for running programs, why something is missing, and whether a device computes what it should.

mod full;

use crate::device::DeviceChoice;
use crate::output::{Exit, Output};
use crate::processor::Processor;
use crate::programs::default_threads;
use pfm_compiler::Isa;
use pfm_device::cuda::{Found, find};
use pfm_train::Device;
use serde_json::{Value, json};

/// Says what was found and why not. With `--full`, every family of kernels is compared with the interpreter, which computes in f64
/// what each operation means: on the processor, or with `--device cuda` there.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    device: DeviceChoice,
    #[command(flatten)]
    processor: Processor,
    /// Compare the kernels of the processor, or of `--device`, with the interpreter: seconds there, minutes on a device.
    #[arg(long)]
    full: bool,
    /// Only the cases whose name or family contains this.
    #[arg(long, value_name = "TEXT", requires = "full")]
    only: Option<String>,
}

pub fn run(args: Args, out: &Output) -> Exit {
    // What is asked wrongly is told before minutes pass.
    let cases = match args.full.then(|| full::chosen(args.only.as_deref())).transpose() {
        Ok(cases) => cases,
        Err(message) => return out.fail(Exit::Usage, message),
    };
    let options = match args.processor.options(out) {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let found = find();
    let cpu: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
    out.line(format!("cpu       {} threads, instruction sets {}", default_threads(), cpu.join(", ")));
    cuda(found).iter().for_each(|line| out.line(line));
    let mut value = json!({ "cpu": cpu, "cuda": cuda_value(found) });
    let device = match args.device.open(default_threads(), out) {
        Ok(device) => device,
        Err(exit) => return exit,
    };
    if let Device::Cuda(gpu) = &device {
        let (all, processors) = (gpu.device.memory_bytes as f64 / (1u64 << 30) as f64, gpu.device.multiprocessors);
        out.line(format!("device    {}, {processors} multiprocessors, {all:.1} GiB", device.described("")));
    }
    let mut exit = Exit::Done;
    if let Some(cases) = cases {
        (exit, value["families"]) = full::compared(&device, options.isa.unwrap_or_else(Isa::detect), default_threads(), &cases, out);
    }
    out.value(exit, value);
    exit
}

/// What is there, and the reasons of what is not.
fn cuda_value(found: &Found) -> Value {
    let reasons =
        [("driver", found.devices.as_ref().err()), ("compiler", found.nvrtc.as_ref().err()), ("products", found.cublaslt.as_ref().err())];
    let reasons: serde_json::Map<String, Value> =
        reasons.iter().filter_map(|(name, why)| Some((name.to_string(), (*why)?.as_str().into()))).collect();
    json!({
        "devices": found.devices.clone().ok(), "compiler": found.nvrtc.clone().ok(), "products": found.cublaslt.is_ok(),
        "reasons": reasons, "looked_in": found.directories,
    })
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
