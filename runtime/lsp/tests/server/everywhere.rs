//! Every question at every place, in files that are whole, cut off or mangled.

use crate::client::Client;
use lsp_server::{ErrorCode, ResponseError};
use serde_json::{Value, json};

const URI: &str = "file:///none/indomain.pfm";

fn indomain() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments/indomain.pfm")).expect("the experiment")
}

/// Asks all questions at a place; the server may have nothing to say, but no defect.
fn ask(client: &mut Client, line: usize, character: usize) {
    let at = json!({ "textDocument": { "uri": URI }, "position": { "line": line, "character": character } });
    for method in ["hover", "completion", "definition", "prepareRename", "documentHighlight"] {
        let answer = client.answer(&format!("textDocument/{method}"), at.clone());
        assert!(!is_defect(&answer), "{method} at {line}:{character}: {answer:?}");
    }
    let mut rename = at;
    rename["newName"] = "another".into();
    let answer = client.answer("textDocument/rename", rename);
    assert!(!is_defect(&answer), "rename at {line}:{character}: {answer:?}");
}

fn is_defect(answer: &Result<Value, ResponseError>) -> bool {
    answer.as_ref().is_err_and(|e| e.code == ErrorCode::InternalError as i32)
}

#[test]
fn every_place_of_an_experiment_can_be_asked_about() {
    let text = indomain();
    let mut client = Client::start(json!(null));
    client.open(URI, &text);
    for (number, line) in text.lines().enumerate() {
        for column in (0..=line.len() + 1).step_by(3) {
            ask(&mut client, number, column);
        }
    }
    ask(&mut client, 10_000, 10_000);
    client.stop();
}

#[test]
fn every_place_of_the_standard_library_can_be_asked_about() {
    let mut client = Client::start(json!(null));
    for (name, text) in pfm_stdlib::FILES {
        let uri = format!("file:///none/{name}");
        client.open(&uri, text);
        for (number, line) in text.lines().enumerate() {
            for column in (0..=line.len()).step_by(9) {
                let at = json!({ "textDocument": { "uri": uri }, "position": { "line": number, "character": column } });
                for method in ["hover", "completion", "definition"] {
                    let answer = client.answer(&format!("textDocument/{method}"), at.clone());
                    assert!(answer.is_ok(), "{name} {method} at {number}:{column}: {answer:?}");
                }
            }
        }
    }
    client.stop();
}

#[test]
fn broken_files_can_be_asked_about() {
    let text = indomain();
    let mut client = Client::start(json!(null));
    client.open(URI, &text);
    let marks = ["{", "}", "(", "\"", "= =", "\u{1F600}", "freeze tok.", "use std.", "\n\n}", ","];
    let lines: Vec<&str> = text.lines().collect();
    for (number, line) in lines.iter().enumerate().step_by(3) {
        let column = line.len() / 2;
        let column = (column..=line.len()).find(|c| line.is_char_boundary(*c)).unwrap_or(line.len());
        // Cut off in the middle of the line, then with something wrong there.
        let mark = marks[number % marks.len()];
        let mut wrong = lines.clone();
        let with = format!("{}{mark}{}", &line[..column], &line[column..]);
        wrong[number] = &with;
        let cut = [&lines[..number], &[&line[..column]][..]].concat();
        for broken in [cut.join("\n"), wrong.join("\n")] {
            client.replace(URI, &broken);
            for character in [column.saturating_sub(1), column, column + 1] {
                ask(&mut client, number, character);
            }
            client.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } }));
            let whole = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 999, "character": 0 } });
            let params = json!({ "textDocument": { "uri": URI }, "range": whole, "context": { "diagnostics": [] } });
            client.request("textDocument/codeAction", params);
        }
    }
    client.stop();
}
