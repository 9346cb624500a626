//! What may be written at the cursor: keys with their defaults, values, names, units, paths of parameters.

mod context;
mod words;

use crate::hover::{View, member, prose};
use crate::text;
use crate::workspace::Workspace;
use context::{Context, Frame, setting_of};
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, MarkupContent, MarkupKind, Position, TextEdit, Uri,
};
use pfm_elaborate::kind_word;
use pfm_hir::{EXPERIMENT, Kind, Symbol, glob_matches, named_by};
use pfm_syntax::ast::{Block, Body, Definition, DefinitionKind, Expr, ExprKind, Name, Path, Statement};
use std::collections::BTreeSet;

pub fn at(workspace: &mut Workspace, uri: &Uri, position: Position) -> Option<Vec<CompletionItem>> {
    let (read, offset) = workspace.at(uri, position)?;
    let good = workspace.good(&read.path);
    let context = Context::at(&read.text, offset as usize)?;
    let writer = Writer { view: View { now: &read, good: good.as_deref() }, at: offset, context: &context };
    let range =
        text::range(&read.text, pfm_diag::Span::new(crate::workspace::Read::ID, context.start, offset as usize), workspace.encoding);
    let mut seen = BTreeSet::new();
    let fresh = writer.offers().into_iter().filter(|o| seen.insert(o.label.clone()));
    Some(fresh.enumerate().map(|(place, offer)| offer.item(place, range)).collect())
}

/// One thing that may be written.
struct Offer {
    label: String,
    insert: String,
    kind: CompletionItemKind,
    detail: String,
    doc: String,
}

impl Offer {
    fn new(label: impl Into<String>, kind: CompletionItemKind, detail: impl Into<String>) -> Offer {
        let label = label.into();
        Offer { insert: label.clone(), label, kind, detail: detail.into(), doc: String::new() }
    }

    fn doc(mut self, doc: impl Into<String>) -> Offer {
        self.doc = doc.into();
        self
    }

    fn then(mut self, after: &str) -> Offer {
        self.insert.push_str(after);
        self
    }

    fn item(self, place: usize, range: lsp_types::Range) -> CompletionItem {
        let doc = match pfm_syntax::WORDS.iter().find(|w| w.word == self.label) {
            Some(word) if self.kind == CompletionItemKind::KEYWORD => word.doc.to_string(),
            _ => self.doc,
        };
        let markdown = |value| Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value });
        let documentation = (!doc.is_empty()).then(|| markdown(doc));
        CompletionItem {
            label: self.label,
            kind: Some(self.kind),
            detail: (!self.detail.is_empty()).then_some(self.detail),
            documentation,
            sort_text: Some(format!("{place:04}")),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: self.insert })),
            ..CompletionItem::default()
        }
    }
}

struct Writer<'a> {
    view: View<'a>,
    at: u32,
    context: &'a Context,
}

impl<'a> Writer<'a> {
    fn offers(&self) -> Vec<Offer> {
        let c = self.context;
        let Some(outermost) = c.frames.first() else { return self.top() };
        if c.frames[0].head.first().is_some_and(|w| w == "use") {
            return self.uses(&c.frames[0].head[1..]);
        }
        if outermost.head.first().is_none_or(|w| w != "experiment") {
            return self.amendment(outermost).unwrap_or_else(|| self.code(outermost));
        }
        match c.frames.last() {
            Some(frame) if frame.bracket == '(' => self.argument(frame),
            Some(frame) if frame.bracket == '[' => self.item(frame),
            _ => self.statement(),
        }
    }

    // ---- the file itself

    fn top(&self) -> Vec<Offer> {
        let c = self.context;
        let tokens: Vec<&str> = c.tokens.iter().map(String::as_str).collect();
        match tokens.as_slice() {
            [] if c.path.is_empty() => {
                let words = [
                    "use",
                    "experiment",
                    "block",
                    "fn",
                    "loss",
                    "metric",
                    "schedule",
                    "optimiser",
                    "tokeniser",
                    "processor",
                    "data",
                    "vocabulary",
                ];
                words.iter().map(|w| Offer::new(*w, CompletionItemKind::KEYWORD, "").then(" ")).collect()
            }
            ["use"] => self.uses(&[]),
            [kind, _, "="] => {
                self.view.library().definitions().iter().filter(|d| kind_word(d.kind) == *kind).map(|d| self.defined(d)).collect()
            }
            _ => vec![],
        }
    }

