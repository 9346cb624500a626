//! A file of its own for one cell of an experiment: it uses no other file and needs no options. What the profile, the command
//! line and the grid's axes say is written into the blocks, what the cell does not need is left out, and comments stay.

use std::collections::BTreeSet;

use pfm_diag::{Sources, Span};
use pfm_syntax::ast::{Block, Expect, Setting, Statement, UseTarget};

use crate::axes;
use crate::context::Context;
use crate::epochs;
use crate::experiment::{Cell, ClaimTerm, Experiment, Model, Report};
use crate::findings::Findings;
use crate::input::{Input, Request};
use crate::reach::{Reach, tokens, words};
use crate::resolve;
use crate::rewrite::{above, behind, item_text, value_text, without_labels};
use crate::schema::Kind;
use crate::tree::{Item, Tree};
use crate::unused::collect;
use crate::weights::parts_of;

/// The text of the cell. `experiment` is what `input` and `request` resolved to, `notes` become documentation comments.
pub fn closed(input: &Input, request: &Request, experiment: &Experiment, cell: &Cell, notes: &[String]) -> String {
    let mut findings = Findings::default();
    let (context, chain) = resolve::open(input, request, &mut findings);
    let Some((block, _)) = chain.first() else { return String::new() };
    let (mut tree, _) = resolve::flat(&context, &chain, request, &mut findings);
    let reaches = set_axes(&context, &mut tree, cell, &mut findings);
    // A chart over the cells of a grid has nothing to show of one.
    let reports = tree.items.iter_mut().filter(|i| i.kind == Kind::Report);
    reports.for_each(|i| i.settings.retain(|e| e.name.text != "plot"));
    for stage in tree.items.iter_mut().filter(|i| i.kind == Kind::Stage) {
        if !epochs::are_counted(&context, stage) {
            stage.settings.retain(|e| e.name.text != "epoch");
        }
    }
    let writer = Writer { input, sources: input.sources, experiment, cell, tree: &tree, reaches };
    let body = writer.experiment(block, notes);
    let code = writer.definitions(&body);
    let edition = input.file.edition.map_or(1, |(edition, _)| edition);
    let uses = writer.uses(&format!("{body}{code}"));
    let text = format!("pfm {edition}\n\n{uses}\n{body}{code}");
    pfm_syntax::format(&text).unwrap_or(text)
}

/// Writes the cell's labels into the stage that its grid varies, or into the blocks that its axes reach. True when there are some.
fn set_axes(context: &Context, tree: &mut Tree, cell: &Cell, findings: &mut Findings) -> bool {
    let Some(grid) = cell.grid.as_ref().and_then(|g| tree.find(Kind::Grid, g)).cloned() else { return false };
    let over = grid.over.as_ref().map(|o| o.text()).unwrap_or_default();
    let Some(stage) = tree.find(Kind::Stage, &over).cloned() else { return false };
    let mut reaches = false;
    for axis in axes::axes(context, tree, &grid, &stage, findings) {
        let label = cell.labels.iter().find(|(name, _)| *name == axis.name).map(|(_, label)| label);
        if let Some(index) = label.and_then(|l| axis.options.iter().position(|(n, _)| n.text == *l)) {
            reaches |= axes::change(tree, &over, &axis, index, findings);
        }
    }
    reaches
}

struct Writer<'a> {
    input: &'a Input<'a>,
    sources: &'a Sources,
    experiment: &'a Experiment,
    cell: &'a Cell,
    /// Flat, with the cell's labels set.
    tree: &'a Tree,
    /// True where the cell's labels change a block other than its stage.
    reaches: bool,
}

