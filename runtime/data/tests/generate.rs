//! Generating a small data set end to end: layout, round trip to the bit, resuming, identity, inspection, prefetching.

use std::path::Path;
use std::sync::Arc;

use pfm_data::{
    BoundaryKind, DataError, Dataset, GenerateSpec, Prefetch, Split, Statistics, Summary, Value, generate, identity, inspect, sample_order,
};
use pfm_solvers::{Problem, system};

const SYSTEM: &str = "euler_multi_quadrants_periodicBC";

fn spec() -> GenerateSpec {
    GenerateSpec { system: SYSTEM.to_string(), grid: vec![8, 12], trajectories: 14, frames: 6, seed: 3, supersampling: 1, threads: 2 }
}

fn make(spec: &GenerateSpec, dir: &Path) -> Summary {
    generate(spec, dir, &mut |_, _| ()).unwrap()
}

#[test]
fn generated_data_reads_back_to_the_bit() {
    let dir = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    let summary = generate(&spec(), dir.path(), &mut |done, total| seen.push((done, total))).unwrap();
    assert_eq!((summary.written, summary.kept, summary.trajectories), (12, 0, 14));
    assert_eq!(seen, (0..=14).map(|done| (done, 14)).collect::<Vec<_>>());

    let train = Dataset::open(dir.path(), Split::Train).unwrap();
    assert_eq!((train.trajectories(), train.files().len()), (12, 10));
    assert_eq!(Dataset::open(dir.path(), Split::Valid).unwrap().trajectories(), 1);
    assert_eq!(Dataset::open(dir.path(), Split::Test).unwrap().trajectories(), 1);
    let names: Vec<&str> = train.fields().iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["energy", "density", "pressure", "momentum_x", "momentum_y"]);
    assert_eq!((train.grid(), train.frames_per_trajectory()), (&[8, 12][..], 6));
    for (axis, boundary) in ["x", "y"].iter().zip(train.boundary_conditions()) {
        assert_eq!(boundary.axis, *axis);
        assert_eq!((boundary.low, boundary.high), (BoundaryKind::Periodic, BoundaryKind::Periodic));
    }
    let file = &train.files()[0];
    assert_eq!(file.path.file_name().unwrap(), "euler_multi_quadrants_periodicBC_gamma_1.13_C3H8_16.hdf5");
    assert_eq!(file.parameters, [("gamma".to_string(), 1.13)]);
    assert!((file.times[5] - 0.075).abs() < 1e-6);

    // The first file holds two trajectories; its second has index 1.
    let problem = Problem {
        system: system(SYSTEM).unwrap(),
        parameters: (system(SYSTEM).unwrap().parameter_sets)(&[8, 12]).swap_remove(0),
        grid: vec![8, 12],
        frames: 6,
        seed: 3,
        index: 1,
        supersampling: 1,
    };
    let direct = problem.simulate().unwrap();
    let windows = train.windows_of(&["momentum_y", "density"], 2, 3).unwrap();
    assert_eq!(windows.len(), 12 * 3);
    let at = windows.locate(4);
    assert_eq!((at.file, at.trajectory, at.start), (0, 1, 1));
    let mut out = vec![0.0; train.window_size(&windows)];
    train.read_window(&windows, 4, &mut out).unwrap();
    for (frame, time) in [1, 4].into_iter().enumerate() {
        for cell in 0..96 {
            let got = &out[(frame * 96 + cell) * 2..][..2];
            assert_eq!(got[0].to_bits(), direct.fields[3].values[(time * 96 + cell) * 2 + 1].to_bits());
            assert_eq!(got[1].to_bits(), direct.fields[1].values[time * 96 + cell].to_bits());
        }
    }
}

