//! The identity of a stage: a hash over the canonical text of everything that determines its work. Spans, comments, labels of
//! grids and the text of the file have no part in it, so formatting never makes work run again.

use std::fmt::Write;

use crate::experiment::{Data, Model, Part, Stage};
use crate::input::Input;

/// A small stable number for a stage's name, part of every random key. Always positive as an `i32`.
pub(crate) fn stage_id(name: &str) -> u32 {
    let hash = blake3::hash(name.as_bytes());
    let bytes = hash.as_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) & 0x7fff_ffff
}

/// Hex digits of the hash of the stage's canonical text. `code` is the text of the user's own definitions.
pub(crate) fn stage_key(stage: &Stage, model: &Model, data: &[&Data], stages: &[Stage], code: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(canonical(stage, model, data, stages).as_bytes());
    hasher.update(code.as_bytes());
    hasher.finalize().to_hex()[..32].to_string()
}

/// Definitions that are not of the standard library, without comments and layout: what they say is part of the work, and no
/// version of the compiler stands for it.
pub(crate) fn own_code(input: &Input) -> String {
    let own = input.library.definitions().iter().filter(|d| !input.library.module_of(d).starts_with("std."));
    let mut out = String::new();
    for definition in own {
        for line in input.sources.text(definition.span).lines() {
            let code = line.split('#').next().unwrap_or(line);
            for word in code.split_whitespace() {
                out.push_str(word);
                out.push(' ');
            }
        }
    }
    out
}

/// One line per fact. The stage's name counts: its random numbers depend on it.
fn canonical(stage: &Stage, model: &Model, data: &[&Data], stages: &[Stage]) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        writeln!(out, "{name} {value}").expect("a string takes any text");
    };
    line("stage", &stage.id);
    line("seed", &stage.seed);
    line("tokeniser", &part(&model.tokeniser));
    match &model.processor {
        Some(processor) => line("processor", &part(processor)),
        None => line("processor", &"none"),
    }
    line("linked", &model.linked);
    for (parameter, trained) in model.parameters.iter().zip(&stage.trainable) {
        line("parameter", &format_args!("{} {:?} {:?} {trained}", parameter.path, parameter.shape, parameter.init));
    }
    for data in data {
        line("data", &format!("{} {:?} {:?}", data.definition, data.datasets, data.fields));
        line("frames", &format!("{:?} {} {} {}", data.grid, data.frames, data.window, data.context));
        line("source", &format!("{:?} {:?} {:?}", data.source, data.trajectories, data.normalise));
    }
    line("weights of data", &format!("{:?}", stage.data.weights));
    line("objective", &format!("{:?} {} {:?}", stage.objective.kind, stage.objective.loss, stage.objective.units));
    line("optimiser", &stage.optimiser);
    match &stage.schedule {
        Some(schedule) => line("schedule", schedule),
        None => line("schedule", &"constant"),
    }
    line("clip", &format!("{:?}", stage.clip));
    line("batch", &format!("{} {}", stage.batch, stage.accumulate));
    line("length", &format!("{} {}", stage.run, stage.epoch));
    for handover in &stage.weights {
        line("weights", &format!("{} {}", handover.part, stages[handover.stage].key));
    }
    out
}

fn part(part: &Part) -> String {
    format!("{} {}", part.name, part.instance)
}
