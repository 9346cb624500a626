//! Definitions under version control, from the command line: cells as files, locks, differences, and runs that hold the file that
//! repeats them.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn experiment() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/indomain.pfm")
}

fn pfmc(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pfmc")).args(args).output().expect("pfmc runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn value(args: &[&str]) -> Value {
    let output = pfmc(args);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&output)))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn cells_are_files_that_run_alone() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| text(&place.path().join(name));
    let file = text(&experiment());
    let grids = value(&["--json", "grid", "list", &file, "--profile", "smoke"]);
    let cells = grids["grids"][0]["cells"].as_array().expect("cells").clone();
    assert_eq!(cells.len(), 3);
    assert_eq!(grids["grids"][0]["skipped"], serde_json::json!(["weights: scratch, mask: frozen"]));
    assert_eq!(cells[1]["stages"][0]["shared"], serde_json::json!(["in_domain-frozen"]));

    let expand = ["grid", "expand", &file, "--profile", "smoke", "--out", &at("cells")];
    let check = [&expand[..], &["--check"]].concat();
    assert_eq!(code(&pfmc(&check)), 1, "nothing is there yet");
    assert_eq!(code(&pfmc(&expand)), 0);
    let scratch = place.path().join("cells/table5/scratch-trainable.pfm");
    let first = std::fs::read(&scratch).expect("the cell's file");
    assert_eq!(code(&pfmc(&expand)), 0);
    assert_eq!(std::fs::read(&scratch).expect("the cell's file"), first, "expanding twice gives the same bytes");
    assert_eq!(code(&pfmc(&check)), 0);
    let frozen = std::fs::read_to_string(place.path().join("cells/table5/in_domain-frozen.pfm")).expect("the cell's file");
    assert!(frozen.contains("is shared with `in_domain-trainable`."), "{frozen}");

    // The cell runs without options, under the keys of the grid, and leaves the file that repeats it.
    let (runs, data, cell) = (at("runs"), at("data"), text(&scratch));
    let run = |file: &str| value(&["--json", "run", file, "--runs", &runs, "--data", &data]);
    let done = run(&cell);
    assert_eq!(done["status"], 0, "{done}");
    let directory = PathBuf::from(done["cells"][0]["directory"].as_str().expect("a directory"));
    assert_eq!(done["cells"][0]["metrics"]["stages"][0]["key"], cells[0]["stages"][0]["key"]);
    let closed = text(&directory.join("experiment.pfm"));
    assert_eq!(std::fs::read(&closed).expect("the closed file"), first);
    assert_eq!(run(&closed)["cells"], done["cells"], "it is the same run");
    assert_eq!(said(&pfmc(&["diff", &text(&directory), &cell])), "same meaning\n");
}

#[test]
fn a_lock_fails_what_changed_and_says_how_to_accept_it() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let file = place.path().join("a.pfm");
    // One small profile keeps planning short.
    let whole = std::fs::read_to_string(experiment()).expect("the experiment");
    let small = place.path().join("whole.pfm");
    std::fs::write(&small, &whole).expect("writable");
    assert_eq!(code(&pfmc(&["grid", "expand", &text(&small), "--profile", "smoke"])), 0);
    let cell = std::fs::read_to_string(place.path().join("whole/table5/in_domain-frozen.pfm")).expect("beside the file");
    std::fs::write(&file, &cell).expect("writable");
    let name = text(&file);
    let locked = || pfmc(&["check", "--locked", &name]);

    let none = locked();
    assert!(code(&none) == 1 && said(&none).contains("F0904"), "{}", said(&none));
    assert_eq!(code(&pfmc(&["lock", &name])), 0);
    assert_eq!(code(&locked()), 0);
    let lock = std::fs::read(place.path().join("a.lock")).expect("the lock");
    assert!(said(&pfmc(&["lock", &name])).contains("says this already"));

    std::fs::write(&file, cell.replace("  seed = 0", "  # A comment.\n\n  seed   =   0")).expect("writable");
    assert_eq!(code(&locked()), 0, "comments and layout mean nothing");
    assert_eq!(said(&pfmc(&["diff", &text(&place.path().join("a.lock")), &name])), "same meaning\n");

    std::fs::write(&file, cell.replace("lr: 5e-4, betas: (0.9, 0.999)", "lr: 1e-4, betas: (0.9, 0.999)")).expect("writable");
    let changed = locked();
    let words = said(&changed);
    assert!(code(&changed) == 1 && words.contains("F0903") && words.contains("rollout.optimiser.lr 5e-4 → 1e-4"), "{words}");
    assert!(words.contains(&format!("pfmc lock {name}")), "{words}");
    let github = said(&pfmc(&["check", "--locked", "--format", "github", &name]));
    assert!(github.starts_with("::error file="), "{github}");
    assert_eq!(std::fs::read(place.path().join("a.lock")).expect("the lock"), lock, "checking writes nothing");
    let diff = value(&["--json", "diff", &text(&place.path().join("a.lock")), &name]);
    assert_eq!((&diff["same"], &diff["changes"][0]["path"]), (&Value::from(false), &Value::from("rollout.optimiser.lr")));
    assert_eq!(code(&pfmc(&["lock", &name])), 0);
    assert_eq!(code(&locked()), 0);
}
