//! The programs of the experiment of the paper at its full sizes, and their CUDA functions: each once, whatever the number of
//! programs that launch it.

use pfm_compiler::{Alone, Checked, Options, Request, Silent, check, optimise};
use pfm_cuda::Target;
use pfm_hir::{Model, Stage};
use pfm_lower::{Context, Optimiser, Phase, Unit};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

pub fn experiment(precision: &str) -> Checked {
    let text = std::fs::read_to_string(root().join("experiments/indomain.pfm")).expect("the experiment");
    let sets = ["pretrain", "rollout"].map(|stage| format!("{stage}.precision={precision}"));
    let request = Request { profile: Some("paper".to_string()), sets: sets.to_vec(), ..Request::default() };
    check("indomain.pfm", &text, &request, &Alone)
}

/// Which of a model's choices of compression.
#[derive(Clone, Copy)]
pub enum Choices {
    Evaluation,
    /// That for evaluation, the one with the fewest tokens and the one with the most.
    Extremes,
    All,
}

impl Choices {
    fn of(self, model: &Model) -> Vec<usize> {
        let tokens = |v: &usize| model.variants[*v].tokens;
        let all = 0..model.variants.len();
        match self {
            Choices::Evaluation => vec![model.evaluation],
            Choices::Extremes => {
                all.clone().min_by_key(tokens).into_iter().chain(all.max_by_key(tokens)).chain([model.evaluation]).collect()
            }
            Choices::All => all.collect(),
        }
    }
}

/// Two samples for each of eight devices.
const SAMPLES: usize = 2;

fn unit(phase: Phase, variant: usize) -> Unit {
    Unit { phase, set: 0, variant, samples: SAMPLES }
}

/// What training steps run on a device.
fn steps(checked: &Checked, stage: &Stage, choices: Choices) -> Vec<Unit> {
    let context = context(checked);
    let updates = Optimiser::of(&context, stage).phases().into_iter().map(|phase| Unit { samples: 0, ..unit(phase, 0) });
    let variants = choices.of(&context.experiment.models[stage.model]);
    updates.chain(variants.into_iter().map(|variant| unit(Phase::Accumulate, variant))).collect()
}

/// What its evaluation runs there.
fn evaluation(checked: &Checked, stage: &Stage) -> [Unit; 2] {
    let model = &context(checked).experiment.models[stage.model];
    [unit(Phase::Predict, model.evaluation), unit(Phase::Measure { frames: 1 }, 0)]
}

fn context(checked: &Checked) -> Context<'_> {
    Context { experiment: checked.experiment.as_ref().expect("the experiment resolves"), library: &checked.library }
}

/// Texts by the name of their entry, for each target.
pub type Functions = BTreeMap<Target, BTreeMap<String, String>>;

/// The functions of every program of every stage, those of cells that are the same work once.
pub fn functions(checked: &Checked, choices: Choices, targets: &[Target]) -> Functions {
    let mut all: Functions = targets.iter().map(|target| (*target, BTreeMap::new())).collect();
    let mut seen: Vec<&str> = vec![];
    for stage in &context(checked).experiment.stages {
        if seen.contains(&stage.key.as_str()) {
            continue;
        }
        seen.push(&stage.key);
        for unit in steps(checked, stage, choices).into_iter().chain(evaluation(checked, stage)) {
            write(checked, stage, unit, &mut all);
        }
    }
    all
}

/// The functions of a stage's steps at the choice for evaluation.
pub fn of_steps(checked: &Checked, stage: &str, target: Target) -> Functions {
    let mut all = Functions::from([(target, BTreeMap::new())]);
    let stage = context(checked).experiment.stages.iter().find(|s| s.name == stage).expect("the stage");
    for unit in steps(checked, stage, Choices::Evaluation) {
        write(checked, stage, unit, &mut all);
    }
    all
}

fn write(checked: &Checked, stage: &Stage, unit: Unit, functions: &mut Functions) {
    let graph = pfm_lower::lower(&context(checked), stage, unit).unwrap_or_else(|d| panic!("{unit}: {d:?}"));
    let graph = optimise(graph, Options::default(), &mut Silent);
    for (target, functions) in functions {
        let plan = pfm_plan::plan(&graph, &|work| pfm_cuda::scratch_bytes(work, target));
        let module = pfm_cuda::write(&plan, target).unwrap_or_else(|d| panic!("{unit}: {}", d.message));
        let (groups, own, before) = (plan.groups.len(), module.sources.len(), functions.len());
        functions.extend(module.sources);
        let new = functions.len() - before;
        println!("{} {unit} for {}: {groups} groups, {own} functions, {new} of them new", stage.name, target.architecture());
    }
}
