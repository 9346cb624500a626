//! `pfmc explain`: a diagnostic code, any word of the language, or what the compiler knows of a file.

mod cuda;
mod memory;
mod params;
mod words;

use crate::load::{self, Choice, Source};
use crate::output::{Exit, Output};
use pfm_compiler::Watch;
use pfm_lower::{Optimiser, Phase, Unit, UpdatePhase};
use std::path::Path;

/// Of the device that functions are written for where nobody says.
const CAPABILITY: u32 = 90;

#[derive(clap::Args)]
pub struct Args {
    /// A code such as `E0412`; a word, setting, definition, function or operation; or an experiment's file.
    what: String,
    /// Every setting with its value and where that comes from.
    #[arg(long)]
    resolved: bool,
    /// The parameter tree, with what each stage trains.
    #[arg(long)]
    params: bool,
    /// The graph of a stage, as text, after the last pass.
    #[arg(long, value_name = "STAGE")]
    graph: Option<String>,
    /// The plan of a stage: groups, buffers, memory.
    #[arg(long, value_name = "STAGE")]
    plan: Option<String>,
    /// The CUDA functions of a stage: each with the groups that launch it and what was fused into them.
    #[arg(long, value_name = "STAGE")]
    cuda: Option<String>,
    /// What lives when the memory of a stage's program is fullest.
    #[arg(long, value_name = "STAGE")]
    memory: Option<String>,
    /// Plan for a CUDA device of this compute capability, such as 90 for 9.0; `--cuda` takes that one by default.
    #[arg(long, value_name = "NUMBER")]
    capability: Option<u32>,
    /// Node counts after each pass of a stage.
    #[arg(long, value_name = "STAGE")]
    passes: Option<String>,
    /// Which program of the stage: those of updates are named as `bench` names them.
    #[arg(long, value_enum, default_value = "accumulate")]
    phase: PhaseName,
    /// Compression per level, such as `1x2,2x2,2x2`.
    #[arg(long)]
    choice: Option<String>,
    /// Profile of the file: `paper` is the file as written.
    #[arg(long)]
    profile: Option<String>,
    /// Override a setting, such as `rollout.optimiser.lr=1e-4`.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum PhaseName {
    Accumulate,
    Update,
    /// The first update of an optimiser that begins otherwise.
    #[value(name = "update.first")]
    UpdateFirst,
    /// The update that renews what others use, such as SOAP's bases.
    #[value(name = "update.refresh")]
    UpdateRefresh,
    Predict,
}

pub fn run(args: Args, out: &Output) -> Exit {
    if !Path::new(&args.what).is_file() {
        return explain_word(&args.what, out);
    }
    explain_file(&args, out)
}

fn explain_word(word: &str, out: &Output) -> Exit {
    let found = words::meanings(word);
    if found.is_empty() {
        let near: Vec<String> = words::near(word).iter().map(|w| format!("`{w}`")).collect();
        let help = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
        return out.fail(Exit::Usage, format!("`{word}` is no file, and no code, word, setting, definition or operation{help}"));
    }
    let texts: Vec<&str> = found.iter().map(|m| m.text.as_str()).collect();
    out.line(texts.join("\n\n"));
    let value = match found.as_slice() {
        [only] => only.value.clone(),
        many => serde_json::json!({ "meanings": many.iter().map(|m| &m.value).collect::<Vec<_>>() }),
    };
    out.value(Exit::Done, value);
    Exit::Done
}

fn explain_file(args: &Args, out: &Output) -> Exit {
    let source = Source {
        file: args.what.clone().into(),
        choice: Choice { profile: args.profile.clone(), sets: args.sets.clone(), experiment: None },
    };
    let loaded = match load::load(&source, out) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let experiment = loaded.experiment();
    if let Some(stage) = [&args.graph, &args.plan, &args.cuda, &args.memory, &args.passes].into_iter().flatten().next() {
        return explain_stage(args, stage, &loaded, out);
    }
    if args.params {
        params::show(experiment, out);
        return Exit::Done;
    }
    let width = experiment.origins.iter().map(|o| o.path.len()).max().unwrap_or(0);
    for o in &experiment.origins {
        out.line(format!("{:<width$} = {}    # {}", o.path, o.value, o.origin));
    }
    out.value(Exit::Done, serde_json::json!({ "settings": experiment.origins }));
    Exit::Done
}

