//! The distinct CUDA functions of the experiment of the paper, at its full sizes, compile and spill no registers: in a usual run those
//! of the rollout in bf16 for 9.0, with `PFMC_HEAVY=1` those of every program, also in f32 and for 8.0. Needs NVRTC, which `scripts/nvrtc.sh`
//! brings, and no device; what has been compiled before is remembered in `target/cuda`.

use pfm_compiler::{Alone, Checked, Options, Request, Silent, check};
use pfm_cuda::{Step, Target};
use pfm_device::cuda::{Cache, compile_all, find_in};
use pfm_lower::{Context, Optimiser, Phase, Unit};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn experiment(precision: &str) -> Checked {
    let text = std::fs::read_to_string(root().join("experiments/indomain.pfm")).expect("the experiment");
    let overrides = ["pretrain", "rollout"].map(|stage| format!("{stage}.precision={precision}"));
    let request = Request { profile: Some("paper".to_string()), sets: overrides.to_vec(), ..Request::default() };
    check("indomain.pfm", &text, &request, &Alone)
}

/// The functions of what a stage's steps take, at the choice for evaluation, by name.
fn functions(checked: &Checked, stage: &str, target: Target) -> BTreeMap<String, String> {
    let experiment = checked.experiment.as_ref().expect("the experiment resolves");
    let stage = experiment.stages.iter().find(|s| s.name == stage).expect("the stage");
    let context = Context { experiment, library: &checked.library };
    let options = Options { cuda: Some(target), ..Options::default() };
    let evaluation = experiment.models[stage.model].evaluation;
    let accumulate = Unit { phase: Phase::Accumulate, set: 0, variant: evaluation, samples: 2 };
    let updates = Optimiser::of(&context, stage).phases().into_iter().map(|phase| Unit { phase, set: 0, variant: 0, samples: 0 });
    let mut all = BTreeMap::new();
    for unit in updates.chain([accumulate]) {
        let graph = pfm_lower::lower(&context, stage, unit).unwrap_or_else(|d| panic!("{unit}: {d:?}"));
        let plan = pfm_compiler::plan(graph, options, &mut Silent).unwrap_or_else(|d| panic!("{unit}: {d:?}"));
        let module = pfm_cuda::write(&plan, &target).unwrap_or_else(|d| panic!("{unit}: {}", d.message));
        let launches = module.groups.iter().flat_map(|g| &g.steps).filter(|s| matches!(s, Step::Launch(_))).count();
        println!("{} {unit}: {} groups, {launches} launches, {} functions", stage.name, module.groups.len(), module.sources.len());
        all.extend(module.sources);
    }
    all
}

#[test]
fn functions_at_the_scale_of_the_paper_compile_without_spills() {
    if std::env::var_os("PFMC_NO_NVRTC").is_some() {
        println!("skipped: PFMC_NO_NVRTC is set, so no CUDA function is compiled");
        return;
    }
    let found = find_in(&root().join("target/nvrtc"));
    assert!(found.nvrtc.is_ok(), "{:?}: run scripts/nvrtc.sh, or set PFMC_NO_NVRTC to leave this out", found.nvrtc);
    let heavy = std::env::var_os("PFMC_HEAVY").is_some();
    let usual = (90, "bf16", vec!["rollout"]);
    let rest = || vec![(90, "bf16", vec!["pretrain"]), (80, "bf16", vec!["pretrain", "rollout"]), (80, "f32", vec!["pretrain", "rollout"])];
    for (sm, precision, stages) in std::iter::once(usual).chain(if heavy { rest() } else { vec![] }) {
        let (target, checked) = (Target { sm }, experiment(precision));
        let sources: BTreeMap<String, String> = stages.iter().flat_map(|s| functions(&checked, s, target)).collect();
        compile(&sources.into_values().collect::<Vec<_>>(), target);
    }
}

fn compile(texts: &[String], target: Target) {
    let cache = Cache::new(&root().join("target/cuda"));
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let begin = std::time::Instant::now();
    let made = compile_all(texts, &target.architecture(), threads, Some(&cache)).unwrap_or_else(|e| panic!("{e}"));
    println!("{} functions for {}: {:.1} s", texts.len(), target.architecture(), begin.elapsed().as_secs_f64());
    for (compiled, text) in made.iter().zip(texts) {
        let body = text.find("extern \"C\"").map_or(text.as_str(), |at| &text[at..]);
        assert!(!compiled.spills(), "{}\n{body}", compiled.log);
    }
}
