//! The parameter tree of every stage: each tensor with its shape and whether it is trained, and the sums of each module.

use crate::output::{Exit, Output};
use pfm_hir::{Experiment, Model, Stage};
use pfm_meaning::grouped;
use serde_json::json;

/// Numbers of tensors and weights, and of those that are trained.
#[derive(Clone, Copy, Default)]
struct Sum {
    tensors: usize,
    weights: usize,
    trained: usize,
}

pub fn show(experiment: &Experiment, out: &Output) {
    let mut seen: Vec<(String, Vec<bool>)> = vec![];
    let mut stages = vec![];
    for stage in &experiment.stages {
        let model = &experiment.models[stage.model];
        // A grid has a stage once for each cell: what trains the same is shown once.
        let weights: usize = model.parameters.iter().map(|p| p.count()).sum();
        let same = (format!("{} {} {weights}", stage.name, model.name), stage.trainable.clone());
        if seen.contains(&same) {
            continue;
        }
        seen.push(same);
        lines(stage, model, out);
        let modules: Vec<_> = modules(stage, model)
            .into_iter()
            .map(|(path, sum)| json!({ "module": path, "tensors": sum.tensors, "weights": sum.weights, "trained": sum.trained }))
            .collect();
        stages
            .push(json!({ "stage": stage.name, "key": stage.key, "model": model.name, "modules": modules, "trainable": stage.trainable }));
    }
    let models: Vec<_> = experiment.models.iter().map(|m| json!({ "model": m.name, "parameters": m.parameters })).collect();
    out.value(Exit::Done, json!({ "models": models, "stages": stages }));
}

fn lines(stage: &Stage, model: &Model, out: &Output) {
    let mask = stage.mask.as_ref().map_or(String::new(), |m| format!(", mask {m}"));
    out.line(format!("stage {} ({}) trains {}{mask}:", stage.name, &stage.key[..8], model.name));
    for (p, trainable) in model.parameters.iter().zip(&stage.trainable) {
        out.line(format!("  {} {:<58} {:>11}  {:?}", word(*trainable), p.path, grouped(p.count()), p.shape));
    }
    out.line(format!("  {:<32} {:>8} {:>13} {:>13} {:>13}", "module", "tensors", "weights", "trained", "frozen"));
    for (path, sum) in modules(stage, model) {
        let (weights, trained) = (grouped(sum.weights), grouped(sum.trained));
        out.line(format!("  {path:<32} {:>8} {weights:>13} {trained:>13} {:>13}", sum.tensors, grouped(sum.weights - sum.trained)));
    }
}

fn word(trainable: bool) -> &'static str {
    if trainable { "train " } else { "frozen" }
}

/// Modules to the second segment, such as `tok.encoder`, in the order of the model; the whole model last.
fn modules(stage: &Stage, model: &Model) -> Vec<(String, Sum)> {
    let mut out: Vec<(String, Sum)> = vec![];
    let mut whole = Sum::default();
    for (p, trainable) in model.parameters.iter().zip(&stage.trainable) {
        let segments: Vec<&str> = p.path.split('.').collect();
        let deepest = 2.min(segments.len() - 1);
        for depth in 1..=deepest {
            let path = segments[..depth].join(".");
            let at = out.iter().position(|(known, _)| *known == path).unwrap_or_else(|| {
                out.push((path, Sum::default()));
                out.len() - 1
            });
            add(&mut out[at].1, p.count(), *trainable);
        }
        add(&mut whole, p.count(), *trainable);
    }
    out.push((model.name.clone() + " (all)", whole));
    out
}

fn add(sum: &mut Sum, weights: usize, trainable: bool) {
    sum.tensors += 1;
    sum.weights += weights;
    sum.trained += if trainable { weights } else { 0 };
}
