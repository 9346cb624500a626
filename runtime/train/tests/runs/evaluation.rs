//! Numbers of an evaluation against values worked out by hand, and the ways in which training stops.

use crate::tiny::*;
use pfm_train::*;

fn run_with(work: &CellWork, flat: bool, adjust: impl FnMut(&str, &mut Tiny)) -> (tempfile::TempDir, Result<CellResult, RunError>) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut shop = Workshop { opened: vec![], flat, adjust };
    let result = run_cell(work, place.path(), &mut shop, &Faults::none(), &mut Silent);
    (place, result)
}

fn whole(result: &CellResult) -> &Whole {
    let last = result.metrics.stages[1].evaluations.last().expect("evaluated");
    last.whole.as_ref().expect("the last point is a report point")
}

fn all_windows() -> CellWork {
    let mut work = cell();
    work.stages[1].report.as_mut().expect("a report").sample = Sample::All;
    work
}

/// sqrt(sum of squared error / sum of squared deviation) of a wave that is multiplied by `ratio`, when predicted unchanged:
/// the error is (1 - ratio) of the last frame, the truth is `ratio` of it.
fn persistence_vrmse(trajectory: usize, field: usize, ratio: f64) -> f64 {
    let wave: Vec<f64> = (0..GRID).map(|i| f64::from(value(trajectory, 0, i * FIELDS + field))).collect();
    let mean = wave.iter().sum::<f64>() / GRID as f64;
    let energy: f64 = wave.iter().map(|w| w * w).sum();
    let variance: f64 = wave.iter().map(|w| (w - mean).powi(2)).sum();
    (1.0 - ratio) / ratio * (energy / variance).sqrt()
}

#[test]
fn baselines_have_the_values_of_the_formula() {
    let (_keep, result) = run_with(&all_windows(), false, |_, _| {});
    let result = result.expect("runs");
    let whole = whole(&result);
    assert_eq!((whole.windows, whole.subsets), (30, 1));
    let names: Vec<&str> = whole.baselines.iter().map(|b| b.name.as_str()).collect();
    assert_eq!(names, ["persistence", "mean"]);
    let mean = &whole.baselines[1].metrics[0];
    assert!((mean.value.expect("defined") - 1.0).abs() < 1e-6);
    let persistence = &whole.baselines[0].metrics[0];
    for (field, ratio) in [(0, 0.8), (1, 0.6)] {
        let expected = (100..103).map(|t| persistence_vrmse(t, field, ratio)).sum::<f64>() / 3.0;
        let value = persistence.by_field[field].expect("defined");
        assert!((value - expected).abs() < 1e-5, "{value} {expected}");
    }
    let high = &whole.baselines[0].metrics[3];
    assert_eq!(high.name, "neps.high");
    assert!((high.value.expect("defined") - 3.0 * persistence.value.expect("defined")).abs() < 1e-5);
}

#[test]
fn forecasts_slide_their_context_and_average_ranges() {
    let (_keep, result) = run_with(&all_windows(), false, |_, _| {});
    let result = result.expect("runs");
    let unroll = whole(&result).unroll.as_ref().expect("asked for");
    assert_eq!(unroll.too_long, [(5, 40)]);
    let ranges: Vec<(usize, usize)> = unroll.ranges.iter().map(|r| (r.from, r.to)).collect();
    assert_eq!(ranges, [(1, 1), (2, 4)]);
    assert_eq!(unroll.starts, 5);
    let horizons = &unroll.model[0].by_frame;
    assert_eq!(horizons.len(), 4);
    let mean = horizons[1..4].iter().map(|v| v.expect("defined")).sum::<f64>() / 3.0;
    assert!((unroll.ranges[1].model[0].value.expect("defined") - mean).abs() < 1e-9);
    // What stands still is further off with every frame of a shrinking wave.
    let still: Vec<f64> = unroll.persistence[0].by_frame.iter().map(|v| v.expect("defined")).collect();
    assert!(still.windows(2).all(|w| w[0] < w[1]), "{still:?}");
    let results = &result.metrics.results;
    assert_eq!(results["unroll.vrmse.2-4"], unroll.ranges[1].model[0].value);
    assert!(results.contains_key("neps.mid") && !results.contains_key("unroll.vrmse.5-40"));
}

#[test]
fn undefined_entries_are_left_out_and_counted() {
    let (_keep, result) = run_with(&all_windows(), true, |_, _| {});
    let result = result.expect("runs");
    let vrmse = &whole(&result).model[0];
    assert_eq!((vrmse.counted, vrmse.left_out, vrmse.diverged), (40, 20, 0));
    assert!(vrmse.value.is_some());
}

