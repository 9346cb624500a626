//! Edits on the text of statements: a block's text with the values that it ended up with, in place, so that its comments and
//! its order stay.

use pfm_diag::{Sources, Span};
use pfm_syntax::ast::{Arg, Block, Expect, Expr, ExprKind, MaskTerm, Statement};

use crate::axes::names_axis;
use crate::tree::{Entry, Item};

/// What to put in place of bytes of a file; an empty range inserts.
pub(crate) type Edit = (u32, u32, String);

/// The text of the span after the edits.
pub(crate) fn edited(sources: &Sources, span: Span, mut edits: Vec<Edit>) -> String {
    let mut text = sources.text(span).to_string();
    edits.sort_by_key(|e| std::cmp::Reverse(e.0));
    for (start, end, new) in edits {
        text.replace_range((start - span.start) as usize..(end - span.start) as usize, &new);
    }
    text
}

/// Comment lines and blank lines right above a statement that begins its line.
pub(crate) fn above(sources: &Sources, span: Span) -> &str {
    let text: &str = &sources.file(span.file).text[..span.start as usize];
    let line = text.rfind('\n').map_or(0, |n| n + 1);
    if !text[line..].trim().is_empty() {
        return "";
    }
    let mut start = line;
    while start > 0 {
        let before = text[..start - 1].rfind('\n').map_or(0, |n| n + 1);
        let one = text[before..start].trim();
        if !one.is_empty() && !one.starts_with('#') {
            break;
        }
        start = before;
    }
    &text[start..line]
}

/// The comment behind a statement, on its last line.
pub(crate) fn behind(sources: &Sources, span: Span) -> &str {
    let rest = &sources.file(span.file).text[span.end as usize..];
    let line = rest.split('\n').next().unwrap_or("");
    if line.trim_start_matches([' ', '\t', ',']).starts_with('#') { line.trim_start_matches([',', ' ']) } else { "" }
}

/// A value as text: as it was written, unless a part of it was written elsewhere.
pub(crate) fn value_text(sources: &Sources, expr: &Expr) -> String {
    let list = |args: &[Arg]| args.iter().map(|a| argument(sources, a)).collect::<Vec<_>>().join(", ");
    match &expr.kind {
        ExprKind::Call(call) if is_changed(expr) => format!("{}({})", call.callee.text(), list(&call.args)),
        ExprKind::List(args) if is_changed(expr) => format!("[{}]", list(args)),
        _ => sources.text(expr.span).to_string(),
    }
}

fn argument(sources: &Sources, arg: &Arg) -> String {
    match &arg.name {
        Some(name) => format!("{}: {}", name.text, value_text(sources, &arg.value)),
        None => value_text(sources, &arg.value),
    }
}

/// True when an argument was set from outside of the value.
fn is_changed(expr: &Expr) -> bool {
    let inside = |span: Span| span.file == expr.span.file && expr.span.start <= span.start && span.end <= expr.span.end;
    match &expr.kind {
        ExprKind::Call(call) => call.args.iter().any(|a| !inside(a.value.span) || is_changed(&a.value)),
        ExprKind::List(args) => args.iter().any(|a| !inside(a.value.span) || is_changed(&a.value)),
        _ => false,
    }
}

/// A block's text with the item's values. `over` is the stage to name in its head, if any.
pub(crate) fn item_text(sources: &Sources, block: &Block, item: &Item, over: Option<&str>) -> String {
    let mut edits = head(sources, block, item, over);
    let mut added = settings(sources, &block.body, &item.settings, &mut edits);
    for level in &item.levels {
        let own = block.body.iter().find_map(|s| match s {
            Statement::Block(b) => {
                let here = b.kind.text == level.word && b.label.as_ref().is_some_and(|l| l.text == level.number.to_string());
                here.then_some(b)
            }
            _ => None,
        });
        match own {
            Some(own) => {
                let added = settings(sources, &own.body, &level.settings, &mut edits);
                add(sources, own, &added, &mut edits);
            }
            None => {
                let inner: Vec<String> = level.settings.iter().map(|e| line(sources, e).trim().to_string()).collect();
                added.push_str(&format!("{} {} {{ {} }}\n", level.word, level.number, inner.join(", ")));
            }
        }
    }
    let own: Vec<Span> = block.body.iter().filter_map(mask_span).collect();
    let inherited = |term: &&MaskTerm| !own.contains(&term.span);
    for term in item.freeze.iter().chain(&item.train).filter(inherited) {
        added.push_str(&format!("{}\n", sources.text(term.span)));
    }
    add(sources, block, &added, &mut edits);
    edited(sources, block.span, edits)
}

fn mask_span(statement: &Statement) -> Option<Span> {
    match statement {
        Statement::Freeze(term) | Statement::Train(term) => Some(term.span),
        _ => None,
    }
}

