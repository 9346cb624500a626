//! Names and settings of one experiment block.

use pfm_diag::Span;
use pfm_elaborate::Library;
use pfm_syntax::ast::{Arg, Block, Call, DefinitionKind, Expect, Expr, ExprKind, File, Path, Setting, Statement, UseTarget};

use super::{Owner, Place, Symbol, Symbols, definition_symbol, named_by};
use crate::globs::segment_matches;
use crate::names::definition_kind;
use crate::schema::Kind;

pub(super) fn walk(block: &Block, file: &File, others: &[&File], library: &Library, symbols: &mut Symbols) {
    let Some(name) = &block.label else { return };
    symbols.add(name.span, Symbol::Experiment(name.text.clone()), true);
    let mut blocks = vec![];
    for experiment in chain(block, file, others) {
        let inner = experiment.body.iter().filter_map(inner).filter_map(|b| Some((Kind::of_word(&b.kind.text)?, b, label(experiment))));
        blocks.extend(inner);
    }
    if let Some(base) = &block.base {
        amended(base, file, symbols);
    }
    let mut walk = Walk { name: &name.text, library, blocks, symbols };
    for statement in &block.body {
        walk.top(statement);
    }
}

/// The experiment and those that it amends, of this file or of others.
fn chain<'a>(block: &'a Block, file: &'a File, others: &[&'a File]) -> Vec<&'a Block> {
    let mut chain = vec![block];
    while let Some(wanted) = chain.last().and_then(|b| b.base.as_ref()?.segments.last()) {
        let all = [file].into_iter().chain(others.iter().copied()).flat_map(|f| &f.experiments);
        match all.filter(|e| label(e) == wanted.text).find(|e| chain.iter().all(|c| !std::ptr::eq(*c, *e))) {
            Some(base) => chain.push(base),
            None => break,
        }
    }
    chain
}

/// `base.indomain`: a file by its alias, and an experiment of it.
fn amended(base: &Path, file: &File, symbols: &mut Symbols) {
    let [alias @ .., name] = base.segments.as_slice() else { return };
    symbols.add(name.span, Symbol::Experiment(name.text.clone()), false);
    for alias in alias {
        let used = file.uses.iter().find(|u| u.alias.as_ref().is_some_and(|a| a.text == alias.text));
        if let Some(UseTarget::File(path, _)) = used.map(|u| &u.target) {
            symbols.add(alias.span, Symbol::File(path.clone()), false);
        }
    }
}

fn inner(statement: &Statement) -> Option<&Block> {
    match statement {
        Statement::Block(block) => Some(block),
        _ => None,
    }
}

struct Walk<'a> {
    name: &'a str,
    library: &'a Library,
    /// Blocks with the experiment that holds each; those of an amended experiment after its own.
    blocks: Vec<(Kind, &'a Block, &'a str)>,
    symbols: &'a mut Symbols,
}

/// A definition that a value calls.
type Callee = (DefinitionKind, String);

impl<'a> Walk<'a> {
    fn top(&mut self, statement: &'a Statement) {
        match statement {
            Statement::Block(block) => self.block(block),
            Statement::Setting(setting) => self.by_path(setting),
            Statement::Expect(expect) => self.expect(expect),
            Statement::Freeze(term) | Statement::Train(term) => term.globs.iter().chain(&term.except).for_each(|g| self.glob(g)),
            Statement::Skip(..) => {}
        }
    }

    // ---- what names mean

    fn symbol(&self, kind: Kind, name: &str) -> Symbol {
        let is_grid = |kind: Kind| matches!(kind, Kind::Grid | Kind::Report);
        let grid = self.blocks.iter().any(|(k, b, _)| *k == Kind::Grid && label(b) == name);
        let kind = if is_grid(kind) && grid { Kind::Grid } else { kind };
        let holder = self.blocks.iter().find(|(k, b, _)| *k == kind && label(b) == name);
        Symbol::Block { experiment: holder.map_or(self.name, |(_, _, e)| *e).to_string(), kind, name: name.to_string() }
    }

    fn find(&self, name: &str, fits: impl Fn(Kind) -> bool) -> Option<(Kind, &'a Block)> {
        self.blocks.iter().find(|(k, b, _)| fits(*k) && label(b) == name).map(|(k, b, _)| (*k, *b))
    }

    /// A block that values may name.
    fn part(&self, name: &str) -> Option<Symbol> {
        self.find(name, |k| k.namespace() == 0).map(|(kind, _)| self.symbol(kind, name))
    }

