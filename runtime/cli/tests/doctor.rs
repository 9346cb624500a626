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
    let cuda = &value["cuda"];
    let there = [("driver", !cuda["devices"].is_null()), ("compiler", !cuda["compiler"].is_null()), ("products", cuda["products"] == true)];
    for (name, there) in there {
        let why = cuda["reasons"][name].as_str().unwrap_or("");
        assert!(there == why.is_empty(), "a reason where {name} is missing: {value}");
    }
}

#[test]
fn kernels_of_the_processor_are_compared() {
    let value: serde_json::Value =
        serde_json::from_slice(&pfmc(&["doctor", "--full", "--only", "eigh of", "--isa", "portable", "--json"]).stdout).expect("JSON");
    let family = &value["families"][0];
    assert_eq!((&family["family"], &family["failed"]), (&"eigh".into(), &0.into()), "{value}");
    assert!(family["cases"].as_u64() > Some(1) && family["worst"].as_f64().is_some_and(|w| w > 0.0 && w <= 1.0), "{value}");
    let said = text(&pfmc(&["doctor", "--full", "--only", "eigh of"]).stdout);
    assert!(said.contains("on cpu (") && said.contains("beside the interpreter"), "{said}");
}

#[test]
fn a_name_that_no_case_has_is_refused_with_what_is_near() {
    let output = pfmc(&["doctor", "--full", "--only", "atend"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("no case's name contains `atend`; did you mean `attend`"), "{said}");
    assert!(text(&pfmc(&["doctor", "--full", "--only", "zzzzzz"]).stderr).contains("names begin with"));
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

#[test]
fn every_update_of_an_optimiser_can_be_read() {
    let experiment = concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments/bench/S.pfm");
    let refresh =
        pfmc(&["explain", experiment, "--cuda", "soap", "--phase", "update.refresh", "--set", "soap.optimiser.max_precond_dim=64"]);
    assert!(refresh.status.success(), "{}", text(&refresh.stderr));
    assert!(text(&refresh.stdout).contains("extern \"C\" __global__"));
    let none = pfmc(&["explain", experiment, "--cuda", "tokeniser", "--phase", "update.refresh"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(
        text(&none.stderr).contains("the optimiser of stage `tokeniser` has no `update.refresh`; it has update"),
        "{}",
        text(&none.stderr)
    );
}
