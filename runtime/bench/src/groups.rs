//! Where a step's time goes: the groups of its programs, those that run the same code on equal shapes as one, and their classes.

use crate::Calibration;
use pfm_plan::{Fold, Work};
use pfm_train::GroupTimes;
use serde::Serialize;
use std::collections::BTreeMap;

/// Groups of one program that do the same work in several places.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Such as `accumulate` or `update`.
    pub program: String,
    /// The operation of a kernel; `loop` or `reduce` for generated code.
    pub class: String,
    /// Its shapes.
    pub what: String,
    /// Where the first of them comes from.
    pub path: String,
    /// In how many places of the program.
    pub places: usize,
    /// All per step.
    pub seconds: f64,
    /// As a calibration foretells; None without one.
    pub planned: Option<f64>,
    pub flops: f64,
    pub bytes: f64,
}

/// All groups of a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    pub class: String,
    pub places: usize,
    pub seconds: f64,
    pub planned: Option<f64>,
    pub flops: f64,
    pub bytes: f64,
}

/// The groups, the longest first, from times that were taken over `steps` steps.
pub fn sorted<'a>(times: impl Iterator<Item = &'a GroupTimes>, steps: usize, calibration: Option<&Calibration>) -> Vec<Group> {
    let mut merged: BTreeMap<(String, String), Group> = BTreeMap::new();
    for program in times.filter(|t| t.runs > 0) {
        let (name, per_step) = (program_name(&program.unit.to_string()), program.runs as f64 / steps as f64);
        for (group, seconds) in program.groups.iter().zip(&program.seconds) {
            let key = (program.unit.to_string(), pfm_plan::print_work(group));
            let entry = merged.entry(key).or_insert_with(|| new(&name, group));
            entry.places += 1;
            entry.seconds += seconds / steps as f64;
            entry.planned = calibration.map(|c| entry.planned.unwrap_or(0.0) + c.seconds(group) * per_step);
            entry.flops += group.flops * per_step;
            entry.bytes += group.bytes * per_step;
        }
    }
    let mut all: Vec<Group> = merged.into_values().collect();
    all.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    all
}

/// The classes of these groups, the longest first.
pub fn classes(groups: &[Group]) -> Vec<Class> {
    let mut all: BTreeMap<&str, Class> = BTreeMap::new();
    for g in groups {
        let none = || Class { class: g.class.clone(), places: 0, seconds: 0.0, planned: None, flops: 0.0, bytes: 0.0 };
        let class = all.entry(&g.class).or_insert_with(none);
        class.places += g.places;
        class.seconds += g.seconds;
        class.planned = g.planned.map(|p| p + class.planned.unwrap_or(0.0));
        class.flops += g.flops;
        class.bytes += g.bytes;
    }
    let mut all: Vec<Class> = all.into_values().collect();
    all.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    all
}

/// `accumulate.v10.b2` without the numbers that tell variants apart, of which a measurement has one.
pub fn program_name(unit: &str) -> String {
    if unit.starts_with("accumulate") { "accumulate".into() } else { unit.into() }
}

fn new(program: &str, group: &pfm_plan::Group) -> Group {
    let (class, what) = described(&group.work);
    let path = group.path.to_string();
    Group { program: program.into(), class, what, path, places: 0, seconds: 0.0, planned: None, flops: 0.0, bytes: 0.0 }
}

/// Class and shapes.
fn described(work: &Work) -> (String, String) {
    let space = |sizes: &[usize]| sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    match work {
        Work::Kernel(k) => {
            let types = |list: &[pfm_ir::TensorType]| list.iter().map(|t| format!("[{}]", space(&t.shape))).collect::<Vec<_>>().join(" ");
            (k.op.name.to_string(), format!("{} -> {}", types(&k.operands), types(&k.results)))
        }
        Work::Loop(l) => ("loop".into(), format!("[{}], {}", space(&l.space), traffic(work))),
        Work::Reduce(r) => {
            let fold = if r.fold == Fold::Sum { "sum" } else { "max" };
            let axes: Vec<usize> = (0..r.space.len()).filter(|a| r.reduced[*a]).collect();
            ("reduce".into(), format!("{fold} [{}] over {}, {}", space(&r.space), space(&axes), traffic(work)))
        }
    }
}

/// How many loads, operations and stores each point of a loop has.
fn traffic(work: &Work) -> String {
    let body = work.body();
    let loads = body.iter().filter(|e| matches!(e, pfm_plan::Expr::Load { .. })).count();
    let applied = body.iter().filter(|e| matches!(e, pfm_plan::Expr::Apply { .. })).count();
    format!("{loads} loads, {applied} operations, {} stores", work.stores().len())
}
