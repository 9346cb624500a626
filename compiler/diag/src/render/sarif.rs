//! SARIF 2.1.0, the exchange format of static analysis: one run with the rules that were broken, their results and proposed edits.
//! Lines and columns count from 1, columns in characters; byte offsets stand beside them.

use crate::{Diagnostic, Label, Severity, Sources, Span, code_info};
use serde_json::{Value, json};

/// The whole log of one run over some files, indented, without a line end. `version` is that of the program.
pub fn sarif(files: &[(&[Diagnostic], &Sources)], version: &str) -> String {
    let mut codes: Vec<&str> = files.iter().flat_map(|(found, _)| found.iter()).map(|d| d.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let results: Vec<Value> =
        files.iter().flat_map(|(found, sources)| found.iter().map(|d| result(d, sources, &codes)).collect::<Vec<_>>()).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "pfmc", "version": version, "rules": codes.iter().map(|c| rule(c)).collect::<Vec<_>>() } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}")
}

fn rule(code: &str) -> Value {
    let (title, explanation) = code_info(code).map_or(("", ""), |info| (info.title, info.explanation.trim()));
    json!({
        "id": code,
        "shortDescription": { "text": title },
        "fullDescription": { "text": explanation },
        "help": { "text": format!("{explanation}\n\n`pfmc explain {code}`") },
        "defaultConfiguration": { "level": if code.starts_with('W') { "warning" } else { "error" } },
    })
}

fn result(d: &Diagnostic, sources: &Sources, codes: &[&str]) -> Value {
    let mut text = d.message.clone();
    if let Some(help) = &d.help {
        text.push_str(&format!("\nhelp: {}", help.text));
    }
    for note in &d.notes {
        text.push_str(&format!("\nnote: {note}"));
    }
    let level = match d.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut value = json!({
        "ruleId": d.code,
        "ruleIndex": codes.iter().position(|c| *c == d.code),
        "level": level,
        "message": { "text": text },
        "locations": d.primary.iter().map(|l| location(l, sources)).collect::<Vec<_>>(),
    });
    if !d.secondary.is_empty() {
        let related = d.secondary.iter().enumerate().map(|(id, label)| {
            let mut at = location(label, sources);
            at["id"] = json!(id);
            at
        });
        value["relatedLocations"] = related.collect();
    }
    if let Some((help, fix)) = d.help.as_ref().and_then(|h| Some((h, h.fix.as_ref()?))) {
        value["fixes"] = json!([{
            "description": { "text": help.text },
            "artifactChanges": [{
                "artifactLocation": { "uri": uri(&sources.file(fix.span.file).name) },
                "replacements": [{ "deletedRegion": region(fix.span, sources), "insertedContent": { "text": fix.replacement } }],
            }],
        }]);
    }
    value
}

fn location(label: &Label, sources: &Sources) -> Value {
    let mut region = region(label.span, sources);
    region["message"] = json!({ "text": label.text });
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri(&sources.file(label.span.file).name) }, "region": region } })
}

fn region(span: Span, sources: &Sources) -> Value {
    let file = sources.file(span.file);
    let (line, column) = file.line_column(span.start as usize);
    let (end_line, end_column) = file.line_column(span.end as usize);
    json!({
        "startLine": line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": end_column,
        "byteOffset": span.start,
        "byteLength": span.end - span.start,
    })
}

/// A path as a URI reference: what is neither a letter, a digit nor one of `-._~/` is escaped byte by byte.
fn uri(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
