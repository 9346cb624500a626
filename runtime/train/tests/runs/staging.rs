//! Windows that travel ahead of their micro-batch: the same bytes as without, also after a kill, and errors in their own step.

use crate::tiny::*;
use pfm_train::*;
use std::path::Path;

/// Runs a cell with programs that send windows ahead; counts are of micro-batches with such windows, and of all.
fn run(work: &CellWork, runs: &Path, faults: &Faults) -> (Result<CellResult, RunError>, (usize, usize)) {
    let staging = Staging::default();
    let counts = staging.counts.clone();
    let mut shop = Workshop { opened: vec![], flat: false, adjust: |_: &str, tiny: &mut Tiny| tiny.staging = Some(staging.clone()) };
    let result = run_cell(work, runs, &mut shop, faults, &mut Silent);
    let counts = *counts.borrow();
    (result, counts)
}

/// The cell of `tiny`, and one that draws from two sets, the second of other windows.
fn cells() -> [CellWork; 2] {
    let mut mixed = cell();
    for stage in &mut mixed.stages {
        let further = SetWork { name: "ripples".into(), ..stage.sets[0].clone() };
        stage.sets.push(further);
    }
    [cell(), mixed]
}

fn plain(work: &CellWork) -> Vec<(String, Vec<u8>)> {
    let place = tempfile::tempdir().expect("a temporary directory");
    let result = run_cell(work, place.path(), &mut workshop(), &Faults::none(), &mut Silent).expect("runs");
    fingerprint(&result)
}

#[test]
fn all_but_the_first_of_a_stage_are_sent_ahead_and_the_bytes_are_the_same() {
    for work in cells() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let (result, counts) = run(&work, place.path(), &Faults::none());
        let all: usize = work.stages.iter().map(|s| s.steps as usize * s.accumulate).sum();
        assert_eq!(counts, (all - work.stages.len(), all));
        assert!(fingerprint(&result.expect("runs")) == plain(&work), "the same bytes");
    }
}

#[test]
fn a_run_that_dies_anywhere_ends_with_the_same_bytes() {
    for work in cells() {
        let expected = plain(&work);
        for point in ["mid-step:2", "mid-step:15", "after-step:3", "evaluation:2"] {
            let place = tempfile::tempdir().expect("a temporary directory");
            let faults = Faults::parse(point).expect("known").returning();
            assert!(run(&work, place.path(), &faults).0.is_err(), "{point}");
            let (result, _) = run(&work, place.path(), &Faults::none());
            assert!(fingerprint(&result.expect("resumes")) == expected, "{point}");
        }
    }
}

/// Waves whose batch of this number can't be read.
struct Torn(Waves, u64);

impl Samples for Torn {
    fn training_windows(&self, set: usize) -> usize {
        self.0.training_windows(set)
    }

    fn batch(&mut self, set: usize, number: u64, out: &mut [f32]) -> Result<(), RunError> {
        if number == self.1 {
            return Err(pfm_diag::Diagnostic::new("R0111", "cannot read data: torn").into());
        }
        self.0.batch(set, number, out)
    }

    fn validation_windows(&self, set: usize) -> usize {
        self.0.validation_windows(set)
    }

    fn validation_window(&mut self, set: usize, index: usize, out: &mut [f32]) -> Result<(), RunError> {
        self.0.validation_window(set, index, out)
    }

    fn longest_horizon(&self, set: usize) -> usize {
        self.0.longest_horizon(set)
    }

    fn starts(&self, set: usize, horizon: usize) -> usize {
        self.0.starts(set, horizon)
    }

    fn trajectory(&mut self, set: usize, start: usize, horizon: usize, out: &mut [f32]) -> Result<(), RunError> {
        self.0.trajectory(set, start, horizon, out)
    }
}

struct TornShop(bool);

impl Provider for TornShop {
    fn open(&mut self, stage: &StageWork) -> Result<Opened, RunError> {
        let mut tiny = Tiny::new(stage.name == "pretrain");
        tiny.staging = self.0.then(Staging::default);
        let waves = Waves { seed: stage.seed, stage: stage.id, batch: stage.batch, flat: false };
        Ok((Box::new(tiny), Box::new(Torn(waves, 4))))
    }
}

/// The fourth step is done and kept, whether or not the windows of the fifth were asked for during it.
#[test]
fn windows_that_can_not_be_read_stop_their_own_step() {
    for ahead in [false, true] {
        let place = tempfile::tempdir().expect("a temporary directory");
        let error = run_cell(&cell(), place.path(), &mut TornShop(ahead), &Faults::none(), &mut Silent).expect_err("torn");
        assert_eq!(error.diagnostic().code, "R0111");
        assert!(place.path().join("waves/stages/11111111/checkpoints/step-00000004").is_dir(), "ahead: {ahead}");
    }
}