    /// The definition at the end of a block's amendments.
    fn definition_of(&self, kind: Kind, block: &Block) -> Option<Callee> {
        let wanted = definition_kind(kind)?;
        let mut block = block;
        for _ in 0..=self.blocks.len() {
            let base = block.base.as_ref()?.text();
            match self.find(&base, |k| k == kind) {
                Some((_, parent)) if label(parent) != label(block) => block = parent,
                _ => return self.library.definition(wanted, &base).map(|_| (wanted, base)),
            }
        }
        None
    }

    fn callee(&self, kinds: &[DefinitionKind], name: &str) -> Option<Callee> {
        kinds.iter().find(|k| self.library.definition(**k, name).is_some()).map(|k| (*k, name.to_string()))
    }

    fn has_parameter(&self, (kind, name): &Callee, parameter: &str) -> bool {
        self.library.definition(*kind, name).is_some_and(|d| d.params.iter().any(|p| p.name.text == parameter))
    }

    // ---- blocks

    fn block(&mut self, block: &'a Block) {
        let Some(kind) = Kind::of_word(&block.kind.text) else { return };
        let Some(name) = &block.label else { return };
        let symbol = self.symbol(kind, &name.text);
        let declares = kind != Kind::Report || matches!(symbol, Symbol::Block { kind: Kind::Report, .. });
        self.symbols.add(name.span, symbol, declares);
        if let Some(base) = &block.base {
            self.base(kind, base);
        }
        for argument in &block.base_args {
            self.value(&argument.value, &name.text, &[]);
        }
        let over = block.over.as_ref();
        if let Some(over) = over
            && let Some(symbol) =
                self.part(&over.text()).or_else(|| self.find(&over.text(), |k| k == Kind::Grid).map(|(k, _)| self.symbol(k, &over.text())))
        {
            self.symbols.add(over.span, symbol, false);
        }
        let definition = self.definition_of(kind, block);
        for statement in &block.body {
            match statement {
                Statement::Setting(setting) => match kind {
                    Kind::Profile => self.by_path(setting),
                    Kind::Grid => self.axis(&name.text, over, setting),
                    _ => self.in_block(kind, &name.text, definition.as_ref(), setting),
                },
                Statement::Block(level) => self.level(&name.text, definition.as_ref(), level),
                Statement::Freeze(term) | Statement::Train(term) => term.globs.iter().chain(&term.except).for_each(|g| self.glob(g)),
                Statement::Skip(args, _) => self.cell(args),
                Statement::Expect(expect) => self.expect(expect),
            }
        }
    }

    fn base(&mut self, kind: Kind, base: &Path) {
        let block = self.find(&base.text(), |k| k == kind).map(|(k, _)| self.symbol(k, &base.text()));
        let definition = || {
            let found = self.library.definition(definition_kind(kind)?, &base.text())?;
            Some(definition_symbol(found))
        };
        if let Some(symbol) = block.or_else(definition) {
            self.symbols.add(base.span, symbol, false);
        }
    }

    /// `name = value`, or `optimiser.lr = value`, in a block of this kind.
    fn in_block(&mut self, kind: Kind, label: &str, definition: Option<&Callee>, setting: &Setting) {
        let first = &setting.path.segments[0];
        let path = format!("{label}.{}", setting.path.text());
        match definition.filter(|d| self.has_parameter(d, &first.text)) {
            Some(callee) => {
                self.parameter(callee, &first.text, first.span);
                self.setting(&path, &Owner::Definition(callee.0, callee.1.clone()), setting);
            }
            None => self.setting(&path, &Owner::Block(kind), setting),
        }
    }

    fn level(&mut self, label: &str, definition: Option<&Callee>, level: &Block) {
        let number = level.label.as_ref().map_or("", |l| l.text.as_str());
        for statement in &level.body {
            let Statement::Setting(setting) = statement else { continue };
            let path = format!("{label}.{}.{number}.{}", level.kind.text, setting.path.text());
            let owner = match definition {
                Some((kind, name)) => Owner::Definition(*kind, format!("{name}.{}", level.kind.text)),
                None => Owner::Word(level.kind.text.clone()),
            };
            if let Some((kind, name)) = definition {
                self.parameter(&(*kind, format!("{name}.{}", level.kind.text)), &setting.path.text(), setting.path.span);
            }
            self.setting(&path, &owner, setting);
        }
    }

    /// An axis of a grid: a setting of the stage, with labelled values.
    fn axis(&mut self, grid: &str, over: Option<&Path>, setting: &Setting) {
        let stage = over.map(Path::text).unwrap_or_default();
        let axis = setting.path.text();
        self.push_place(format!("{stage}.{axis}"), &axis, setting.path.span, setting.value.span, Owner::Block(Kind::Stage));
        let kinds = named_by(&axis);
        match &setting.value.kind {
            ExprKind::List(args) => {
                for arg in args {
                    if let Some(name) = &arg.name {
                        let symbol = self.label_symbol(grid, &axis, &name.text);
                        self.symbols.add(name.span, symbol, true);
                    }
                    self.value(&arg.value, &format!("{stage}.{axis}"), kinds);
                }
            }
            _ => self.value(&setting.value, &format!("{stage}.{axis}"), kinds),
        }
    }

