//! Status and weights of runs on disk, whole or cut short.

use crate::tiny::*;
use pfm_train::*;
use safetensors::SafeTensors;

#[test]
fn status_and_weights_follow_the_newest_whole_checkpoint() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let runs = place.path();
    let work = cell();
    let status = |stage: usize| stage_status(runs, "waves", &work.stages[stage].key, work.stages[stage].steps);
    assert_eq!(status(0), "new");
    let faults = Faults::parse("after-step:5").expect("known").returning();
    assert!(run_cell(&work, runs, &mut workshop(), &faults, &mut Silent).is_err());
    assert_eq!((status(0).as_str(), status(1).as_str()), ("goes on after step 4", "new"));
    let latest = runs.join("waves/latest");
    let to = runs.join("weights.safetensors");
    let exported = export(&latest, None, &to).expect("the first stage has weights");
    assert_eq!(exported, Exported { stage: "pretrain".into(), step: 4, tensors: 2 });

    run_cell(&work, runs, &mut workshop(), &Faults::none(), &mut Silent).expect("resumes");
    assert_eq!((status(0).as_str(), status(1).as_str()), ("done", "done"));
    let exported = export(&latest, None, &to).expect("done");
    assert_eq!((exported.stage.as_str(), exported.step), ("rollout", 9));
    let bytes = std::fs::read(&to).expect("written");
    let mut names = SafeTensors::deserialize(&bytes).expect("parses").names().into_iter().map(String::from).collect::<Vec<_>>();
    names.sort();
    assert_eq!(names, ["core.bias", "tok.gain"]);
    assert_eq!(export(&latest, Some("pretrain"), &to).expect("done").step, 6);
    // The newest checkpoint is damaged: the one before it is taken.
    std::fs::write(latest.join("checkpoints/rollout/step-00000009/hashes"), "none").expect("writes");
    assert_eq!(export(&latest, None, &to).expect("done").step, 8);
}

#[test]
fn what_is_no_run_is_a_diagnostic() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let to = place.path().join("weights.safetensors");
    let code = |result: Result<Exported, RunError>| result.expect_err("refused").diagnostic().code;
    assert_eq!(code(export(place.path(), None, &to)), "R0112");
    run_cell(&cell(), place.path(), &mut workshop(), &Faults::none(), &mut Silent).expect("runs");
    let latest = place.path().join("waves/latest");
    let error = export(&latest, Some("warmup"), &to).expect_err("refused").diagnostic();
    assert!(error.code == "R0112" && error.message.contains("warmup"));
    assert_eq!(code(export(&latest, None, place.path())), "R0104");
}
