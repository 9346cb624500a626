//! The experiment tier: blocks, settings, masks, skips and claims.

use super::{Builder, unquoted};
use crate::ast::*;
use crate::pairs::{Pair, Parts};
use crate::rules::Rule;
use pfm_diag::Diagnostic;

impl Builder<'_> {
    pub(super) fn block(&mut self, pair: Pair) -> Block {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let kind = self.name(&parts.need(Rule::kind));
        let mut block = Block {
            doc: self.doc(span.start),
            kind,
            label: parts.maybe(Rule::label).map(|p| self.name(&p)),
            modifier: parts.maybe(Rule::modifier).map(|p| self.name(&p)),
            over: None,
            base: None,
            base_args: vec![],
            body: vec![],
            span,
        };
        for part in parts {
            match part.as_rule() {
                Rule::over => {
                    let path = Parts::of(part).last().expect("`over` has a path");
                    block.over = Some(self.path(path));
                }
                Rule::base => {
                    let (base, args) = self.base(part);
                    block.base = Some(base);
                    block.base_args = args;
                }
                Rule::items => block.body = self.items(part),
                rule => panic!("{rule:?} does not stand in a block"),
            }
        }
        block
    }

    pub(super) fn base(&mut self, pair: Pair) -> (Path, Vec<Arg>) {
        let mut parts = Parts::of(pair);
        let path = self.path(parts.need(Rule::path));
        let args = parts.maybe(Rule::arguments).map_or(vec![], |a| self.args(a));
        (path, args)
    }

    pub(crate) fn items(&mut self, pair: Pair) -> Vec<Statement> {
        let mut items = vec![];
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::block => {
                    let block = self.block(part);
                    self.inner_block(&block);
                    items.push(Statement::Block(block));
                }
                Rule::setting => items.push(Statement::Setting(self.setting(part))),
                Rule::freeze => items.push(Statement::Freeze(self.mask_term(part))),
                Rule::train => items.push(Statement::Train(self.mask_term(part))),
                Rule::skip => {
                    let span = self.span(&part);
                    let list = Parts::of(part).last().expect("`skip` has a list");
                    items.push(Statement::Skip(self.args(list), span));
                }
                Rule::expect => items.push(Statement::Expect(self.expect(part))),
                Rule::broken_item | Rule::broken_block => self.broken(part, Rule::probe_item),
                rule => panic!("{rule:?} does not stand in a block"),
            }
        }
        items
    }

    fn inner_block(&mut self, block: &Block) {
        const OUTSIDE: &[&str] = &["experiment", "block", "fn", "loss", "metric", "schedule", "vocabulary"];
        let kind = block.kind.text.as_str();
        if OUTSIDE.contains(&kind) {
            self.diagnostics.push(
                Diagnostic::new("E0012", format!("`{kind}` stands inside another block"))
                    .at(block.kind.span, "in a block")
                    .help("move it out, to file level"),
            );
        }
    }

    pub fn setting(&mut self, pair: Pair) -> Setting {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let path = self.path(parts.need(Rule::glob));
        let sign = parts.part();
        if sign.as_rule() == Rule::colon {
            self.colon(&sign);
        }
        Setting { path, value: self.expr(parts.need(Rule::expr)), span }
    }

    fn mask_term(&mut self, pair: Pair) -> MaskTerm {
        let mut term = MaskTerm { globs: vec![], except: vec![], span: self.span(&pair) };
        for part in pair.into_inner() {
            let side = match part.as_rule() {
                Rule::globs => &mut term.globs,
                Rule::exceptions => &mut term.except,
                _ => continue,
            };
            *side = part.into_inner().map(|g| self.path(g)).collect();
        }
        term
    }

    fn expect(&mut self, pair: Pair) -> Expect {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        parts.need(Rule::kw_expect);
        let left = self.chain(parts.need(Rule::arithmetic));
        let sign = parts.need(Rule::op_compare);
        let right = self.chain(parts.need(Rule::arithmetic));
        let within = parts.maybe(Rule::within).map(|w| {
            let bound = Parts::of(w).last().expect("`within` has a bound");
            self.chain(bound)
        });
        let on = parts
            .maybe(Rule::on)
            .map_or(vec![], |on| on.into_inner().filter(|p| p.as_rule() == Rule::text).map(|p| (unquoted(&p), self.span(&p))).collect());
        Expect { left, comparison: comparison(&sign), comparison_span: self.span(&sign), right, within, on, span }
    }
}

pub(super) fn comparison(sign: &Pair) -> Comparison {
    match sign.as_str().trim_end() {
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterEqual,
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        other => panic!("`{other}` is no comparison"),
    }
}
