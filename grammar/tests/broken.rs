//! Broken files: each mistake gets its code at its place, the rest of the file is read, and no text makes reading fail.

use pfm_diag::{FileId, Sources, apply_fixes, code_info, safe_fixes, short, terminal};
use pfm_syntax::{parse, parse_expr, parse_setting};

/// Code and labelled text of each diagnostic.
fn found(text: &str) -> Vec<(String, String)> {
    let parsed = parse(FileId(0), text);
    assert_eq!(parsed.tree.print(), text);
    let mut sources = Sources::default();
    sources.add("a.pfm", text);
    parsed
        .diagnostics
        .iter()
        .map(|d| {
            println!("{}", terminal(d, &sources, false));
            assert!(code_info(d.code).is_some(), "{} is not explained", d.code);
            let span = d.primary.as_ref().expect("each has a place").span;
            (d.code.to_string(), sources.text(span).to_string())
        })
        .collect()
}

fn check(text: &str, wanted: &[(&str, &str)]) {
    println!("--------\n{text}\n--------");
    let found = found(text);
    let found: Vec<(&str, &str)> = found.iter().map(|(c, t)| (c.as_str(), t.as_str())).collect();
    assert_eq!(found, wanted, "in {text}");
}

/// In a stage of an experiment.
fn in_stage(line: &str, wanted: &[(&str, &str)]) {
    let text = format!("pfm 1\n\nexperiment a {{\n  stage s {{\n    {line}\n    last = 1 steps\n  }}\n}}\n");
    check(&text, wanted);
    let parsed = parse(FileId(0), &text);
    let body = format!("{:?}", parsed.file.experiments);
    assert!(body.contains("\"last\""), "the next statement is lost after {line}");
}

/// In the code of a block.
fn in_code(line: &str, wanted: &[(&str, &str)]) {
    let text = format!("pfm 1\n\nblock f(x: [b c]) -> [b c] {{\n  {line}\n  last\n}}\n");
    check(&text, wanted);
}

#[test]
fn settings() {
    in_stage("batch: 16 samples", &[("E0002", ":")]);
    in_stage("shuffle = True", &[("E0003", "True")]);
    in_stage("a = yes, b = no", &[("E0003", "yes"), ("E0003", "no")]);
    in_stage("batch =", &[("E0017", "=")]);
    in_stage("batch = , clip = 3", &[("E0017", "=")]);
    in_stage("batch = 3 +", &[("E0017", "+")]);
    in_stage("batch = 3 * / 4", &[("E0017", "*")]);
    in_stage("batch = 16 clip = 5", &[("E0019", "clip")]);
    in_stage("mask = none clip = 5", &[("E0019", "clip")]);
    in_stage("batch == 16", &[("E0004", "==")]);
    in_stage("batch", &[("E0004", "batch")]);
    in_stage("16", &[("E0004", "16")]);
    in_stage("optimiser = adamw(lr = 5e-5, eps: 1)", &[("E0005", "=")]);
    in_stage("optimiser = adamw(lr: )", &[("E0017", ":")]);
    in_stage("space = {2, 4} eval", &[("E0017", "eval")]);
    in_stage("a = 2 ** 3", &[("E0004", "**")]);
    in_stage("import numpy", &[("E0004", "import")]);
    in_stage("clip = 5;", &[("E0008", ";")]);
    in_stage("name = 'paper'", &[("E0008", "'")]);
    in_stage("name = \"paper", &[("E0009", "\"paper")]);
    in_stage("é = 3", &[("E0008", "é")]);
    in_stage("a = 1e999", &[("E0016", "1e999")]);
    in_stage("freeze", &[("E0017", "freeze")]);
    in_stage("freeze tok.** except", &[("E0017", "except")]);
    in_stage("expect vrmse <", &[("E0017", "<")]);
    in_stage("expect vrmse", &[("E0004", "vrmse")]);
    in_stage("skip weights", &[("E0004", "weights")]);
}

#[test]
fn brackets() {
    in_stage("optimiser = adamw(lr: 5e-5", &[("E0006", "(")]);
    in_stage("at = [100 steps, 3 steps", &[("E0006", "[")]);
    in_stage("at = [100 steps)", &[("E0006", "["), ("E0007", ")")]);
    in_stage("at = 3)", &[("E0007", ")")]);
    in_stage("level 1 { a = 3", &[("E0006", "{")]);
    check("pfm 1\nexperiment a {\n  x = 1\n}\n}\n", &[("E0007", "}")]);
    check("pfm 1\nexperiment a {\n  stage s {\n    x = 1\n  stage t {\n    x = 2\n  }\n}\n", &[("E0006", "{")]);
    check("pfm 1\nexperiment a {\n  stage s {\n    x = 1\n", &[("E0006", "{"), ("E0006", "{")]);
    check("pfm 1\nexperiment a {\n  stage s {\n    x = 1\n}\nfn f(x) = x\n", &[("E0006", "{")]);
}

