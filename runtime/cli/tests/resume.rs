//! A run that is killed and started again ends with the same bytes as one that was left alone: weights and metrics, at every
//! named fault point and at random times.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn experiment() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/indomain.pfm")
}

/// `pfmc run` under the smallest profile, in a directory of its own with shared data.
fn command(runs: &Path, data: &Path) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_pfmc"));
    c.arg("run").arg(experiment()).args(["--profile", "smoke", "--runs"]).arg(runs).arg("--data").arg(data);
    c.env_remove("PFMC_FAULT").stdout(Stdio::null()).stderr(Stdio::null());
    c
}

/// What must not differ: every file of the run but wall-clock times, the report (which shows them) and the event log.
fn outcome(runs: &Path) -> BTreeMap<String, blake3::Hash> {
    let mut files = BTreeMap::new();
    let mut folders = vec![runs.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the run") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(runs).expect("inside").display().to_string();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".safetensors") || name.ends_with("metrics.json") || name.ends_with("metrics.yaml") {
                files.insert(name, blake3::hash(&std::fs::read(&path).expect("readable")));
            }
        }
    }
    files
}

/// The undisturbed run, its duration, and the data that all runs share.
struct Reference {
    place: tempfile::TempDir,
    outcome: BTreeMap<String, blake3::Hash>,
    took: Duration,
}

impl Reference {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        let data = place.path().join("data");
        let started = Instant::now();
        assert!(command(&place.path().join("first"), &data).status().expect("pfmc runs").success());
        let first = outcome(&place.path().join("first"));
        assert!(first.keys().any(|k| k.ends_with("metrics.json")) && first.keys().any(|k| k.ends_with(".safetensors")), "{first:?}");
        let with_data = started.elapsed();
        let started = Instant::now();
        assert!(command(&place.path().join("again"), &data).status().expect("pfmc runs").success());
        let took = started.elapsed().min(with_data);
        assert_eq!(first, outcome(&place.path().join("again")), "two undisturbed runs are alike");
        Reference { place, outcome: first, took }
    }

    fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// Runs to the end and compares.
    fn finish(&self, runs: &Path, how: &str) {
        let status = command(runs, &self.data()).status().expect("pfmc runs");
        assert!(status.success(), "{how}: the second start ends well");
        assert_eq!(self.outcome, outcome(runs), "{how}: the same bytes");
    }
}

#[test]
fn a_killed_run_ends_with_the_same_bytes() {
    let reference = Reference::new();
    let mut struck = 0;
    for point in pfm_train::POINTS {
        for count in if point.contains("step") || point.contains("checkpoint") { vec![1, 3] } else { vec![1] } {
            let runs = reference.place.path().join(format!("{point}-{count}"));
            let status = command(&runs, &reference.data()).env("PFMC_FAULT", format!("{point}:{count}")).status().expect("pfmc runs");
            struck += usize::from(!status.success());
            if count == 1 {
                assert!(!status.success(), "the fault point `{point}` is passed");
            }
            reference.finish(&runs, &format!("killed at {point}:{count}"));
            let _ = std::fs::remove_dir_all(runs);
        }
    }
    assert!(struck >= 10, "{struck} kills at named points");
    for k in 0..10u32 {
        let runs = reference.place.path().join(format!("random-{k}"));
        let mut child = command(&runs, &reference.data()).spawn().expect("pfmc runs");
        // Spread over the run by the golden ratio: as good as random, and the same every time.
        let share = (f64::from(k) * 0.618_034 + 0.05).fract();
        std::thread::sleep(reference.took.mul_f64(share));
        let _ = child.kill();
        let _ = child.wait();
        reference.finish(&runs, &format!("killed after {share:.2} of the run"));
        let _ = std::fs::remove_dir_all(runs);
    }
}
