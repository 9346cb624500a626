//! The memory of this machine, and what is said of a stage that needs more: a table of what takes it, and how small a part of a
//! batch would fit.

use crate::load::Loaded;
use crate::output::{Exit, Output, diagnostics_value};
use pfm_diag::Diagnostic;
use pfm_hir::Stage;
use pfm_meaning::{Cost, bytes, largest};
use pfm_plan::PROCESS_BYTES;
use pfm_train::Device;

/// Bytes that this machine lets a process have: its memory, or what its control group allows. None where nothing says so.
pub fn machine() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|l| l.starts_with("MemTotal:"))?;
    let total = line.split_whitespace().nth(1)?.parse::<usize>().ok()?.saturating_mul(1024);
    let group = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limits = group.iter().filter_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<usize>().ok());
    Some(limits.fold(total, usize::min))
}

/// The memory to plan for: as given in GiB, else the machine's.
pub fn limit(given: Option<f64>) -> Option<usize> {
    limit_on(given, &Device::Cpu)
}

/// The same for programs on a device, which has memory of its own.
pub fn limit_on(given: Option<f64>, device: &Device) -> Option<usize> {
    let own = || match device {
        Device::Cpu => machine(),
        Device::Cuda(gpu) => Some(gpu.device.memory_bytes),
    };
    given.map(|gib| (gib * 1024.0 * 1024.0 * 1024.0) as usize).or_else(own)
}

/// What is said of a stage that does not fit: what takes the memory, and how small a part of a batch would fit.
pub fn too_large(loaded: &Loaded, stage: &Stage, cost: &Cost, limit: usize) -> Diagnostic {
    let parts = [
        ("activations and other work", cost.arena),
        ("weights", cost.weights),
        ("gradients", cost.gradients),
        ("optimiser", cost.slots),
        ("the process itself", PROCESS_BYTES),
        ("all", cost.memory()),
    ];
    let table: Vec<String> = parts.iter().map(|(name, size)| format!("{name:<27}{:>12}", bytes(*size))).collect();
    let d = Diagnostic::new("E0805", format!("stage `{}` needs {}, there are {}", stage.name, bytes(cost.memory()), bytes(limit)));
    let share = stage.batch / stage.parallel.devices;
    let smaller = (stage.accumulate + 1..=share).filter(|n| share.is_multiple_of(*n));
    let fits = |n: &usize| largest(&loaded.checked.context(), stage, *n).is_ok_and(|c| c.memory() <= limit);
    let d = match smaller.into_iter().find(fits) {
        Some(n) => d.help(format!("write `accumulate = {n}` in `{}`: each step in {n} parts of {} samples", stage.name, share / n)),
        None => d.help("use a smaller model, a smaller grid, or another profile"),
    };
    d.note(table.join("\n"))
}

/// Ends a verb on stages that do not fit.
pub fn refuse(refused: &[Diagnostic], loaded: &Loaded, out: &Output) -> Exit {
    out.diagnostics(refused, &loaded.checked.sources);
    out.value(Exit::Memory, serde_json::json!({ "diagnostics": diagnostics_value(refused, &loaded.checked.sources) }));
    Exit::Memory
}
