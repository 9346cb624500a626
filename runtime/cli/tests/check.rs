//! `check`, `fmt`, `explain` and `plan` as a user runs them: forms of output, fixes, several experiments, standard input, exit codes.

use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn pfmc(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pfmc")).current_dir(folder).args(args).output().expect("pfmc runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn exit(output: &Output) -> i32 {
    output.status.code().expect("pfmc exits")
}

const SMALL: &str = "pfm 1

use std.well.euler_multi_quadrants
use std.tokenisers.magvit_simple

experiment one {
  data euler = euler_multi_quadrants { source = generate(grid: (16, 16), trajectories: 4) }
  tokeniser tok = magvit_simple {
    level 1 { channels = 8, space = 2 }
    fields = vocabulary(well_61)
  }
  stage a {
    train     = tok
    data      = euler
    objective = reconstruct(loss: mse)
    optimiser = adamw(lr: 1e-3)
    batch     = 4 samples
    run       = 4 steps
  }
}
";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("writable");
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("readable")
}

#[test]
fn every_experiment_of_a_file_is_checked() {
    let place = folder();
    let second = SMALL[SMALL.find("experiment one").expect("there")..].replace("one", "two");
    write(place.path(), "both.pfm", &format!("{SMALL}\n{second}"));
    let fine = pfmc(place.path(), &["check", "both.pfm"]);
    assert_eq!(exit(&fine), 0, "{}", text(&fine.stderr));
    let wrong = format!("{}\n{}", SMALL.replace("1e-3", "0"), second.replace("4 steps", "0 steps"));
    write(place.path(), "both.pfm", &wrong);
    let found = pfmc(place.path(), &["check", "both.pfm", "--format", "short"]);
    assert_eq!(exit(&found), 1);
    assert_eq!(text(&found.stdout).matches("error[E0207]").count(), 2, "{}", text(&found.stdout));
    write(place.path(), "blocks.pfm", "pfm 1\n\nfn twice(x) = 2 * x\n");
    assert_eq!(exit(&pfmc(place.path(), &["check", "blocks.pfm"])), 0, "a file of definitions needs no experiment");
}

#[test]
fn fixes_are_made_until_there_are_none() {
    let place = folder();
    let wrong =
        SMALL.replace("std.tokenisers.magvit_simple", "std.tokenisers.magvit_simpel").replace("batch     = 4 samples", "batch     : 4");
    write(place.path(), "a.pfm", &wrong.replace("pfm 1\n", ""));
    let fixed = pfmc(place.path(), &["check", "--fix", "a.pfm"]);
    assert_eq!(exit(&fixed), 0, "{}", text(&fixed.stderr));
    let mended = read(place.path(), "a.pfm");
    assert_eq!(mended.matches("use std.tokenisers").count(), 1, "a misspelt `use` is mended, not doubled:\n{mended}");
    assert!(mended.starts_with("pfm 1\n") && mended.contains("= 4 samples"), "{mended}");
}

#[test]
fn sarif_has_rules_results_and_fixes() {
    let place = folder();
    write(place.path(), "a b.pfm", &SMALL.replace("optimiser =", "optimizer ="));
    let output = pfmc(place.path(), &["check", "a b.pfm", "--format", "sarif"]);
    assert_eq!(exit(&output), 1);
    let log: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), 1);
    for result in results {
        let rule = &rules[result["ruleIndex"].as_u64().expect("an index") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["text"].as_str().is_some_and(|t| t.len() > 80));
        assert!(["error", "warning"].contains(&result["level"].as_str().expect("a level")));
        assert!(!result["message"]["text"].as_str().expect("a message").is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b.pfm");
        assert!(place["region"]["startLine"].as_u64().expect("a line") > 1);
        let change = &result["fixes"][0]["artifactChanges"][0];
        assert_eq!(change["replacements"][0]["insertedContent"]["text"], "optimiser");
        assert_eq!(change["replacements"][0]["deletedRegion"]["byteLength"], 9);
    }
}

#[test]
fn formatting_reads_standard_input_and_checks() {
    let place = folder();
    let untidy = SMALL.replace("  stage a {", "  # kept\n      stage   a {");
    let mut child = Command::new(env!("CARGO_BIN_EXE_pfmc"));
    let mut child = child.args(["fmt", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("pfmc runs");
    child.stdin.take().expect("piped").write_all(untidy.as_bytes()).expect("pfmc reads");
    let output = child.wait_with_output().expect("pfmc ends");
    let formatted = text(&output.stdout);
    assert!(formatted.contains("  # kept\n  stage a {"), "{formatted}");
    write(place.path(), "a.pfm", &untidy);
    let check = pfmc(place.path(), &["fmt", "--check", "a.pfm"]);
    assert_eq!(exit(&check), 1);
    assert_eq!(read(place.path(), "a.pfm"), untidy, "`--check` changes nothing");
    assert_eq!(exit(&pfmc(place.path(), &["fmt", "a.pfm"])), 0);
    assert_eq!(read(place.path(), "a.pfm"), formatted);
    assert_eq!(exit(&pfmc(place.path(), &["fmt", "--check", "a.pfm"])), 0);
    write(place.path(), "broken.pfm", "pfm 1\nexperiment {\n");
    assert_eq!(exit(&pfmc(place.path(), &["fmt", "broken.pfm"])), 1, "a file with errors is not formatted");
}

#[test]
fn every_kind_of_word_is_explained() {
    let place = folder();
    for (word, wanted) in [
        ("E0412", "link = linear"),
        ("batch", "a setting of a stage"),
        ("stage", "settings of a stage"),
        ("freeze", "except"),
        ("adamw", "weight_decay: number = 0.01"),
        ("walrus", "defined in `std.processors.walrus`"),
        ("attend", "softmax"),
        ("heads", "an argument of `walrus`"),
    ] {
        let output = pfmc(place.path(), &["explain", word]);
        assert_eq!(exit(&output), 0, "{word}");
        assert!(text(&output.stdout).contains(wanted), "{word}: {}", text(&output.stdout));
    }
    let near = pfmc(place.path(), &["explain", "optimizer"]);
    assert_eq!(exit(&near), 2);
    assert!(text(&near.stderr).contains("did you mean `optimiser`?"), "{}", text(&near.stderr));
    write(place.path(), "a.pfm", SMALL);
    let params = text(&pfmc(place.path(), &["explain", "a.pfm", "--params"]).stdout);
    assert!(params.contains("tok.encoder") && params.contains("trained") && params.contains("frozen"), "{params}");
}

#[test]
fn what_does_not_fit_into_memory_is_refused() {
    let place = folder();
    write(place.path(), "a.pfm", SMALL);
    assert_eq!(exit(&pfmc(place.path(), &["plan", "a.pfm", "--memory", "64"])), 0);
    for verb in ["plan", "run"] {
        let refused = pfmc(place.path(), &[verb, "a.pfm", "--memory", "0.0005"]);
        assert_eq!(exit(&refused), 4, "{verb}: {}", text(&refused.stderr));
        let said = text(&refused.stderr);
        assert!(said.contains("error[E0805]") && said.contains("activations") && said.contains("optimiser"), "{said}");
    }
    assert!(!place.path().join("data").exists(), "nothing was made");
}
