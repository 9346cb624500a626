//! `pfmc lsp` as an editor uses it: over standard input and output, from a broken file to a sound one.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

struct Editor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    id: u64,
    problems: Value,
}

impl Editor {
    fn start(cache: &std::path::Path) -> Editor {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pfmc"));
        let mut child = command
            .args(["lsp", "--stdio"])
            .env("XDG_CACHE_HOME", cache)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("pfmc starts");
        let (to, from) = (child.stdin.take().expect("its input"), BufReader::new(child.stdout.take().expect("its output")));
        Editor { child, to, from, id: 0, problems: Value::Null }
    }

    fn write(&mut self, message: Value) {
        let body = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("pfmc listens");
        self.to.flush().expect("pfmc listens");
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).expect("pfmc answers") > 0, "pfmc went away");
            match line.trim_end() {
                "" => break,
                header => length = header.strip_prefix("Content-Length: ").map_or(length, |n| n.parse().expect("a number")),
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).expect("the whole message");
        serde_json::from_slice(&body).expect("JSON")
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.write(json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        self.write(json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params }));
        loop {
            let message = self.read();
            if message["id"] == self.id {
                assert!(message["error"].is_null(), "{message}");
                return message["result"].clone();
            }
        }
    }

    /// Waits for the next diagnostics.
    fn look(&mut self) -> Vec<String> {
        loop {
            let message = self.read();
            if message["method"] == "textDocument/publishDiagnostics" {
                self.problems = message["params"]["diagnostics"].clone();
                return self.codes();
            }
        }
    }

    fn codes(&self) -> Vec<String> {
        self.problems.as_array().map_or(vec![], |a| a.iter().filter_map(|d| d["code"].as_str().map(str::to_string)).collect())
    }
}

/// Makes the edits of this file, last first.
fn edited(text: &str, edits: &Value) -> String {
    let mut lines: Vec<String> = text.split('\n').map(str::to_string).collect();
    let number = |v: &Value| v.as_u64().expect("a number") as usize;
    let mut edits: Vec<&Value> = edits.as_array().expect("edits").iter().collect();
    edits.sort_by_key(|e| (number(&e["range"]["start"]["line"]), number(&e["range"]["start"]["character"])));
    for edit in edits.into_iter().rev() {
        let (start, end) = (&edit["range"]["start"], &edit["range"]["end"]);
        assert_eq!(start["line"], end["line"], "the edits here stay in their line");
        let line = &mut lines[number(&start["line"])];
        line.replace_range(number(&start["character"])..number(&end["character"]), edit["newText"].as_str().expect("a text"));
    }
    lines.join("\n")
}

#[test]
fn a_broken_file_is_mended_by_way_of_an_editor() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("indomain.pfm");
    let whole = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments/indomain.pfm")).expect("the experiment");
    let broken = whole.replacen("parallel  = ddp", "paralell  = ddp", 1).replacen("clip      = 5.0", "clip      : 5.0", 1);
    let uri = format!("file://{}", path.display());
    let document = json!({ "uri": uri });
    let mut editor = Editor::start(folder.path());
    let answer = editor.request("initialize", json!({ "capabilities": {} }));
    assert_eq!(answer["capabilities"]["hoverProvider"], true);
    editor.notify("initialized", json!({}));

    // It opens and shows what is wrong.
    editor.notify("textDocument/didOpen", json!({ "textDocument": { "uri": uri, "languageId": "pfm", "version": 1, "text": broken } }));
    assert_eq!(editor.look(), ["E0101", "E0002"], "{}", editor.problems);
    assert_eq!(editor.problems[0]["range"]["start"]["line"], broken.lines().position(|l| l.contains("paralell")).expect("the line"));

    // Hover and completion work while it is broken.
    let line = broken.lines().position(|l| l.contains("loss: mse")).expect("the line");
    let place = json!({ "line": line, "character": broken.lines().nth(line).and_then(|l| l.find("mse")).expect("the loss") });
    let hover = editor.request("textDocument/hover", json!({ "textDocument": document, "position": place }));
    assert!(hover["contents"]["value"].as_str().is_some_and(|t| t.contains("Mean squared error.")), "{hover}");
    let items = editor.request("textDocument/completion", json!({ "textDocument": document, "position": place }));
    assert!(items.as_array().is_some_and(|a| a.iter().any(|i| i["label"] == "mae")), "{items}");

    // One fix by hand, the others at once.
    let range = editor.problems[0]["range"].clone();
    let context = json!({ "diagnostics": [editor.problems[0]] });
    let actions = editor.request("textDocument/codeAction", json!({ "textDocument": document, "range": range, "context": context }));
    let quick = actions.as_array().and_then(|a| a.iter().find(|a| a["kind"] == "quickfix")).expect("a fix");
    assert_eq!(quick["title"], "did you mean `parallel`?");
    let mended = edited(&broken, &quick["edit"]["changes"][&uri]);
    let changes = json!([{ "text": mended }]);
    editor.notify("textDocument/didChange", json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": changes }));
    assert_eq!(editor.look(), ["E0002"], "{}", editor.problems);
    let actions =
        editor.request("textDocument/codeAction", json!({ "textDocument": document, "range": range, "context": { "diagnostics": [] } }));
    let all = actions.as_array().and_then(|a| a.iter().find(|a| a["kind"] == "source.fixAll")).expect("the fix of everything");
    let edit = &all["edit"]["changes"][&uri][0];
    let changes = json!([{ "range": edit["range"], "text": edit["newText"] }]);
    editor.notify("textDocument/didChange", json!({ "textDocument": { "uri": uri, "version": 3 }, "contentChanges": changes }));
    assert_eq!(editor.look(), [""; 0], "{}", editor.problems);
    let outline = editor.request("textDocument/documentSymbol", json!({ "textDocument": document }));
    assert_eq!(outline[0]["name"], "indomain");

    // It is formatted, and a stage gets another name.
    let crooked = whole.replacen("  seed = 0", "      seed=0", 1);
    editor
        .notify("textDocument/didChange", json!({ "textDocument": { "uri": uri, "version": 4 }, "contentChanges": [{ "text": crooked }] }));
    let edits =
        editor.request("textDocument/formatting", json!({ "textDocument": document, "options": { "tabSize": 2, "insertSpaces": true } }));
    assert!(edits[0]["newText"].as_str().is_some_and(|t| t.contains("\n  seed = 0\n")), "{edits}");
    editor.notify("textDocument/didChange", json!({ "textDocument": { "uri": uri, "version": 5 }, "contentChanges": [{ "text": whole }] }));
    let line = whole.lines().position(|l| l.contains("stage pretrain")).expect("the stage");
    let at = json!({ "textDocument": document, "position": { "line": line, "character": 9 } });
    editor.request("textDocument/prepareRename", at.clone());
    let mut rename = at;
    rename["newName"] = "tokenise".into();
    let edit = editor.request("textDocument/rename", rename);
    let renamed = edited(&whole, &edit["changes"][&uri]);
    assert_eq!(renamed.matches("tokenise.tok").count(), 2, "{renamed}");
    assert!(renamed.contains("stage tokenise {") && renamed.contains("tokenise.run "), "{renamed}");

    editor.request("shutdown", Value::Null);
    editor.notify("exit", Value::Null);
    assert!(editor.child.wait().expect("it ends").success());
}
