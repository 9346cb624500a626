//! Step times foretold from a calibration: used where it is this machine's, said to be missing where there is none, refused where it is
//! damaged or of another machine. `PFMC_HEAVY=1` measures one and holds it against a step.

use pfm_bench::{CALIBRATION_VERSION, Calibration, Ceilings, Costs, Machine, Table};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const TEXT: &str = "pfm 1

use std.well.euler_multi_quadrants
use std.tokenisers.magvit_simple

experiment tiny {
  data euler = euler_multi_quadrants { grid = (32, 32), window = 6 frames, context = 5 frames }
  tokeniser tok = magvit_simple {
    level 1 { channels = 8, time = 1, space = 2 }
    bottleneck = 6
    fields     = vocabulary(well_61)
  }
  stage pretrain {
    train = tok, data = euler, objective = reconstruct(loss: mse), batch = 4 samples, accumulate = 2, run = 5 steps
    optimiser = adamw(lr: 1e-3)
  }
}
";

/// `pfmc` in a place of its own, caches included.
fn pfmc(place: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pfmc"));
    command.current_dir(place).env("XDG_CACHE_HOME", place.join("cache")).env("PFMC_ISA", "portable");
    command.args(arguments).args(["--threads", "1"]).output().expect("pfmc starts")
}

fn value(place: &Path, arguments: &[&str]) -> Value {
    let output = pfmc(place, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON value")
}

fn text(place: &Path, arguments: &[&str]) -> String {
    String::from_utf8(pfmc(place, arguments).stdout).expect("text")
}

fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a folder");
    std::fs::write(place.path().join("tiny.pfm"), TEXT).expect("the file");
    place
}

const BENCH: [&str; 6] = ["bench", "tiny.pfm", "--steps", "2", "--top", "0"];

/// One in which all memory moves at this rate and nothing else takes time.
fn calibration(machine: &Machine, rate: f64) -> Calibration {
    Calibration {
        version: CALIBRATION_VERSION,
        processor: machine.processor.clone(),
        threads: machine.threads,
        instruction_set: machine.isa.name().into(),
        ceilings: Ceilings::default(),
        kernels: Default::default(),
        streams: Table { axes: vec![vec![1.0]], rates: vec![rate] },
        loops: Costs::default(),
    }
}

fn keep(place: &Path, name: &str, text: &str) {
    let folder = place.join("cache/pfmc");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(name), text).expect("the calibration");
}

#[test]
fn without_one_no_time_is_invented() {
    let place = place();
    assert!(value(place.path(), &[&BENCH[..], &["--json"]].concat())["planned_seconds"].is_null());
    assert!(text(place.path(), &BENCH).contains("`pfmc bench --calibrate` measures this machine once"));
    assert!(value(place.path(), &["plan", "tiny.pfm", "--json"])["stages"][0]["step_seconds"].is_null());
    assert!(text(place.path(), &["plan", "tiny.pfm"]).contains("no times: `pfmc bench --calibrate`"));
}

#[test]
fn with_one_bench_and_plan_foretell_the_same() {
    let place = place();
    let machine = Machine::here(1, pfm_cpu::Isa::Portable);
    let slow = serde_json::to_string(&calibration(&machine, 1e9)).expect("plain data");
    keep(place.path(), &machine.file_name(), &slow);
    let bench = value(place.path(), &[&BENCH[..], &["--json"]].concat())["planned_seconds"].as_f64().expect("a time");
    let plan = value(place.path(), &["plan", "tiny.pfm", "--json"])["stages"][0]["step_seconds"].as_f64().expect("a time");
    assert!(bench == plan && bench > 0.0);
    let groups = value(place.path(), &["bench", "tiny.pfm", "--steps", "2", "--json"]);
    let sum: f64 = groups["groups"].as_array().expect("groups").iter().map(|g| g["planned"].as_f64().expect("a time")).sum();
    assert!((sum / plan - 1.0).abs() < 1e-9, "groups add up to the step: {sum} and {plan}");
    assert!(text(place.path(), &BENCH).contains("of the median"));
    // Memory that is twice as fast halves all.
    let fast = serde_json::to_string(&calibration(&machine, 2e9)).expect("plain data");
    keep(place.path(), &machine.file_name(), &fast);
    let half = value(place.path(), &["plan", "tiny.pfm", "--json"])["stages"][0]["step_seconds"].as_f64().expect("a time");
    assert!((2.0 * half / plan - 1.0).abs() < 1e-9);
}

#[test]
fn what_is_not_of_this_machine_is_not_used() {
    let place = place();
    let machine = Machine::here(1, pfm_cpu::Isa::Portable);
    let other = Machine { processor: "an abacus".into(), ..machine.clone() };
    let mut edited = calibration(&machine, 1e9);
    edited.streams.rates[0] = 0.0;
    let cases = [
        (serde_json::to_string(&calibration(&other, 1e9)).expect("plain data"), "of another machine: an abacus"),
        (serde_json::to_string(&edited).expect("plain data"), "it is damaged"),
        ("{\"version\": 0}".into(), "of another version"),
        ("no".into(), "not JSON"),
    ];
    for (kept, why) in cases {
        keep(place.path(), &machine.file_name(), &kept);
        let said = text(place.path(), &["plan", "tiny.pfm"]);
        assert!(said.contains(why) && said.contains("measures this machine again"), "{said}");
    }
}

#[test]
fn a_measured_one_is_near() {
    if std::env::var_os("PFMC_HEAVY").is_none() {
        return;
    }
    let place = place();
    assert!(value(place.path(), &["bench", "--calibrate", "--json"])["calibration"]["threads"] == 1);
    let bench = value(place.path(), &["bench", "tiny.pfm", "--json"]);
    let (planned, measured) = (bench["planned_seconds"].as_f64().expect("a time"), bench["cpu_seconds"]["min"].as_f64().expect("a time"));
    let ratio = planned / measured;
    assert!((0.5..2.0).contains(&ratio), "planned {planned}, measured {measured}");
}
