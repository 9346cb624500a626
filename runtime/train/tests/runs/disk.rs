//! Windows out of generated data files: batches are a pure function of the step, wherever reading starts.

use crate::tiny;
use pfm_data::{GenerateSpec, generate};
use pfm_train::*;
use std::path::Path;

fn work(report: bool) -> StageWork {
    let mut stage = tiny::cell().stages.remove(1);
    stage.batch = 3;
    stage.sets[0].layout = Layout { window: 4, context: 3, grid: vec![32, 32], fields: vec!["momentum_x".into(), "density".into()] };
    if !report {
        stage.report = None;
    }
    stage
}

fn make(place: &Path) {
    let spec = GenerateSpec {
        system: "euler_multi_quadrants_openBC".into(),
        grid: vec![32, 32],
        trajectories: 3,
        frames: 6,
        seed: 1,
        supersampling: 1,
        threads: 1,
    };
    generate(&spec, place, &mut |_, _| {}).expect("generates");
}

#[test]
fn batches_and_windows_come_from_the_files() {
    let place = tempfile::tempdir().expect("a temporary directory");
    make(place.path());
    let work = work(true);
    let mut samples = WellSamples::over(&work, &[vec![place.path().into()]]).expect("opens");
    let size = work.batch * work.sets[0].layout.window * work.sets[0].layout.frame();
    let read = |samples: &mut WellSamples, step| {
        let mut out = vec![0.0; size];
        samples.batch(0, step, &mut out).expect("reads");
        out
    };
    let batches: Vec<Vec<f32>> = (0..4).map(|s| read(&mut samples, s)).collect();
    assert_eq!(read(&mut samples, 2), batches[2]);
    assert_eq!(read(&mut samples, 3), batches[3]);
    assert_ne!(batches[0], batches[3]);
    let windows = samples.validation_windows(0);
    assert!(windows > 0 && windows.is_multiple_of(3));
    assert_eq!(samples.longest_horizon(0), 3);
    assert_eq!(samples.starts(0, 3) * 3, windows);
    let frame = work.sets[0].layout.frame();
    let (mut window, mut whole) = (vec![0.0; 4 * frame], vec![0.0; 6 * frame]);
    samples.validation_window(0, 1, &mut window).expect("reads");
    samples.trajectory(0, 0, 3, &mut whole).expect("reads");
    assert_eq!(window, whole[frame..5 * frame]);
    assert!(whole.iter().all(|v| v.is_finite()));
}

#[test]
fn wrong_fields_and_grids_are_diagnostics() {
    let place = tempfile::tempdir().expect("a temporary directory");
    make(place.path());
    let mut wrong = work(false);
    wrong.sets[0].layout.fields[0] = "vorticity".into();
    let error = WellSamples::over(&wrong, &[vec![place.path().into()]]).err().expect("refused").diagnostic();
    assert!(error.code == "E0510" && error.message.contains("vorticity"), "{}", error.message);
    let mut wrong = work(false);
    wrong.sets[0].layout.grid = vec![16, 16];
    assert_eq!(WellSamples::over(&wrong, &[vec![place.path().into()]]).err().expect("refused").diagnostic().code, "E0510");
    let mut wrong = work(false);
    wrong.sets[0].layout.window = 40;
    assert_eq!(WellSamples::over(&wrong, &[vec![place.path().into()]]).err().expect("refused").diagnostic().code, "R0109");
}

#[test]
fn folders_and_what_to_generate_follow_the_source() {
    let data = pfm_hir::Data {
        name: "euler".into(),
        definition: "euler".into(),
        datasets: vec!["euler_multi_quadrants_openBC".into(), "euler_multi_quadrants_periodicBC".into()],
        fields: vec!["density".into()],
        grid: vec![32, 32],
        frames: 6,
        window: 4,
        context: 3,
        source: pfm_hir::Source::Generate { trajectories: 7, seed: 3 },
        trajectories: None,
        normalise: pfm_hir::Normalise::Rms { floor: 1e-6 },
    };
    let specs = generated(&data, 2).expect("known systems");
    let made: Vec<(usize, usize, usize)> = specs.iter().map(|s| (s.trajectories, s.frames, s.threads)).collect();
    assert_eq!(made, [(4, 6, 2), (3, 6, 2)]);
    let base = Path::new("data");
    let expected: Vec<_> = specs.iter().map(|s| s.directory(base).expect("known")).collect();
    assert_eq!(folders(&data, base).expect("known"), expected);
    let read = pfm_hir::Data { source: pfm_hir::Source::Directory, ..data.clone() };
    assert!(generated(&read, 2).expect("nothing to make").is_empty());
    assert_eq!(folders(&read, base).expect("plain")[1], base.join("euler_multi_quadrants_periodicBC"));
    let unknown = pfm_hir::Data { datasets: vec!["soup".into()], ..data };
    assert_eq!(folders(&unknown, base).expect_err("refused").diagnostic().code, "R0111");
}
