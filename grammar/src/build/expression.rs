//! Expressions of both tiers. The grammar gives flat chains of operands and operators; precedence is applied here.

use super::experiment::comparison;
use super::{Builder, unquoted};
use crate::ast::*;
use crate::pairs::{Pair, Parts};
use crate::rules::Rule;
use pest::pratt_parser::{Assoc, Op, PrattParser};
use pfm_diag::Diagnostic;
use std::cell::RefCell;
use std::sync::LazyLock;

/// Operators and operands of one chain; the tree is as deep as a chain is long.
const MAX_CHAIN: usize = 512;

/// Loosest first: or, and, not, comparisons, `..`, sums, products, negation, powers.
static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let left = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new()
        .op(left(Rule::op_or))
        .op(left(Rule::op_and))
        .op(Op::prefix(Rule::op_not))
        .op(left(Rule::op_compare))
        .op(left(Rule::op_range))
        .op(left(Rule::op_add) | left(Rule::op_sub))
        .op(left(Rule::op_mul) | left(Rule::op_div) | left(Rule::op_int_div) | left(Rule::op_rem))
        .op(Op::prefix(Rule::op_negative))
        .op(Op::infix(Rule::op_pow, Assoc::Right))
});

impl Builder<'_> {
    /// A chain and what it is handed on to: `x |> f(…) |> g`.
    pub fn expr(&mut self, pair: Pair) -> Expr {
        let mut parts = Parts::of(pair);
        let mut value = self.chain(parts.need(Rule::flat));
        let mut stages = 0;
        for pipe in parts {
            stages += 1;
            if stages > MAX_CHAIN {
                self.too_long(&pipe);
                break;
            }
            let call_span = self.span(&pipe);
            let mut stage = Parts::of(pipe);
            let call = Call {
                callee: self.path(stage.need(Rule::path)),
                args: stage.maybe(Rule::arguments).map_or(vec![], |a| self.args(a)),
                name: stage.maybe(Rule::as_name).map(|n| self.as_name(n)),
                span: call_span,
            };
            let span = value.span.to(call_span);
            value = Expr { kind: ExprKind::Pipe { input: Box::new(value), call }, span };
        }
        value
    }

    /// Operands and operators, by precedence.
    pub(super) fn chain(&mut self, pair: Pair) -> Expr {
        let span = self.span(&pair);
        let links = pair.clone().into_inner().count();
        if links == 1 {
            return self.operand(Parts::of(pair).part());
        }
        if links > MAX_CHAIN {
            self.too_long(&pair);
            let segments = vec![];
            return Expr { kind: ExprKind::Path(Path { segments, span }), span };
        }
        let this = RefCell::new(self);
        PRECEDENCE
            .map_primary(|operand| this.borrow_mut().operand(operand))
            .map_prefix(|sign, of| {
                let span = this.borrow().span(&sign).to(of.span);
                let kind = match sign.as_rule() {
                    Rule::op_not => ExprKind::Not(Box::new(of)),
                    _ => ExprKind::Negative(Box::new(of)),
                };
                Expr { kind, span }
            })
            .map_infix(|left, sign, right| binary(left, &sign, right))
            .parse(pair.into_inner())
    }

    fn too_long(&mut self, pair: &Pair) {
        self.diagnostics.push(
            Diagnostic::new("E0010", "an expression is too long")
                .at(self.span(pair), format!("more than {MAX_CHAIN} parts"))
                .help("give a part of it a name of its own"),
        );
    }

    fn operand(&mut self, pair: Pair) -> Expr {
        let start = self.span(&pair);
        let mut parts = Parts::of(pair);
        let primary = parts.part();
        let mut value = self.primary(primary);
        for part in parts {
            let span = start_to(start, self.span(&part));
            match part.as_rule() {
                Rule::index => {
                    let args = self.args(part);
                    let base = Box::new(value);
                    value = Expr { kind: ExprKind::Index { base, args }, span };
                }
                Rule::field => {
                    let name = self.name(&Parts::of(part).part());
                    value = Expr { kind: ExprKind::Field(Box::new(value), name), span };
                }
                Rule::as_name => self.name_call(&mut value, part),
                rule => panic!("{rule:?} does not follow an operand"),
            }
        }
        value
    }

    fn name_call(&mut self, value: &mut Expr, pair: Pair) {
        let name = self.as_name(pair);
        match &mut value.kind {
            ExprKind::Call(call) => {
                value.span = value.span.to(name.span);
                call.span = value.span;
                call.name = Some(name);
            }
            _ => self.diagnostics.push(
                Diagnostic::new("E0015", "`as` names something that is not a call")
                    .at(name.span, "this name is for the parameters of a call")
                    .also(value.span, "not a call")
                    .help("write `f(…) as name` or `x |> f as name`; a value gets its name with `name = …`"),
            ),
        }
    }

    fn primary(&mut self, pair: Pair) -> Expr {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::number => return self.number(pair),
            Rule::text => ExprKind::Text(unquoted(&pair)),
            Rule::boolean => ExprKind::Bool(pair.as_str().trim_end() == "true"),
            Rule::if_ => return self.if_(pair),
            Rule::choice => self.choice(pair),
            Rule::paren => return self.paren(pair),
            Rule::axes_value => {
                let axes = Parts::of(pair).need(Rule::axes);
                ExprKind::Axes(self.axes(axes))
            }
            Rule::list => return self.list(pair),
            Rule::path_call => return self.path_call(pair),
            rule => panic!("{rule:?} is no value"),
        };
        Expr { kind, span }
    }

    fn number(&mut self, pair: Pair) -> Expr {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let mut number = self.number_literal(&parts.need(Rule::numeral));
        if let Some(word) = parts.maybe(Rule::unit) {
            if let ExprKind::Number { unit, .. } = &mut number.kind {
                *unit = Some(self.name(&word));
            }
            number.span = span;
        }
        number
    }

    /// `4_096`, `5e-4`.
    pub(super) fn number_literal(&mut self, pair: &Pair) -> Expr {
        let text = pair.as_str().trim_end().replace('_', "");
        let mut value: f64 = text.parse().expect("a numeral is a number in Rust as well");
        if !value.is_finite() {
            value = f64::MAX;
            self.diagnostics
                .push(Diagnostic::new("E0016", "a number is too large").at(self.span(pair), "beyond the largest number, about 1.8e308"));
        }
        Expr { kind: ExprKind::Number { value, integer: !text.contains(['.', 'e', 'E']), unit: None }, span: self.span(pair) }
    }

    fn choice(&mut self, pair: Pair) -> ExprKind {
        let mut options = vec![];
        let mut eval = None;
        let mut negative = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::expr => options.push(self.expr(part)),
                Rule::op_negative => negative = Some(self.span(&part)),
                Rule::operand => eval = Some(Box::new(self.operand(part))),
                _ => {}
            }
        }
        if let Some(sign) = negative {
            eval = eval.map(|value: Box<Expr>| Box::new(Expr { span: sign.to(value.span), kind: ExprKind::Negative(value) }));
        }
        ExprKind::Choice { options, eval }
    }

    /// `(a)` is `a`; `(a, b)` and `(a,)` are tuples.
    fn paren(&mut self, pair: Pair) -> Expr {
        let span = self.span(&pair);
        let mut items = vec![];
        let mut tuple = false;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::comma => tuple = true,
                _ => items.push(self.expr(part)),
            }
        }
        let kind = match items.pop() {
            Some(only) if !tuple => only.kind,
            last => {
                items.extend(last);
                ExprKind::Tuple(items)
            }
        };
        Expr { kind, span }
    }

    pub(super) fn list(&mut self, pair: Pair) -> Expr {
        Expr { span: self.span(&pair), kind: ExprKind::List(self.args(pair)) }
    }

    /// The arguments of a call, a list or an index.
    pub(super) fn args(&mut self, pair: Pair) -> Vec<Arg> {
        let call = pair.as_rule() == Rule::arguments;
        pair.into_inner().map(|arg| self.arg(arg, call)).collect()
    }

    fn arg(&mut self, pair: Pair, call: bool) -> Arg {
        let mut parts = Parts::of(pair);
        let name = parts.maybe(Rule::ident).map(|n| self.name(&n));
        parts.maybe(Rule::colon);
        if let Some(sign) = parts.maybe(Rule::equals) {
            let span = self.span(&sign);
            let place = if call { "an argument" } else { "an entry" };
            self.diagnostics.push(
                Diagnostic::new("E0005", format!("`=` gives no value to {place}")).at(span, format!("{place} is written with `:`")).fix(
                    "write `:`",
                    span,
                    ":",
                    true,
                ),
            );
        }
        Arg { name, value: self.expr(parts.need(Rule::expr)) }
    }

    fn path_call(&mut self, pair: Pair) -> Expr {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let callee = self.path(parts.need(Rule::path));
        let kind = match parts.maybe(Rule::arguments) {
            Some(args) => ExprKind::Call(Call { callee, args: self.args(args), name: None, span }),
            None => self.word(callee),
        };
        Expr { kind, span }
    }

    /// A bare path; `True`, `yes` and the like are read as what they mean and reported.
    fn word(&mut self, path: Path) -> ExprKind {
        let meant = match path.text().as_str() {
            "True" | "TRUE" | "yes" | "Yes" => true,
            "False" | "FALSE" | "no" | "No" => false,
            _ => return ExprKind::Path(path),
        };
        self.diagnostics.push(
            Diagnostic::new("E0003", format!("`{}` is no truth value", path.text()))
                .at(path.span, "truth values are `true` and `false`")
                .fix(format!("write `{meant}`"), path.span, meant.to_string(), true),
        );
        ExprKind::Bool(meant)
    }

    fn as_name(&mut self, pair: Pair) -> AsName {
        let span = self.span(&pair);
        let segments = pair
            .into_inner()
            .filter(|p| p.as_rule() == Rule::as_segment)
            .map(|segment| {
                let mut parts = Parts::of(segment);
                let name = self.name(&parts.part());
                let index = parts.maybe(Rule::expr).map(|e| self.expr(e));
                (name, index)
            })
            .collect();
        AsName { segments, span }
    }

    /// `if a { … } else if b { … } else { … }`: the tail is code whose value is the next `if`.
    fn if_(&mut self, pair: Pair) -> Expr {
        let end = self.span(&pair);
        let mut branches = vec![];
        let mut otherwise = None;
        let mut parts = Parts::of(pair);
        while let Some(part) = parts.next() {
            match part.as_rule() {
                Rule::kw_if => {
                    let start = self.span(&part);
                    let condition = self.chain(parts.need(Rule::flat));
                    let then = self.code(parts.need(Rule::code));
                    branches.push((start.to(end), condition, then));
                }
                Rule::kw_else => {}
                _ => otherwise = Some(self.code(part)),
            }
        }
        let mut otherwise = otherwise.expect("an `if` has an `else`");
        loop {
            let (span, condition, then) = branches.pop().expect("an `if` has a condition");
            let value =
                Expr { kind: ExprKind::If { condition: Box::new(condition), then: Box::new(then), otherwise: Box::new(otherwise) }, span };
            if branches.is_empty() {
                return value;
            }
            otherwise = Code { statements: vec![], result: Some(value), span };
        }
    }
}

fn start_to(start: pfm_diag::Span, end: pfm_diag::Span) -> pfm_diag::Span {
    pfm_diag::Span { end: end.end, ..start }
}

fn binary(left: Expr, sign: &Pair, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    let (left, right) = (Box::new(left), Box::new(right));
    let op = match sign.as_rule() {
        Rule::op_range => {
            return Expr { kind: ExprKind::Range(left, right), span };
        }
        Rule::op_add => BinaryOp::Add,
        Rule::op_sub => BinaryOp::Sub,
        Rule::op_mul => BinaryOp::Mul,
        Rule::op_div => BinaryOp::Div,
        Rule::op_int_div => BinaryOp::IntDiv,
        Rule::op_rem => BinaryOp::Rem,
        Rule::op_pow => BinaryOp::Pow,
        Rule::op_and => BinaryOp::And,
        Rule::op_or => BinaryOp::Or,
        Rule::op_compare => BinaryOp::Compare(comparison(sign)),
        rule => panic!("{rule:?} joins no values"),
    };
    Expr { kind: ExprKind::Binary { op, left, right }, span }
}