    fn label_symbol(&self, grid: &str, axis: &str, label: &str) -> Symbol {
        let holder = self.blocks.iter().find(|(k, b, _)| *k == Kind::Grid && self::label(b) == grid);
        let experiment = holder.map_or(self.name, |(_, _, e)| *e).to_string();
        Symbol::Label { experiment, grid: grid.to_string(), axis: axis.to_string(), label: label.to_string() }
    }

    /// `[weights: scratch, mask: frozen]`, of the grid that has these labels.
    fn cell(&mut self, args: &[Arg]) {
        for arg in args {
            let (Some(axis), ExprKind::Path(label)) = (&arg.name, &arg.value.kind) else { continue };
            let grids: Vec<String> = self
                .blocks
                .iter()
                .filter(|(k, b, _)| *k == Kind::Grid && has_label(b, &axis.text, &label.text()))
                .filter_map(|(_, b, _)| b.label.as_ref().map(|l| l.text.clone()))
                .collect();
            if let Some(grid) = grids.first() {
                let symbol = self.label_symbol(grid, &axis.text, &label.text());
                self.symbols.add(label.span, symbol, false);
            }
        }
    }

    /// A setting of a profile, or of an experiment that amends another: `rollout.optimiser.lr = 5e-4`.
    fn by_path(&mut self, setting: &Setting) {
        let segments = &setting.path.segments;
        let path = setting.path.text();
        let [first, name, rest @ ..] = segments.as_slice() else {
            return self.setting(&path, &Owner::Experiment, setting);
        };
        let fits = |(kind, block, _): &&(Kind, &Block, &str)| *kind != Kind::Profile && segment_matches(&first.text, label(block));
        let blocks: Vec<(Kind, &'a Block)> = self.blocks.iter().filter(fits).map(|(k, b, _)| (*k, *b)).collect();
        let knows = |(kind, block): &(Kind, &'a Block)| {
            let of_kind = kind.settings().iter().any(|s| s.name == name.text);
            of_kind || self.definition_of(*kind, block).is_some_and(|d| self.has_parameter(&d, &name.text))
        };
        let Some((kind, block)) = blocks.iter().copied().find(knows).or(blocks.first().copied()) else {
            return self.setting(&path, &Owner::Word(first.text.clone()), setting);
        };
        if first.text == label(block) {
            let symbol = self.symbol(kind, &first.text);
            self.symbols.add(first.span, symbol, false);
        }
        let owner = match (self.definition_of(kind, block), rest) {
            (Some((kind, definition)), [_, field]) => {
                let callee = (kind, format!("{definition}.{}", name.text));
                self.parameter(&callee, &field.text, field.span);
                Owner::Definition(callee.0, callee.1)
            }
            (Some(callee), []) if self.has_parameter(&callee, &name.text) => {
                self.parameter(&callee, &name.text, name.span);
                Owner::Definition(callee.0, callee.1)
            }
            (_, [argument]) => {
                let called = block.body.iter().find_map(|s| match s {
                    Statement::Setting(s) if s.path.text() == name.text => called_name(&s.value),
                    _ => None,
                });
                match called.clone().and_then(|c| self.callee(named_by(&name.text), &c)) {
                    Some(callee) => {
                        self.parameter(&callee, &argument.text, argument.span);
                        Owner::Definition(callee.0, callee.1)
                    }
                    None => Owner::Word(called.unwrap_or_default()),
                }
            }
            _ => Owner::Block(kind),
        };
        self.setting(&path, &owner, setting);
    }

    fn glob(&mut self, glob: &Path) {
        let Some(first) = glob.segments.first() else { return };
        if let Some(symbol) = self.part(&first.text) {
            self.symbols.add(first.span, symbol, false);
        }
    }

    fn expect(&mut self, expect: &Expect) {
        for side in [&expect.left, &expect.right] {
            self.value(side, "expect", &[DefinitionKind::Metric]);
        }
        for (profile, span) in &expect.on {
            if let Some((kind, _)) = self.find(profile, |k| k == Kind::Profile) {
                let quotes = u32::from(span.end - span.start == profile.len() as u32 + 2);
                let inside = Span { start: span.start + quotes, end: span.end - quotes, ..*span };
                let symbol = self.symbol(kind, profile);
                self.symbols.add(inside, symbol, false);
            }
        }
    }

    // ---- values

    fn setting(&mut self, path: &str, owner: &Owner, setting: &Setting) {
        let name = setting.path.segments.last().map_or("", |s| s.text.as_str());
        self.push_place(path.to_string(), name, setting.path.span, setting.value.span, owner.clone());
        self.value(&setting.value, path, named_by(name));
    }

    fn push_place(&mut self, path: String, name: &str, name_span: Span, value: Span, owner: Owner) {
        self.symbols.places.push(Place { path, name: name.to_string(), name_span, value, owner });
    }

    fn parameter(&mut self, (kind, of): &Callee, name: &str, span: Span) {
        self.symbols.add(span, Symbol::Parameter { kind: *kind, of: of.clone(), name: name.to_string() }, false);
    }

    /// `path` is that of the setting; `kinds` are the definitions that it may name.
    fn value(&mut self, expr: &Expr, path: &str, kinds: &[DefinitionKind]) {
        match &expr.kind {
            ExprKind::Number { .. } | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Axes(_) | ExprKind::If { .. } => {}
            ExprKind::Path(name) => self.name(name, kinds),
            ExprKind::Call(call) => self.call(call, path, kinds),
            ExprKind::List(args) => args.iter().for_each(|a| self.value(&a.value, path, kinds)),
            ExprKind::Tuple(items) => items.iter().for_each(|e| self.value(e, path, kinds)),
            ExprKind::Choice { options, eval } => options.iter().chain(eval.as_deref()).for_each(|e| self.value(e, path, kinds)),
            ExprKind::Range(a, b) | ExprKind::Binary { left: a, right: b, .. } => {
                [a, b].into_iter().for_each(|e| self.value(e, path, kinds))
            }
            ExprKind::Index { base, args } => {
                self.value(base, path, kinds);
                self.cell(args);
            }
            ExprKind::Field(inner, _) | ExprKind::Not(inner) | ExprKind::Negative(inner) => self.value(inner, path, kinds),
            ExprKind::Pipe { input, call } => {
                self.value(input, path, kinds);
                self.call(call, path, kinds);
            }
        }
    }

    fn name(&mut self, name: &Path, kinds: &[DefinitionKind]) {
        let Some(first) = name.segments.first() else { return };
        if let Some((kind, name)) = self.callee(kinds, &name.text()) {
            return self.symbols.add(first.span, Symbol::Definition { kind, name }, false);
        }
        let parts = if self.find(&first.text, |k| k == Kind::Stage).is_some() { 2 } else { 1 };
        for segment in name.segments.iter().take(parts) {
            if let Some(symbol) = self.part(&segment.text) {
                self.symbols.add(segment.span, symbol, false);
            }
        }
    }

    fn call(&mut self, call: &Call, path: &str, kinds: &[DefinitionKind]) {
        let word = call.callee.text();
        let callee = self.callee(kinds, &word);
        match &callee {
            Some((kind, name)) => self.symbols.add(call.callee.span, Symbol::Definition { kind: *kind, name: name.clone() }, false),
            None => self.name(&call.callee, kinds),
        }
        let parameters: Vec<&str> = match &callee {
            Some((kind, name)) => {
                self.library.definition(*kind, name).map_or(vec![], |d| d.params.iter().map(|p| p.name.text.as_str()).collect())
            }
            None => vec![],
        };
        for (position, arg) in call.args.iter().enumerate() {
            let (name, span) = match &arg.name {
                Some(name) => (name.text.as_str(), name.span),
                None => (parameters.get(position).copied().unwrap_or(""), arg.value.span),
            };
            let inside = format!("{path}.{name}");
            if !name.is_empty() {
                let owner = match &callee {
                    Some((kind, name)) => Owner::Definition(*kind, name.clone()),
                    None => Owner::Word(word.clone()),
                };
                if let (Some(callee), Some(written)) = (&callee, &arg.name) {
                    self.parameter(callee, name, written.span);
                }
                self.push_place(inside.clone(), name, span, arg.value.span, owner);
            }
            let kinds = if word == "vocabulary" { named_by(&word) } else { named_by(name) };
            self.value(&arg.value, &inside, kinds);
        }
    }
}

fn label(block: &Block) -> &str {
    block.label.as_ref().map_or("", |l| l.text.as_str())
}

/// True when an axis of the grid has this label.
fn has_label(grid: &Block, axis: &str, wanted: &str) -> bool {
    grid.body.iter().any(|s| match s {
        Statement::Setting(setting) if setting.path.text() == axis => match &setting.value.kind {
            ExprKind::List(args) => args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.text == wanted)),
            _ => false,
        },
        _ => false,
    })
}

fn called_name(value: &Expr) -> Option<String> {
    match &value.kind {
        ExprKind::Path(path) => Some(path.text()),
        ExprKind::Call(call) => Some(call.callee.text()),
        _ => None,
    }
}
