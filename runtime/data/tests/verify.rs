//! Verification: sound data pass; each kind of damage is found and named.

use std::path::{Path, PathBuf};

use pfm_data::{Dataset, GenerateSpec, Severity, Split, Verification, generate, verify};

/// A small generated data set.
struct Data(tempfile::TempDir);

impl Data {
    fn new() -> Self {
        let data = Self(tempfile::tempdir().unwrap());
        let spec = GenerateSpec {
            grid: vec![16, 16],
            frames: 5,
            threads: 2,
            ..GenerateSpec::new("euler_multi_quadrants_periodicBC", 12, 3).unwrap()
        };
        generate(&spec, data.dir(), &mut |_, _| ()).unwrap();
        data
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    fn file(&self) -> PathBuf {
        Dataset::open(self.dir(), Split::Train).unwrap().files()[0].path.clone()
    }

    /// Overwrites all values of one field of the first training file.
    fn change(&self, field: &str, change: impl Fn(&mut ndarray::ArrayD<f32>)) {
        let file = hdf5_metno::File::open_rw(self.file()).unwrap();
        let dataset = file.dataset(field).unwrap();
        let mut values = dataset.read_dyn::<f32>().unwrap();
        change(&mut values);
        dataset.write(&values).unwrap();
    }

    fn verify(&self, threads: usize) -> Verification {
        verify(self.dir(), threads, &mut |_, _| ()).unwrap()
    }

    /// The findings, of which one has this severity and these words.
    fn finds(&self, severity: Severity, words: &[&str]) -> Verification {
        let found = self.verify(2);
        let fits = |text: &str| words.iter().all(|word| text.contains(word));
        assert!(found.findings.iter().any(|f| f.severity == severity && fits(&f.cause)), "no {words:?} in {:#?}", found.findings);
        assert_eq!(found, self.verify(1), "the same for any number of threads");
        found
    }
}

#[test]
fn sound_data_pass() {
    let data = Data::new();
    let mut seen = vec![];
    let found = verify(data.dir(), 2, &mut |done, total| seen.push((done, total))).unwrap();
    assert_eq!(found.findings, []);
    assert_eq!((found.files, found.trajectories, found.frames), (12, 12, 60));
    assert_eq!(seen[..3], [(0, 10), (1, 10), (2, 10)]);
    assert!(!found.failed());
    assert_eq!(verify(&data.file(), 1, &mut |_, _| ()).unwrap().files, 1);
}

#[test]
fn values_that_are_no_numbers_are_found() {
    let data = Data::new();
    data.change("t0_fields/density", |v| v[[0, 3, 2, 1]] = f32::NAN);
    let found = data.finds(Severity::Error, &["density of trajectory 0 has 1 values", "frame 3"]);
    assert!(found.failed());
    assert!(found.findings.iter().any(|f| f.path == data.file()));
}

#[test]
fn constant_fields_and_repeated_frames_are_found() {
    let data = Data::new();
    let repeat = |values: &mut ndarray::ArrayD<f32>| {
        let before = values.index_axis(ndarray::Axis(1), 1).to_owned();
        values.index_axis_mut(ndarray::Axis(1), 2).assign(&before);
    };
    for field in ["t0_fields/density", "t0_fields/energy", "t0_fields/pressure", "t1_fields/momentum"] {
        data.change(field, repeat);
    }
    data.finds(Severity::Warning, &["frame 2 of trajectory 0 equals the one before"]);
    let one = Data::new();
    for file in Dataset::open(one.dir(), Split::Valid).unwrap().files() {
        let file = hdf5_metno::File::open_rw(&file.path).unwrap();
        let dataset = file.dataset("t0_fields/pressure").unwrap();
        dataset.write(&dataset.read_dyn::<f32>().unwrap().mapv(|_| 2.0)).unwrap();
    }
    one.finds(Severity::Warning, &["pressure is 2 everywhere"]);
}

#[test]
fn drifting_sums_and_statistics_are_found() {
    let data = Data::new();
    data.change("t0_fields/energy", |values| values.index_axis_mut(ndarray::Axis(1), 4).mapv_inplace(|x| 1.01 * x));
    let found = data.finds(Severity::Error, &["sum of energy", "euler_multi_quadrants_periodicBC conserves", "trajectory 0"]);
    assert!(found.findings.iter().any(|f| f.path.ends_with("stats.yaml") && f.cause.contains("of energy is")), "{:#?}", found.findings);
}

#[test]
fn truncated_files_and_uneven_times_are_found() {
    let data = Data::new();
    let file = std::fs::OpenOptions::new().write(true).open(data.file()).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let found = data.finds(Severity::Error, &["truncated"]);
    assert_eq!((found.files, found.trajectories), (12, 11));

    let data = Data::new();
    data.change("dimensions/time", |times| times[[3]] = 0.04);
    data.finds(Severity::Warning, &["the interval after frame 2 is 0.01"]);
    data.change("dimensions/time", |times| times[[3]] = 0.0);
    data.finds(Severity::Error, &["time does not grow from frame 2 to frame 3"]);
}

#[test]
fn nothing_there_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let error = verify(empty.path(), 1, &mut |_, _| ()).unwrap_err();
    assert!(error.to_string().contains("no .hdf5"), "{error}");
}
