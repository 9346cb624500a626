//! All definitions that a compilation can see: the standard library's and the user's, by kind and name.

use crate::amended;
use pfm_diag::{Diagnostic, FileId, Sources, Span};
use pfm_syntax::ast::{Body, Definition, DefinitionKind, File, Name, Path, Use, UseTarget};
use std::collections::{BTreeMap, BTreeSet};

/// The definitions of some files. Later files do not hide earlier ones: two of one kind and name are an error.
#[derive(Clone, Debug, Default)]
pub struct Library {
    definitions: Vec<Definition>,
    by_name: BTreeMap<DefinitionKind, BTreeMap<String, usize>>,
    modules: BTreeMap<FileId, String>,
    /// Amendments with mistakes: what is wrong is said where they stand, not where they are named.
    broken: BTreeSet<(DefinitionKind, String)>,
}

impl Library {
    /// Takes the definitions of all files. A file's module is its name in `sources`: `std/well.pfm` is `std.well`.
    pub fn new<'f>(files: impl IntoIterator<Item = &'f File>, sources: &Sources) -> (Library, Vec<Diagnostic>) {
        let mut library = Library::default();
        let mut diagnostics = vec![];
        for file in files {
            let name = &sources.file(file.id).name;
            library.modules.insert(file.id, module_name(name));
            for definition in &file.definitions {
                library.add(definition, &mut diagnostics);
            }
        }
        library.resolve_amendments(&mut diagnostics);
        (library, diagnostics)
    }

    /// Replaces every amendment by what it amounts to.
    fn resolve_amendments(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        let amendments = (0..self.definitions.len()).filter(|i| self.definitions[*i].base.is_some());
        let resolve = |index| {
            let before = diagnostics.len();
            let definition = amended::resolved(self, index, &mut vec![], diagnostics);
            (index, definition.filter(|_| diagnostics.len() == before))
        };
        let resolved: Vec<_> = amendments.map(resolve).collect();
        for (index, definition) in resolved {
            let key = (self.definitions[index].kind, self.definitions[index].name.text.clone());
            match definition {
                Some(definition) => self.definitions[index] = definition,
                None => {
                    self.by_name.get_mut(&key.0).map(|names| names.remove(&key.1));
                    self.broken.insert(key);
                }
            }
        }
    }

    /// True for an amendment with a mistake, which was reported.
    pub fn is_broken(&self, kind: DefinitionKind, name: &str) -> bool {
        self.broken.contains(&(kind, name.to_string()))
    }

    pub(crate) fn index_of(&self, kind: DefinitionKind, name: &str) -> Option<usize> {
        self.by_name.get(&kind)?.get(name).copied()
    }

    fn add(&mut self, definition: &Definition, diagnostics: &mut Vec<Diagnostic>) {
        let kind = definition.kind;
        let of_kind = self.by_name.entry(kind).or_default();
        if let Some(&first) = of_kind.get(&definition.name.text) {
            let name = &definition.name;
            let first = &self.definitions[first].name;
            diagnostics.push(
                Diagnostic::new("E1001", format!("the {} `{}` is defined twice", kind_word(kind), name.text))
                    .at(name.span, "defined again here")
                    .also(first.span, format!("first defined in {}", self.module(first.span)))
                    .help("rename one of them"),
            );
            return;
        }
        if twice(definition, diagnostics) | amends_inside(definition, diagnostics) {
            self.broken.insert((kind, definition.name.text.clone()));
        } else {
            of_kind.insert(definition.name.text.clone(), self.definitions.len());
        }
        self.definitions.push(definition.clone());
    }

    pub fn definition(&self, kind: DefinitionKind, name: &str) -> Option<&Definition> {
        let index = *self.by_name.get(&kind)?.get(name)?;
        Some(&self.definitions[index])
    }

    /// All definitions, in the order of the files.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// Dotted module of the file that holds it, such as `std.metrics`.
    pub fn module_of(&self, definition: &Definition) -> &str {
        self.module(definition.span)
    }

    fn module(&self, span: Span) -> &str {
        self.modules.get(&span.file).map_or("", String::as_str)
    }

    /// Losses, optimisers, schedules, blocks and functions of the standard library need no `use`.
    pub fn in_prelude(&self, definition: &Definition) -> bool {
        use DefinitionKind::{Block, Fn, Loss, Optimiser, Schedule};
        self.module_of(definition).starts_with("std.") && matches!(definition.kind, Block | Fn | Loss | Optimiser | Schedule)
    }

    /// What a `use` of a module brings into scope. `use std.metrics.{vrmse}` names definitions of a module, or of a module below it;
    /// `use std.processors.walrus` names the definition `walrus`, of the module `std.processors.walrus` or `std.processors`.
    /// Names that are not there are reported; the others are found.
    pub fn used(&self, item: &Use) -> (Vec<&Definition>, Vec<Diagnostic>) {
        let UseTarget::Path(path) = &item.target else {
            return (vec![], vec![]);
        };
        let module = path.text();
        if item.names.is_empty() {
            let last = path.segments.last().expect("a path has a segment");
            let parent = module.rsplit_once('.').map_or("", |(parent, _)| parent);
            let found = self.exported(&module, &last.text);
            let found = if found.is_empty() { self.exported(parent, &last.text) } else { found };
            let unknown = if found.is_empty() { vec![self.unknown_use(parent, last, path, true)] } else { vec![] };
            return (found, unknown);
        }
        let mut found = vec![];
        let mut diagnostics = vec![];
        for name in &item.names {
            let definitions = self.exported(&module, &name.text);
            // A definition that has a file of its own: `use std.processors.{svit}`.
            let own = || self.exported(&format!("{module}.{}", name.text), &name.text);
            let definitions = if definitions.is_empty() { own() } else { definitions };
            if definitions.is_empty() {
                let d = self.unknown_use(&module, name, path, false);
                // A module that is not there is said once.
                if !diagnostics.iter().any(|known: &Diagnostic| known.primary == d.primary) {
                    diagnostics.push(d);
                }
            }
            found.extend(definitions);
        }
        (found, diagnostics)
    }

    fn exported(&self, module: &str, name: &str) -> Vec<&Definition> {
        self.definitions.iter().filter(|d| d.name.text == name && self.module_of(d) == module).collect()
    }

    /// `whole`: the path ends with the name.
    fn unknown_use(&self, module: &str, name: &Name, path: &Path, whole: bool) -> Diagnostic {
        let known: Vec<&str> = self
            .definitions
            .iter()
            .filter(|d| {
                let of = self.module_of(d);
                of == module || of.starts_with(&format!("{module}."))
            })
            .map(|d| d.name.text.as_str())
            .collect();
        if known.is_empty() {
            return self.unknown_module(module, name, path, whole);
        }
        let diagnostic =
            Diagnostic::new("E1002", format!("nothing called `{}` in `{module}`", name.text)).at(name.span, "not defined there");
        match closest(&name.text, &known) {
            Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), name.span, near.clone(), true),
            None => diagnostic.help(format!("it has {}", known.join(", "))),
        }
    }

    fn unknown_module(&self, module: &str, name: &Name, path: &Path, whole: bool) -> Diagnostic {
        let d = Diagnostic::new("E1002", format!("no module is called `{module}`")).at(path.span, "not a module");
        let mut modules: Vec<&str> = self.modules.values().map(String::as_str).filter(|m| m.starts_with("std.")).collect();
        if whole {
            // The definition of this name, wherever it is, else the nearest path.
            let mut paths: Vec<String> = vec![];
            for definition in self.definitions.iter().filter(|d| self.module_of(d).starts_with("std.")) {
                let (of, last) = (self.module_of(definition), &definition.name.text);
                paths.push(if of.rsplit('.').next() == Some(last) { of.to_string() } else { format!("{of}.{last}") });
            }
            let exact = paths.iter().find(|p| p.rsplit('.').next() == Some(name.text.as_str())).cloned();
            let known: Vec<&str> = paths.iter().map(String::as_str).collect();
            return match exact.or_else(|| closest(&path.text(), &known)) {
                Some(near) => d.fix(format!("did you mean `{near}`?"), path.span, near.clone(), true),
                None => d.help(format!("modules are {}", modules.join(", "))),
            };
        }
        modules.sort_unstable();
        match closest(module, &modules) {
            Some(near) => d.fix(format!("did you mean `{near}`?"), path.span, near.clone(), true),
            None => d.help(format!("modules are {}", modules.join(", "))),
        }
    }

    /// Names of this kind that are close to the one given, closest first.
    pub fn similar(&self, kind: DefinitionKind, name: &str) -> Vec<String> {
        let mut near: Vec<(usize, &str)> = self
            .names(kind)
            .into_iter()
            .map(|n| (strsim::damerau_levenshtein(n, name), n))
            .filter(|(distance, n)| *distance <= 1 + n.len() / 3)
            .collect();
        near.sort();
        near.into_iter().map(|(_, n)| n.to_string()).collect()
    }

    /// All names of a kind, sorted.
    pub fn names(&self, kind: DefinitionKind) -> Vec<&str> {
        self.by_name.get(&kind).into_iter().flat_map(|names| names.keys()).map(String::as_str).collect()
    }
}