#[test]
fn generation_resumes_file_by_file() {
    let dir = tempfile::tempdir().unwrap();
    make(&spec(), dir.path());
    let whole = identity(dir.path()).unwrap();
    let statistics = std::fs::read_to_string(dir.path().join("stats.yaml")).unwrap();
    let lost = Dataset::open(dir.path(), Split::Train).unwrap().files()[3].path.clone();
    let bytes = std::fs::read(&lost).unwrap();
    std::fs::remove_file(&lost).unwrap();
    assert_ne!(identity(dir.path()).unwrap(), whole);

    let one_thread = GenerateSpec { threads: 1, ..spec() };
    let summary = make(&one_thread, dir.path());
    assert_eq!((summary.written, summary.kept), (1, 11));
    assert_eq!(std::fs::read(&lost).unwrap(), bytes);
    assert_eq!(identity(dir.path()).unwrap(), whole);
    assert_eq!(std::fs::read_to_string(dir.path().join("stats.yaml")).unwrap(), statistics);

    assert_eq!(make(&spec(), dir.path()).written, 0);
    let other = GenerateSpec { seed: 4, ..spec() };
    let refused = generate(&other, dir.path(), &mut |_, _| ()).unwrap_err();
    assert!(refused.to_string().contains("other settings"), "{refused}");
    assert_ne!(spec().identity().unwrap(), other.identity().unwrap());
    assert_eq!(spec().identity().unwrap(), one_thread.identity().unwrap());
    let base = Path::new("base");
    assert!(spec().directory(base).unwrap().starts_with(base.join(SYSTEM)));
}

#[test]
fn generation_resumes_trajectory_by_trajectory() {
    let whole = tempfile::tempdir().unwrap();
    // Twelve training trajectories over ten files: the first two files hold two.
    make(&spec(), whole.path());
    let file = Path::new("data/train/euler_multi_quadrants_periodicBC_gamma_1.13_C3H8_16.hdf5");

    let dir = tempfile::tempdir().unwrap();
    // A process that is killed after its first trajectory.
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        generate(&GenerateSpec { threads: 1, ..spec() }, dir.path(), &mut |done, _| assert!(done < 1, "stopped here"))
    }));
    assert!(killed.is_err());
    let parts = dir.path().join(file).with_extension("hdf5.parts");
    assert!(!dir.path().join(file).exists() && parts.join("0").is_file() && !parts.join("1").exists());

    let mut seen = Vec::new();
    generate(&spec(), dir.path(), &mut |done, _| seen.push(done)).unwrap();
    assert_eq!(seen[0], 1, "the first is not computed again");
    assert!(!parts.exists());
    assert_eq!(std::fs::read(dir.path().join(file)).unwrap(), std::fs::read(whole.path().join(file)).unwrap());

    // A part that is not whole counts for nothing.
    std::fs::remove_file(dir.path().join(file)).unwrap();
    std::fs::create_dir_all(&parts).unwrap();
    std::fs::write(parts.join("1"), [1, 2, 3]).unwrap();
    make(&spec(), dir.path());
    assert_eq!(std::fs::read(dir.path().join(file)).unwrap(), std::fs::read(whole.path().join(file)).unwrap());
}

#[test]
fn folders_of_others_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("data/train")).unwrap();
    let refused = generate(&spec(), dir.path(), &mut |_, _| ()).unwrap_err();
    assert!(refused.to_string().contains("not generated here"), "{refused}");
}

#[test]
fn impossible_specifications_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let unknown = GenerateSpec { system: "euler".to_string(), ..spec() };
    let error = generate(&unknown, &dir.path().join("a"), &mut |_, _| ()).unwrap_err();
    assert!(error.to_string().contains("euler_multi_quadrants_openBC"), "{error}");
    let few = GenerateSpec { trajectories: 2, ..spec() };
    assert!(matches!(generate(&few, &dir.path().join("b"), &mut |_, _| ()), Err(DataError::Request(_))));
    let flat = GenerateSpec { grid: vec![8], ..spec() };
    assert!(matches!(generate(&flat, &dir.path().join("c"), &mut |_, _| ()), Err(DataError::Simulation(_))));
}

