//! Hover, completion, navigation and rename on one small experiment.

use crate::client::{Client, hover_text, labels, unmarked};
use serde_json::{Value, json};

const URI: &str = "file:///none/small.pfm";

const SMALL: &str = r#"pfm 1

use std.well.{euler_multi_quadrants}
use std.tokenisers.magvit_simple
use std.processors.walrus
use std.metrics.{vrmse}

## A small one.
experiment small {
  data euler = euler_multi_quadrants { source = generate(grid: (32, 32), trajectories: 4) }
  tokeniser tok = magvit_simple {
    level 1 { channels = 8, space = {2, 4} eval 2 }
    fields = vocabulary([energy, density, pressure, momentum_x, momentum_y])
  }
  processor core = walrus { width = 16, heads = 2, blocks = 1 }
  model net { tokeniser = tok, processor = core }
  mask heads { freeze tok.** except tok.encoder.head }
  stage pretrain {
    train = tok, data = euler, objective = reconstruct(loss: mse), optimiser = adamw(lr: 1e-3), batch = 2 samples, run = 8 steps
  }
  stage rollout {
    train = net, data = euler, weights = pretrain.tok, mask = heads, objective = next_frame(loss: mae)
    optimiser = adamw(lr: 5e-4), schedule = inverse_sqrt(warmup: 2 epochs, cooldown: 2 epochs), batch = 2 samples, epoch = 4 batches
    run = 80 steps, allow = frozen_random
  }
  grid table over rollout { weights = [scratch: random, known: pretrain.tok] }
  report table { metrics = [vrmse], at = [4 steps] }
  expect vrmse[weights: known] < vrmse[weights: scratch] on "big"
  profile big { rollout.run = 100 steps, rollout.optimiser.lr = 1e-4 }
}
"#;

fn started() -> Client {
    let mut client = Client::start(json!(null));
    client.open(URI, SMALL);
    assert_eq!(client.next_problems(URI), json!([]), "the small file is sound");
    client
}

/// The small file with a mark put behind the first `before` of it.
fn marked(before: &str) -> String {
    let at = SMALL.find(before).unwrap_or_else(|| panic!("`{before}` stands in the file")) + before.len();
    format!("{}‸{}", &SMALL[..at], &SMALL[at..])
}

fn hover(client: &mut Client, before: &str) -> String {
    let answer = client.at(URI, &marked(before), "textDocument/hover");
    hover_text(&answer).to_string()
}

#[test]
fn hover_says_what_things_are() {
    let mut client = started();
    let text = hover(&mut client, "tokeniser to");
    assert!(text.contains("tokeniser tok = magvit_simple") && text.contains("a pyramid of causal convolutions"), "{text}");
    assert!(text.contains("| 1x2 (evaluation) | 9 × 32 × 32 × 5 | 9 × 16 × 16 × 18 |"), "{text}");
    assert!(text.contains("| 1x4 | 9 × 32 × 32 × 5 | 9 × 8 × 8 × 18 |") && text.contains("weights"), "{text}");
    let text = hover(&mut client, "processor = cor");
    assert!(text.contains("processor core = walrus") && text.contains("9 × 16 × 16 × 16"), "{text}");
    let text = hover(&mut client, "run = 80");
    assert!(text.contains("**80 steps** = 20 epochs") && text.contains("how long it trains"), "{text}");
    let text = hover(&mut client, "freeze tok.*");
    assert!(text.contains("`tok.**` matches") && text.contains("… and") && text.contains("`tok.encoder.head.weight`"), "{text}");
    let text = hover(&mut client, "loss: ma");
    assert!(text.contains("loss mae(truth: [.. c], pred: [.. c])") && text.contains("Mean absolute error."), "{text}");
    let text = hover(&mut client, "adamw(lr: 5e");
    assert!(text.contains("lr: number") && text.contains("highest near step") && text.contains("█"), "{text}");
    let text = hover(&mut client, "rollout.optimiser.l");
    assert!(text.contains("lr: number"), "{text}");
    let text = hover(&mut client, "batch = 2 samples, epoc");
    assert!(text.contains("`epoch`: what this stage calls an epoch") && text.contains("`rollout.epoch = 4 batches`, from line"), "{text}");
    let text = hover(&mut client, "stage rollou");
    assert!(text.contains("trains `net` on `euler` for 80 steps (20 epochs)"), "{text}");
    let text = hover(&mut client, "[scratch");
    assert!(text.contains("cells: `scratch`"), "{text}");
    client.stop();
}