#[test]
fn all_at_once() {
    check(
        "experiment a {\n  x: 1\n  stage roll out again {\n    y =\n    z = 3\n  }\n  w = True\n}\nfn f(x = x\nfn g(x) =\n",
        &[("E0001", ""), ("E0002", ":"), ("E0004", "again"), ("E0017", "="), ("E0003", "True"), ("E0006", "("), ("E0017", "=")],
    );
}

#[test]
fn top_level() {
    check("experiment a { }\n", &[("E0001", "")]);
    check("pfm 2\n", &[("E0011", "2")]);
    check("pfm one\n", &[("E0004", "one")]);
    check("", &[("E0001", "")]);
    check("pfm 1\nfn g(x) =\n", &[("E0017", "=")]);
    check("pfm 1\nfn f(x = x\nfn g(x) =\n", &[("E0006", "("), ("E0017", "=")]);
    check("pfm 1\nstage s { }\n", &[("E0012", "stage")]);
    check("pfm 1\nexperiments s { a = 3 }\n", &[("E0013", "experiments")]);
    check("pfm 1\nexperiment a { fn f(x) { x } }\n", &[("E0012", "fn")]);
    check("pfm 1\nblock f { x }\n", &[("E0004", "f")]);
    check("pfm 1\nblock f(x: [b, c]) { x }\n", &[("E0020", ",")]);
    check("pfm 1\ndef f(x): x\n", &[("E0004", "def")]);
    check("pfm 1\nfn f(x) { x } y\n", &[("E0004", "y")]);
    check("pfm 1\nuse std.metrics.{vrmse\nfn f(x) = x\n", &[("E0006", "{")]);
}

#[test]
fn code() {
    in_code("a = if b { 1 }", &[("E0018", "if")]);
    in_code("a : 3", &[("E0002", ":")]);
    in_code("a = x |> f + 3", &[("E0004", "+")]);
    in_code("a = x |>", &[("E0017", "|>")]);
    in_code("x + 1", &[("E0014", "x + 1")]);
    in_code("weight : param [out, c] ~ zeros", &[("E0020", ",")]);
    in_code("weight : param [out c]", &[("E0004", "]")]);
    in_code("a = x as y", &[("E0015", "as y")]);
    in_code("return x", &[("E0004", "return")]);
    in_code("for i of 3 {\n a =\n b = 2 }", &[("E0004", "of"), ("E0017", "=")]);
    in_code("require x > 3", &[("E0004", "3")]);
    let deep = format!("a = {}x{}", "(".repeat(100), ")".repeat(100));
    in_code(&deep, &[("E0010", "(")]);
    let long = format!("a = x{}", " + x".repeat(10_000));
    let codes: Vec<String> = found(&format!("pfm 1\nfn f(x) {{\n{long}\nx\n}}\n")).into_iter().map(|f| f.0).collect();
    assert_eq!(codes, ["E0010"]);
}

#[test]
fn single_values() {
    let (value, found) = parse_expr(FileId(0), "168_000 steps");
    assert!(value.is_some() && found.is_empty());
    let (value, found) = parse_expr(FileId(0), "adamw(lr: )");
    assert!(value.is_none());
    assert_eq!(found[0].code, "E0017");
    let (value, found) = parse_expr(FileId(0), "");
    assert!(value.is_none());
    assert_eq!(found.len(), 1);
    let (setting, found) = parse_setting(FileId(0), "*.batch = 4 samples");
    assert!(found.is_empty());
    assert_eq!(setting.map(|s| s.path.text()), Some("*.batch".to_string()));
}

#[test]
fn safe_fixes_mend() {
    let text = "experiment a {\n  batch: 16 samples\n  shuffle = True\n  b = f(x = 3) c = 4;\n}\n";
    let mut fixed = text.to_string();
    for _ in 0..3 {
        let parsed = parse(FileId(0), &fixed);
        fixed = apply_fixes(&fixed, &safe_fixes(&parsed.diagnostics));
    }
    let again = parse(FileId(0), &fixed);
    let mut sources = Sources::default();
    sources.add("a.pfm", &fixed);
    for d in &again.diagnostics {
        println!("{}", short(d, &sources));
    }
    assert!(again.diagnostics.is_empty(), "{fixed}");
}
