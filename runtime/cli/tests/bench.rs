//! `pfmc bench` on a tiny experiment: what it measures adds up, does not depend on threads, compares with earlier results, and says
//! what it can't measure.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const TEXT: &str = "pfm 1

use std.well.euler_multi_quadrants
use std.tokenisers.magvit_simple

experiment tiny {
  data euler = euler_multi_quadrants { grid = (16, 16), window = 6 frames, context = 5 frames }
  tokeniser tok = magvit_simple {
    level 1 { channels = 8, time = {1, 2} eval 2, space = {2, 4} eval 2 }
    bottleneck = 6
    fields     = vocabulary(well_61)
  }
  stage pretrain {
    train = tok, data = euler, objective = reconstruct(loss: mse), clip = 0.5, batch = 4 samples, accumulate = 2, run = 5 steps
    optimiser = soap(lr: 1e-3, frequency: 2)
  }
}
";

fn pfmc(place: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pfmc")).current_dir(place).args(arguments).output().expect("pfmc starts")
}

fn value(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON value")
}

fn error(place: &Path, arguments: &[&str]) -> String {
    let output = pfmc(place, arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8(output.stderr).expect("text")
}

fn place(text: &str) -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a folder");
    std::fs::write(place.path().join("tiny.pfm"), text).expect("the file");
    place
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("`{key}` is a list"))
}

#[test]
fn measures_steps_programs_groups_machine_and_memory() {
    let place = place(TEXT);
    let arguments = ["bench", "tiny.pfm", "--json", "--steps", "4", "--warmup", "1", "--threads", "1"];
    let bench = value(&pfmc(place.path(), &arguments));
    assert_eq!((&bench["stage"], &bench["choice"], &bench["batch"]), (&"pretrain".into(), &"2x2".into(), &4.into()));
    assert_eq!(list(&bench, "losses").len(), 5, "of warm-up too");
    assert_eq!(list(&bench["seconds"], "all").len(), 4);
    // SOAP refreshes its bases at every second gradient, and each step has two micro-batches.
    let runs = |name: &str| list(&bench, "programs").iter().find(|p| p["name"] == name).map(|p| p["runs"].as_u64());
    let all = ["accumulate", "update", "update.refresh", "update.first"].map(runs);
    assert_eq!(all, [Some(Some(8)), Some(Some(2)), Some(Some(2)), None]);
    let number = |v: &Value| v.as_f64().expect("a number");
    let of = |key: &str, part: &str| list(&bench, key).iter().map(|g| number(&g[part])).sum::<f64>();
    let step = number(&bench["seconds"]["mean"]);
    assert!(of("groups", "seconds") > 0.0 && of("groups", "seconds") < step, "groups are parts of the step");
    assert!((of("groups", "flops") - of("classes", "flops")).abs() < 1.0);
    assert!(of("programs", "flops") > 0.0 && number(&bench["optimiser_share"]) < 1.0);
    let seconds: Vec<f64> = list(&bench, "groups").iter().map(|g| number(&g["seconds"])).collect();
    assert!(seconds.is_sorted_by(|a, b| a >= b), "the longest first");
    for rate in ["gflops", "read", "copy"] {
        assert!(number(&bench["ceilings"]["all"][rate]) > 0.0);
    }
    let memory = &bench["memory"];
    let parts = ["weights", "gradients", "optimiser", "work", "batch", "process"].map(|p| number(&memory[p]));
    assert_eq!(parts.iter().sum::<f64>(), number(&memory["planned"]));
    let text =
        String::from_utf8(pfmc(place.path(), &["bench", "tiny.pfm", "--steps", "1", "--top", "3", "--clock", "cpu"]).stdout).expect("text");
    assert!(text.contains("memory planned") && text.contains("CPU ms") && text.contains("the other"), "{text}");
}

#[test]
fn losses_do_not_depend_on_threads_and_earlier_results_compare() {
    let place = place(TEXT);
    let quick = ["bench", "tiny.pfm", "--json", "--steps", "3", "--top", "0", "--threads"];
    let one = pfmc(place.path(), &[&quick[..], &["1", "--start", "start.safetensors"]].concat());
    std::fs::write(place.path().join("one.json"), &one.stdout).expect("the result");
    let one = value(&one);
    assert!(list(&one, "groups").is_empty() && one["ceilings"].is_null(), "only steps");
    let start = std::fs::read(place.path().join("start.safetensors")).expect("the start");
    let start = safetensors::SafeTensors::deserialize(&start).expect("safetensors");
    assert_eq!(start.tensor("window").expect("the batch").shape(), [4, 6, 16, 16, 5]);
    assert!(start.tensor("tok.encoder.head.weight").is_ok());
    let two = value(&pfmc(place.path(), &[&quick[..], &["2", "--vs", "one.json"]].concat()));
    assert_eq!(one["losses"], two["losses"]);
    assert!(two["vs"][0]["time_ratio"].as_f64().expect("a ratio") > 0.0);
    assert_eq!(two["vs"][0]["unlike"], serde_json::json!(["threads 1, not 2"]));
    // Results of another device, of the same as another program names it, and of another precision.
    for (device, precision, unlike) in [("cuda:0 (H100, sm_90)", "f32", 1), ("cpu", "f32", 0), ("cpu", "bf16", 1), ("cuda", "bf16", 2)] {
        let mut other = one.clone();
        (other["device"], other["precision"]) = (device.into(), precision.into());
        std::fs::write(place.path().join("other.json"), other.to_string()).expect("the result");
        let beside = value(&pfmc(place.path(), &[&quick[..], &["1", "--vs", "other.json"]].concat()));
        assert_eq!(list(&beside["vs"][0], "unlike").len(), unlike, "{device} {precision}: {}", beside["vs"][0]["unlike"]);
    }
}

