//! What names mean: which definitions the file brings into scope with `use`, which definition a block amends, and which
//! settings a block knows. A definition that is not in scope is an error with the line to add; one that is never named, a warning.

use std::cell::RefCell;
use std::collections::BTreeSet;

use pfm_diag::{Diagnostic, Span};
use pfm_elaborate::Library;
use pfm_syntax::ast::{Body, Definition, DefinitionKind, File, Statement, Use};

use crate::findings::Findings;
use crate::input::Input;
use crate::schema::Kind;
use crate::suggest::{any_of, nearest};
use crate::tree::{Item, Tree};

/// The kind of definition that a kind of block amends.
pub(crate) fn definition_kind(kind: Kind) -> Option<DefinitionKind> {
    match kind {
        Kind::Data => Some(DefinitionKind::Data),
        Kind::Tokeniser => Some(DefinitionKind::Tokeniser),
        Kind::Processor => Some(DefinitionKind::Processor),
        _ => None,
    }
}

/// The definition at the end of a block's chain of amendments.
pub(crate) fn definition_of<'l>(tree: &Tree, library: &'l Library, item: &Item) -> Option<&'l Definition> {
    let kind = definition_kind(item.kind)?;
    let mut item = item;
    for _ in 0..=tree.items.len() {
        let base = item.base.as_ref()?.text();
        match tree.find(item.kind, &base) {
            Some(parent) if parent.label.text != item.label.text => item = parent,
            _ => return library.definition(kind, &base),
        }
    }
    None
}

/// Names of all settings that may be written in a block.
pub(crate) fn known_settings<'a>(tree: &'a Tree, library: &'a Library, item: &'a Item) -> Vec<&'a str> {
    let mut known: Vec<&str> = item.kind.settings().iter().map(|s| s.name).collect();
    if item.kind == Kind::Grid {
        known.extend(item.settings.iter().map(|e| e.name.text.as_str()));
    }
    if let Some(definition) = definition_of(tree, library, item) {
        known.extend(definition.params.iter().map(|p| p.name.text.as_str()));
        if let Body::Settings(statements) = &definition.body {
            known.extend(statements.iter().filter_map(|s| match s {
                Statement::Setting(setting) => Some(setting.path.segments[0].text.as_str()),
                _ => None,
            }));
        }
    }
    known
}

/// Definitions in scope, and which of them were named.
pub(crate) struct Scope<'a> {
    library: &'a Library,
    file: &'a File,
    /// Kind, name and the `use` that brought it.
    used: Vec<(DefinitionKind, String, Span)>,
    /// Names that a misspelt `use` surely meant: they are not missed again.
    meant: Vec<String>,
    named: RefCell<BTreeSet<(DefinitionKind, String)>>,
}

impl<'a> Scope<'a> {
    /// The scope of the user's file and of those that hold experiments which the user's amends.
    pub fn new(input: &Input<'a>, bases: &[&'a File], findings: &mut Findings) -> Scope<'a> {
        let (mut used, mut meant) = (vec![], vec![]);
        let others = bases.iter().filter(|f| f.id != input.file.id).flat_map(|f| &f.uses);
        for item in input.file.uses.iter().chain(others) {
            let (definitions, diagnostics) = input.library.used(item);
            used.extend(definitions.iter().map(|d| (d.kind, d.name.text.clone(), use_span(item, &d.name.text))));
            // A misspelt module hides all the names that are asked of it.
            let last = |fix: &str| fix.rsplit('.').next().unwrap_or(fix).to_string();
            meant.extend(diagnostics.iter().filter_map(|d| Some(last(&d.help.as_ref()?.fix.as_ref()?.replacement))));
            meant.extend(item.names.iter().filter(|_| !diagnostics.is_empty()).map(|n| n.text.clone()));
            findings.extend(diagnostics);
        }
        Scope { library: input.library, file: input.file, used, meant, named: RefCell::default() }
    }

    /// Looks a definition up by a name in the experiment. One that exists but was not brought into scope is found, with an
    /// error that gives the `use` to add.
    pub fn definition(&self, kind: DefinitionKind, name: &str, span: Span, findings: &mut Findings) -> Option<&'a Definition> {
        let word = pfm_elaborate::kind_word(kind);
        if self.library.is_broken(kind, name) {
            findings.reported_before();
            return None;
        }
        let Some(definition) = self.library.definition(kind, name) else {
            let known = self.library.names(kind);
            let d = Diagnostic::new("E0104", format!("no {word} is called `{name}`")).at(span, "not known");
            findings.push(match nearest(name, &known).as_slice() {
                [] if known.is_empty() => d,
                [] => d.help(format!("there is {}", any_of(&known[..known.len().min(6)]))),
                [near, ..] => d.fix(format!("did you mean `{near}`?"), span, *near, false),
            });
            return None;
        };
        self.named.borrow_mut().insert((kind, name.to_string()));
        if !self.visible(definition) {
            let line = format!("use {}", self.use_path(definition));
            let place = self.file.edition.map_or(self.file.span.start, |(_, edition)| edition.end);
            let here = Span { file: self.file.id, start: place, end: place };
            let d = Diagnostic::new("E0108", format!("{word} `{name}` is not in scope"))
                .at(span, format!("defined in `{}`", self.library.module_of(definition)))
                .fix(format!("add `{line}` at the top"), here, format!("\n{line}"), true);
            // One line mends every place.
            if !findings.said(&d) {
                findings.push(d);
            }
        }
        Some(definition)
    }

    fn visible(&self, definition: &Definition) -> bool {
        definition.kind == DefinitionKind::Vocabulary
            || self.library.in_prelude(definition)
            || !self.library.module_of(definition).starts_with("std.")
            || self.meant.contains(&definition.name.text)
            || self.used.iter().any(|(kind, name, _)| *kind == definition.kind && *name == definition.name.text)
    }

    fn use_path(&self, definition: &Definition) -> String {
        let module = self.library.module_of(definition);
        match module.rsplit_once('.') {
            Some((_, last)) if last == definition.name.text => module.to_string(),
            _ => format!("{module}.{}", definition.name.text),
        }
    }

    /// Warns about every `use` that nothing names, unless a mistake hides what does.
    pub fn report_unused(&self, input: &Input, findings: &mut Findings) {
        if findings.errors() > 0 || !input.broken.is_empty() {
            return;
        }
        let named = self.named.borrow();
        for (kind, name, span) in &self.used {
            if span.file != self.file.id || named.contains(&(*kind, name.clone())) || self.in_code(input, name) {
                continue;
            }
            findings.push(
                Diagnostic::new("W0109", format!("`{name}` is never used"))
                    .at(*span, "brought into scope here")
                    .help("remove it from the `use`"),
            );
        }
    }

    /// Definitions in the user's own file may use the name as well.
    fn in_code(&self, input: &Input, name: &str) -> bool {
        self.file.definitions.iter().any(|d| {
            let text = input.sources.text(d.span);
            text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
        })
    }
}

fn use_span(item: &Use, name: &str) -> Span {
    item.names.iter().find(|n| n.text == name).map_or(item.span, |n| n.span)
}
