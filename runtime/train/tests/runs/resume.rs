//! A run that dies anywhere and is started again ends with the same bytes as one that was left in peace.

use crate::tiny::*;
use pfm_train::*;
use std::path::Path;

fn run(runs: &Path, faults: &Faults) -> Result<CellResult, RunError> {
    run_cell(&cell(), runs, &mut workshop(), faults, &mut Silent)
}

fn undisturbed() -> (tempfile::TempDir, CellResult) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let result = run(place.path(), &Faults::none()).expect("runs");
    (place, result)
}

fn assert_same(a: &CellResult, b: &CellResult, what: &str) {
    for ((name, left), (_, right)) in fingerprint(a).iter().zip(&fingerprint(b)) {
        assert!(left == right, "{what}: `{name}` differs");
    }
}

#[test]
fn equal_runs_leave_equal_bytes() {
    let (_a, first) = undisturbed();
    let (_b, second) = undisturbed();
    assert_same(&first, &second, "a second run");
}

#[test]
fn survives_a_kill_at_every_point_and_passage() {
    let (_keep, expected) = undisturbed();
    for point in POINTS.iter().filter(|p| **p != "report-write") {
        let mut struck = 0;
        // Every early passage, then ever rarer ones: a run passes the busiest points some forty times.
        for count in [1, 2, 3, 5, 8, 13, 21, 34] {
            let place = tempfile::tempdir().expect("a temporary directory");
            let faults = Faults::parse(&format!("{point}:{count}")).expect("known").returning();
            match run(place.path(), &faults) {
                Err(RunError::Fault(_)) => struck += 1,
                Err(other) => panic!("{point}:{count}: {other}"),
                Ok(_) => break,
            }
            let result = run(place.path(), &Faults::none()).expect("resumes");
            assert_same(&expected, &result, &format!("{point}:{count}"));
        }
        assert!(struck > 0, "`{point}` is never passed");
    }
}

#[test]
fn survives_being_killed_again_and_again() {
    let (_keep, expected) = undisturbed();
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut deaths = 0;
    let result = loop {
        // Checkpoints are at most four steps apart, so five steps a life make progress.
        let faults = Faults::parse("after-step:5").expect("known").returning();
        match run(place.path(), &faults) {
            Err(RunError::Fault(_)) => deaths += 1,
            Err(other) => panic!("{other}"),
            Ok(result) => break result,
        }
    };
    assert!(deaths >= 2, "died {deaths} times");
    assert_same(&expected, &result, "many lives");
}

#[test]
fn a_damaged_checkpoint_is_passed_over_with_a_warning() {
    let (_keep, expected) = undisturbed();
    for file in ["parameters.safetensors", "slots.safetensors", "progress.json", "hashes"] {
        let place = tempfile::tempdir().expect("a temporary directory");
        // Dies in the ninth step of all, the third of the rollout after its checkpoint at step five.
        let faults = Faults::parse("after-step:13").expect("known").returning();
        assert!(run(place.path(), &faults).is_err());
        let stage = place.path().join("waves/stages/22222222/checkpoints");
        assert!(stage.join("step-00000004").is_dir() && stage.join("step-00000005").is_dir());
        let newest = stage.join("step-00000005").join(file);
        let mut bytes = std::fs::read(&newest).expect("reads");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&newest, bytes).expect("writes");
        let result = run(place.path(), &Faults::none()).expect("resumes");
        assert_same(&expected, &result, file);
        let events = read_events(&result.directory.join(EVENTS_FILE)).expect("reads");
        let warnings: Vec<_> = events.iter().filter(|e| e.name == "warning").collect();
        assert_eq!(warnings.len(), 1, "{file}");
        assert!(warnings[0].text.as_ref().is_some_and(|t| t.contains("step-00000005")));
    }
}

#[test]
fn keeps_the_last_two_checkpoints_and_report_points() {
    let (_keep, result) = undisturbed();
    let steps = |stage: &str| -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(result.directory.join("checkpoints").join(stage))
            .expect("lists")
            .map(|e| e.expect("reads").file_name().into_string().expect("plain name"))
            .collect();
        names.sort();
        names
    };
    assert_eq!(steps("pretrain"), ["step-00000004", "step-00000006"]);
    assert_eq!(steps("rollout"), ["step-00000005", "step-00000008", "step-00000009"]);
}

#[test]
fn done_stages_are_not_opened_again_and_cells_share_them() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut shop = workshop();
    run_cell(&cell(), place.path(), &mut shop, &Faults::none(), &mut Silent).expect("runs");
    assert_eq!(shop.opened, ["pretrain", "rollout"]);
    run_cell(&cell(), place.path(), &mut shop, &Faults::none(), &mut Silent).expect("runs");
    assert_eq!(shop.opened.len(), 2);
    let mut other = cell();
    other.cell = "other".into();
    other.stages[1].key = "33333333cccc".into();
    other.stages[1].weights = vec![];
    run_cell(&other, place.path(), &mut shop, &Faults::none(), &mut Silent).expect("runs");
    assert_eq!(shop.opened, ["pretrain", "rollout", "rollout"]);
}

#[test]
fn a_changed_report_is_evaluated_from_the_checkpoints_that_are_left() {
    let place = tempfile::tempdir().expect("a temporary directory");
    run(place.path(), &Faults::none()).expect("runs");
    let mut changed = cell();
    let report = changed.stages[1].report.as_mut().expect("a report");
    report.sample = Sample::All;
    let result = run_cell(&changed, place.path(), &mut workshop(), &Faults::none(), &mut Silent).expect("runs");
    let steps: Vec<u64> = result.metrics.stages[1].evaluations.iter().map(|e| e.step).collect();
    assert_eq!(steps, [5, 9]);
}

#[test]
fn a_changed_report_goes_without_a_point_whose_checkpoint_is_damaged() {
    let place = tempfile::tempdir().expect("a temporary directory");
    run(place.path(), &Faults::none()).expect("runs");
    let damaged = place.path().join("waves/stages/22222222/checkpoints/step-00000005/parameters.safetensors");
    std::fs::write(damaged, b"not tensors").expect("writes");
    let mut changed = cell();
    changed.stages[1].report.as_mut().expect("a report").sample = Sample::All;
    for _ in 0..2 {
        let result = run_cell(&changed, place.path(), &mut workshop(), &Faults::none(), &mut Silent).expect("runs");
        let steps: Vec<u64> = result.metrics.stages[1].evaluations.iter().map(|e| e.step).collect();
        assert_eq!(steps, [9]);
    }
}
