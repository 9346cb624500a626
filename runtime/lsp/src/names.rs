//! Where names are declared and used: go to definition, references, rename, the outline.

use crate::hover::member;
use crate::place;
use crate::text;
use crate::workspace::{Read, Workspace};
use lsp_types::{DocumentSymbol, Location, Position, Range, SymbolKind, TextEdit, Uri, WorkspaceEdit};
use pfm_diag::Span;
use pfm_hir::{Occurrence, Symbol};
use pfm_syntax::ast::{Block, Body, Definition, DefinitionKind, Statement};
use std::collections::HashMap;
use std::path::Path;

/// Where the name at a place is declared.
pub fn definition(workspace: &mut Workspace, uri: &Uri, position: Position) -> Option<Location> {
    let (read, offset) = workspace.at(uri, position)?;
    let symbol = &read.symbols.at(offset)?.symbol;
    if let Symbol::File(path) = symbol {
        let folder = Path::new(&read.path).parent()?;
        let path = folder.join(path).to_string_lossy().into_owned();
        return Some(Location { uri: place::uri_of(&path)?, range: Range::default() });
    }
    let span = declared(&read, symbol)?;
    workspace.location(&read, span)
}

fn declared(read: &Read, symbol: &Symbol) -> Option<Span> {
    let declaration = everywhere(read).find(|o| o.declares && o.symbol == *symbol).map(|o| o.span);
    declaration.or_else(|| in_library(read, symbol))
}

/// Names of the standard library, which is not indexed: its definitions have their places.
fn in_library(read: &Read, symbol: &Symbol) -> Option<Span> {
    let library = &read.checked.library;
    match symbol {
        Symbol::Definition { kind, name } => library.definition(*kind, name).map(|d| d.name.span),
        Symbol::Member { kind, path } => member(library, *kind, path).map(|d| d.name.span),
        Symbol::Parameter { kind, of, name } => {
            member(library, *kind, of)?.params.iter().find(|p| p.name.text == *name).map(|p| p.name.span)
        }
        _ => None,
    }
}

fn everywhere(read: &Read) -> impl Iterator<Item = &Occurrence> {
    read.symbols.occurrences.iter().chain(read.others.iter().flat_map(|s| &s.occurrences))
}

/// Every place of the name at a place, in this file and those that it uses.
pub fn references(workspace: &mut Workspace, uri: &Uri, position: Position, declaration: bool) -> Option<Vec<Location>> {
    let (read, offset) = workspace.at(uri, position)?;
    let symbol = &read.symbols.at(offset)?.symbol;
    let mut spans: Vec<Span> = everywhere(&read).filter(|o| o.symbol == *symbol && (declaration || !o.declares)).map(|o| o.span).collect();
    if declaration {
        spans.extend(in_library(&read, symbol));
    }
    spans.sort();
    spans.dedup();
    Some(spans.into_iter().filter_map(|s| workspace.location(&read, s)).collect())
}

/// The range of a name that may be renamed.
pub fn may_rename(workspace: &mut Workspace, uri: &Uri, position: Position) -> Result<Range, String> {
    let (read, offset) = workspace.at(uri, position).ok_or("the file is not open")?;
    let (span, _) = renamed(workspace, &read, offset)?;
    Ok(text::range(&read.text, span, workspace.encoding))
}

fn renamed<'r>(workspace: &Workspace, read: &'r Read, offset: u32) -> Result<(Span, &'r Symbol), String> {
    let Some(occurrence) = read.symbols.at(offset) else { return Err("there is no name here".to_string()) };
    if workspace.standard.holds(&read.path) {
        return Err("the standard library is part of pfmc".to_string());
    }
    match &occurrence.symbol {
        Symbol::Builtin(name) => return Err(format!("`{name}` is built in")),
        Symbol::File(_) => return Err("this is the path of a file".to_string()),
        Symbol::Axis { name, .. } => return Err(format!("`{name}` is an axis, whose name its callers may use")),
        _ => {}
    }
    let record =
        |d: &Definition| matches!(&d.body, Body::Members { definitions, .. } if definitions.iter().any(|m| m.kind == DefinitionKind::Data));
    if let Symbol::Parameter { kind, of, .. } = &occurrence.symbol
        && member(&read.checked.library, *kind, of).is_some_and(record)
    {
        return Err("settings of a definition with numbered blocks are named by their blocks too".to_string());
    }
    match declared(read, &occurrence.symbol) {
        Some(span) if read.checked.sources.file(span.file).name.starts_with("std/") => {
            Err("the standard library is part of pfmc".to_string())
        }
        Some(_) => Ok((occurrence.span, &occurrence.symbol)),
        None => Err("it is declared nowhere".to_string()),
    }
}