#[test]
fn statistics_are_population_moments() {
    let dir = tempfile::tempdir().unwrap();
    make(&spec(), dir.path());
    let train = Dataset::open(dir.path(), Split::Train).unwrap();
    let windows = train.windows_of(&["pressure", "momentum_y"], 6, 1).unwrap();
    let mut values: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    let mut deltas: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    let mut out = vec![0.0; train.window_size(&windows)];
    for i in 0..windows.len() {
        train.read_window(&windows, i, &mut out).unwrap();
        for (at, value) in out.iter().enumerate() {
            values[at % 2].push(f64::from(*value));
            if at >= 96 * 2 {
                deltas[at % 2].push(f64::from(*value) - f64::from(out[at - 96 * 2]));
            }
        }
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let rms = |v: &[f64]| (v.iter().map(|x| x * x).sum::<f64>() / v.len() as f64).sqrt();
    let std = |v: &[f64]| (rms(v).powi(2) - mean(v).powi(2)).sqrt();
    let statistics = Statistics::compute(&train, 2).unwrap();
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    for (map, of, data) in [
        (&statistics.mean, &mean as &dyn Fn(&[f64]) -> f64, &values),
        (&statistics.rms, &rms, &values),
        (&statistics.std, &std, &values),
        (&statistics.mean_delta, &mean, &deltas),
        (&statistics.rms_delta, &rms, &deltas),
        (&statistics.std_delta, &std, &deltas),
    ] {
        let (Value::Scalar(pressure), Value::Vector(momentum)) = (&map["pressure"], &map["momentum"]) else {
            panic!("pressure is a scalar, momentum a vector: {map:?}");
        };
        close(*pressure, of(&data[0]));
        close(momentum[1], of(&data[1]));
    }
    let stored = Statistics::read(&dir.path().join("stats.yaml")).unwrap();
    assert_eq!(stored.to_yaml(), statistics.to_yaml());
    let text = std::fs::read_to_string(dir.path().join("stats.yaml")).unwrap();
    assert!(text.starts_with("mean:\n  density: "), "{text}");
    assert!(text.contains("  momentum:\n  - "), "{text}");
}

#[test]
fn inspection_lists_everything() {
    let dir = tempfile::tempdir().unwrap();
    make(&GenerateSpec { frames: 12, ..spec() }, dir.path());
    let inspection = inspect(dir.path()).unwrap();
    assert_eq!(inspection.dataset_name, SYSTEM);
    assert_eq!(inspection.splits.len(), 3);
    assert_eq!(inspection.splits[0].windows, 12 * 3);
    assert_eq!(inspection.splits[0].files[0].boundaries[1].1, "Periodic");
    assert!(inspection.statistics.is_some());
    assert!((inspection.interval.unwrap() - 0.015).abs() < 1e-7);
}

#[test]
fn prefetching_keeps_the_order() {
    let dir = tempfile::tempdir().unwrap();
    make(&spec(), dir.path());
    let train = Arc::new(Dataset::open(dir.path(), Split::Train).unwrap());
    let windows = Arc::new(train.windows(3, 1));
    let count = windows.len();
    let order = move |steps: u64| (0..steps).map(move |step| sample_order(0, 0, step, 4, count));
    let mut prefetch = Prefetch::start(train.clone(), windows.clone(), 2, 3, order(9));
    let size = train.window_size(&windows);
    let mut expected = vec![0.0; size];
    for wanted in order(9) {
        let batch = prefetch.next_batch().unwrap().unwrap();
        assert_eq!(batch.windows(), wanted);
        let mut values = vec![f32::NAN; wanted.len() * size];
        batch.write(&mut values);
        for (&window, data) in wanted.iter().zip(values.chunks(size)) {
            train.read_window(&windows, window, &mut expected).unwrap();
            assert_eq!(data, expected);
        }
        prefetch.recycle(batch);
    }
    assert!(prefetch.next_batch().is_none());
    // Dropping one in the middle must not hang.
    let mut unfinished = Prefetch::start(train, windows, 1, 2, order(1_000_000));
    assert!(unfinished.next_batch().unwrap().is_ok());
}

#[test]
fn reading_errors_reach_the_consumer() {
    let dir = tempfile::tempdir().unwrap();
    make(&spec(), dir.path());
    let train = Arc::new(Dataset::open(dir.path(), Split::Train).unwrap());
    let path = train.files()[0].path.clone();
    let windows = Arc::new(train.windows(3, 1));
    // The file shrinks under an open reader.
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let last = windows.len() - 1;
    let in_first = (0..last).rev().find(|&i| windows.locate(i).file == 0).unwrap();
    let mut prefetch = Prefetch::start(train, windows, 2, 2, [vec![last], vec![in_first], vec![last]].into_iter());
    assert!(prefetch.next_batch().unwrap().is_ok());
    let error = prefetch.next_batch().unwrap().unwrap_err();
    assert!(matches!(&error, DataError::Object { file, .. } if *file == path), "{error}");
    assert!(prefetch.next_batch().is_none());
}
