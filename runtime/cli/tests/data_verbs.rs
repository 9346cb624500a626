//! `pfmc data`: simulators are listed with what they cost, made on request, looked at as text and pictures, verified, and their
//! statistics written; what can't be is refused with the way out.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SET: &str = "euler_multi_quadrants_openBC";

/// Exit code, standard output and standard error of a call in a folder.
fn pfmc(place: &Path, args: &[&str]) -> (i32, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_pfmc")).args(args).current_dir(place).output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (out.status.code().expect("an exit code"), text(out.stdout), text(out.stderr))
}

fn json(place: &Path, args: &[&str]) -> Value {
    let (code, out, err) = pfmc(place, &[args, &["--json"]].concat());
    assert_eq!(code, 0, "{out}{err}");
    serde_json::from_str(&out).expect("JSON")
}

/// A folder with twelve small trajectories, and theirs.
fn made() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let args = ["data", "generate", SET, "--grid", "16x16", "--trajectories", "12", "--frames", "4", "--seed", "7"];
    let folders = json(place.path(), &args);
    let folder = place.path().join(folders["folders"][0].as_str().expect("a folder"));
    (place, folder)
}

#[test]
fn simulators_are_listed_with_their_costs() {
    let (place, _) = made();
    let list = json(place.path(), &["data", "list", "--grid", "32x32", "--trajectories", "10", "--frames", "11"]);
    let all = list["simulators"].as_array().expect("simulators");
    let euler = all.iter().find(|s| s["name"] == SET).expect("the Euler data");
    assert_eq!(euler["bytes"], 4 * 5 * 32 * 32 * 11 * 10);
    assert_eq!(euler["boundaries"], serde_json::json!(["x open", "y open"]));
    assert!(euler["seconds_on_one_core"].as_f64().expect("seconds") > 0.0);
    assert_eq!((&list["data"][0]["dataset"], &list["data"][0]["trajectories"]), (&SET.into(), &12.into()));
    let (code, text, _) = pfmc(place.path(), &["data", "list"]);
    assert!(code == 0 && text.contains("random quadrants") && text.contains("data sets in data"), "{text}");
}

#[test]
fn a_simulator_is_made_by_name() {
    let (place, folder) = made();
    assert!(folder.starts_with(place.path().join("data").join(SET)) && folder.join("stats.yaml").is_file());
    let again = json(place.path(), &["data", "inspect", "data"]);
    assert_eq!(again["data"][0]["inspection"]["grid"], serde_json::json!([16, 16]));
    let (code, _, err) = pfmc(place.path(), &["data", "generate", "euler"]);
    assert_eq!(code, 2);
    assert!(err.contains("no simulator `euler`") && err.contains(SET) && err.contains(".pfm"), "{err}");
    let (code, _, err) = pfmc(place.path(), &["data", "generate", SET, "--profile", "paper"]);
    assert!(code == 2 && err.contains("--profile"), "{err}");
    fs::write(place.path().join("a.pfm"), "pfm 1\n").expect("writable");
    let (code, _, err) = pfmc(place.path(), &["data", "generate", "a.pfm", "--frames", "3"]);
    assert!(code == 2 && err.contains("use `--set`"), "{err}");
    let (code, _, err) = pfmc(place.path(), &["data", "generate", SET, "--grid", "16"]);
    assert!(code == 2 && err.contains("2 axes"), "{err}");
}

#[test]
fn pictures_go_into_one_page() {
    let (place, _) = made();
    let (code, out, err) = pfmc(place.path(), &["data", "inspect", "data", "--html", "sheet.html", "--pictures", "3", "--files", "2"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("pictures in sheet.html"), "{out}");
    let page = fs::read_to_string(place.path().join("sheet.html")).expect("the page");
    assert_eq!((page.matches("<html").count(), page.matches("<img").count()), (1, 2 * 5 * 3));
    assert!(page.contains("momentum_y") && page.contains("t = 0.045"));
}

#[test]
fn verification_says_what_is_wrong() {
    let (place, folder) = made();
    let (code, out, _) = pfmc(place.path(), &["data", "verify", "data"]);
    assert!(code == 0 && out.contains("12 files, 12 trajectories, 48 frames: sound"), "{out}");
    let train = folder.join("data/train");
    let file = fs::read_dir(&train).expect("files").flatten().next().expect("a file").path();
    fs::write(&file, &fs::read(&file).expect("the file")[..2000]).expect("writable");
    let (code, out, _) = pfmc(place.path(), &["data", "verify", "data"]);
    assert!(code == 1 && out.contains("truncated") && out.contains("not fit for training"), "{out}");
}

#[test]
fn data_sets_are_rewritten() {
    let (place, folder) = made();
    let done = json(place.path(), &["data", "convert", folder.to_str().expect("UTF-8"), "copy"]);
    assert_eq!(done["converted"], serde_json::json!({ "files": 12, "trajectories": 12 }));
    let (code, out, _) = pfmc(place.path(), &["data", "verify", "copy"]);
    assert!(code == 0 && out.contains("12 files, 12 trajectories, 48 frames: sound"), "{out}");
    let (code, _, err) = pfmc(place.path(), &["data", "convert", "nowhere", "copy"]);
    assert!(code == 1 && err.contains("E0510"), "{err}");
    let file = folder.join("data/valid").read_dir().expect("files").flatten().next().expect("a file").path();
    let within = file.parent().expect("a folder").to_str().expect("UTF-8");
    let (code, _, err) = pfmc(place.path(), &["data", "convert", file.to_str().expect("UTF-8"), within]);
    assert!(code == 1 && err.contains("over itself"), "{err}");
}

#[test]
fn statistics_are_written_or_printed() {
    let (place, folder) = made();
    let stated = fs::read_to_string(folder.join("stats.yaml")).expect("statistics");
    fs::remove_file(folder.join("stats.yaml")).expect("there");
    let (code, out, _) = pfmc(place.path(), &["data", "stats", "data", "--print"]);
    assert!(code == 0 && out.contains(&stated) && !folder.join("stats.yaml").exists(), "{out}");
    let (code, _, _) = pfmc(place.path(), &["data", "stats", "data", "--threads", "1"]);
    assert_eq!((code, fs::read_to_string(folder.join("stats.yaml")).expect("statistics")), (0, stated));
    let (code, _, err) = pfmc(place.path(), &["data", "stats", "nowhere"]);
    assert!(code == 1 && err.contains("E0510") && err.contains("nowhere"), "{err}");
}
