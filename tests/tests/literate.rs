//! The documentation's examples are compiled. A fenced `pfm` block that begins with `pfm 1` is a whole file and is checked; any other is
//! a part of one (definitions, blocks of an experiment, settings of a stage) and must be read without a mistake. A comment
//! `# error[E0201]` or `# warning[W0304]` at the end of a line says that the line has this mistake: all of them must be found, and no others.

use pfm_compiler::{Alone, Request};
use pfm_diag::{Diagnostic, FileId};
use std::path::Path;

struct Example {
    /// `language.md:42`.
    place: String,
    text: String,
}

fn examples(page: &str) -> Vec<Example> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(path).expect("a page of the documentation");
    let mut out: Vec<Example> = vec![];
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        if let Some(info) = line.strip_prefix("```") {
            let opens = !inside && info.split_whitespace().next() == Some("pfm");
            if opens {
                out.push(Example { place: format!("{page}:{}", number + 2), text: String::new() });
            }
            inside = opens;
        } else if inside && let Some(example) = out.last_mut() {
            example.text.push_str(line);
            example.text.push('\n');
        }
    }
    out
}

/// Codes by line, counted from 0.
type Found = Vec<(usize, String)>;

fn expected(text: &str) -> Found {
    let mut found = vec![];
    for (number, line) in text.lines().enumerate() {
        for mark in ["# error[", "# warning["] {
            if let Some((_, rest)) = line.split_once(mark) {
                found.push((number, rest.split(']').next().unwrap_or("").to_string()));
            }
        }
    }
    found
}

fn found(text: &str, diagnostics: &[Diagnostic], before: usize) -> Found {
    let line = |d: &Diagnostic| d.primary.as_ref().map_or(0, |l| text[..l.span.start as usize].matches('\n').count());
    let mut found: Found = diagnostics.iter().map(|d| (line(d).saturating_sub(before), d.code.to_string())).collect();
    found.sort();
    found
}

/// What is found in a whole file.
fn checked(text: &str) -> Found {
    let diagnostics = pfm_compiler::check("example.pfm", text, &Request::default(), &Alone).diagnostics;
    found(text, &diagnostics, 0)
}

/// What is found in a part, put where it may stand; the place where least is wrong counts.
fn read(part: &str) -> Found {
    // An ellipsis in braces stands for what a reader can imagine.
    let part = part.replace("{ … }", "{ }");
    let around = [
        ("", ""),
        ("pfm 1\n\n", ""),
        ("pfm 1\n\nexperiment example {\n", "}\n"),
        ("pfm 1\n\nexperiment example {\nstage one {\n", "}\n}\n"),
    ];
    let readings = around.iter().map(|(before, after)| {
        let text = format!("{before}{part}{after}");
        found(&text, &pfm_syntax::parse(FileId(0), &text).diagnostics, before.matches('\n').count())
    });
    readings.min_by_key(Vec::len).unwrap_or_default()
}

fn compile(page: &str) -> usize {
    let examples = examples(page);
    for example in &examples {
        let whole = example.text.starts_with("pfm 1") && !example.text.contains('…');
        let got = if whole { checked(&example.text) } else { read(&example.text) };
        assert_eq!(got, expected(&example.text), "{} {}:\n{}", example.place, if whole { "as a file" } else { "as a part" }, example.text);
    }
    examples.len()
}

#[test]
fn the_language_is_described_in_itself() {
    assert!(compile("language.md") >= 5, "the examples were found");
}

#[test]
fn every_step_of_the_tutorial_compiles() {
    assert!(compile("tutorial.md") >= 5, "the steps were found");
}

/// The test would see a mistake that no comment announces, and a comment without its mistake.
#[test]
fn mistakes_do_not_pass() {
    let whole = "pfm 1\n\nexperiment a {\n  sed = 1  # error[E0101]\n}\n";
    assert!(checked(whole).contains(&expected(whole)[0]));
    assert_ne!(read("batch = = 4\n"), vec![]);
    assert_eq!(read("batch = 4 samples, run = 3 steps\n"), vec![]);
    assert_eq!(read("fn silu(x) = x * sigmoid(x)\n"), vec![]);
    assert_eq!(read("grid a over b { c = [d: 1] }\n"), vec![]);
}