#[test]
fn the_curve_has_its_points_and_times() {
    let (_keep, result) = run_with(&cell(), false, |_, _| {});
    let result = result.expect("runs");
    let steps: Vec<(u64, bool)> = result.metrics.stages[1].evaluations.iter().map(|e| (e.step, e.whole.is_some())).collect();
    assert_eq!(steps, [(3, false), (5, true), (6, false), (9, true)]);
    let timing = std::fs::read(result.directory.join("timing.json")).expect("reads");
    let timing: Vec<StageTiming> = serde_json::from_slice(&timing).expect("parses");
    let ends: Vec<(u64, u64)> = timing[1].timing.intervals.iter().map(|i| (i.from, i.to)).collect();
    assert_eq!(ends, [(0, 3), (3, 5), (5, 6), (6, 9)]);
    let text = std::fs::read_to_string(result.directory.join("metrics.yaml")).expect("reads");
    assert!(text.contains("neps.low") && !text.contains("seconds"), "{text}");
}

#[test]
fn a_loss_that_is_not_finite_stops_with_the_last_good_checkpoint() {
    let spoil = |stage: &str, tiny: &mut Tiny| {
        if stage == "rollout" {
            tiny.bad_loss = Some(7);
        }
    };
    let (_keep, result) = run_with(&cell(), false, spoil);
    let error = result.expect_err("stops").diagnostic();
    assert_eq!(error.code, "R0101");
    assert!(error.message.contains("`rollout`") && error.message.contains("step 7"), "{}", error.message);
    assert!(error.notes[0].contains("step-00000005"), "{:?}", error.notes);
}

#[test]
fn a_gradient_that_is_not_finite_is_a_skipped_step() {
    let spoil = |_: &str, tiny: &mut Tiny| tiny.bad_gradient = Some(4);
    let (_keep, result) = run_with(&cell(), false, spoil);
    let result = result.expect("runs");
    assert_eq!(result.metrics.stages.iter().map(|s| s.skipped_steps).collect::<Vec<_>>(), [1, 1]);
    let events = read_events(&result.directory.join(EVENTS_FILE)).expect("reads");
    assert_eq!(events.iter().filter(|e| e.name == "skipped" && e.step == 4).count(), 2);
}

#[test]
fn the_optimiser_counts_only_updates_that_were_not_skipped() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let counted = std::rc::Rc::new(std::cell::RefCell::new(vec![]));
    let adjust = |stage: &str, tiny: &mut Tiny| {
        tiny.bad_gradient = Some(1);
        if stage == "pretrain" {
            tiny.updates = counted.clone();
        }
    };
    let mut shop = Workshop { opened: vec![], flat: false, adjust };
    let faults = Faults::parse("after-step:5").expect("known").returning();
    assert!(run_cell(&cell(), place.path(), &mut shop, &faults, &mut Silent).is_err());
    run_cell(&cell(), place.path(), &mut shop, &Faults::none(), &mut Silent).expect("resumes");
    // The first gradient is skipped; the resumed run goes on from the checkpoint after the fourth step.
    assert_eq!(*counted.borrow(), [1, 1, 2, 3, 4, 4, 5]);
}

#[test]
fn a_frozen_parameter_that_moves_is_an_error() {
    let spoil = |stage: &str, tiny: &mut Tiny| tiny.breaks_frozen = stage == "rollout";
    let (_keep, result) = run_with(&cell(), false, spoil);
    assert_eq!(result.expect_err("stops").diagnostic().code, "R0110");
}

#[test]
fn a_prediction_that_blows_up_has_no_mean() {
    let mut work = all_windows();
    work.stages[1].steps = 2;
    work.stages[1].report.as_mut().expect("a report").at = vec![];
    // A gain that overflows after a few frames of the forecast.
    let spoil = |stage: &str, tiny: &mut Tiny| tiny.explodes = stage == "pretrain";
    let (_keep, result) = run_with(&work, false, spoil);
    let result = result.expect("runs");
    let unroll = whole(&result).unroll.as_ref().expect("asked for");
    assert!(unroll.model[0].diverged > 0);
    assert_eq!(unroll.ranges[1].model[0].value, None);
    assert!(unroll.ranges[1].persistence[0].value.is_some());
}

#[test]
fn training_learns_and_hands_over() {
    let (_keep, result) = run_with(&cell(), false, |_, _| {});
    let result = result.expect("runs");
    let events = read_events(&result.directory.join(EVENTS_FILE)).expect("reads");
    let loss = |stage: &str, step: u64| {
        events.iter().find(|e| e.stage == stage && e.step == step && e.name == "loss").and_then(|e| e.value).expect("recorded")
    };
    assert!(loss("pretrain", 6) < loss("pretrain", 1));
    let gain = |stage: &str, step: u64| -> Vec<u8> {
        let path = result.directory.join(format!("checkpoints/{stage}/step-{step:08}/parameters.safetensors"));
        let bytes = std::fs::read(path).expect("reads");
        let read = safetensors::SafeTensors::deserialize(&bytes).expect("parses");
        read.tensor("tok.gain").expect("there").data().to_vec()
    };
    assert_eq!(gain("pretrain", 6), gain("rollout", 9));
}