/// The same steps again, on windows that a run would read.
#[test]
fn steps_can_read_their_windows() {
    let place = place(TEXT);
    let made = "euler.source=generate(trajectories: 6, frames: 8 frames)";
    let arguments = ["bench", "tiny.pfm", "--json", "--steps", "3", "--top", "0", "--data", "here", "--set", made];
    let bench = value(&pfmc(place.path(), &arguments));
    let reading = &bench["reading"];
    assert_eq!(list(&reading["seconds"], "all").len(), 3);
    assert!(reading["windows"].as_u64() > Some(0) && reading["ratio"].as_f64() > Some(0.0));
    assert_eq!(list(&bench, "losses").len(), 5, "losses are of steps from memory");
    let without = value(&pfmc(place.path(), &["bench", "tiny.pfm", "--json", "--steps", "3", "--top", "0"]));
    assert!(without["reading"].is_null() && without["losses"] == bench["losses"]);
    let nowhere = pfmc(place.path(), &["bench", "tiny.pfm", "--steps", "1", "--data", "nowhere"]);
    assert_eq!(nowhere.status.code(), Some(1), "no data and none to be made");
}

/// Forced by option or by variable, told in the result, refused where the processor lacks it.
#[test]
fn the_instruction_set_can_be_chosen() {
    let place = place(TEXT);
    let quick = ["bench", "tiny.pfm", "--json", "--steps", "1", "--warmup", "0", "--top", "0"];
    let portable = value(&pfmc(place.path(), &[&quick[..], &["--isa", "portable"]].concat()));
    assert_eq!(portable["instruction_set"], "portable");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pfmc"));
    let output = command.current_dir(place.path()).args(quick).env("PFMC_ISA", "portable").output().expect("pfmc starts");
    assert_eq!(value(&output)["losses"], portable["losses"]);
    let foreign = if cfg!(target_arch = "x86_64") { "neon" } else { "avx2" };
    let refused = error(place.path(), &["bench", "tiny.pfm", "--isa", foreign]);
    assert!(refused.contains(&format!("this processor has no {foreign}; it has")), "{refused}");
    assert!(error(place.path(), &["bench", "tiny.pfm", "--isa", "sse9"]).contains("portable"));
}

/// The same exit as of `run`: what stops it lies outside the file.
#[test]
fn what_the_environment_stops_is_told_as_such() {
    let place = place(TEXT);
    let start = ["bench", "tiny.pfm", "--steps", "1", "--start", "nowhere/start.safetensors"];
    assert!(error(place.path(), &start).contains("R0104"));
    let output = pfmc(place.path(), &[&start[..], &["--json"]].concat());
    let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    assert_eq!((&value["code"], &value["status"]), (&"R0104".into(), &2.into()));
}

#[test]
fn says_what_it_can_not_measure() {
    let place = place(TEXT);
    let calibrate = error(place.path(), &["bench", "--calibrate", "--device", "cuda"]);
    assert!(calibrate.contains("measures the processor") && calibrate.contains("leave out `--device`"), "{calibrate}");
    let bench = |arguments: &[&str]| error(place.path(), &[&["bench", "tiny.pfm"], arguments].concat());
    assert!(bench(&["--stage", "pretrian"]).contains("no stage `pretrian`; there is pretrain; did you mean `pretrain`?"));
    assert!(bench(&["--steps", "0"]).contains("at least 1"));
    assert!(bench(&["--threads", "none"]).contains("at least 1"));
    assert!(bench(&["--vs", "tiny.pfm"]).contains("tiny.pfm is not JSON"));
    std::fs::write(place.path().join("other.json"), "{}").expect("a file");
    assert!(bench(&["--vs", "other.json"]).contains("no `seconds.median`"));
    let large = pfmc(place.path(), &["bench", "tiny.pfm", "--memory", "0.0001"]);
    assert_eq!(large.status.code(), Some(4));
    std::fs::write(place.path().join("tiny.pfm"), "pfm 1\n\nexperiment none { seed = 1 }\n").expect("the file");
    assert!(bench(&[]).contains("has no stage"));
}
