//! An index of the names of a file: where each is declared and used, and which setting stands where. It is read off the syntax
//! tree and the library alone, so that an editor has it while the file is broken; nothing is checked here.

mod code;
mod experiment;

use pfm_diag::Span;
use pfm_elaborate::Library;
use pfm_syntax::ast::{Arg, Body, Definition, DefinitionKind, File, Statement, Use, UseTarget};

use crate::schema::Kind;

/// What a name stands for. Two occurrences with equal symbols are the same thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Symbol {
    Experiment(String),
    /// A block of an experiment; a report with the name of a grid is that grid.
    Block {
        experiment: String,
        kind: Kind,
        name: String,
    },
    /// A labelled value of a grid's axis.
    Label {
        experiment: String,
        grid: String,
        axis: String,
        label: String,
    },
    Definition {
        kind: DefinitionKind,
        name: String,
    },
    /// A definition inside another: `magvit_simple.res`.
    Member {
        kind: DefinitionKind,
        path: String,
    },
    /// A parameter of a definition or member, by its path.
    Parameter {
        kind: DefinitionKind,
        of: String,
        name: String,
    },
    /// A name of code, inside the definition or member of this path.
    Local {
        kind: DefinitionKind,
        of: String,
        name: String,
    },
    /// An axis of a signature, which stands for its size in code.
    Axis {
        kind: DefinitionKind,
        of: String,
        name: String,
    },
    Builtin(&'static str),
    /// A file that is used, by its path as written.
    File(String),
}

impl Symbol {
    /// As it is written.
    pub fn name(&self) -> &str {
        match self {
            Symbol::Experiment(name)
            | Symbol::Block { name, .. }
            | Symbol::Definition { name, .. }
            | Symbol::Parameter { name, .. }
            | Symbol::Local { name, .. }
            | Symbol::Axis { name, .. }
            | Symbol::File(name) => name,
            Symbol::Label { label, .. } => label,
            Symbol::Member { path, .. } => path.rsplit('.').next().unwrap_or(path),
            Symbol::Builtin(name) => name,
        }
    }
}

/// One place where a name stands.
#[derive(Clone, Debug)]
pub struct Occurrence {
    pub span: Span,
    pub symbol: Symbol,
    pub declares: bool,
}

/// What knows a setting or an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    Experiment,
    /// The language, for blocks of this kind.
    Block(Kind),
    /// A parameter of a definition, or of a record inside it (`magvit_simple.level`).
    Definition(DefinitionKind, String),
    /// An argument of a word of the language, such as `generate`.
    Word(String),
}

/// `name = value` or `name: value` in an experiment.
#[derive(Clone, Debug)]
pub struct Place {
    /// As `explain --resolved` prints it: `rollout.optimiser.lr`.
    pub path: String,
    pub name: String,
    /// Of the name; of the value where an argument stands by position.
    pub name_span: Span,
    pub value: Span,
    pub owner: Owner,
}

/// The index of one file.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    pub occurrences: Vec<Occurrence>,
    pub places: Vec<Place>,
}

impl Symbols {
    /// Reads a file. The library gives the definitions that it can name, its own among them; the other files the experiments that
    /// it may amend.
    pub fn of(file: &File, others: &[&File], library: &Library) -> Symbols {
        let mut symbols = Symbols::default();
        for item in &file.uses {
            symbols.use_item(item, library);
        }
        for definition in &file.definitions {
            symbols.definition(definition, library);
        }
        for block in file.experiments.iter().filter(|b| b.kind.text == "experiment") {
            experiment::walk(block, file, others, library, &mut symbols);
        }
        symbols
    }

    /// The name at a byte of the file; just behind a name still counts.
    pub fn at(&self, offset: u32) -> Option<&Occurrence> {
        let touching = self.occurrences.iter().filter(|o| o.span.start <= offset && offset <= o.span.end);
        touching.min_by_key(|o| (offset == o.span.end, o.span.end - o.span.start))
    }

    /// The innermost setting whose name or value is at a byte of the file.
    pub fn place_at(&self, offset: u32) -> Option<&Place> {
        let holds = |p: &&Place| {
            let whole = p.name_span.to(p.value);
            whole.start <= offset && offset <= whole.end
        };
        self.places.iter().filter(holds).min_by_key(|p| p.name_span.to(p.value).end - p.name_span.to(p.value).start)
    }

    /// All places of a symbol, in the order of the text.
    pub fn of_symbol<'a>(&'a self, symbol: &'a Symbol) -> impl Iterator<Item = &'a Occurrence> {
        self.occurrences.iter().filter(move |o| o.symbol == *symbol)
    }

    pub(crate) fn add(&mut self, span: Span, symbol: Symbol, declares: bool) {
        self.occurrences.push(Occurrence { span, symbol, declares });
    }

    fn use_item(&mut self, item: &Use, library: &Library) {
        let (path, names) = match &item.target {
            UseTarget::File(path, span) => {
                let places = item.alias.iter().map(|a| a.span).chain([*span]);
                return places.for_each(|span| self.add(span, Symbol::File(path.clone()), false));
            }
            UseTarget::Path(path) => (path, &item.names),
        };
        let last = path.segments.last().into_iter();
        let wanted: Vec<_> = if names.is_empty() { last.collect() } else { names.iter().collect() };
        for name in wanted {
            // Each name is looked up alone, to know which definition is whose.
            let names = if names.is_empty() { vec![] } else { vec![name.clone()] };
            let (found, _) = library.used(&Use { names, ..item.clone() });
            if let Some(definition) = found.first() {
                self.add(name.span, definition_symbol(definition), false);
            }
        }
    }

    fn definition(&mut self, definition: &Definition, library: &Library) {
        self.add(definition.name.span, definition_symbol(definition), true);
        if let Some(base) = &definition.base
            && let Some(found) = library.definition(definition.kind, &base.text())
        {
            self.add(base.span, definition_symbol(found), false);
        }
        if let Body::Settings(statements) = &definition.body {
            let owner = match definition.kind {
                DefinitionKind::Data => Owner::Block(Kind::Data),
                kind => Owner::Definition(kind, definition.base.as_ref().map(|b| b.text()).unwrap_or_default()),
            };
            let settings = statements.iter().filter_map(|statement| match statement {
                Statement::Setting(setting) => Some((setting.path.text(), setting.path.span, setting.value.span)),
                _ => None,
            });
            let named = |arg: &Arg| arg.name.as_ref().map(|name| (name.text.clone(), name.span, arg.value.span));
            for (name, name_span, value) in settings.chain(definition.base_args.iter().filter_map(named)) {
                let path = format!("{}.{name}", definition.name.text);
                self.places.push(Place { path, name, name_span, value, owner: owner.clone() });
            }
        }
        code::walk(definition, library, self);
    }
}

fn definition_symbol(definition: &Definition) -> Symbol {
    Symbol::Definition { kind: definition.kind, name: definition.name.text.clone() }
}

/// Kinds of definition that the value of a setting, or an argument, may name.
pub fn named_by(setting: &str) -> &'static [DefinitionKind] {
    match setting {
        "optimiser" => &[DefinitionKind::Optimiser],
        "schedule" => &[DefinitionKind::Schedule],
        "loss" => &[DefinitionKind::Loss],
        "metrics" | "unroll" => &[DefinitionKind::Metric],
        "fields" | "vocabulary" => &[DefinitionKind::Vocabulary],
        _ => &[],
    }
}
