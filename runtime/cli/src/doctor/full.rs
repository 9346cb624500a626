//! `pfmc doctor --full`: every family of kernels beside the interpreter, on a CUDA device or on the processor.

use crate::output::{Exit, Output};
use pfm_compiler::Isa;
use pfm_device::Pool;
use pfm_gpu::compare::{Case, cases, check, check_on_processor};
use pfm_train::Device;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The cases whose name or family contains the text. The error names what is near.
pub fn chosen(only: Option<&str>) -> Result<Vec<Case>, String> {
    let mut all = cases();
    let Some(only) = only else { return Ok(all) };
    let words: BTreeSet<String> = all.iter().flat_map(|c| [c.family.clone(), first_word(&c.name).to_string()]).collect();
    all.retain(|c| c.name.contains(only) || c.family.contains(only));
    if !all.is_empty() {
        return Ok(all);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let near: Vec<String> = pfm_hir::nearest(first_word(only), &words).iter().map(|n| format!("`{n}`")).collect();
    Err(match near.as_slice() {
        [] => format!("--only: no case's name contains `{only}`; names begin with {}", words.join(", ")),
        near => format!("--only: no case's name contains `{only}`; did you mean {}?", near.join(" or ")),
    })
}

fn first_word(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or("")
}

#[derive(Default)]
struct Family {
    cases: usize,
    failed: usize,
    /// Largest difference, where 1 is what is allowed.
    worst: f64,
}

/// Compares every case, says which differ, and sums up by family.
pub fn compared(device: &Device, isa: Isa, threads: usize, cases: &[Case], out: &Output) -> (Exit, Value) {
    let pool = Pool::new(threads);
    let mut families: BTreeMap<&str, Family> = BTreeMap::new();
    for case in cases {
        let family = families.entry(&case.family).or_default();
        family.cases += 1;
        let found = match device {
            Device::Cpu => check_on_processor(&pool, isa, case),
            Device::Cuda(gpu) => check(gpu, case),
        };
        let why = match found {
            Ok(d) if d <= 1.0 => {
                family.worst = family.worst.max(d);
                continue;
            }
            Ok(d) => format!("differs: {d:.2} times what is allowed"),
            Err(why) => format!("fails: {why}"),
        };
        family.failed += 1;
        family.worst = f64::INFINITY;
        out.line(format!("  {} {why}", case.name));
    }
    out.line(format!("  on {} beside the interpreter in f64", device.described(isa.name())));
    out.line("  family            cases  failed  largest difference, 1 is allowed");
    for (name, f) in &families {
        out.line(format!("  {name:<16} {:>6}  {:>6}  {:.3}", f.cases, f.failed, f.worst));
    }
    let exit = if families.values().any(|f| f.failed > 0) { Exit::Errors } else { Exit::Done };
    // JSON has no infinity: where a case failed there is no largest difference.
    let row = |(name, f): (&&str, &Family)| json!({ "family": name, "cases": f.cases, "failed": f.failed, "worst": f.worst });
    (exit, families.iter().map(row).collect())
}
