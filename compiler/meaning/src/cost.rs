//! What a stage takes: FLOPs of a step and exact memory, from the plans of all its programs, and one hash over their graphs.

use pfm_compiler::{Isa, Options, Silent};
use pfm_diag::Diagnostic;
use pfm_hir::Stage;
use pfm_lower::{Context, Optimiser, Phase, Unit, UpdatePhase};
use pfm_plan::PROCESS_BYTES;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Of one optimiser step over all devices, with the evaluation choice, on the data set that takes most: forward, backward and update.
    pub flops: f64,
    /// Bytes on each device: of weights, gradients, optimiser slots, and of the largest arena of any program.
    pub weights: usize,
    pub gradients: usize,
    pub slots: usize,
    pub arena: usize,
    /// Hash of the graphs of all programs, as lowered.
    pub graphs: String,
}

impl Cost {
    pub fn memory(&self) -> usize {
        self.weights + self.gradients + self.slots + self.arena + PROCESS_BYTES
    }
}

/// Plans every program of the stage.
pub fn cost(context: &Context, stage: &Stage) -> Result<Cost, Vec<Diagnostic>> {
    planned(context, stage, stage.accumulate, &stage.variants)
}

/// As `cost`, of the programs for the evaluation choice only.
pub fn evaluation(context: &Context, stage: &Stage) -> Result<Cost, Vec<Diagnostic>> {
    planned(context, stage, stage.accumulate, &[context.experiment.models[stage.model].evaluation])
}

/// As `cost`, with steps cut into this many parts, from the programs with the most tokens only: they are what memory is for.
pub fn largest(context: &Context, stage: &Stage, accumulate: usize) -> Result<Cost, Vec<Diagnostic>> {
    let variants = &context.experiment.models[stage.model].variants;
    let most = stage.variants.iter().copied().max_by_key(|v| variants[*v].tokens);
    planned(context, stage, accumulate, &most.into_iter().collect::<Vec<_>>())
}

fn planned(context: &Context, stage: &Stage, accumulate: usize, variants: &[usize]) -> Result<Cost, Vec<Diagnostic>> {
    let model = &context.experiment.models[stage.model];
    let devices = stage.parallel.devices;
    let samples = stage.batch / (accumulate * devices);
    let mut hash = blake3::Hasher::new();
    // What a file means does not depend on the machine that looks at it.
    let options = Options { isa: Some(Isa::Portable), ..Options::default() };
    let mut plan = |unit: Unit| {
        let graph = pfm_lower::lower(context, stage, unit)?;
        hash.update(pfm_ir::print(&graph).as_bytes());
        pfm_compiler::plan(graph, options, &mut Silent)
    };
    let (mut arena, mut flops) = (0, 0.0f64);
    for set in 0..stage.data.parts.len() {
        for &variant in variants {
            let p = plan(Unit { phase: Phase::Accumulate, set, variant, samples })?;
            arena = arena.max(p.arena_bytes);
            if variant == model.evaluation {
                flops = flops.max(p.cost().flops * (accumulate * devices) as f64);
            }
        }
        arena = arena.max(plan(Unit { phase: Phase::Predict, set, variant: model.evaluation, samples })?.arena_bytes);
    }
    let optimiser = Optimiser::of(context, stage);
    for phase in optimiser.phases() {
        let p = plan(Unit { phase, set: 0, variant: 0, samples: 0 })?;
        arena = arena.max(p.arena_bytes);
        if phase == Phase::Update(UpdatePhase::Plain) {
            flops += p.cost().flops;
        }
    }
    let trained = || model.parameters.iter().zip(&stage.trainable).filter(|(_, t)| **t).map(|(p, _)| p);
    let slots = trained().flat_map(|p| optimiser.slots(&p.shape)).map(|slot| 4 * slot.shape.iter().product::<usize>()).sum();
    Ok(Cost {
        flops: flops.round(),
        weights: model.parameters.iter().map(|p| 4 * p.count()).sum(),
        gradients: trained().map(|p| 4 * p.count()).sum(),
        slots,
        arena,
        graphs: hash.finalize().to_hex()[..32].to_string(),
    })
}
