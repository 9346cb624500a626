//! JSON for tools: a versioned object with one entry per diagnostic. Positions are bytes from 0 and lines and columns from 1.

use super::severity_word;
use crate::{Diagnostic, Label, Sources, Span};
use serde::Serialize;

/// Raised when a field changes its meaning or goes away; new fields don't raise it.
pub const JSON_VERSION: u32 = 1;

/// `{"version": 1, "diagnostics": […]}`, indented, without a line end.
pub fn json(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let report = Report { version: JSON_VERSION, diagnostics: diagnostics.iter().map(|d| entry(d, sources)).collect() };
    serde_json::to_string_pretty(&report).expect("strings and numbers are valid JSON")
}

#[derive(Serialize)]
struct Report {
    version: u32,
    diagnostics: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    code: &'static str,
    severity: &'static str,
    message: String,
    primary: Option<Labelled>,
    secondary: Vec<Labelled>,
    help: Option<String>,
    fix: Option<Edit>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Labelled {
    place: Place,
    text: String,
}

#[derive(Serialize)]
struct Edit {
    place: Place,
    replacement: String,
    safe: bool,
}

#[derive(Serialize)]
struct Place {
    file: String,
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    byte: u32,
    line: usize,
    column: usize,
}

fn entry(diagnostic: &Diagnostic, sources: &Sources) -> Entry {
    let help = diagnostic.help.as_ref();
    Entry {
        code: diagnostic.code,
        severity: severity_word(diagnostic.severity),
        message: diagnostic.message.clone(),
        primary: diagnostic.primary.as_ref().map(|l| labelled(l, sources)),
        secondary: diagnostic.secondary.iter().map(|l| labelled(l, sources)).collect(),
        help: help.map(|h| h.text.clone()),
        fix: help.and_then(|h| h.fix.as_ref()).map(|f| Edit {
            place: place(f.span, sources),
            replacement: f.replacement.clone(),
            safe: f.safe,
        }),
        notes: diagnostic.notes.clone(),
    }
}

fn labelled(label: &Label, sources: &Sources) -> Labelled {
    Labelled { place: place(label.span, sources), text: label.text.clone() }
}

fn place(span: Span, sources: &Sources) -> Place {
    let file = sources.file(span.file);
    let position = |byte: u32| {
        let (line, column) = file.line_column(byte as usize);
        Position { byte, line, column }
    };
    Place { file: file.name.clone(), start: position(span.start), end: position(span.end) }
}
