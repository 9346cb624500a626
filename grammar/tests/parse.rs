//! Whole files: what the language's description shows is read without a diagnostic, and every tree prints back its source.

use pfm_diag::{FileId, has_errors};
use pfm_syntax::{Parsed, ast::*, parse};

fn read(text: &str) -> Parsed {
    let parsed = parse(FileId(0), text);
    assert_eq!(parsed.tree.print(), text);
    parsed
}

fn read_clean(text: &str) -> File {
    let parsed = read(text);
    for d in &parsed.diagnostics {
        let at = d.primary.as_ref().map(|l| &text[l.span.start as usize..l.span.end as usize]);
        println!("{} {} {at:?}", d.code, d.message);
    }
    assert!(!has_errors(&parsed.diagnostics));
    parsed.file
}

const INDOMAIN: &str = include_str!("files/indomain.pfm");

#[test]
fn the_example_experiment() {
    let file = read_clean(INDOMAIN);
    assert_eq!(file.edition.map(|e| e.0), Some(1));
    assert_eq!(file.uses.len(), 4);
    let experiment = &file.experiments[0];
    assert_eq!(experiment.label.as_ref().map(|n| n.text.as_str()), Some("indomain"));
    assert_eq!(experiment.doc.len(), 1);
    assert_eq!(experiment.body.len(), 15);
}

#[test]
fn the_example_definitions() {
    let file = read_clean(include_str!("files/definitions.pfm"));
    let names: Vec<&str> = file.definitions.iter().map(|d| d.name.text.as_str()).collect();
    assert_eq!(names, ["res", "linear", "space_mix", "silu", "vrmse"]);
}

#[test]
fn another_experiment_and_a_grid_cell() {
    let file = read_clean(include_str!("files/matey_thermals.pfm"));
    assert_eq!(file.experiments[0].body.len(), 15);
    let file = read_clean(include_str!("files/cell.pfm"));
    assert_eq!(file.experiments[0].base.as_ref().map(|p| p.text()), Some("base.indomain".into()));
}

#[test]
fn every_form_of_definition() {
    let file = read_clean(include_str!("files/forms.pfm"));
    assert_eq!(file.definitions.len(), 11);
}