#[test]
fn hover_keeps_the_last_experiment_while_the_file_is_broken() {
    let mut client = started();
    let broken = marked("mask = head").replace("run = 80 steps", "run = 80 stps");
    let answer = client.at(URI, &broken, "textDocument/hover");
    assert!(hover_text(&answer).contains("`rollout` trains"), "{answer}");
    client.stop();
}

/// Completes where the mark stands in a line that is put into a stage.
fn complete(client: &mut Client, place: &str, line: &str) -> Value {
    let text = SMALL.replacen(place, &format!("{place}\n{line}\n"), 1);
    client.at(URI, &text, "textDocument/completion")
}

#[test]
fn completion_knows_what_fits() {
    let mut client = started();
    let answer = complete(&mut client, "  stage rollout {", "    par‸");
    let found = answer.as_array().expect("items").iter().find(|i| i["label"] == "parallel").expect("a key").clone();
    assert_eq!(found["detail"], "default none");
    assert_eq!(found["textEdit"]["newText"], "parallel = ");
    let answer = complete(&mut client, "  stage rollout {", "    checkpoint = 4 ‸");
    assert_eq!(labels(&answer), ["steps"]);
    let answer = complete(&mut client, "  stage rollout {", "    weights = pretrain.‸");
    assert_eq!(labels(&answer), ["tok"]);
    let answer = complete(&mut client, "  stage rollout {", "    optimiser = ‸");
    assert!(labels(&answer).contains(&"soap") && labels(&answer).contains(&"adamw"), "{answer}");
    let answer = complete(&mut client, "  stage rollout {", "    optimiser = soap(lr: 1e-3, ‸)");
    assert!(labels(&answer).contains(&"max_precond_dim"), "{answer}");
    let answer = complete(&mut client, "  stage rollout {", "    objective = next_frame(loss: ‸)");
    assert!(labels(&answer).starts_with(&["mse", "mae"]), "{answer}");
    let answer = complete(&mut client, "  mask heads {", "    freeze core.blocks.0.‸");
    assert_eq!(labels(&answer), ["spatial", "temporal"]);
    let answer = complete(&mut client, "  mask heads {", "    freeze tok.encoder.bottleneck.‸");
    assert_eq!(labels(&answer), ["weight", "bias"]);
    let answer = complete(&mut client, "tokeniser tok = magvit_simple {", "    res‸");
    assert!(labels(&answer).contains(&"res_per_level") && labels(&answer).contains(&"level"), "{answer}");
    let answer = complete(&mut client, "  tokeniser tok = magvit_simple {", "    level 2 { ‸ }");
    assert_eq!(labels(&answer), ["channels", "time", "space"]);
    let answer = complete(&mut client, "  profile big {", "    rollout.optimiser.‸");
    assert_eq!(labels(&answer), ["lr", "betas", "weight_decay", "eps"]);
    let answer = complete(&mut client, "pfm 1", "use std.metrics.{‸}");
    assert!(labels(&answer).starts_with(&["vrmse", "well_vrmse", "neps"]), "{answer}");
    let answer = complete(&mut client, "pfm 1", "use std.‸");
    assert!(labels(&answer).contains(&"metrics") && labels(&answer).contains(&"tokenisers"), "{answer}");
    let answer = complete(&mut client, "  stage rollout {", "    new_fields = [‸]");
    assert!(labels(&answer).starts_with(&["energy", "density"]), "{answer}");
    let answer = complete(&mut client, "pfm 1", "metric wide = ‸");
    assert!(labels(&answer).contains(&"neps") && !labels(&answer).contains(&"mse"), "{answer}");
    let answer = complete(&mut client, "pfm 1", "metric wide = neps { ‸ }");
    assert_eq!(labels(&answer), ["bands"]);
    let answer = complete(&mut client, "pfm 1", "schedule slow = cosine(‸)");
    assert_eq!(labels(&answer), ["warmup", "over", "start", "end"]);
    let answer = complete(&mut client, "pfm 1", "tokeniser small = magvit_simple {\n  level 1 { ‸ }\n}");
    assert_eq!(labels(&answer), ["channels", "time", "space"]);
    let answer = complete(&mut client, "over rollout {", "skip [weights: ‸]");
    assert_eq!(labels(&answer), ["scratch", "known"]);
    client.stop();
}

#[test]
fn fields_of_the_data_are_offered() {
    let mut client = started();
    let text = SMALL.replacen("vocabulary([energy,", "vocabulary([‸energy,", 1);
    let answer = client.at(URI, &text, "textDocument/completion");
    assert_eq!(labels(&answer), ["energy", "density", "pressure", "momentum_x", "momentum_y"]);
    client.stop();
}