    /// `use std.metrics.{|`: names of the module; `use std.|`: modules and what they define. `head` is what stands before a `{`.
    fn uses(&self, head: &[String]) -> Vec<Offer> {
        let written: Vec<&str> = if head.is_empty() {
            self.context.path.iter().map(String::as_str).collect()
        } else {
            head.iter().map(String::as_str).filter(|t| *t != ".").collect()
        };
        let prefix = written.join(".");
        let library = self.view.library();
        let mut out = vec![];
        for definition in library.definitions() {
            let module = library.module_of(definition);
            if !module.starts_with("std.") {
                continue;
            }
            if module == prefix || module == format!("{prefix}.{}", definition.name.text) {
                out.push(self.defined(definition));
            } else {
                let rest = if prefix.is_empty() { Some(module) } else { module.strip_prefix(&format!("{prefix}.")) };
                let next = rest.and_then(|r| r.split('.').next()).filter(|_| head.is_empty());
                out.extend(next.map(|n| Offer::new(n, CompletionItemKind::MODULE, "module")));
            }
        }
        out
    }

    fn defined(&self, definition: &Definition) -> Offer {
        let signature = pfm_hir::signature(definition, &self.view.now.checked.sources);
        Offer::new(&definition.name.text, CompletionItemKind::FUNCTION, signature).doc(prose(&definition.doc))
    }

    fn definitions(&self, kinds: &[DefinitionKind]) -> Vec<Offer> {
        self.view.library().definitions().iter().filter(|d| kinds.contains(&d.kind)).map(|d| self.defined(d)).collect()
    }

    // ---- definitions

    /// Inside of `metric wide = neps { … }` or of its arguments; None where a definition has code of its own.
    fn amendment(&self, outermost: &Frame) -> Option<Vec<Offer>> {
        let [word, _, sign, base, ..] = outermost.head.as_slice() else { return None };
        let mut known = self.view.library().definitions().iter().filter(|_| sign == "=");
        let definition = known.find(|d| kind_word(d.kind) == word && d.name.text == *base)?;
        let (frames, tokens) = (&self.context.frames, &self.context.tokens);
        Some(match frames.as_slice() {
            [only] if tokens.is_empty() => self.settings(definition, if only.bracket == '(' { ": " } else { " = " }),
            [_] => self.value(self.context.setting().unwrap_or("")),
            [_, level] if tokens.is_empty() && level.bracket == '{' => self.level_keys(level.head.first().map_or("", String::as_str)),
            _ => vec![],
        })
    }

    /// What a definition lets a block set.
    fn settings(&self, definition: &Definition, sign: &str) -> Vec<Offer> {
        let mut out = vec![];
        for parameter in pfm_elaborate::settings_of(definition) {
            let detail = pfm_hir::parameter(&parameter, &self.view.now.checked.sources);
            let offer = Offer::new(&parameter.name.text, CompletionItemKind::PROPERTY, detail);
            out.push(offer.then(sign).doc(prose(&parameter.doc)));
        }
        if let Body::Members { definitions, .. } = &definition.body {
            let records = definitions.iter().filter(|d| d.kind == DefinitionKind::Data);
            out.extend(records.map(|r| Offer::new(&r.name.text, CompletionItemKind::KEYWORD, "numbered block").then(" ")));
        }
        out
    }

    fn code(&self, outermost: &Frame) -> Vec<Offer> {
        if !self.context.path.is_empty() {
            return vec![];
        }
        let name = outermost.head.get(1).map_or("", String::as_str);
        let inside = |path: &str| path == name || path.starts_with(&format!("{name}."));
        let mut out = vec![];
        for occurrence in self.view.now.symbols.occurrences.iter().filter(|o| o.declares) {
            match &occurrence.symbol {
                Symbol::Local { of, name, .. } if inside(of) => out.push(Offer::new(name, CompletionItemKind::VARIABLE, "")),
                Symbol::Parameter { of, name, kind } if inside(of) => {
                    out.push(Offer::new(name, CompletionItemKind::VARIABLE, self.parameter(*kind, of, name)));
                }
                Symbol::Member { path, .. } if inside(path) => {
                    out.push(Offer::new(path.rsplit('.').next().unwrap_or(path), CompletionItemKind::FUNCTION, "member"));
                }
                _ => {}
            }
        }
        out.extend(self.definitions(&[DefinitionKind::Block, DefinitionKind::Fn]));
        let builtins = pfm_elaborate::builtins().map(|b| Offer::new(b.name, CompletionItemKind::FUNCTION, b.signature()).doc(b.doc));
        out.extend(builtins);
        out
    }

