//! The definition tier: signatures, types with named axes, members, and code.

use super::{Builder, unquoted};
use crate::ast::*;
use crate::pairs::{Pair, Parts};
use crate::rules::Rule;
use pfm_diag::Diagnostic;

impl Builder<'_> {
    pub(super) fn definition(&mut self, pair: Pair) -> Definition {
        let span = self.span(&pair);
        let inner = Parts::of(pair).part();
        let mut parts = Parts::of(inner);
        let kind = parts.part();
        let kind = match kind.as_str().trim_end() {
            "block" => DefinitionKind::Block,
            "fn" => DefinitionKind::Fn,
            "loss" => DefinitionKind::Loss,
            "metric" => DefinitionKind::Metric,
            "schedule" => DefinitionKind::Schedule,
            "optimiser" => DefinitionKind::Optimiser,
            "tokeniser" => DefinitionKind::Tokeniser,
            "processor" => DefinitionKind::Processor,
            "data" => DefinitionKind::Data,
            "vocabulary" => DefinitionKind::Vocabulary,
            other => panic!("`{other}` defines nothing"),
        };
        let mut definition = Definition {
            doc: self.doc(span.start),
            kind,
            name: self.name(&parts.need(Rule::ident)),
            params: vec![],
            returns: None,
            base: None,
            base_args: vec![],
            body: Body::Settings(vec![]),
            span,
        };
        for part in parts {
            match part.as_rule() {
                Rule::parameters => {
                    definition.params = part.into_inner().map(|p| self.parameter(p)).collect();
                }
                Rule::returns => {
                    let ty = Parts::of(part).part();
                    definition.returns = Some(self.type_(ty));
                }
                Rule::base => {
                    let (base, args) = self.base(part);
                    definition.base = Some(base);
                    definition.base_args = args;
                }
                Rule::equals => {}
                Rule::expr => definition.body = Body::Expr(self.expr(part)),
                Rule::list => definition.body = Body::Expr(self.list(part)),
                Rule::code => definition.body = Body::Code(self.code(part)),
                Rule::items => definition.body = Body::Settings(self.items(part)),
                Rule::members => definition.body = self.members(part),
                rule => panic!("{rule:?} does not stand in a definition"),
            }
        }
        definition
    }

    fn parameter(&mut self, pair: Pair) -> Parameter {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        Parameter {
            doc: self.doc(span.start),
            name: self.name(&parts.need(Rule::ident)),
            ty: parts.maybe(Rule::type_).map(|t| self.type_(t)),
            default: parts.maybe(Rule::equals).map(|_| self.expr(parts.need(Rule::expr))),
            span,
        }
    }

    fn type_(&mut self, pair: Pair) -> TypeExpr {
        let mut parts = Parts::of(pair);
        parts.maybe(Rule::dtype);
        let inner = parts.part();
        let span = self.span(&inner);
        match inner.as_rule() {
            Rule::axes => {
                let axes = self.axes(inner);
                match axes.as_slice() {
                    [Axis::Named(name)] if TYPE_WORDS.contains(&name.text.as_str()) => {
                        TypeExpr::List(Box::new(TypeExpr::Named(name.clone())), span)
                    }
                    _ => TypeExpr::Tensor(axes, span),
                }
            }
            Rule::list_type => {
                let of = Parts::of(inner).part();
                TypeExpr::List(Box::new(self.type_(of)), span)
            }
            Rule::tuple_type => TypeExpr::Tuple(inner.into_inner().map(|t| self.type_(t)).collect(), span),
            Rule::ident => TypeExpr::Named(self.name(&inner)),
            rule => panic!("{rule:?} is no type"),
        }
    }

    pub(super) fn axes(&mut self, pair: Pair) -> Vec<Axis> {
        pair.into_inner().filter(|p| p.as_rule() == Rule::axis).map(|p| self.axis(p)).collect()
    }

    fn axis(&mut self, pair: Pair) -> Axis {
        let inner = Parts::of(pair).part();
        match inner.as_rule() {
            Rule::axis_renamed => {
                let mut names = inner.into_inner().filter(|p| p.as_rule() == Rule::ident);
                let mut next = || names.next().expect("a renamed axis has two names");
                let (from, to) = (next(), next());
                Axis::Renamed(self.name(&from), self.name(&to))
            }
            Rule::axis_rest => Axis::Rest(self.span(&inner)),
            Rule::axis_spread => {
                let name = Parts::of(inner).part();
                Axis::Spread(self.name(&name))
            }
            Rule::ident => Axis::Named(self.name(&inner)),
            Rule::integer => Axis::Size(Box::new(self.number_literal(&inner))),
            Rule::axis_size => {
                let size = Parts::of(inner).part();
                Axis::Size(Box::new(self.expr(size)))
            }
            rule => panic!("{rule:?} is no axis"),
        }
    }

    pub(crate) fn members(&mut self, pair: Pair) -> Body {
        let mut slots = vec![];
        let mut definitions = vec![];
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::slot => slots.push(self.slot(part)),
                Rule::definition => definitions.push(self.definition(part)),
                _ => self.broken(part, Rule::probe_member),
            }
        }
        Body::Members { slots, definitions }
    }

    fn slot(&mut self, pair: Pair) -> Slot {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        parts.need(Rule::kw_slot);
        Slot {
            name: self.name(&parts.need(Rule::ident)),
            index: parts.maybe(Rule::slot_index).map(|p| {
                let index = Parts::of(p).part();
                self.name(&index)
            }),
            init: self.expr(parts.need(Rule::expr)),
            condition: parts.maybe(Rule::kw_if).map(|_| self.expr(parts.need(Rule::expr))),
            span,
        }
    }

    pub(crate) fn code(&mut self, pair: Pair) -> Code {
        let mut code = Code { statements: vec![], result: None, span: self.span(&pair) };
        for part in pair.into_inner() {
            if let Some(unused) = code.result.take() {
                self.unused(&unused);
            }
            match part.as_rule() {
                Rule::value_line => {
                    let value = Parts::of(part).part();
                    code.result = Some(self.expr(value));
                }
                Rule::let_ => code.statements.push(self.let_(part)),
                Rule::param => code.statements.push(self.param(part)),
                Rule::for_ => code.statements.push(self.for_(part)),
                Rule::require => code.statements.push(self.require(part)),
                _ => self.broken(part, Rule::probe_code),
            }
        }
        code
    }

    fn unused(&mut self, value: &Expr) {
        self.diagnostics.push(
            Diagnostic::new("E0014", "a value stands alone before the last line")
                .at(value.span, "nothing takes this value")
                .help("give it a name, `name = …`, or remove it: the last line is the value of the whole"),
        );
    }

    fn let_(&mut self, pair: Pair) -> CodeStatement {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let mut names = vec![];
        while let Some(name) = parts.maybe(Rule::ident) {
            names.push(self.name(&name));
        }
        let sign = parts.part();
        if sign.as_rule() == Rule::colon {
            self.colon(&sign);
        }
        CodeStatement::Let { names, value: self.expr(parts.need(Rule::expr)), span }
    }

    fn param(&mut self, pair: Pair) -> CodeStatement {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let name = self.name(&parts.need(Rule::ident));
        parts.need(Rule::kw_param);
        CodeStatement::Param {
            name,
            axes: self.axes(parts.need(Rule::axes)),
            init: self.expr(parts.need(Rule::expr)),
            condition: parts.maybe(Rule::kw_if).map(|_| self.expr(parts.need(Rule::expr))),
            span,
        }
    }

    fn for_(&mut self, pair: Pair) -> CodeStatement {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        parts.need(Rule::kw_for);
        let mut variables = vec![];
        while let Some(name) = parts.maybe(Rule::ident) {
            variables.push(self.name(&name));
        }
        parts.need(Rule::kw_in);
        CodeStatement::For { variables, over: self.chain(parts.need(Rule::arithmetic)), body: self.code(parts.need(Rule::code)), span }
    }

    fn require(&mut self, pair: Pair) -> CodeStatement {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        parts.need(Rule::kw_require);
        CodeStatement::Require { condition: self.expr(parts.need(Rule::expr)), message: unquoted(&parts.need(Rule::text)), span }
    }
}
