//! Formatting: golden text, and for every sample that it keeps the meaning and the comments and that a second time changes nothing.

use pfm_diag::FileId;
use pfm_syntax::{LeafKind, format, parse};

/// The typed tree without its spans.
fn meaning(text: &str) -> String {
    let parsed = parse(FileId(0), text);
    let shown = format!("{:?}", parsed.file);
    let mut out = String::new();
    let mut rest = shown.as_str();
    while let Some(at) = rest.find("Span {") {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('}').expect("a span ends");
        rest = &rest[at + end..];
    }
    out + rest
}

fn comments(text: &str) -> Vec<String> {
    let tree = parse(FileId(0), text).tree;
    let comment = |k| matches!(k, LeafKind::Doc | LeafKind::Remark);
    tree.leaves().into_iter().filter(|l| comment(l.kind)).map(|l| tree.text(l.span).trim_end().to_string()).collect()
}

fn check(text: &str) -> String {
    let once = format(text).unwrap_or_else(|d| panic!("{d:?}"));
    println!("{once}");
    let twice = format(&once).unwrap_or_else(|d| panic!("{d:?}"));
    assert_eq!(once, twice, "a second time changes the text");
    assert_eq!(meaning(text), meaning(&once));
    assert_eq!(comments(text), comments(&once));
    assert!(once.lines().all(|l| l.trim_end() == l));
    once
}

#[test]
fn samples_keep_their_meaning() {
    for text in [
        include_str!("files/indomain.pfm"),
        include_str!("files/definitions.pfm"),
        include_str!("files/matey_thermals.pfm"),
        include_str!("files/cell.pfm"),
        include_str!("files/forms.pfm"),
    ] {
        check(text);
        // Every line at the left and every space doubled: the layout comes back.
        let spoilt: String = text.lines().map(|l| l.trim_start().replace(", ", ",   ") + "\n").collect();
        check(&spoilt);
    }
}

#[test]
fn the_whole_layout() {
    assert_eq!(check(include_str!("files/untidy.pfm")), include_str!("files/tidy.pfm"));
}

#[test]
fn a_broken_file_is_not_touched() {
    let found = format("pfm 1\nexperiment a {\n  x =\n}\n").expect_err("it has an error");
    assert_eq!(found[0].code, "E0017");
}
