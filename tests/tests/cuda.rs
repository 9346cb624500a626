//! Every distinct CUDA function of the experiment of the paper, at its full sizes, compiles for an older and a newer architecture and
//! spills no registers. Needs NVRTC from `scripts/install.sh`, no device.

use pfm_compiler::{Alone, Options, Request, Silent, check};
use pfm_cuda::{Module, Step, Target};
use pfm_device::cuda::compile_all;
use pfm_lower::{Context, Optimiser, Phase, Unit};
use std::collections::BTreeMap;
use std::path::Path;

/// Modules of the units that the steps of every stage take, at the choice for evaluation.
fn modules(target: Target, precision: Option<&str>) -> Vec<(String, Module)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/indomain.pfm");
    let mut text = std::fs::read_to_string(path).expect("the experiment");
    if let Some(p) = precision {
        text = text.replace("    batch     = 16 samples\n", &format!("    batch     = 16 samples\n    precision = {p}\n"));
    }
    let request = Request { profile: Some("paper".to_string()), ..Request::default() };
    let checked = check("indomain.pfm", &text, &request, &Alone);
    let experiment = checked.experiment.as_ref().unwrap_or_else(|| panic!("{:?}", checked.diagnostics.iter().map(|d| &d.message).collect::<Vec<_>>()));
    let context = Context { experiment, library: &checked.library };
    let options = Options { cuda: Some(target), ..Options::default() };
    let mut all = vec![];
    for stage in experiment.stages.iter().take(2) {
        let evaluation = experiment.models[stage.model].evaluation;
        let accumulate = Unit { phase: Phase::Accumulate, set: 0, variant: evaluation, samples: 2 };
        let updates = Optimiser::of(&context, stage).phases().into_iter().map(|phase| Unit { phase, set: 0, variant: 0, samples: 0 });
        for unit in updates.into_iter().chain([accumulate]) {
            let graph = pfm_lower::lower(&context, stage, unit).unwrap_or_else(|d| panic!("{unit}: {d:?}"));
            let plan = pfm_compiler::plan(graph, options, &mut Silent).unwrap_or_else(|d| panic!("{unit}: {d:?}"));
            let module = match pfm_cuda::write(&plan, &target) { Ok(m) => m, Err(d) => { println!("{} {unit}: {}", stage.name, d.message); continue } };
            all.push((format!("{} {unit}", stage.name), module));
        }
    }
    all
}

#[test]
fn functions_at_the_scale_of_the_paper_compile_without_spills() {
    for (sm, precision) in [(90, Some("bf16")), (80, None)] {
        let target = Target { sm };
        let mut sources: BTreeMap<String, String> = BTreeMap::new();
        for (name, module) in modules(target, precision) {
            let launches: usize = module.groups.iter().flat_map(|g| &g.steps).filter(|s| matches!(s, Step::Launch(_))).count();
            println!("{name}: {} groups, {launches} launches, {} functions", module.groups.len(), module.sources.len());
            sources.extend(module.sources);
        }
        let texts: Vec<String> = sources.into_values().collect();
        let begin = std::time::Instant::now();
        let made = compile_all(&texts, &target.architecture(), 2, None).unwrap_or_else(|e| panic!("{}", e.0));
        println!("{} functions for sm_{sm}: {:.1} s", texts.len(), begin.elapsed().as_secs_f64());
        for (compiled, text) in made.iter().zip(&texts) {
            let body = text.find("extern \"C\"").map_or(text.as_str(), |at| &text[at..]);
            if !compiled.log.contains(" 0 bytes spill stores") { println!("{}\n{body}", compiled.log); }
        }
    }
}
