//! Identities: hashes over the canonical text of what determines a thing. Spans, comments, layout, order and labels have no part
//! in them, so formatting never makes work run again. A setting belongs to the program, the data plan, the run or a report;
//! `key`, which names finished work, is program and data plan.

use std::fmt::{Display, Write};

use crate::experiment::{Data, Identity, Model, Part, Report, Stage};
use crate::reach::Reach;

/// Definitions by kind and name, with hashes of what they say.
type Definitions = Vec<(String, String)>;

/// A small stable number for a stage's name, part of every random key. Always positive as an `i32`.
pub(crate) fn stage_id(name: &str) -> u32 {
    let hash = blake3::hash(name.as_bytes());
    let bytes = hash.as_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) & 0x7fff_ffff
}

/// Identities of a stage whose other fields are closed; `stages` holds those that it takes weights from.
pub(crate) fn stage(stage: &Stage, model: &Model, data: &[&Data], stages: &[Stage], reach: &Reach) -> Identity {
    let (program, definitions) = program(stage, model, stages, reach);
    Identity { program, data: data_plan(stage, data), run: run(stage), definitions }
}

/// Content identity: equal keys are the same work. What it starts from is part of it.
pub(crate) fn key(identity: &Identity, weights: &[crate::experiment::Handover], stages: &[Stage]) -> String {
    let mut facts = Facts::default();
    facts.line("program", &identity.program);
    facts.line("data", &identity.data);
    for handover in weights {
        facts.line("weights", &format!("{} {}", handover.part, stages[handover.stage].key));
    }
    facts.hash()
}

/// What is computed: parameters, their start, what is trained, how, and for how long.
fn program(stage: &Stage, model: &Model, stages: &[Stage], reach: &Reach) -> (String, Definitions) {
    let mut facts = Facts::default();
    // The stage's name counts: its random numbers depend on it.
    facts.line("stage", &stage.id);
    facts.line("seed", &stage.seed);
    facts.line("tokeniser", &part(&model.tokeniser));
    facts.option("processor", model.processor.as_ref().map(part));
    facts.line("linked", &model.linked);
    for (parameter, trained) in model.parameters.iter().zip(&stage.trainable) {
        facts.line("parameter", &format_args!("{} {:?} {:?} {trained}", parameter.path, parameter.shape, parameter.init));
    }
    facts.line("objective", &format!("{:?} {} {:?}", stage.objective.kind, stage.objective.loss, stage.objective.units));
    facts.line("optimiser", &stage.optimiser);
    facts.option("schedule", stage.schedule.as_ref());
    facts.line("clip", &format!("{:?}", stage.clip));
    facts.line("batch", &format!("{} {}", stage.batch, stage.accumulate));
    facts.line("length", &format!("{} {}", stage.run, stage.epoch));
    facts.line("precision", &stage.precision.name());
    for handover in &stage.weights {
        facts.line("weights", &format!("{} {}", handover.part, stages[handover.stage].identity.program));
    }
    let link = if model.linked { "linear" } else { "" };
    let schedule = stage.schedule.as_ref().map(|s| s.to_string()).unwrap_or_default();
    let processor = model.processor.as_ref().map(part).unwrap_or_default();
    let named = format!("{} {processor} {link} {} {} {schedule}", part(&model.tokeniser), stage.objective.loss, stage.optimiser);
    let definitions = facts.code(reach, &named);
    (facts.hash(), definitions)
}

/// Which samples are seen, in which order.
fn data_plan(stage: &Stage, data: &[&Data]) -> String {
    let mut facts = Facts::default();
    for data in data {
        facts.line("data", &format!("{} {:?} {:?}", data.definition, data.datasets, data.fields));
        facts.line("frames", &format!("{:?} {} {} {}", data.grid, data.frames, data.window, data.context));
        facts.line("source", &format!("{:?} {:?} {:?}", data.source, data.trajectories, data.normalise));
    }
    facts.line("mixture", &format!("{:?}", stage.data.weights));
    facts.line("order", &format!("{} {} {} {}", stage.seed, stage.id, stage.batch, stage.run));
    facts.hash()
}

/// How it is run, which changes no number: another checkpoint interval continues the same work.
fn run(stage: &Stage) -> String {
    let mut facts = Facts::default();
    facts.line("checkpoint", &stage.checkpoint);
    facts.line("parallel", &stage.parallel);
    facts.line("allow", &stage.allow.join(" "));
    facts.hash()
}

/// What is evaluated of a stage, and when.
pub(crate) fn report(report: &Report, reach: &Reach) -> (String, Definitions) {
    let mut facts = Facts::default();
    facts.line("stage", &report.stage);
    facts.line("steps", &format!("{:?} {:?}", report.at, report.every));
    facts.line("sample", &format!("{:?}", report.sample));
    let mut named = String::new();
    for metric in &report.metrics {
        facts.line("metric", metric);
        named.push_str(&format!("{metric} "));
    }
    if let Some(unroll) = &report.unroll {
        facts.line("unroll", &format!("{} {:?} {}", unroll.metric, unroll.horizons, unroll.sample));
        named.push_str(&unroll.metric.to_string());
    }
    facts.line("plot", &format!("{:?}", report.plot));
    let definitions = facts.code(reach, &named);
    (facts.hash(), definitions)
}

fn part(part: &Part) -> String {
    format!("{} {}", part.name, part.instance)
}

/// One line per fact.
#[derive(Default)]
struct Facts(String);

impl Facts {
    fn line(&mut self, name: &str, value: &dyn Display) {
        writeln!(self.0, "{name} {value}").expect("a string takes any text");
    }

    fn option<T: Display>(&mut self, name: &str, value: Option<T>) {
        match value {
            Some(value) => self.line(name, &value),
            None => self.line(name, &"none"),
        }
    }

    /// The definitions that the text names, and those that they name.
    fn code(&mut self, reach: &Reach, text: &str) -> Definitions {
        let definitions = reach.reached(text);
        for (name, hash) in &definitions {
            self.line("definition", &format!("{name} {hash}"));
        }
        definitions
    }

    fn hash(self) -> String {
        blake3::hash(self.0.as_bytes()).to_hex()[..32].to_string()
    }
}
