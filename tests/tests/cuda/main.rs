//! The distinct CUDA functions of the experiment of the paper, at its full sizes, compile for devices of capability 8.0 and 9.0, for the latter
//! also with the instructions that only it has, and spill no registers: those of training and evaluation in bf16 in both stages and all
//! cells, at the choice for evaluation, the one with the fewest tokens and the one with the most. What they take is in
//! `golden/cuda/resources.txt`. `PFMC_HEAVY=1` adds all choices, and f32 at that for evaluation.
//!
//! Needs NVRTC, which `scripts/nvrtc.sh` brings, and no device. What has been compiled before is remembered in `target/cuda`: the usual run
//! takes 230 s of one core the first time and 4 s later; all choices and f32 take 290 s of one core more.

mod programs;
mod resources;

use pfm_cuda::Target;
use pfm_device::cuda::{Cache, Compiled, Usage, compile_all, find_in};
use programs::{Choices, Functions, experiment, functions, of_steps, root};
use resources::Table;
use std::collections::BTreeMap;
use std::time::Instant;

const PINNED: (i32, i32) = (13, 0);

/// The compiler's version; None where its absence is meant.
fn compiler() -> Option<(i32, i32)> {
    if std::env::var_os("PFMC_NO_NVRTC").is_some() {
        println!("skipped: PFMC_NO_NVRTC is set, so no CUDA function is compiled");
        return None;
    }
    let found = &find_in(&root().join("target/nvrtc")).nvrtc;
    assert!(found.is_ok(), "{found:?}: run scripts/nvrtc.sh, or set PFMC_NO_NVRTC to leave this out");
    found.as_ref().ok().copied()
}

#[test]
fn functions_at_the_scale_of_the_paper_take_what_they_took() {
    let Some(version) = compiler() else { return };
    let targets = [Target::plain(80), Target::plain(90), Target::of(90)];
    let mut table = Table::default();
    compile(&functions(&experiment("bf16"), Choices::Extremes, &targets), |target, entry, usage| table.add(target, entry, usage));
    if version == PINNED {
        table.compare(&root().join("tests/golden/cuda/resources.txt"));
    } else {
        println!("not compared with the table, which is that of {PINNED:?}: the compiler is {version:?}");
    }
}

#[test]
fn functions_of_all_choices_and_in_f32_spill_nothing() {
    if !heavy() || compiler().is_none() {
        return;
    }
    let targets = [Target::of(90), Target::plain(90), Target::plain(80)];
    compile(&functions(&experiment("bf16"), Choices::All, &targets), |_, _, _| ());
    compile(&functions(&experiment("f32"), Choices::Evaluation, &targets), |_, _, _| ());
}

/// What stands between a start and the first step of each stage at one choice, but for the device's part: the functions written, compiled
/// with nothing kept, and read back.
#[test]
fn what_was_kept_is_what_was_compiled() {
    if !heavy() || compiler().is_none() {
        return;
    }
    let (checked, folder) = (experiment("bf16"), tempfile::tempdir().expect("a folder"));
    let cache = Cache::new(folder.path());
    for stage in ["pretrain", "rollout"] {
        let begin = processor_seconds();
        let functions = of_steps(&checked, stage, Target::of(90));
        println!("{stage}: {:.2} s of one core to write the functions of its steps", processor_seconds() - begin);
        let compiled = [(); 2].map(|()| functions.iter().flat_map(|(target, f)| on_all_cores(*target, f, &cache)).collect::<Vec<_>>());
        assert!(compiled[0] == compiled[1], "{stage}: the cache gives back other code");
    }
}

/// What this thread had of a core, where the system tells.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e9
}

fn heavy() -> bool {
    std::env::var_os("PFMC_HEAVY").is_some()
}

/// Compiles all functions and shows what each takes. Panics when one does not compile or spills.
fn compile(functions: &Functions, mut seen: impl FnMut(Target, &str, Usage)) {
    let cache = Cache::new(&root().join("target/cuda"));
    for (target, sources) in functions {
        for ((entry, text), compiled) in sources.iter().zip(on_all_cores(*target, sources, &cache)) {
            let body = text.find("extern \"C\"").map_or(text.as_str(), |at| &text[at..]);
            assert!(!compiled.spills(), "{} for {}\n{body}", compiled.log, target.architecture());
            seen(*target, entry, compiled.usage());
        }
    }
}

fn on_all_cores(target: Target, sources: &BTreeMap<String, String>, cache: &Cache) -> Vec<Compiled> {
    let (texts, begin) = (sources.values().cloned().collect::<Vec<String>>(), Instant::now());
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let made = compile_all(&texts, &target.architecture(), threads, Some(cache)).unwrap_or_else(|e| panic!("{e}"));
    println!("{} functions for {}: {:.2} s", texts.len(), target.architecture(), begin.elapsed().as_secs_f64());
    made
}
