//! Data that can't be opened: one error at the stage that reads it, with the first file that fails and how many of how many,
//! before anything is trained. Batches for several devices are refused where they run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TEXT: &str = "pfm 1

use std.well.euler_multi_quadrants_open
use std.tokenisers.magvit_simple

experiment small {
  data euler = euler_multi_quadrants_open { SOURCE, window = 3 frames, context = 2 frames }
  tokeniser tok = magvit_simple { level 1 { channels = 8, space = 2 }, bottleneck = 6, fields = vocabulary(well_61) }
  stage pretrain {
    train = tok, data = euler, objective = reconstruct(loss: mse), optimiser = adamw(lr: 1e-3), batch = 2 samples, run = 1 steps
    parallel = ddp
  }
}
";

const MADE: &str = "source = generate(grid: (16, 16), trajectories: 8, frames: 4 frames)";
const SET: &str = "euler_multi_quadrants_openBC";

struct Case {
    place: tempfile::TempDir,
}

impl Case {
    fn new(source: &str) -> Case {
        let place = tempfile::tempdir().expect("a temporary directory");
        fs::write(place.path().join("small.pfm"), TEXT.replace("SOURCE", source)).expect("writable");
        Case { place }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Exit code, and what stands on standard error.
    fn pfmc(&self, args: &[&str]) -> (i32, String) {
        let out = Command::new(env!("CARGO_BIN_EXE_pfmc")).args(args).current_dir(self.place.path()).output().expect("runs");
        (out.status.code().expect("an exit code"), String::from_utf8(out.stderr).expect("UTF-8"))
    }

    /// Refuses with one E0510 of these words, and trains nothing.
    fn refused(&self, words: &[&str]) {
        let (code, said) = self.pfmc(&["run", "small.pfm"]);
        assert_eq!(code, 1, "{said}");
        assert_eq!(said.matches("error[").count(), 1, "{said}");
        for word in [&["error[E0510]", "data = euler", "trained on here", "help: "], words].concat() {
            assert!(said.contains(word), "no `{word}` in\n{said}");
        }
        assert!(!said.contains("H5F") && !said.contains("HDF5-DIAG"), "{said}");
        assert!(!self.path("runs").exists(), "nothing was begun");
    }
}

/// Files of the training split of made data.
fn made(case: &Case) -> Vec<PathBuf> {
    let (code, said) = case.pfmc(&["data", "generate", "small.pfm"]);
    assert_eq!(code, 0, "{said}");
    let set = only(&case.path("data").join(SET));
    let mut files: Vec<PathBuf> = fs::read_dir(set.join("data/train")).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    files
}

fn only(folder: &Path) -> PathBuf {
    fs::read_dir(folder).expect("a folder").next().expect("an entry").expect("readable").path()
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|n| n.to_str()).expect("a name")
}

#[test]
fn absent_data_are_told_with_the_folder() {
    let case = Case::new("source = directory");
    let absent = format!("cannot open `data/{SET}`: no such file or folder");
    case.refused(&[&absent, "--data DIR", "pfmc data generate FILE"]);
    fs::create_dir_all(case.path("data").join(SET).join("data/train")).expect("made");
    case.refused(&["no .hdf5, .h5 or .nc files for the split `train`"]);
}

#[test]
fn the_first_file_that_fails_is_named_and_all_are_counted() {
    let case = Case::new(MADE);
    let files = made(&case);
    let all = files.len();
    assert!(all > 2, "{files:?}");
    let bytes = fs::read(&files[1]).expect("readable");
    fs::write(&files[1], &bytes[..bytes.len() / 2]).expect("writable");
    let first = name(&files[1]).to_string();
    case.refused(&[&first, &format!("(1 of {all} files)"), "truncated", "remove it and run `pfmc data generate FILE`"]);
    let (code, said) = case.pfmc(&["data", "inspect", "data"]);
    assert!(code == 1 && said.contains("error[E0510]") && said.contains(&first), "{said}");

    fs::write(&files[2], "version https://git-lfs.github.com/spec/v1\n").expect("writable");
    case.refused(&[&first, &format!("(2 of {all} files)")]);
    fs::write(&files[1], "date,value\n2026,1\n").expect("writable");
    case.refused(&[&first, "not an HDF5 file"]);
    fs::write(&files[1], "").expect("writable");
    case.refused(&[&first, "empty"]);
    fs::write(&files[1], &bytes).expect("writable");
    case.refused(&[name(&files[2]), &format!("(1 of {all} files)"), "placeholder of Git LFS"]);

    // What the help says to do mends it.
    fs::remove_file(&files[2]).expect("removed");
    let (code, said) = case.pfmc(&["run", "small.pfm"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn other_fields_and_grids_than_the_files_have_are_told() {
    let case = Case::new(MADE);
    made(&case);
    let set = only(&case.path("data").join(SET));
    fs::rename(&set, case.path("moved")).expect("moved");
    fs::remove_dir_all(case.path("data").join(SET)).expect("removed");
    fs::rename(case.path("moved"), case.path("data").join(SET)).expect("moved");
    let read = |settings: &str| fs::write(case.path("small.pfm"), TEXT.replace("SOURCE", settings)).expect("writable");
    read("frames = 4 frames");
    case.refused(&["dimensions: the grid is [16, 16], not the [512, 512] of data `euler`", "must agree"]);
    read("frames = 4 frames, grid = (16, 16), fields = [density, velocity_x]");
    case.refused(&["fields: there is no field `velocity_x`, there is ", "density"]);
    read("frames = 4 frames, grid = (16, 16), trajectories = 500");
    case.refused(&["500 are asked for"]);
    read("frames = 4 frames, grid = (16, 16)");
    let (code, said) = case.pfmc(&["run", "small.pfm"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn more_than_one_device_is_planned_and_not_run() {
    let case = Case::new(MADE);
    let args = ["small.pfm", "--set", "pretrain.parallel.devices=2"];
    let (code, said) = case.pfmc(&[&["plan"], &args[..]].concat());
    assert_eq!(code, 0, "{said}");
    let (code, said) = case.pfmc(&[&["run"], &args[..]].concat());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("error[E0806]") && said.contains("asks for 2 devices") && said.contains("parallel = ddp"), "{said}");
    assert!(!case.path("data").exists() && !case.path("runs").exists(), "nothing was made");
}
