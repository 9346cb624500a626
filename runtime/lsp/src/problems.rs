//! Diagnostics as an editor shows them, and their fixes as actions.

use crate::text;
use crate::workspace::{Read, Workspace};
use lsp_types::{
    CodeAction, CodeActionKind, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, NumberOrString, Range, TextEdit,
    WorkspaceEdit,
};
use pfm_diag::{Fix, Label};
use std::collections::HashMap;

/// What is wrong with a file.
pub fn of(workspace: &Workspace, read: &Read) -> Vec<Diagnostic> {
    if workspace.standard.holds(&read.path) {
        return vec![];
    }
    shown(read).map(|d| one(workspace, read, d)).collect()
}

/// All that concerns the file: one that only defines things need not hold an experiment.
fn shown(read: &Read) -> impl Iterator<Item = &pfm_diag::Diagnostic> {
    let parts = read.file.experiments.is_empty() && !read.file.definitions.is_empty();
    read.checked.diagnostics.iter().filter(move |d| !(parts && d.code == "E0113"))
}

fn one(workspace: &Workspace, read: &Read, d: &pfm_diag::Diagnostic) -> Diagnostic {
    let labels: Vec<&Label> = d.primary.iter().chain(&d.secondary).collect();
    // What is wrong in a file that this one uses is shown where it matters here, or at the head.
    let here = labels.iter().find(|l| l.span.file == Read::ID);
    let range = here.map_or_else(Range::default, |l| text::range(&read.text, l.span, workspace.encoding));
    let related = labels.iter().filter(|l| here.is_none_or(|h| h.span != l.span)).filter_map(|l| {
        let location = workspace.location(read, l.span)?;
        Some(DiagnosticRelatedInformation { location, message: l.text.clone() })
    });
    let mut message = d.message.clone();
    if let Some(label) = here.filter(|l| !l.text.is_empty()) {
        message.push_str(&format!(": {}", label.text));
    }
    if let Some(help) = &d.help {
        message.push_str(&format!("\nhelp: {}", help.text));
    }
    for note in &d.notes {
        message.push_str(&format!("\nnote: {note}"));
    }
    let related: Vec<_> = related.collect();
    Diagnostic {
        range,
        severity: Some(if d.is_error() { DiagnosticSeverity::ERROR } else { DiagnosticSeverity::WARNING }),
        code: Some(NumberOrString::String(d.code.to_string())),
        source: Some("pfmc".to_string()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        ..Diagnostic::default()
    }
}

/// The fixes that touch a range, and one action for all that are safe.
pub fn actions(workspace: &Workspace, read: &Read, wanted: Range) -> Vec<CodeAction> {
    let mut actions = vec![];
    for d in shown(read) {
        let Some((help, fix)) = d.help.as_ref().and_then(|h| Some((h, h.fix.as_ref()?))) else { continue };
        let shown = one(workspace, read, d);
        let at = text::range(&read.text, fix.span, workspace.encoding);
        if fix.span.file != Read::ID || !(touch(shown.range, wanted) || touch(at, wanted)) {
            continue;
        }
        actions.push(CodeAction {
            title: help.text.clone(),
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: Some(vec![shown]),
            edit: edit(workspace, read, std::slice::from_ref(fix)),
            is_preferred: Some(fix.safe),
            ..CodeAction::default()
        });
    }
    let safe: Vec<Fix> = pfm_diag::safe_fixes(&read.checked.diagnostics).into_iter().filter(|f| f.span.file == Read::ID).collect();
    if !safe.is_empty() {
        actions.push(CodeAction {
            title: "apply every safe fix of this file".to_string(),
            kind: Some(CodeActionKind::SOURCE_FIX_ALL),
            edit: edit(workspace, read, &safe),
            ..CodeAction::default()
        });
    }
    actions
}

fn touch(a: Range, b: Range) -> bool {
    a.start <= b.end && b.start <= a.end
}

/// Edits of this file; of two that overlap the first stays.
fn edit(workspace: &Workspace, read: &Read, fixes: &[Fix]) -> Option<WorkspaceEdit> {
    let mut fixes: Vec<&Fix> = fixes.iter().collect();
    fixes.sort_by_key(|f| (f.span.start, f.span.end));
    fixes.dedup();
    let mut end = 0;
    let mut edits = vec![];
    for fix in fixes {
        if fix.span.start < end {
            continue;
        }
        end = fix.span.end;
        edits.push(TextEdit { range: text::range(&read.text, fix.span, workspace.encoding), new_text: fix.replacement.clone() });
    }
    let uri = crate::place::uri_of(&read.path)?;
    #[allow(clippy::mutable_key_type)] // the protocol's own type
    let changes = HashMap::from([(uri, edits)]);
    Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() })
}
