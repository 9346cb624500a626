//! The experiment as written, as a tree that profiles can change: blocks by kind and name, each a list of settings. Building it
//! reports what is written twice and blocks that don't belong; what the values mean is not looked at.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Arg, Block, Expect, Expr, MaskTerm, Name, Path, Setting, Statement};

use crate::findings::Findings;
use crate::schema::Kind;
use crate::suggest::{any_of, nearest};

/// `name = value`. The span of the value says where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub name: Name,
    pub value: Expr,
}

/// A block inside the experiment.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub kind: Kind,
    pub label: Name,
    /// The keyword, to point at.
    pub keyword: Span,
    pub modifier: Option<Name>,
    pub over: Option<Path>,
    pub base: Option<Path>,
    /// Arguments of the base: the parts of `mix([a, b])`.
    pub base_args: Vec<Arg>,
    pub settings: Vec<Entry>,
    /// Settings with a dotted path, applied after the base's.
    pub amendments: Vec<Setting>,
    /// Numbered blocks, such as `level 2 { … }`, in order of their numbers.
    pub levels: Vec<Level>,
    pub freeze: Vec<MaskTerm>,
    pub train: Vec<MaskTerm>,
    pub skip: Vec<(Vec<Arg>, Span)>,
    pub span: Span,
}

/// `level 2 { channels = 32 }` inside a tokeniser: entry `number` (from 1) of the list setting `levels`.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    /// The keyword, `level`.
    pub word: String,
    pub number: usize,
    pub settings: Vec<Entry>,
    pub span: Span,
}

impl Item {
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.settings.iter().find(|e| e.name.text == name)
    }

    pub fn value(&self, name: &str) -> Option<&Expr> {
        self.entry(name).map(|e| &e.value)
    }

    /// Sets or replaces.
    pub fn set(&mut self, name: Name, value: Expr) {
        match self.settings.iter_mut().find(|e| e.name.text == name.text) {
            Some(entry) => entry.value = value,
            None => self.settings.push(Entry { name, value }),
        }
    }
}

/// One experiment as written.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub name: Name,
    pub doc: String,
    pub settings: Vec<Entry>,
    pub items: Vec<Item>,
    pub expects: Vec<Expect>,
    /// Names that blocks amend, as written.
    pub amended: Vec<String>,
    /// Settings by path into the experiment that this one amends.
    pub amendments: Vec<Setting>,
}

impl Tree {
    pub fn find(&self, kind: Kind, name: &str) -> Option<&Item> {
        self.items.iter().find(|i| i.kind == kind && i.label.text == name)
    }

    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |i| i.kind == kind)
    }

    pub fn names(&self, kind: Kind) -> Vec<&str> {
        self.of(kind).map(|i| i.label.text.as_str()).collect()
    }
}

/// Reads one experiment block.
pub(crate) fn build(block: &Block, findings: &mut Findings) -> Tree {
    let name = block.label.clone().unwrap_or_else(|| block.kind.clone());
    let doc = block.doc.join("\n").trim().to_string();
    let mut tree = Tree { name, doc, settings: vec![], items: vec![], expects: vec![], amended: vec![], amendments: vec![] };
    for statement in &block.body {
        match statement {
            Statement::Block(inner) => {
                if let Some(item) = build_item(inner, findings) {
                    add_item(&mut tree, item, findings);
                }
            }
            Statement::Setting(setting) if block.base.is_some() => {
                add_setting(&mut tree.settings, &mut tree.amendments, setting, findings);
            }
            Statement::Setting(setting) => add_plain(&mut tree.settings, setting, findings),
            Statement::Expect(expect) => tree.expects.push(expect.clone()),
            Statement::Freeze(term) => findings.push(misplaced("freeze", "a mask", term.span)),
            Statement::Train(term) => findings.push(misplaced("train", "a mask", term.span)),
            Statement::Skip(_, span) => findings.push(misplaced("skip", "a grid", *span)),
        }
    }
    tree.amended = tree.items.iter().filter_map(|i| i.base.as_ref()).map(Path::text).collect();
    tree
}

/// Adds a block, unless its name is taken.
pub(crate) fn add_item(tree: &mut Tree, item: Item, findings: &mut Findings) {
    let first = tree.items.iter().find(|i| i.label.text == item.label.text && i.kind.namespace() == item.kind.namespace());
    if let Some(first) = first {
        findings.push(
            Diagnostic::new("E0103", format!("`{}` is declared twice", item.label.text))
                .at(item.label.span, format!("a {} here", item.kind.word()))
                .also(first.label.span, format!("already a {} here", first.kind.word()))
                .help("rename one of them"),
        );
        return;
    }
    tree.items.push(item);
}

