//! From the second reading to the typed tree. What the grammar accepts only to say how it should be written
//! (`:` for `=`, `True`) becomes a diagnostic here and the meant value in the tree.

mod definition;
mod experiment;
mod expression;

use crate::ast::*;
use crate::layout::{Layout, LeafKind};
use crate::pairs::{Pair, Parts};
use crate::rules::Rule;
use pfm_diag::{Diagnostic, FileId, Span};

pub struct Builder<'a> {
    pub(crate) file: FileId,
    pub(crate) layout: &'a Layout,
    pub diagnostics: Vec<Diagnostic>,
    /// Where the last broken statement ends.
    pub(crate) broken_until: Option<usize>,
}

impl<'a> Builder<'a> {
    pub fn new(file: FileId, layout: &'a Layout) -> Self {
        Builder { file, layout, diagnostics: vec![], broken_until: None }
    }

    pub fn file(&mut self, mut pairs: pest::iterators::Pairs<Rule>) -> File {
        let whole = pairs.next().expect("a parse has one outer pair");
        let mut file =
            File { id: self.file, edition: None, uses: vec![], experiments: vec![], definitions: vec![], span: self.span(&whole) };
        let mut broken_edition = false;
        for pair in whole.into_inner() {
            match pair.as_rule() {
                Rule::edition => file.edition = self.edition(pair),
                Rule::use_ => file.uses.push(self.use_(pair)),
                Rule::block => {
                    let block = self.block(pair);
                    self.top_block(&block);
                    file.experiments.push(block);
                }
                Rule::definition => file.definitions.push(self.definition(pair)),
                Rule::broken | Rule::broken_definition => {
                    broken_edition |= pair.as_str().split_whitespace().next() == Some("pfm");
                    self.broken(pair, Rule::probe_top);
                }
                Rule::EOI => {}
                rule => panic!("{rule:?} does not stand in a file"),
            }
        }
        if file.edition.is_none() && !broken_edition {
            self.missing_edition();
        }
        file
    }

    fn edition(&mut self, pair: Pair) -> Option<(u32, Span)> {
        let span = self.span(&pair);
        let number = Parts::of(pair).last().expect("an edition has a number");
        match number.as_str().parse() {
            Ok(1) => Some((1, span)),
            _ => {
                let place = self.span(&number);
                self.diagnostics.push(
                    Diagnostic::new("E0011", format!("edition {} is not known", number.as_str()))
                        .at(place, "this compiler reads edition 1")
                        .fix("write `pfm 1`", place, "1", false),
                );
                Some((1, span))
            }
        }
    }

    fn missing_edition(&mut self) {
        let start = Span::new(self.file, 0, 0);
        self.diagnostics.push(
            Diagnostic::new("E0001", "the file does not begin with `pfm 1`").at(start, "the edition of the language stands here").fix(
                "write `pfm 1` as the first line",
                start,
                "pfm 1\n\n",
                true,
            ),
        );
    }

    fn use_(&mut self, pair: Pair) -> Use {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        parts.need(Rule::kw_use);
        let target = match parts.maybe(Rule::text) {
            Some(text) => UseTarget::File(unquoted(&text), self.span(&text)),
            None => UseTarget::Path(self.path(parts.need(Rule::use_path))),
        };
        let names = parts.maybe(Rule::use_names).map_or(vec![], |names| names.into_inner().map(|n| self.name(&n)).collect());
        let alias = parts.maybe(Rule::kw_as).map(|_| self.name(&parts.need(Rule::ident)));
        Use { target, names, alias, span }
    }

    /// Only an experiment stands at file level; what is another block was meant to stand in one.
    fn top_block(&mut self, block: &Block) {
        if block.kind.text == "experiment" {
            return;
        }
        let kind = &block.kind.text;
        let found = if BLOCK_WORDS.contains(&kind.as_str()) {
            Diagnostic::new("E0012", format!("`{kind}` stands outside an experiment"))
                .at(block.kind.span, "at file level")
                .help("put it into an `experiment NAME { … }`")
        } else {
            Diagnostic::new("E0013", format!("nothing is called `{kind}`"))
                .at(block.kind.span, "neither a block nor a definition")
                .help("an experiment, block, fn, loss, metric, schedule, optimiser, tokeniser, processor, data or vocabulary stands here")
        };
        self.diagnostics.push(found);
    }

    pub(crate) fn span(&self, pair: &Pair) -> Span {
        let (start, end) = self.layout.range(pair);
        Span::new(self.file, start, end)
    }

    fn name(&self, pair: &Pair) -> Name {
        Name { text: pair.as_str().trim_end().to_string(), span: self.span(pair) }
    }

    /// A pair whose parts are the segments.
    fn path(&self, pair: Pair) -> Path {
        Path { span: self.span(&pair), segments: pair.into_inner().map(|s| self.name(&s)).collect() }
    }

    /// `:` where `=` belongs.
    fn colon(&mut self, pair: &Pair) {
        let span = self.span(pair);
        self.diagnostics.push(Diagnostic::new("E0002", "`:` gives no value here").at(span, "a setting is written with `=`").fix(
            "write `=`",
            span,
            " =",
            true,
        ));
    }

    /// The lines of the `##` comment that ends on the line above `start`.
    fn doc(&self, start: u32) -> Vec<String> {
        let tokens = &self.layout.tokens;
        let mut at = tokens.partition_point(|t| t.start < start as usize);
        let mut lines = vec![];
        let mut newlines = 0;
        while at > 0 {
            at -= 1;
            let token = tokens[at];
            match token.kind {
                LeafKind::Blank => {}
                LeafKind::Newline if newlines == 0 => newlines = 1,
                LeafKind::Doc if newlines == 1 && self.begins_line(at) => {
                    let text = &self.layout.source[token.start..token.end];
                    lines.push(text.trim_start_matches('#').trim().to_string());
                    newlines = 0;
                }
                _ => break,
            }
        }
        lines.reverse();
        lines
    }

    fn begins_line(&self, token: usize) -> bool {
        self.layout.tokens[..token].iter().rev().find(|t| t.kind != LeafKind::Blank).is_none_or(|t| t.kind == LeafKind::Newline)
    }
}

fn unquoted(pair: &Pair) -> String {
    pair.as_str().trim_end().trim_matches('"').to_string()
}