#[test]
fn definitions_are_found_in_the_file_and_in_the_library() {
    let mut client = started();
    let here = client.at(URI, &marked("weights = pretrai"), "textDocument/definition");
    let line = SMALL.lines().position(|l| l.contains("stage pretrain")).expect("the stage");
    assert_eq!((here["uri"].as_str(), here["range"]["start"]["line"].as_u64()), (Some(URI), Some(line as u64)));
    let there = client.at(URI, &marked("optimiser = adam"), "textDocument/definition");
    let path = there["uri"].as_str().and_then(|u| u.strip_prefix("file://")).expect("a file");
    let text = std::fs::read_to_string(path).expect("the copy of the standard library");
    let line = text.lines().nth(there["range"]["start"]["line"].as_u64().expect("a line") as usize).expect("the line");
    assert!(line.starts_with("optimiser adamw"), "{line}");
    let setting = client.at(URI, &marked("{ widt"), "textDocument/definition");
    assert!(setting["uri"].as_str().is_some_and(|u| u.ends_with("std/processors/walrus.pfm")), "{setting}");
    client.stop();
}

fn renamed(client: &mut Client, before: &str, new: &str) -> Result<String, String> {
    let (text, place) = unmarked(&marked(before));
    client.replace(URI, &text);
    let answer = client.answer("textDocument/rename", json!({ "textDocument": { "uri": URI }, "position": place, "newName": new }));
    let edits = answer.map_err(|e| e.message)?;
    let mut edits: Vec<Value> = edits["changes"][URI].as_array().expect("edits of this file").clone();
    edits.sort_by_key(|e| (e["range"]["start"]["line"].as_u64(), e["range"]["start"]["character"].as_u64()));
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    for edit in edits.iter().rev() {
        let (start, end) = (&edit["range"]["start"], &edit["range"]["end"]);
        let line = &mut lines[start["line"].as_u64().expect("a line") as usize];
        let column = |p: &Value| p["character"].as_u64().expect("a column") as usize;
        line.replace_range(column(start)..column(end), new);
    }
    Ok(lines.join("\n") + "\n")
}

#[test]
fn a_rename_changes_every_place_and_nothing_else() {
    let mut client = started();
    let text = renamed(&mut client, "weights = pretrai", "first").expect("it is renamed");
    assert_eq!(text, SMALL.replace("pretrain", "first"));
    let text = renamed(&mut client, "tokeniser to", "tiny").expect("it is renamed");
    let expected = SMALL
        .replace("tokeniser tok", "tokeniser tiny")
        .replace("tokeniser = tok", "tokeniser = tiny")
        .replace("train = tok", "train = tiny");
    assert_eq!(text, expected.replace("pretrain.tok", "pretrain.tiny").replace("tok.**", "tiny.**").replace("tok.encoder", "tiny.encoder"));
    let text = renamed(&mut client, "mask = head", "few").expect("it is renamed");
    assert_eq!(text, SMALL.replace("mask heads", "mask few").replace("mask = heads", "mask = few"));
    let text = renamed(&mut client, "grid tabl", "cells").expect("it is renamed");
    assert_eq!(text, SMALL.replace("grid table", "grid cells").replace("report table", "report cells"));
    let text = renamed(&mut client, "[weights: know", "tuned").expect("it is renamed");
    assert_eq!(text, SMALL.replace("known", "tuned"));
    let text = renamed(&mut client, "profile bi", "large").expect("it is renamed");
    assert_eq!(text, SMALL.replace("profile big", "profile large").replace("\"big\"", "\"large\""));
    assert_eq!(renamed(&mut client, "tokeniser to", "core"), Err("`core` is taken".to_string()));
    assert!(renamed(&mut client, "tokeniser to", "9x").is_err() && renamed(&mut client, "tokeniser to", "if").is_err());
    assert!(renamed(&mut client, "= adam", "mine").is_err_and(|why| why.contains("standard library")));
    client.stop();
}