fn build_item(block: &Block, findings: &mut Findings) -> Option<Item> {
    let kind = match Kind::of_word(&block.kind.text) {
        Some(kind) => kind,
        None => {
            let words = Kind::ALL.map(Kind::word);
            let d = Diagnostic::new("E0112", format!("an experiment has no block `{}`", block.kind.text))
                .at(block.kind.span, "not a kind of block");
            match nearest(&block.kind.text, &words).as_slice() {
                [] => {
                    findings.push(d.help(format!("blocks are {}", any_of(&words))));
                    return None;
                }
                // It is read as what was surely meant, so that its name is not missed.
                [near, ..] => {
                    findings.push(d.fix(format!("did you mean `{near}`?"), block.kind.span, *near, true));
                    Kind::of_word(near)?
                }
            }
        }
    };
    let Some(label) = block.label.clone() else {
        findings.push(
            Diagnostic::new("E0112", format!("this {} has no name", kind.word()))
                .at(block.kind.span, "a name goes after this word")
                .help(format!("write `{} NAME {{ … }}`", kind.word())),
        );
        findings.unnamed(kind.word());
        return None;
    };
    let mut item = Item {
        kind,
        label,
        keyword: block.kind.span,
        modifier: block.modifier.clone(),
        over: block.over.clone(),
        base: block.base.clone(),
        base_args: block.base_args.clone(),
        settings: vec![],
        amendments: vec![],
        levels: vec![],
        freeze: vec![],
        train: vec![],
        skip: vec![],
        span: block.span,
    };
    for statement in &block.body {
        add_statement(&mut item, statement, findings);
    }
    item.levels.sort_by_key(|l| l.number);
    Some(item)
}

fn add_statement(item: &mut Item, statement: &Statement, findings: &mut Findings) {
    match statement {
        Statement::Setting(setting) => {
            add_setting(&mut item.settings, &mut item.amendments, setting, findings);
        }
        Statement::Block(block) => add_level(item, block, findings),
        Statement::Freeze(term) if item.kind == Kind::Mask => item.freeze.push(term.clone()),
        Statement::Train(term) if item.kind == Kind::Mask => item.train.push(term.clone()),
        Statement::Skip(args, span) if item.kind == Kind::Grid => item.skip.push((args.clone(), *span)),
        Statement::Freeze(term) => findings.push(misplaced("freeze", "a mask", term.span)),
        Statement::Train(term) => findings.push(misplaced("train", "a mask", term.span)),
        Statement::Skip(_, span) => findings.push(misplaced("skip", "a grid", *span)),
        Statement::Expect(expect) => findings.push(misplaced("expect", "the experiment itself", expect.span)),
    }
}

fn add_setting(entries: &mut Vec<Entry>, amendments: &mut Vec<Setting>, setting: &Setting, findings: &mut Findings) {
    let text = setting.path.text();
    let first = entries
        .iter()
        .find(|e| e.name.text == text)
        .map(|e| e.name.span)
        .or_else(|| amendments.iter().find(|a| a.path.text() == text).map(|a| a.path.span));
    if let Some(first) = first {
        findings.push(
            Diagnostic::new("E0103", format!("`{text}` is set twice"))
                .at(setting.path.span, "set again here")
                .also(first, "first set here")
                .help("remove one of them"),
        );
        return;
    }
    match setting.path.segments.as_slice() {
        [name] => entries.push(Entry { name: name.clone(), value: setting.value.clone() }),
        _ => amendments.push(setting.clone()),
    }
}

/// A setting where only plain names make sense.
fn add_plain(entries: &mut Vec<Entry>, setting: &Setting, findings: &mut Findings) {
    if setting.path.segments.len() > 1 {
        findings.push(misplaced(&setting.path.text(), "a profile, or set it inside its block", setting.path.span));
    } else {
        add_setting(entries, &mut vec![], setting, findings);
    }
}

fn add_level(item: &mut Item, block: &Block, findings: &mut Findings) {
    let number = block.label.as_ref().and_then(|l| l.text.parse::<usize>().ok());
    let in_part = matches!(item.kind, Kind::Tokeniser | Kind::Processor);
    let (Some(number), true) = (number.filter(|n| *n > 0), in_part) else {
        let text = format!("a {} has no block `{}`", item.kind.word(), block.kind.text);
        let d = Diagnostic::new("E0112", text).at(block.kind.span, "not a block of its own here");
        findings.push(if in_part {
            d.help(format!("write `{} 1 {{ … }}`: numbered from 1", block.kind.text))
        } else {
            d.help("write settings as `name = value`")
        });
        return;
    };
    if let Some(first) = item.levels.iter().find(|l| l.word == block.kind.text && l.number == number) {
        findings.push(
            Diagnostic::new("E0103", format!("`{} {number}` is declared twice", block.kind.text))
                .at(block.kind.span, "again here")
                .also(first.span, "first here")
                .help("number the levels 1, 2, 3, …"),
        );
        return;
    }
    let mut settings = vec![];
    for statement in &block.body {
        match statement {
            Statement::Setting(setting) => add_plain(&mut settings, setting, findings),
            Statement::Block(inner) => findings.push(misplaced(&inner.kind.text, "a block of its own", inner.span)),
            Statement::Freeze(t) | Statement::Train(t) => findings.push(misplaced("freeze", "a mask", t.span)),
            Statement::Skip(_, span) => findings.push(misplaced("skip", "a grid", *span)),
            Statement::Expect(e) => findings.push(misplaced("expect", "the experiment itself", e.span)),
        }
    }
    let span = block.label.as_ref().map_or(block.kind.span, |l| block.kind.span.to(l.span));
    item.levels.push(Level { word: block.kind.text.clone(), number, settings, span });
}

fn misplaced(word: &str, home: &str, span: Span) -> Diagnostic {
    Diagnostic::new("E0112", format!("`{word}` does not belong here")).at(span, "has no effect here").help(format!("move it into {home}"))
}
