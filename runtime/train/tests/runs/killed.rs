//! The same with a real SIGKILL: this test program starts itself as a child that trains in a given directory and dies at a
//! fault point, buffers unflushed, and then finishes the child's run.

use crate::tiny::*;
use pfm_train::*;
use std::path::{Path, PathBuf};
use std::process::Command;

const PLACE: &str = "PFM_TRAIN_TEST_PLACE";
const FAULT: &str = "PFM_TRAIN_TEST_FAULT";

fn run(runs: &Path, faults: &Faults) -> CellResult {
    run_cell(&cell(), runs, &mut workshop(), faults, &mut Silent).expect("runs to its end")
}

/// Does nothing unless the test below started it.
#[test]
fn child() {
    let (Some(place), Ok(fault)) = (std::env::var_os(PLACE), std::env::var(FAULT)) else { return };
    let faults = Faults::parse(&fault).expect("a known point");
    run(&PathBuf::from(place), &faults);
}

#[test]
fn a_killed_process_leaves_a_run_that_can_be_finished() {
    let reference = tempfile::tempdir().expect("a temporary directory");
    let expected = fingerprint(&run(reference.path(), &Faults::none()));
    for fault in ["after-step:4", "mid-step:25", "checkpoint-write:14", "checkpoint-after-rename:5", "evaluation:9", "results-write"] {
        let place = tempfile::tempdir().expect("a temporary directory");
        let program = std::env::current_exe().expect("this program");
        let status = Command::new(program)
            .args(["--exact", "killed::child"])
            .env(PLACE, place.path())
            .env(FAULT, fault)
            .output()
            .expect("starts")
            .status;
        assert!(!status.success(), "{fault}: the child was to die");
        let result = fingerprint(&run(place.path(), &Faults::none()));
        for ((name, left), (_, right)) in expected.iter().zip(&result) {
            assert!(left == right, "{fault}: `{name}` differs");
        }
    }
}