fn explain_stage(args: &Args, name: &str, loaded: &load::Loaded, out: &Output) -> Exit {
    let experiment = loaded.experiment();
    let Some(stage) = experiment.stages.iter().find(|s| s.name == name) else {
        let mut names: Vec<&str> = experiment.stages.iter().map(|s| s.name.as_str()).collect();
        names.dedup(); // a stage is there once per cell
        return out.fail(Exit::Usage, format!("no stage `{name}`; there is {}", names.join(", ")));
    };
    let model = &experiment.models[stage.model];
    let variant = match &args.choice {
        None => model.evaluation,
        Some(choice) => match model.variants.iter().position(|v| v.label == *choice) {
            Some(variant) => variant,
            None => return out.fail(Exit::Usage, format!("`{}` has no choice `{choice}`", model.name)),
        },
    };
    let samples = stage.micro_batch();
    let update = |phase| Unit { phase: Phase::Update(phase), set: 0, variant: 0, samples: 0 };
    let unit = match args.phase {
        PhaseName::Accumulate => Unit { phase: Phase::Accumulate, set: 0, variant, samples },
        PhaseName::Update => update(UpdatePhase::Plain),
        PhaseName::UpdateFirst => update(UpdatePhase::First),
        PhaseName::UpdateRefresh => update(UpdatePhase::Refresh),
        PhaseName::Predict => Unit { phase: Phase::Predict, set: 0, variant, samples },
    };
    let context = loaded.checked.context();
    let updates = Optimiser::of(&context, stage).phases();
    if matches!(unit.phase, Phase::Update(_)) && !updates.contains(&unit.phase) {
        let there: Vec<String> = updates.into_iter().map(|phase| Unit { phase, ..unit }.to_string()).collect();
        return out.fail(Exit::Usage, format!("the optimiser of stage `{name}` has no `{unit}`; it has {}", there.join(", ")));
    }
    let mut seen = Seen::default();
    let capability = args.capability.or(args.cuda.as_ref().map(|_| CAPABILITY));
    let cuda = capability.map(pfm_cuda::Target::of);
    let options = pfm_compiler::Options { cuda, ..Default::default() };
    let graph = pfm_lower::lower(&context, stage, unit);
    let plan = match graph.and_then(|graph| pfm_compiler::plan(graph, options, &mut seen)) {
        Ok(plan) => plan,
        Err(diagnostics) => return out.refuse(&diagnostics, &loaded.checked.sources),
    };
    if let Some(target) = cuda.filter(|_| args.cuda.is_some()) {
        return match pfm_cuda::write(&plan, &target) {
            Ok(module) => cuda::show(&plan, &module, out),
            Err(diagnostic) => out.refuse(&[*diagnostic], &loaded.checked.sources),
        };
    }
    if args.memory.is_some() {
        return memory::show(&plan, out);
    }
    if args.passes.is_some() {
        seen.passes.iter().for_each(|(pass, nodes)| out.line(format!("{pass:<12} {nodes:>6} nodes")));
    } else {
        out.line(if args.plan.is_some() { &seen.plan } else { &seen.graph });
    }
    out.value(Exit::Done, serde_json::json!({ "unit": unit.to_string(), "passes": seen.passes, "graph": seen.graph, "plan": seen.plan }));
    Exit::Done
}

#[derive(Default)]
struct Seen {
    passes: Vec<(&'static str, usize)>,
    graph: String,
    plan: String,
}

impl Watch for Seen {
    fn graph(&mut self, pass: &'static str, graph: &pfm_ir::Graph) {
        self.passes.push((pass, graph.nodes.len()));
        self.graph = pfm_ir::print(graph);
    }

    fn plan(&mut self, plan: &pfm_plan::Plan) {
        self.plan = pfm_plan::print(plan);
    }
}
