//! How devices share the work of a stage: `ddp`, or `ddp(devices: 8)` where the file says how many there are. A batch is over all
//! devices, so each takes an equal part of it, cut into the stage's micro-batches.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::Expr;

use crate::data::unknown_argument;
use crate::experiment::Parallel;
use crate::findings::Findings;
use crate::stages::unknown_name;
use crate::suggest::any_of;
use crate::tree::Item;
use crate::units::{digits, prose};
use crate::values::{self, call, is_word, wrong_form};

const WAYS: [&str; 3] = ["none", "ddp", "fsdp"];

/// Closes the setting `parallel`; None is a mistake.
pub(crate) fn close(item: &Item, findings: &mut Findings) -> Option<Parallel> {
    let alone = Parallel { way: "none".to_string(), devices: 1 };
    let Some(expr) = item.value("parallel").filter(|e| !is_word(e, "none")) else { return Some(alone) };
    let Some((callee, args)) = call(expr) else {
        findings.push(wrong_form("parallel", "a way to share the work", expr, "write `none`, `ddp`, or `ddp(devices: 8)`"));
        return None;
    };
    let way = callee.text();
    if !WAYS.contains(&way.as_str()) {
        findings.push(unknown_name("value of `parallel`", &way, callee.span, &WAYS));
        return None;
    }
    let mut devices = 1;
    for arg in args {
        match &arg.name {
            Some(name) if name.text == "devices" && way == "none" => {
                findings.push(
                    Diagnostic::new("E0102", "`none` has no argument `devices`")
                        .at(name.span, "unknown argument")
                        .help("`ddp` and `fsdp` share the work among devices"),
                );
                return None;
            }
            Some(name) if name.text == "devices" => devices = findings.keep(values::plain_whole(&arg.value, "devices", 1))? as usize,
            _ => {
                findings.push(unknown_argument(&way, arg, &["devices"]));
                return None;
            }
        }
    }
    Some(Parallel { way, devices })
}

/// A batch that does not fall into equal parts, with the nearest sizes that do.
pub(crate) fn check_batch(item: &Item, batch: u64, accumulate: u64, parallel: &Parallel, findings: &mut Findings) {
    let devices = parallel.devices as u64;
    let Some(parts) = devices.checked_mul(accumulate).filter(|parts| !batch.is_multiple_of(*parts)) else { return };
    let value = |name: &str| item.value(name).map(|e: &Expr| e.span);
    let span = |name: &str| value(name).unwrap_or(item.label.span);
    if devices == 1 {
        findings.push(uneven_micro_batches(batch, accumulate, span("batch"), span("accumulate")));
        return;
    }
    let cut = if accumulate == 1 { String::new() } else { format!(" in {accumulate} micro-batches each") };
    let mut d =
        Diagnostic::new("E0208", format!("a batch of {} samples does not divide among {devices} devices{cut}", prose(batch as f64)))
            .at(span("batch"), "samples of a step, over all devices")
            .also(span("parallel"), format!("{devices} devices"));
    if let Some(at) = value("accumulate").filter(|_| accumulate > 1) {
        d = d.also(at, "micro-batches of each device");
    }
    let below = batch / parts * parts;
    let sizes: Vec<String> =
        [below, below + parts].into_iter().filter(|n| *n > 0).map(|n| format!("{} samples", digits(n as f64))).collect();
    let sizes: Vec<&str> = sizes.iter().map(String::as_str).collect();
    findings.push(d.help(format!("write {}", any_of(&sizes))));
}

fn uneven_micro_batches(batch: u64, accumulate: u64, samples: Span, parts: Span) -> Diagnostic {
    let best = (1..=accumulate).rev().find(|n| batch.is_multiple_of(*n)).unwrap_or(1);
    Diagnostic::new("E0208", format!("a batch of {batch} samples can't be cut into {accumulate} equal parts"))
        .at(parts, "micro-batches of a step")
        .also(samples, "samples of a step")
        .fix(format!("write `{best}`"), parts, best.to_string(), false)
}