/// The head names the definition at the end of the chain of amendments, or nothing.
fn head(sources: &Sources, block: &Block, item: &Item, over: Option<&str>) -> Vec<Edit> {
    let mut edits = vec![];
    if let (Some(stage), Some(label)) = (over, &block.label) {
        edits.push((label.span.end, label.span.end, format!(" over {stage}")));
    }
    let Some(base) = &block.base else { return edits };
    let args: Vec<String> = item.base_args.iter().map(|a| argument(sources, a)).collect();
    let args = if args.is_empty() || !block.base_args.is_empty() { String::new() } else { format!("({})", args.join(", ")) };
    match &item.base {
        Some(last) if last.text() == base.text() => {}
        Some(last) => edits.push((base.span.start, base.span.end, format!("{}{args}", last.text()))),
        None => {
            let before = &sources.file(block.span.file).text[..base.span.start as usize];
            let equals = before.rfind('=').map_or(base.span.start, |n| n as u32);
            edits.push((equals, base.span.end, String::new()));
        }
    }
    edits
}

/// Puts final values in place of those written; the settings that the body does not write, as lines.
fn settings(sources: &Sources, body: &[Statement], entries: &[Entry], edits: &mut Vec<Edit>) -> String {
    let mut written = vec![];
    for statement in body {
        let Statement::Setting(setting) = statement else { continue };
        let [name] = setting.path.segments.as_slice() else {
            edits.push(whole_line(sources, setting.span));
            continue;
        };
        written.push(name.text.as_str());
        let Some(entry) = entries.iter().find(|e| e.name.text == name.text) else {
            edits.push(whole_line(sources, setting.span));
            continue;
        };
        let text = value_text(sources, &entry.value);
        if text != sources.text(setting.value.span) {
            edits.push((setting.value.span.start, setting.value.span.end, text));
        }
    }
    entries.iter().filter(|e| !written.contains(&e.name.text.as_str())).map(|e| line(sources, e)).collect()
}

fn line(sources: &Sources, entry: &Entry) -> String {
    format!("{} = {}\n", entry.name.text, value_text(sources, &entry.value))
}

/// Adds lines at the end of a block.
fn add(sources: &Sources, block: &Block, lines: &str, edits: &mut Vec<Edit>) {
    if lines.is_empty() {
        return;
    }
    let end = block.span.end as usize;
    let text = &sources.file(block.span.file).text[block.span.start as usize..end];
    if !text.ends_with('}') {
        edits.push((block.span.end, block.span.end, format!(" {{\n{lines}}}")));
        return;
    }
    let line = text[..text.len() - 1].trim_end_matches([' ', '\t']);
    let before = if line.ends_with('\n') { "" } else { "\n" };
    let at = block.span.start + line.len() as u32;
    edits.push((at, block.span.end - 1, format!("{before}{lines}")));
}

/// Takes a statement away, with its comment where it has the line for itself.
fn whole_line(sources: &Sources, span: Span) -> Edit {
    let text = &sources.file(span.file).text;
    let start = text[..span.start as usize].rfind('\n').map_or(0, |n| n + 1);
    let end = span.end as usize + text[span.end as usize..].find('\n').map_or(0, |n| n + 1);
    let alone = |part: &str| part.trim().is_empty() || part.trim().starts_with('#');
    match alone(&text[start..span.start as usize]) && alone(&text[span.end as usize..end]) {
        true => (start as u32, end as u32, String::new()),
        false => {
            // The comma that ends the statement goes with it.
            let rest = &text[span.end as usize..];
            let comma = rest.trim_start_matches([' ', '\t']).strip_prefix(',').map_or(0, |after| rest.len() - after.len());
            (span.start, span.end + comma as u32, String::new())
        }
    }
}

/// A claim without the labels of its metrics and the profiles that it holds under: there is one cell and one profile.
pub(crate) fn without_labels(sources: &Sources, expect: &Expect, labels: &[(String, String)]) -> String {
    let mut edits = vec![];
    strip(sources, &expect.left, labels, &mut edits);
    strip(sources, &expect.right, labels, &mut edits);
    if let Some((_, first)) = expect.on.first() {
        let before = &sources.file(expect.span.file).text[..first.start as usize];
        let on = before.rfind("on").map_or(first.start, |n| n as u32);
        edits.push((on, expect.span.end, String::new()));
    }
    edited(sources, expect.span, edits).trim_end().to_string()
}

fn strip(sources: &Sources, expr: &Expr, labels: &[(String, String)], edits: &mut Vec<Edit>) {
    match &expr.kind {
        ExprKind::Index { base, args } => {
            let is_label = |a: &&Arg| a.name.as_ref().is_some_and(|n| labels.iter().any(|(axis, _)| names_axis(axis, &n.text)));
            let rest: Vec<String> = args.iter().filter(|a| !is_label(a)).map(|a| argument(sources, a)).collect();
            let rest = if rest.is_empty() { String::new() } else { format!("[{}]", rest.join(", ")) };
            edits.push((base.span.end, expr.span.end, rest));
        }
        ExprKind::Binary { left, right, .. } => {
            strip(sources, left, labels, edits);
            strip(sources, right, labels, edits);
        }
        _ => {}
    }
}
