//! A stage that goes on with another instruction set: refused unless asked for, and then written down.

use crate::tiny::*;
use pfm_train::*;
use std::path::Path;

/// Runs with programs of this arithmetic, up to the fault if there is one.
fn run(runs: &Path, name: &str, chosen: bool, faults: &Faults) -> Result<CellResult, RunError> {
    let arithmetic = Arithmetic { name: name.into(), like: vec!["cpu same".into()], chosen };
    let mut shop = Workshop { opened: vec![], flat: false, adjust: |_: &str, tiny: &mut Tiny| tiny.arithmetic = arithmetic.clone() };
    run_cell(&cell(), runs, &mut shop, faults, &mut Silent)
}

/// A place with a run that died in the rollout, after its checkpoint at step five.
fn interrupted() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a temporary directory");
    let faults = Faults::parse("after-step:13").expect("known").returning();
    assert!(run(place.path(), "cpu wide", false, &faults).is_err());
    place
}

fn warnings(result: &CellResult) -> Vec<String> {
    let events = read_events(&result.directory.join(EVENTS_FILE)).expect("reads");
    events.into_iter().filter(|e| e.name == "warning").filter_map(|e| e.text).collect()
}

#[test]
fn the_same_goes_on_in_silence() {
    let place = interrupted();
    let result = run(place.path(), "cpu wide", true, &Faults::none()).expect("resumes");
    assert!(warnings(&result).is_empty());
}

#[test]
fn another_is_refused_unless_it_was_chosen() {
    let place = interrupted();
    let error = run(place.path(), "cpu narrow", false, &Faults::none()).expect_err("refused").diagnostic();
    assert!(error.code == "R0113" && error.message.contains("5 steps with cpu wide, and this is cpu narrow"), "{}", error.message);
    let help = error.help.expect("a way out").text;
    assert!(help.contains("`--device cpu --isa wide` goes on exactly") && help.contains("`--device cpu --isa narrow` goes on"), "{help}");
    let result = run(place.path(), "cpu narrow", true, &Faults::none()).expect("goes on");
    let warnings = warnings(&result);
    assert!(warnings.len() == 1 && warnings[0].contains("cpu narrow"), "{warnings:?}");
    let progress = std::fs::read(result.directory.join("checkpoints/rollout/step-00000009/progress.json")).expect("the last checkpoint");
    let progress: StageProgress = serde_json::from_slice(&progress).expect("progress");
    let stretches: Vec<(u64, &str)> = progress.arithmetic.iter().map(|s| (s.from, s.name.as_str())).collect();
    assert_eq!(stretches, [(0, "cpu wide"), (5, "cpu narrow")]);
}

#[test]
fn another_name_of_the_same_bits_goes_on_in_silence() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let faults = Faults::parse("after-step:13").expect("known").returning();
    assert!(run(place.path(), "cpu same", false, &faults).is_err());
    let result = run(place.path(), "cpu other", false, &Faults::none()).expect("resumes");
    assert!(warnings(&result).is_empty());
}

#[test]
fn the_way_out_names_the_device() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let faults = Faults::parse("after-step:13").expect("known").returning();
    assert!(run(place.path(), "cuda sm_90 NVIDIA H100", true, &faults).is_err());
    let error = run(place.path(), "cpu narrow", false, &Faults::none()).expect_err("refused").diagnostic();
    let help = error.help.expect("a way out").text;
    assert!(
        help.contains("`--device cuda` on the same device (sm_90 NVIDIA H100)") && help.contains("`--device cpu --isa narrow`"),
        "{help}"
    );
}
