//! `pfmc explain --memory`: what lives when the arena of a program is fullest, with who wrote it and who reads it last.

use crate::output::{Exit, Output};
use pfm_meaning::bytes;
use pfm_plan::{BufferId, Group, Plan, Work};
use serde_json::{Value, json};

/// Buffers that are shown; the rest is one line.
const SHOWN: usize = 60;

pub fn show(plan: &Plan, out: &Output) -> Exit {
    let Some(peak) = pfm_plan::peak(plan) else {
        return out.fail(Exit::Usage, format!("`{}` has no group", plan.name));
    };
    let at = &plan.groups[peak.group];
    out.line(format!("{}: {} in the arena", plan.name, bytes(plan.arena_bytes)));
    out.line(format!("most, {}, live at group {} of {}: {}\n", bytes(peak.bytes), peak.group, plan.groups.len(), named(at)));
    let lines: Vec<Value> = peak.buffers.iter().map(|b| described(plan, *b)).collect();
    for line in lines.iter().take(SHOWN) {
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let size = bytes(line["bytes"].as_u64().unwrap_or(0) as usize);
        out.line(format!(
            "{size:>10}  {:<5} groups {:>5} to {:<5} {} -> {}",
            text("dtype"),
            line["first"],
            line["last"],
            text("writer"),
            text("reader")
        ));
    }
    let rest: u64 = lines.iter().skip(SHOWN).filter_map(|l| l["bytes"].as_u64()).sum();
    if rest > 0 {
        out.line(format!("{:>10}  in {} smaller ones", bytes(rest as usize), lines.len() - SHOWN));
    }
    out.value(Exit::Done, json!({ "arena": plan.arena_bytes, "bytes": peak.bytes, "group": peak.group, "buffers": lines }));
    Exit::Done
}

fn described(plan: &Plan, id: BufferId) -> Value {
    let b = &plan.buffers[id.0 as usize];
    let scratch = plan.groups[b.live.0].scratch == Some(id);
    let writer = if scratch { "scratch".into() } else { named(&plan.groups[b.live.0]) };
    json!({
        "buffer": id.0, "dtype": b.dtype.name(), "bytes": b.bytes(), "first": b.live.0, "last": b.live.1,
        "writer": writer, "reader": named(&plan.groups[b.live.1]),
    })
}

fn named(group: &Group) -> String {
    let what = match &group.work {
        Work::Loop(l) => format!("loop {:?}", l.space),
        Work::Reduce(r) => format!("reduce {:?}", r.space),
        Work::Kernel(k) => k.op.name.into(),
    };
    if group.path.is_empty() { what } else { format!("{what} {}", group.path) }
}