    fn parameter(&self, kind: DefinitionKind, of: &str, name: &str) -> String {
        let found = member(self.view.library(), kind, of).and_then(|d| d.params.iter().find(|p| p.name.text == name));
        found.map_or_else(String::new, |p| pfm_hir::parameter(p, &self.view.now.checked.sources))
    }

    // ---- experiments

    /// Names of blocks that the file declares.
    fn blocks(&self, wanted: &[Kind]) -> Vec<Offer> {
        let mut out = vec![];
        let amends = self.view.now.file.experiments.iter().any(|e| e.base.is_some());
        let others = self.view.now.others.iter().filter(|_| amends).flat_map(|s| &s.occurrences);
        for occurrence in self.view.now.symbols.occurrences.iter().chain(others).filter(|o| o.declares) {
            if let Symbol::Block { kind, name, .. } = &occurrence.symbol
                && wanted.contains(kind)
            {
                out.push(Offer::new(name, CompletionItemKind::VARIABLE, kind.word()));
            }
        }
        out
    }

    fn written(&self, kind: Kind, name: &str) -> Option<&'a Block> {
        let now = self.view.now;
        let here = now.file.experiments.iter().filter(|e| e.span.start <= self.at && self.at <= e.span.end).chain(now.experiments());
        let mut blocks = here.flat_map(|e| &e.body).filter_map(|s| match s {
            Statement::Block(block) => Some(block),
            _ => None,
        });
        blocks.find(|b| b.kind.text == kind.word() && b.label.as_ref().is_some_and(|l| l.text == name))
    }

    fn value_of(block: &'a Block, name: &str) -> Option<&'a Expr> {
        block.body.iter().find_map(|s| match s {
            Statement::Setting(setting) if setting.path.text() == name => Some(&setting.value),
            _ => None,
        })
    }

    /// The definition that a block amends, through other blocks.
    fn definition_of(&self, kind: DefinitionKind, base: &str) -> Option<&Definition> {
        let mut base = base.to_string();
        for _ in 0..8 {
            if let Some(found) = self.view.library().definition(kind, &base) {
                return Some(found);
            }
            base = self.written(Kind::of_word(kind_word(kind))?, &base)?.base.as_ref()?.text();
        }
        None
    }

    fn statement(&self) -> Vec<Offer> {
        let c = self.context;
        let Some(block) = c.blocks().last() else { return vec![] };
        let word = block.head.first().map_or("", String::as_str);
        let tokens: Vec<&str> = c.tokens.iter().map(String::as_str).collect();
        if c.frames.last().is_some_and(|f| f.head.last().is_some_and(|t| t == "=" || t == ":")) {
            // An option of a choice.
            let setting = c.frames.last().and_then(|f| setting_of(&f.head)).unwrap_or("");
            return self.value(setting);
        }
        match tokens.as_slice() {
            ["freeze" | "train", ..] if word == "mask" && tokens.get(1) != Some(&"=") => self.parameters(),
            ["expect", ..] => self.claim(),
            [.., "over"] => self.blocks(if tokens[0] == "report" { &[Kind::Stage, Kind::Grid] } else { &[Kind::Stage] }),
            [kind, _, "="] if word == "experiment" && Kind::of_word(kind).is_some() => self.base(kind),
            [_, .., last] if tokens.contains(&"=") && starts_number(last) => self.units(c.setting().unwrap_or("")),
            _ if tokens.contains(&"=") => self.value(c.setting().unwrap_or("")),
            [] => self.keys(block),
            _ => vec![],
        }
    }

    fn base(&self, word: &str) -> Vec<Offer> {
        let kind = Kind::of_word(word);
        let mut out = self.blocks(&Vec::from_iter(kind));
        out.extend(self.view.library().definitions().iter().filter(|d| kind_word(d.kind) == word).map(|d| self.defined(d)));
        out
    }

    /// What a block may set, less what it sets already.
    fn keys(&self, frame: &Frame) -> Vec<Offer> {
        let head: Vec<&str> = frame.head.iter().map(String::as_str).collect();
        let (word, label) = (head.first().copied().unwrap_or(""), head.get(1).copied().unwrap_or(""));
        let key = |name: &str, detail: String, doc: &str| Offer::new(name, CompletionItemKind::PROPERTY, detail).then(" = ").doc(doc);
        let info = |s: &pfm_hir::SettingInfo| key(s.name, s.default.map_or("needed".to_string(), |d| format!("default {d}")), s.doc);
        if word == "experiment" {
            let mut out: Vec<Offer> = EXPERIMENT.iter().map(info).collect();
            out.extend(Kind::ALL.iter().map(|k| Offer::new(k.word(), CompletionItemKind::KEYWORD, "block").then(" ")));
            out.push(Offer::new("expect", CompletionItemKind::KEYWORD, "a claim").then(" "));
            return out;
        }
        if word == "level" {
            return self.level_keys(word);
        }
        let Some(kind) = Kind::of_word(word) else { return vec![] };
        if kind == Kind::Profile {
            return self.profile();
        }
        let base = head.iter().position(|t| *t == "=").and_then(|at| head.get(at + 1)).copied();
        let mut out: Vec<Offer> = kind.settings().iter().map(info).collect();
        let definition = definition_kind(kind).and_then(|k| self.definition_of(k, base?));
        out.extend(definition.into_iter().flat_map(|d| self.settings(d, " = ")));
        match kind {
            Kind::Mask => out.extend(["freeze", "train"].map(|w| Offer::new(w, CompletionItemKind::KEYWORD, "").then(" "))),
            Kind::Grid => {
                out.extend(Kind::Stage.settings().iter().map(|s| key(s.name, "axis".to_string(), s.doc)));
                out.push(Offer::new("skip", CompletionItemKind::KEYWORD, "leaves cells out").then(" "));
            }
            _ => {}
        }
        if let Some(written) = self.written(kind, label) {
            out.retain(|o| Self::value_of(written, &o.label).is_none() || o.label == self.context.word);
        }
        out
    }

    fn level_keys(&self, record: &str) -> Vec<Offer> {
        let blocks: Vec<&Frame> = self.context.blocks().collect();
        let [.., outer, _] = blocks.as_slice() else { return vec![] };
        let [word, _, _, base, ..] = outer.head.as_slice() else { return vec![] };
        let Some(kind) = Kind::of_word(word).and_then(definition_kind) else { return vec![] };
        let Some(definition) = self.definition_of(kind, base) else { return vec![] };
        let of = format!("{}.{record}", definition.name.text);
        let parameters = member(self.view.library(), kind, &of).map_or(vec![], |d| d.params.iter().map(|p| p.name.text.clone()).collect());
        parameters.iter().map(|p| Offer::new(p, CompletionItemKind::PROPERTY, self.parameter(kind, &of, p)).then(" = ")).collect()
    }

    /// `rollout.optimiser.lr`: block, setting, argument.
    fn profile(&self) -> Vec<Offer> {
        const ALL: [Kind; 8] =
            [Kind::Data, Kind::Tokeniser, Kind::Processor, Kind::Model, Kind::Mask, Kind::Stage, Kind::Grid, Kind::Report];
        let path: Vec<&str> = self.context.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            [] => self.blocks(&ALL),
            [label] => {
                let found = ALL.iter().filter_map(|k| Some((*k, self.written(*k, label)?)));
                let mut out = vec![];
                for (kind, block) in found {
                    let mut head = vec![kind.word().to_string(), String::new()];
                    head.extend(block.base.iter().flat_map(|b| ["=".to_string(), b.text()]));
                    out.extend(self.keys(&Frame { bracket: '{', head }));
                }
                out
            }
            [label, setting] => {
                let called = self.written(Kind::Stage, label).and_then(|b| called(Self::value_of(b, setting)?));
                called.map_or(vec![], |name| self.argument_names(setting, &name, " = "))
            }
            _ => vec![],
        }
    }

    // ---- values

    fn value(&self, setting: &str) -> Vec<Offer> {
        let c = self.context;
        if c.tokens.last().is_some_and(|t| starts_number(t)) {
            return self.units(setting);
        }
        if !c.path.is_empty() {
            return self.outputs();
        }
        let mut out = match setting {
            "train" => self.blocks(&[Kind::Tokeniser, Kind::Model]),
            "data" => self.blocks(&[Kind::Data]),
            "tokeniser" => self.blocks(&[Kind::Tokeniser]),
            "processor" => self.blocks(&[Kind::Processor]),
            "mask" => self.blocks(&[Kind::Mask]),
            "weights" | "in" => self.blocks(&[Kind::Stage]),
            _ => vec![],
        };
        out.extend(self.definitions(named_by(setting)).into_iter().filter(|_| setting != "fields"));
        out.extend(words::values(setting).iter().map(|(w, doc)| Offer::new(*w, CompletionItemKind::VALUE, *doc)));
        out
    }

    /// `pretrain.|`: what the stage trains.
    fn outputs(&self) -> Vec<Offer> {
        let [stage] = self.context.path.as_slice() else { return vec![] };
        let Some(block) = self.written(Kind::Stage, stage) else { return vec![] };
        let Some(trained) = Self::value_of(block, "train").and_then(called) else { return vec![] };
        let part = |name: &str, what: &str| Offer::new(name, CompletionItemKind::VARIABLE, format!("{what}, as `{stage}` leaves it"));
        let Some(model) = self.written(Kind::Model, &trained) else { return vec![part(&trained, "tokeniser")] };
        let parts = ["tokeniser", "processor"].iter().filter_map(|s| Some(part(&called(Self::value_of(model, s)?)?, s)));
        let mut out: Vec<Offer> = parts.collect();
        if Self::value_of(model, "link").and_then(called).as_deref() != Some("none") {
            out.push(part("link", "link"));
        }
        out
    }

    fn units(&self, setting: &str) -> Vec<Offer> {
        if !self.context.path.is_empty() {
            return vec![];
        }
        let place = self.view.now.symbols.place_at(self.context.start.saturating_sub(2) as u32);
        let hint = match place.map(|p| &p.owner) {
            Some(pfm_hir::Owner::Definition(kind, of)) => self.parameter(*kind, of, setting),
            _ => String::new(),
        };
        words::units(setting, &hint).into_iter().map(|(w, what)| Offer::new(w, CompletionItemKind::UNIT, what)).collect()
    }

    /// Segments that may follow in a path of the parameter tree.
    fn parameters(&self) -> Vec<Offer> {
        let c = self.context;
        let mut out = vec![];
        let Some(e) = self.view.now.experiment().or_else(|| self.view.good?.experiment()) else {
            return if c.path.is_empty() { self.blocks(&[Kind::Tokeniser, Kind::Processor]) } else { vec![] };
        };
        let span = pfm_diag::Span::new(crate::workspace::Read::ID, 0, 0);
        let prefix = Path { segments: c.path.iter().map(|s| Name { text: s.clone(), span }).collect(), span };
        let any = c.path.iter().any(|s| s == "**");
        for p in e.models.iter().flat_map(|m| &m.parameters).filter(|p| glob_matches(&prefix, &p.path)) {
            let segments: Vec<&str> = p.path.split('.').collect();
            let next = if any { segments.as_slice() } else { segments.get(c.path.len()..c.path.len() + 1).unwrap_or(&[]) };
            let whole = segments.len() == c.path.len() + 1;
            for segment in next {
                out.push(Offer::new(
                    *segment,
                    if whole { CompletionItemKind::FIELD } else { CompletionItemKind::MODULE },
                    if whole { format!("{:?}", p.shape) } else { String::new() },
                ));
            }
        }
        if c.path.is_empty() && c.tokens.len() > 1 && !c.tokens.iter().any(|t| t == "except") {
            out.push(Offer::new("except", CompletionItemKind::KEYWORD, "less these").then(" "));
        }
        out
    }

    fn claim(&self) -> Vec<Offer> {
        if !self.context.path.is_empty() {
            return vec![];
        }
        if self.context.tokens.last().is_some_and(|t| starts_number(t)) {
            let within = self.context.tokens.iter().any(|t| t == "within");
            return self.units(if within { "within" } else { "" });
        }
        let mut out: Vec<Offer> = words::CLAIMS.iter().map(|(w, doc)| Offer::new(*w, CompletionItemKind::FUNCTION, "").doc(*doc)).collect();
        out.extend(self.definitions(&[DefinitionKind::Metric]));
        out.extend(["within", "on"].map(|w| Offer::new(w, CompletionItemKind::KEYWORD, "")));
        out
    }

    // ---- inside brackets

    fn argument_names(&self, setting: &str, callee: &str, after: &str) -> Vec<Offer> {
        let kinds = if setting.is_empty() { &[DefinitionKind::Metric][..] } else { named_by(setting) };
        let found = kinds.iter().find_map(|k| self.view.library().definition(*k, callee));
        let Some(definition) = found else {
            return words::arguments(callee).iter().map(|a| Offer::new(*a, CompletionItemKind::PROPERTY, "").then(after)).collect();
        };
        self.settings(definition, after)
    }

    fn argument(&self, frame: &Frame) -> Vec<Offer> {
        let callee = frame.head.last().map_or("", String::as_str);
        if let Some(name) = self.context.setting() {
            return self.value(name);
        }
        if self.context.tokens.last().is_some_and(|t| starts_number(t)) {
            return self.units("");
        }
        let setting = setting_of(&frame.head).unwrap_or("");
        let mut out = self.argument_names(setting, callee, ": ");
        match callee {
            "vocabulary" => out.extend(self.definitions(&[DefinitionKind::Vocabulary])),
            "trainable" | "parameters" | "variants" | "latent" | "count" => {
                out.extend(self.blocks(&[Kind::Tokeniser, Kind::Processor, Kind::Model, Kind::Mask]));
            }
            _ => {}
        }
        out
    }

    fn item(&self, frame: &Frame) -> Vec<Offer> {
        let c = self.context;
        let before = frame.head.last().map_or("", String::as_str);
        let of_fields = || {
            let e = self.view.now.experiment().or_else(|| self.view.good?.experiment());
            let fields: Vec<&String> = e.map_or(vec![], |e| e.data.iter().flat_map(|d| &d.fields).collect());
            fields.into_iter().map(|f| Offer::new(f, CompletionItemKind::FIELD, "field of the data")).collect()
        };
        if matches!(before, "=" | ":") && setting_of(&frame.head) == Some("new_fields") {
            return of_fields();
        }
        if matches!(before, "=" | ":") {
            return self.value(setting_of(&frame.head).unwrap_or(""));
        }
        let outer = c.frames.len().checked_sub(2).and_then(|i| c.frames.get(i));
        if outer.is_some_and(|f| f.bracket == '(' && f.head.last().is_some_and(|t| t == "vocabulary")) {
            return of_fields();
        }
        if !before.is_empty() && before != "(" {
            return self.cell();
        }
        vec![]
    }

    /// `skip [weights: |`, `vrmse[|`: axes and labels of the grids.
    fn cell(&self) -> Vec<Offer> {
        let wanted = self.context.setting();
        let labels = self.view.now.symbols.occurrences.iter().filter(|o| o.declares).filter_map(|o| match &o.symbol {
            Symbol::Label { grid, axis, label, .. } => Some((grid, axis, label)),
            _ => None,
        });
        let offers = labels.filter_map(|(grid, axis, label)| match wanted {
            Some(wanted) => (wanted == axis).then(|| Offer::new(label, CompletionItemKind::ENUM_MEMBER, format!("cells of grid {grid}"))),
            None => Some(Offer::new(axis, CompletionItemKind::PROPERTY, format!("axis of grid {grid}")).then(": ")),
        });
        offers.collect()
    }
}

/// The name that a value is or calls.
fn called(value: &Expr) -> Option<String> {
    match &value.kind {
        ExprKind::Path(path) => Some(path.text()),
        ExprKind::Call(call) => Some(call.callee.text()),
        _ => None,
    }
}

fn starts_number(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_digit())
}

fn definition_kind(kind: Kind) -> Option<DefinitionKind> {
    match kind {
        Kind::Data => Some(DefinitionKind::Data),
        Kind::Tokeniser => Some(DefinitionKind::Tokeniser),
        Kind::Processor => Some(DefinitionKind::Processor),
        _ => None,
    }
}