/// What every schedule is a function of, without declaring it.
const GIVEN: [&str; 2] = ["epoch", "step"];

/// Reports parameters of one name, also in members.
fn twice(definition: &Definition, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let before = diagnostics.len();
    for (index, parameter) in definition.params.iter().enumerate() {
        let first = definition.params[..index].iter().find(|p| p.name.text == parameter.name.text);
        if let Some(first) = first {
            let d = Diagnostic::new("E0103", format!("`{}` is declared twice", parameter.name.text));
            let d = d.at(parameter.name.span, "again here").also(first.name.span, "first here");
            diagnostics.push(d.help("rename one of them"));
        } else if definition.kind == DefinitionKind::Schedule && GIVEN.contains(&parameter.name.text.as_str()) {
            let name = &parameter.name;
            let d = Diagnostic::new("E0103", format!("`{}` is declared twice", name.text)).at(name.span, "again here");
            let d = d.note("every schedule has `epoch` and `step`, the numbers completed");
            diagnostics.push(d.help(format!("use `{}` without declaring it", name.text)));
        }
    }
    if let Body::Members { definitions, .. } = &definition.body {
        definitions.iter().for_each(|member| _ = twice(member, diagnostics));
    }
    diagnostics.len() > before
}

/// Reports members that amend: their base is not of the file, and what they stand in has settings of its own.
fn amends_inside(definition: &Definition, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let Body::Members { definitions, .. } = &definition.body else { return false };
    let before = diagnostics.len();
    for member in definitions {
        if let Some(base) = &member.base {
            let message = format!("`{}` amends `{}` inside of a definition", member.name.text, base.text());
            let d = Diagnostic::new("E0112", message).at(member.name.span, "amendments stand at file level");
            diagnostics.push(d.help(format!("move it out of `{}`, and call it by its name", definition.name.text)));
        }
        amends_inside(member, diagnostics);
    }
    diagnostics.len() > before
}

/// The closest of some names, if it is close enough to be a slip of the pen.
pub(crate) fn closest(name: &str, known: &[&str]) -> Option<String> {
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(k, name), *k))
        .filter(|(distance, k)| *distance <= 1 + k.len() / 3)
        .min()
        .map(|(_, k)| k.to_string())
}

fn module_name(file: &str) -> String {
    file.trim_end_matches(".pfm").replace('/', ".")
}

/// The keyword of a kind.
pub fn kind_word(kind: DefinitionKind) -> &'static str {
    match kind {
        DefinitionKind::Block => "block",
        DefinitionKind::Fn => "fn",
        DefinitionKind::Loss => "loss",
        DefinitionKind::Metric => "metric",
        DefinitionKind::Schedule => "schedule",
        DefinitionKind::Optimiser => "optimiser",
        DefinitionKind::Tokeniser => "tokeniser",
        DefinitionKind::Processor => "processor",
        DefinitionKind::Data => "data",
        DefinitionKind::Vocabulary => "vocabulary",
    }
}