#[test]
fn names_of_code_are_renamed_in_their_definition() {
    const CODE: &str = "pfm 1\n\nfn twice(x, by: number = 2) {\n  grown = x * by\n  grown\n}\n\nfn other(x) = twice(x, by: 3)\n";
    let mut client = started();
    let mut rename = |marked: &str, new: &str| {
        let (text, place) = unmarked(marked);
        client.replace(URI, &text);
        let answer = client.request("textDocument/rename", json!({ "textDocument": { "uri": URI }, "position": place, "newName": new }));
        answer["changes"][URI].as_array().map_or(0, Vec::len)
    };
    assert_eq!(rename(&CODE.replacen("grown", "gro‸wn", 1), "large"), 2);
    assert_eq!(rename(&CODE.replacen("by:", "b‸y:", 1), "factor"), 3);
    assert_eq!(rename(&CODE.replacen("twice", "twi‸ce", 1), "double"), 2);
    client.stop();
}

#[test]
fn a_file_of_definitions_needs_no_experiment() {
    let mut client = Client::start(json!(null));
    client.open(URI, "pfm 1\n\nfn twice(x) = 2 * x\n");
    assert_eq!(client.next_problems(URI), json!([]));
    client.replace(URI, "pfm 1\n");
    assert_eq!(client.next_problems(URI)[0]["code"], "E0113");
    client.stop();
}

#[test]
fn a_profile_can_be_asked_for() {
    let mut client = Client::start(json!({ "profile": "big" }));
    client.open(URI, SMALL);
    let text = hover(&mut client, "stage rollou");
    assert!(text.contains("for 100 steps") && text.contains("profile `big`"), "{text}");
    client.stop();
}

/// What is written and not saved is what other files read.
#[test]
fn open_files_are_read_before_those_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let part = folder.path().join("part.pfm");
    std::fs::write(&part, "pfm 1\n").expect("it is written");
    let uri = |name: &str| format!("file://{}/{name}", folder.path().display());
    let (main, part) = (uri("main.pfm"), uri("part.pfm"));
    let mut client = Client::start(json!(null));
    let text = SMALL.replacen("pfm 1\n", "pfm 1\n\nuse \"part.pfm\"", 1).replace("loss: mae", "loss: cubed");
    client.open(&main, &text);
    let problems = client.next_problems(&main);
    assert!(problems.to_string().contains("no loss is called `cubed`"), "{problems}");
    client.open(&part, "pfm 1\n\nloss cubed(truth: [.. c], pred: [.. c]) = mean(abs(truth - pred)^3)\n");
    assert_eq!(client.next_problems(&main), json!([]));
    // And a name of the other file leads there, and is renamed in both.
    let place = unmarked(&text.replacen("loss: cubed", "loss: cu‸bed", 1)).1;
    let found = client.request("textDocument/definition", json!({ "textDocument": { "uri": main }, "position": place }));
    assert_eq!(found["uri"], part.as_str());
    let edit = client.request("textDocument/rename", json!({ "textDocument": { "uri": main }, "position": place, "newName": "cubes" }));
    assert_eq!((edit["changes"][&main].as_array().map(Vec::len), edit["changes"][&part].as_array().map(Vec::len)), (Some(1), Some(1)));
    client.stop();
}

/// An experiment that amends one of another file: its names lead there, and what they are is known here.
#[test]
fn an_amended_experiment_knows_its_base() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/freezing.pfm").canonicalize().expect("the experiment");
    let uri = format!("file://{}", path.display());
    let text = std::fs::read_to_string(path).expect("the experiment");
    let mut client = Client::start(json!(null));
    client.open(&uri, &text);
    let marked = text.replacen("frozen: mostly_", "frozen: mo‸stly_", 1);
    let found = client.at(&uri, &marked, "textDocument/definition");
    assert!(found["uri"].as_str().is_some_and(|u| u.ends_with("/experiments/indomain.pfm")), "{found}");
    let marked = text.replacen("rollout.run", "roll‸out.run", 1);
    let hover = client.at(&uri, &marked, "textDocument/hover");
    assert!(hover_text(&hover).contains("trains `net`"), "{hover}");
    client.stop();
}

/// In a file with several experiments each place is answered for its own.
#[test]
fn the_experiment_around_the_cursor_counts() {
    let second = "\nexperiment other = small {\n  rollout.run = 40 steps\n}\n";
    let text = format!("{SMALL}{second}");
    let mut client = Client::start(json!(null));
    client.open(URI, &text);
    assert_eq!(client.next_problems(URI), json!([]));
    let hover = client.at(URI, &text.replacen("\n  rollout.run = 40", "\n  roll‸out.run = 40", 1), "textDocument/hover");
    assert!(hover_text(&hover).contains("for 40 steps"), "{hover}");
    let hover = client.at(URI, &text.replacen("stage rollout", "stage roll‸out", 1), "textDocument/hover");
    assert!(hover_text(&hover).contains("for 80 steps"), "{hover}");
    client.stop();
}