/// The edits that give the name at a place another spelling.
pub fn rename(workspace: &mut Workspace, uri: &Uri, position: Position, new: &str) -> Result<WorkspaceEdit, String> {
    let (read, offset) = workspace.at(uri, position).ok_or("the file is not open")?;
    let (_, symbol) = renamed(workspace, &read, offset)?;
    if !is_name(new) {
        return Err(format!("`{new}` is no name: letters, digits and `_`, and no word of the language"));
    }
    let clashes = |o: &&Occurrence| o.declares && o.symbol != *symbol && siblings(&o.symbol, symbol) && o.symbol.name() == new;
    if everywhere(&read).any(|o| clashes(&o)) {
        return Err(format!("`{new}` is taken"));
    }
    #[allow(clippy::mutable_key_type)] // the protocol's own type
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    let mut spans: Vec<Span> = everywhere(&read).filter(|o| o.symbol == *symbol).map(|o| o.span).collect();
    spans.sort();
    spans.dedup();
    for location in spans.into_iter().filter_map(|s| workspace.location(&read, s)) {
        changes.entry(location.uri).or_default().push(TextEdit { range: location.range, new_text: new.to_string() });
    }
    Ok(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() })
}

/// True when equal names of the two would be confused.
fn siblings(a: &Symbol, b: &Symbol) -> bool {
    use Symbol::*;
    match (a, b) {
        (Block { experiment: x, .. }, Block { experiment: y, .. }) => x == y,
        (Label { grid: x, axis: p, .. }, Label { grid: y, axis: q, .. }) => x == y && p == q,
        (Definition { kind: x, .. }, Definition { kind: y, .. }) => x == y,
        (Member { path: x, .. }, Member { path: y, .. }) => x.rsplit_once('.').map(|p| p.0) == y.rsplit_once('.').map(|p| p.0),
        (
            Parameter { of: x, .. } | Local { of: x, .. } | Axis { of: x, .. },
            Parameter { of: y, .. } | Local { of: y, .. } | Axis { of: y, .. },
        ) => x == y,
        (Experiment(_), Experiment(_)) => true,
        _ => false,
    }
}

/// Asks the grammar: a name is what can be set.
fn is_name(text: &str) -> bool {
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !text.starts_with(|c: char| c.is_ascii_digit());
    let value = format!("[{text}]");
    let (expr, found) = pfm_syntax::parse_expr(Read::ID, &value);
    let word = matches!(text, "pfm" | "use" | "none" | "random" | "as" | "over" | "within" | "on" | "eval" | "except" | "in");
    letters && !word && found.is_empty() && expr.is_some_and(|e| matches!(e.kind, pfm_syntax::ast::ExprKind::List(ref a) if a.len() == 1 && matches!(a[0].value.kind, pfm_syntax::ast::ExprKind::Path(_))))
}

/// Experiments with their blocks, definitions with their members.
pub fn outline(workspace: &mut Workspace, uri: &Uri) -> Option<Vec<DocumentSymbol>> {
    let read = workspace.read(&place::path_of(uri))?;
    let range = |span: Span| text::range(&read.text, span, workspace.encoding);
    let blocks = read.file.experiments.iter().filter_map(|e| block(e, &range));
    let mut out: Vec<_> = blocks.chain(read.file.definitions.iter().map(|d| defined(d, &range))).collect();
    out.sort_by_key(|s| s.range.start);
    Some(out)
}

fn block(b: &Block, range: &dyn Fn(Span) -> Range) -> Option<DocumentSymbol> {
    let label = b.label.as_ref()?;
    let children = b.body.iter().filter_map(|s| match s {
        Statement::Block(inner) => block(inner, range),
        _ => None,
    });
    let kind = match b.kind.text.as_str() {
        "experiment" => SymbolKind::NAMESPACE,
        "stage" => SymbolKind::EVENT,
        "model" | "tokeniser" | "processor" => SymbolKind::CLASS,
        _ => SymbolKind::OBJECT,
    };
    Some(symbol(&label.text, &b.kind.text, kind, range(b.span), range(label.span), children.collect()))
}

fn defined(d: &Definition, range: &dyn Fn(Span) -> Range) -> DocumentSymbol {
    let children = match &d.body {
        Body::Members { definitions, .. } => definitions.iter().map(|m| defined(m, range)).collect(),
        _ => vec![],
    };
    symbol(&d.name.text, pfm_elaborate::kind_word(d.kind), SymbolKind::FUNCTION, range(d.span), range(d.name.span), children)
}

#[allow(deprecated)] // a field of the protocol that must be written
fn symbol(name: &str, detail: &str, kind: SymbolKind, whole: Range, head: Range, children: Vec<DocumentSymbol>) -> DocumentSymbol {
    // A name that reaches out of its node would make editors refuse the outline.
    let range = Range { start: whole.start.min(head.start), end: whole.end.max(head.end) };
    DocumentSymbol {
        name: name.to_string(),
        detail: Some(detail.to_string()),
        kind,
        tags: None,
        deprecated: None,
        range,
        selection_range: head,
        children: (!children.is_empty()).then_some(children),
    }
}
