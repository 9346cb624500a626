//! What a machine is said to have, and how programs refuse a device that it lacks. The tests hold with and without CUDA.

use std::process::{Command, Output};

fn pfmc(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pfmc")).args(arguments).output().expect("pfmc starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn doctor_says_what_is_there_and_why_not() {
    let output = pfmc(&["doctor"]);
    assert!(output.status.success());
    let said = text(&output.stdout);
    for part in ["cpu ", "driver ", "compiler ", "products "] {
        assert!(said.contains(part), "{said}");
    }
    let value: serde_json::Value = serde_json::from_slice(&pfmc(&["doctor", "--json"]).stdout).expect("JSON");
    assert!(value["cpu"].as_array().is_some_and(|sets| !sets.is_empty()), "{value}");
}

#[test]
fn a_device_that_is_not_there_is_refused_with_its_reason() {
    let output = pfmc(&["doctor", "--device", "cuda:99"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("no CUDA device can be used: ") && said.contains("--device cpu"), "{said}");
    assert!(text(&pfmc(&["doctor", "--device", "tpu"]).stderr).contains("devices are `cpu`, `cuda` and `cuda:N`"));
}

#[test]
fn the_text_of_a_stage_can_be_read() {
    let experiment = concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments/bench/S.pfm");
    let output = pfmc(&["explain", experiment, "--cuda", "tokeniser", "--capability", "80", "--set", "tokeniser.precision=bf16"]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(said.contains("extern \"C\" __global__") && said.contains("tok.encoder.head"), "{}", &said[..said.len().min(2000)]);
}