impl Writer<'_> {
    /// The experiment's block, with the comments above it.
    fn experiment(&self, block: &Block, notes: &[String]) -> String {
        let kept = self.kept();
        let mut out = String::new();
        notes.iter().for_each(|note| out.push_str(&format!("## {note}\n")));
        out.push_str(above(self.sources, block.span).trim_start_matches('\n'));
        out.push_str(&format!("experiment {} {{{}\n", self.tree.name.text, self.head_comment(block)));
        for entry in &self.tree.settings {
            let text = format!("{} = {}", entry.name.text, value_text(self.sources, &entry.value));
            match self.statement(entry.name.span) {
                Some(s) => self.piece(&mut out, s.span, &text),
                None => out.push_str(&format!("{text}\n")),
            }
        }
        for item in self.tree.items.iter().filter(|i| kept.contains(&(i.kind.namespace(), i.label.text.as_str()))) {
            let own = self.block(item.span).expect("an item comes from a block");
            self.piece(&mut out, own.span, &item_text(self.sources, own, item, self.stage_of(item)));
        }
        for expect in self.tree.expects.iter().filter(|e| self.stays(e, &kept)) {
            self.piece(&mut out, expect.span, &without_labels(self.sources, expect, &self.cell.labels));
        }
        let end = Span { start: block.span.end - 1, ..block.span };
        out.push_str(above(self.sources, end));
        out.push_str("}\n");
        out
    }

    /// The comment behind the brace that opens the experiment.
    fn head_comment(&self, block: &Block) -> &str {
        let head = block.base.as_ref().map_or(block.label.as_ref().map_or(block.kind.span, |l| l.span), |b| b.span);
        let text = &self.sources.file(block.span.file).text;
        let brace = text[head.end as usize..].find('{').map_or(head.end, |n| head.end + n as u32 + 1);
        behind(self.sources, Span { start: head.start, end: brace, file: head.file })
    }

    /// Adds a statement with the comments above it and the one behind it.
    fn piece(&self, out: &mut String, span: Span, text: &str) {
        out.push_str(above(self.sources, span));
        out.push_str(text);
        out.push_str(behind(self.sources, span));
        out.push('\n');
    }

    /// Blocks that the cell needs: its stages, the reports on them, and everything that these name.
    fn kept(&self) -> BTreeSet<(u8, &str)> {
        let stages: Vec<&str> = self.cell.stages.iter().map(|s| self.experiment.stages[*s].name.as_str()).collect();
        let mut kept = BTreeSet::new();
        let mut words: Vec<String> = vec![];
        let mut waiting: Vec<&Item> = self.tree.items.iter().collect();
        loop {
            let wanted = |item: &Item| match item.kind {
                Kind::Profile | Kind::Grid => false,
                Kind::Stage => stages.contains(&item.label.text.as_str()),
                Kind::Report => self.report(item).is_some_and(|r| stages.contains(&r.stage.as_str())),
                _ => words.contains(&item.label.text),
            };
            let (found, rest): (Vec<&Item>, Vec<&Item>) = waiting.into_iter().partition(|item| wanted(item));
            if found.is_empty() {
                return kept;
            }
            for item in found {
                item.settings.iter().for_each(|e| collect(&e.value, &mut words));
                item.base_args.iter().for_each(|a| collect(&a.value, &mut words));
                kept.insert((item.kind.namespace(), item.label.text.as_str()));
            }
            waiting = rest;
        }
    }

    fn report(&self, item: &Item) -> Option<&Report> {
        self.experiment.reports.iter().find(|r| r.name == item.label.text)
    }

    /// The stage that a report must name, now that the grid is gone that named it.
    fn stage_of(&self, item: &Item) -> Option<&str> {
        let by_grid = item.kind == Kind::Report && item.over.is_none() && self.tree.find(Kind::Grid, &item.label.text).is_some();
        self.report(item).filter(|_| by_grid).map(|r| r.stage.as_str())
    }

    /// Whether a claim is about this cell alone and holds under this profile.
    fn stays(&self, expect: &Expect, kept: &BTreeSet<(u8, &str)>) -> bool {
        let Some(claim) = self.experiment.claims.iter().find(|c| c.span == Some(expect.span) && c.active) else { return false };
        let labels = |term: &ClaimTerm| match term {
            ClaimTerm::Metric { labels, .. } => Some(labels.clone()),
            ClaimTerm::Number(_) | ClaimTerm::Memory { .. } => None,
        };
        match (labels(&claim.left), labels(&claim.right)) {
            (None, None) => self.is_about(expect, kept),
            (Some(l), Some(r)) => l == r && self.has(&l),
            (Some(labels), None) | (None, Some(labels)) => self.has(&labels),
        }
    }

    fn has(&self, labels: &[(String, String)]) -> bool {
        labels.iter().all(|l| self.cell.labels.contains(l))
    }

    /// A claim on structure speaks of the file as written: it stays where that is part of the cell.
    fn is_about(&self, expect: &Expect, kept: &BTreeSet<(u8, &str)>) -> bool {
        let mut words = vec![];
        collect(&expect.left, &mut words);
        collect(&expect.right, &mut words);
        let stage = |cell: &Cell, name: &str| cell.stages.iter().copied().find(|s| self.experiment.stages[*s].name == name);
        words.iter().all(|word| {
            let Some(item) = self.tree.items.iter().find(|i| i.kind.namespace() == 0 && i.label.text == *word) else { return true };
            match item.kind {
                Kind::Stage => stage(self.cell, word).is_some() && stage(self.cell, word) == stage(&self.experiment.cells[0], word),
                _ => !self.reaches && kept.contains(&(0, word.as_str())) && self.as_written(word),
            }
        })
    }

    /// False where all stages of the cell that train the block add fields to it: the file speaks of it without them.
    fn as_written(&self, block: &str) -> bool {
        let holds = |m: &Model| m.name == block || parts_of(m).contains(&block);
        let stages = self.cell.stages.iter().map(|s| &self.experiment.stages[*s]);
        let mut training = stages.filter(|s| holds(&self.experiment.models[s.model])).peekable();
        training.peek().is_none() || training.any(|s| s.new_fields.is_empty())
    }

    /// The user's own definitions that the text names, and those that they name.
    fn definitions(&self, text: &str) -> String {
        let mut out = String::new();
        for definition in Reach::new(self.input).own(&tokens(text)) {
            out.push('\n');
            self.piece(&mut out, definition.span, self.sources.text(definition.span));
        }
        out
    }

    /// The `use` lines of the standard library, of all files, with the names that the text has; each name once.
    fn uses(&self, text: &str) -> String {
        let code = tokens(text);
        let words = words(&code);
        let mut brought = BTreeSet::new();
        let mut out = String::new();
        let files = std::iter::once(self.input.file).chain(self.input.others.iter().map(|o| &o.file));
        for item in files.flat_map(|f| &f.uses) {
            let UseTarget::Path(path) = &item.target else { continue };
            let (definitions, _) = self.input.library.used(item);
            let mut names: Vec<&str> = vec![];
            for definition in definitions.iter().filter(|d| words.contains(d.name.text.as_str())) {
                let name = definition.name.text.as_str();
                if brought.insert((definition.kind, name)) && !names.contains(&name) {
                    names.push(name);
                }
            }
            let line = match names.as_slice() {
                [] => continue,
                [_] if item.names.is_empty() => path.text(),
                [one] if item.names.len() > 1 => format!("{}.{one}", path.text()),
                names => format!("{}.{{{}}}", path.text(), names.join(", ")),
            };
            out.push_str(&format!("use {line}\n"));
        }
        out
    }

    /// All experiments of all files: a block may come from one that this one amends.
    fn bodies(&self) -> impl Iterator<Item = &Statement> {
        let files = std::iter::once(self.input.file).chain(self.input.others.iter().map(|o| &o.file));
        files.flat_map(|f| &f.experiments).flat_map(|e| &e.body)
    }

    fn block(&self, span: Span) -> Option<&Block> {
        self.bodies().find_map(|s| match s {
            Statement::Block(block) => (block.span == span).then_some(block),
            _ => None,
        })
    }

    fn statement(&self, name: Span) -> Option<&Setting> {
        self.bodies().find_map(|s| match s {
            Statement::Setting(setting) => (setting.path.segments[0].span == name).then_some(setting),
            _ => None,
        })
    }
}
