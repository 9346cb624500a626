//! `expect` lines. Claims on structure (counts, latent shapes) are decided here; claims on metrics are closed into terms that
//! are compared after a run. A claim on a metric that no report computes is an error now, not after a month of training.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Arg, BinaryOp, Comparison, Expect, Expr, ExprKind};

use crate::context::Context;
use crate::experiment::{Cell, Claim, ClaimTerm, Data, Grid, Model, Report, Stage};
use crate::findings::Findings;
use crate::masks;
use crate::measured::Measured;
use crate::profiles::AS_WRITTEN;
use crate::schema::Kind;
use crate::stages::unknown_name;
use crate::suggest::{listed, nearest};
use crate::tree::Tree;
use crate::units::{Dimension, prose, quantity};
use crate::values::path;
use crate::weights::parts_of;

/// What claims speak about.
pub(crate) struct World<'a> {
    pub context: &'a Context<'a>,
    pub tree: &'a Tree,
    pub models: &'a [Model],
    pub stages: &'a [Stage],
    pub cells: &'a [Cell],
    pub grids: &'a [Grid],
    pub reports: &'a [Report],
    pub data: &'a [Data],
    pub profile: Option<&'a str>,
}

/// Words that begin a structural claim.
const STRUCTURE: [&str; 6] = ["trainable", "count", "parameters", "latent", "variants", "tokens"];

/// One side of a claim.
enum Side {
    Numbers(Vec<f64>),
    Metric {
        factor: f64,
        metric: Measured,
    },
    /// Bytes that a stage takes, known once it is planned.
    Memory {
        stage: String,
    },
}

impl World<'_> {
    /// Closes one `expect`; a structural claim that does not hold is reported.
    pub fn close(&self, expect: &Expect, findings: &mut Findings) -> Option<Claim> {
        let active = self.active(expect, findings)?;
        let before = findings.errors();
        let left = self.side(&expect.left, active, findings);
        let right = self.side(&expect.right, active, findings);
        let within = match &expect.within {
            None => Some(None),
            Some(expr) => match quantity(expr) {
                Some(Ok(q)) => match q.dimension.filter(|d| *d != Dimension::Share) {
                    None => Some(Some(q.value)),
                    Some(other) => {
                        findings.push(
                            Diagnostic::new("E0202", format!("`within` is a share, found {}", other.noun()))
                                .at(expr.span, format!("{} here", other.noun()))
                                .help("write `within 10 %`"),
                        );
                        None
                    }
                },
                Some(Err(d)) => {
                    findings.push(d);
                    None
                }
                None => {
                    findings.push(crate::values::wrong_form("within", "a share", expr, "write `within 10 %`"));
                    None
                }
            },
        };
        if findings.errors() > before {
            return None;
        }
        let (left, right, within) = (left?, right?, within?);
        check_units(expect, &left, &right, findings);
        if findings.errors() > before {
            return None;
        }
        if let (Side::Numbers(l), Side::Numbers(r)) = (&left, &right)
            && active
        {
            check(expect, l, r, within, findings);
        }
        Some(Claim {
            text: self.context.input.sources.text(expect.span).trim().to_string(),
            left: term(left),
            comparison: symbol(expect.comparison).to_string(),
            right: term(right),
            within,
            active,
            span: Some(expect.span),
        })
    }

    /// Whether the claim holds under this profile; names of profiles must exist.
    fn active(&self, expect: &Expect, findings: &mut Findings) -> Option<bool> {
        let mut known = self.tree.names(Kind::Profile);
        known.push(AS_WRITTEN);
        let before = findings.errors();
        for (name, span) in &expect.on {
            if !known.contains(&name.as_str()) {
                let d = Diagnostic::new("E0113", format!("the experiment has no profile `{name}`")).at(*span, "not known");
                findings.push(match nearest(name, &known).as_slice() {
                    [] => d.help(format!("profiles are {}", listed(&known, "and"))),
                    [near, ..] => d.fix(format!("did you mean `{near}`?"), *span, format!("\"{near}\""), false),
                });
            }
        }
        let here = self.profile.unwrap_or(AS_WRITTEN);
        (findings.errors() == before).then(|| expect.on.is_empty() || expect.on.iter().any(|(name, _)| name == here))
    }

    /// `active`: whether the claim is one under this profile, whose reports may lack what a claim of another one speaks of.
    fn side(&self, expr: &Expr, active: bool, findings: &mut Findings) -> Option<Side> {
        if let Some(number) = quantity(expr) {
            return number.map_err(|d| findings.push(d)).ok().map(|q| Side::Numbers(vec![q.value]));
        }
        match &expr.kind {
            ExprKind::List(args) => {
                let numbers = args.iter().map(|a| quantity(&a.value).and_then(Result::ok).map(|q| q.value));
                numbers.collect::<Option<Vec<f64>>>().map(Side::Numbers).or_else(|| not_a_claim(expr, findings))
            }
            ExprKind::Call(call) if STRUCTURE.contains(&call.callee.text().as_str()) => {
                self.structure(&call.callee.text(), &call.args, expr.span, findings).map(Side::Numbers)
            }
            ExprKind::Call(call) if call.callee.text() == "memory" => {
                let Some(name) = call.args.first().and_then(|a| path(&a.value)) else {
                    return wrong_call("memory(STAGE)", expr.span, findings);
                };
                self.main_stage(&name.text(), name.span, findings)?;
                Some(Side::Memory { stage: name.text() })
            }
            ExprKind::Binary { op: BinaryOp::Mul, left, right } => {
                match (self.side(left, active, findings)?, self.side(right, active, findings)?) {
                    (Side::Numbers(n), Side::Metric { factor, metric }) | (Side::Metric { factor, metric }, Side::Numbers(n))
                        if n.len() == 1 =>
                    {
                        Some(Side::Metric { factor: factor * n[0], metric })
                    }
                    _ => not_a_claim(expr, findings),
                }
            }
            ExprKind::Path(name) => self.metric(name, &[], active, findings).map(measured),
            ExprKind::Index { base, args } => match path(base) {
                Some(name) => self.metric(name, args, active, findings).map(measured),
                None => not_a_claim(expr, findings),
            },
            ExprKind::Call(call) => match nearest(&call.callee.text(), &STRUCTURE).as_slice() {
                [] => not_a_claim(expr, findings),
                [near, ..] => {
                    let span = call.callee.span;
                    findings.push(
                        Diagnostic::new("E0204", format!("no claim is about `{}`", call.callee.text())).at(span, "not known").fix(
                            format!("did you mean `{near}`?"),
                            span,
                            *near,
                            false,
                        ),
                    );
                    None
                }
            },
            _ => not_a_claim(expr, findings),
        }
    }

    /// `trainable(tok, in: rollout)`, `count(mask, tok)`, `parameters(net)`, `variants(tok)`, `latent(tok)`, `tokens(tok)`.
    fn structure(&self, word: &str, args: &[Arg], at: Span, findings: &mut Findings) -> Option<Vec<f64>> {
        let positional: Vec<&Arg> = args.iter().filter(|a| a.name.is_none()).collect();
        let name = |index: usize| positional.get(index).and_then(|a| path(&a.value)).map(|p| (p.text(), p.span));
        match word {
            "trainable" => {
                let within = args.iter().find(|a| a.name.as_ref().is_some_and(|n| n.text == "in")).and_then(|a| path(&a.value));
                let Some(within) = within else { return wrong_call("trainable(PART, in: STAGE)", at, findings) };
                let stage = self.main_stage(&within.text(), within.span, findings)?;
                let model = &self.models[stage.model];
                self.count_in(model, &stage.trainable, name(0), findings)
            }
            "count" => {
                let Some((mask, span)) = name(0) else { return wrong_call("count(MASK, PART)", at, findings) };
                let Some(item) = self.tree.find(Kind::Mask, &mask) else {
                    findings.push(unknown_name("mask", &mask, span, &self.tree.names(Kind::Mask)));
                    return None;
                };
                let model = self.model_with(name(1), at, findings)?;
                self.count_in(model, &masks::trainable(Some(item), &model.parameters), name(1), findings)
            }
            "parameters" => {
                let model = self.model_with(name(0), at, findings)?;
                let whole = model.name == name(0)?.0;
                self.count_in(model, &vec![true; model.parameters.len()], name(0).filter(|_| !whole), findings)
            }
            "variants" => Some(vec![self.model_with(name(0), at, findings)?.variants.len() as f64]),
            "tokens" => {
                let model = self.model_with(name(0), at, findings)?;
                let model = self.seeing(model, name(1));
                Some(vec![self.tokens_on(model, name(1), findings)? as f64])
            }
            _ => {
                let model = self.model_with(name(0), at, findings)?;
                Some(model.variants[model.evaluation].latent.iter().map(|n| *n as f64).collect())
            }
        }
    }

    /// The model, or one of its name on other data where a stage has given it more fields.
    fn seeing<'m>(&'m self, model: &'m Model, data: Option<(String, Span)>) -> &'m Model {
        let Some((data, _)) = data else { return model };
        let fields = self.data.iter().find(|d| d.name == data).map_or(&[][..], |d| d.fields.as_slice());
        let knows = |m: &&Model| fields.iter().all(|f| m.vocabulary.contains(f));
        let mut all = std::iter::once(model).chain(self.models.iter().filter(|m| m.name == model.name || m.tokeniser.name == model.name));
        all.find(knows).unwrap_or(model)
    }

    /// Tokens in evaluation on a data set that the model trains on; on the first where none is named.
    fn tokens_on(&self, model: &Model, data: Option<(String, Span)>, findings: &mut Findings) -> Option<usize> {
        let variant = &model.variants[model.evaluation];
        let Some((name, span)) = data else { return Some(variant.tokens) };
        if let Some(further) = variant.further.iter().find(|f| f.data == name) {
            return Some(further.tokens);
        }
        // The first data set's name is no part of a variant: it is any that is declared.
        let known: Vec<&str> = self.data.iter().map(|d| d.name.as_str()).collect();
        if !known.contains(&name.as_str()) {
            findings.push(unknown_name("data", &name, span, &known));
            return None;
        }
        Some(variant.tokens)
    }

    fn main_stage(&self, name: &str, span: Span, findings: &mut Findings) -> Option<&Stage> {
        let main = self.cells.first()?;
        let found = main.stages.iter().map(|i| &self.stages[*i]).find(|s| s.name == name);
        let known = self.tree.names(Kind::Stage);
        // A stage that is declared and not closed has mistakes, which were reported.
        if found.is_none() && !known.contains(&name) {
            findings.push(unknown_name("stage", name, span, &known));
        }
        found
    }

    /// The model of this name, or the largest one that holds the part.
    fn model_with(&self, name: Option<(String, Span)>, at: Span, findings: &mut Findings) -> Option<&Model> {
        let Some((name, span)) = name else {
            findings.push(
                Diagnostic::new("E0204", "this claim does not say which part")
                    .at(at, "no name here")
                    .help("name a tokeniser, processor or model"),
            );
            return None;
        };
        let found =
            self.models.iter().find(|m| m.name == name).or_else(|| self.models.iter().find(|m| parts_of(m).contains(&name.as_str())));
        if found.is_none() && self.tree.items.iter().all(|i| i.label.text != name) {
            let known: Vec<&str> = self.models.iter().map(|m| m.name.as_str()).collect();
            findings.push(unknown_name("part", &name, span, &known));
        }
        found
    }

    /// Numbers in the marked parameters of a part; of the whole model where no part is named.
    fn count_in(&self, model: &Model, marked: &[bool], part: Option<(String, Span)>, findings: &mut Findings) -> Option<Vec<f64>> {
        if let Some((name, span)) = &part
            && *name != model.name
            && !parts_of(model).contains(&name.as_str())
        {
            findings.push(unknown_name(&format!("part of `{}`", model.name), name, *span, &parts_of(model)));
            return None;
        }
        let inside = |path: &str| {
            part.as_ref().is_none_or(|(name, _)| {
                *name == model.name && !parts_of(model).contains(&name.as_str()) || path.split('.').next() == Some(name)
            })
        };
        let count: usize = model.parameters.iter().zip(marked).filter(|(p, m)| **m && inside(&p.path)).map(|(p, _)| p.count()).sum();
        Some(vec![count as f64])
    }
}

/// Weights are counted in `params` or without a unit; other numbers have none, but for a share.
fn check_units(expect: &Expect, left: &Side, right: &Side, findings: &mut Findings) {
    let counts =
        |e: &Expr| matches!(&e.kind, ExprKind::Call(call) if ["trainable", "count", "parameters"].contains(&call.callee.text().as_str()));
    for (number, other, side) in [(&expect.left, &expect.right, right), (&expect.right, &expect.left, left)] {
        let Some(Ok(q)) = quantity(number) else { continue };
        let (allowed, what) = match (counts(other), side) {
            (true, _) => (Dimension::Parameters, "a number of parameters"),
            (false, Side::Memory { .. }) => (Dimension::Size, "memory"),
            (false, Side::Numbers(_) | Side::Metric { .. }) => (Dimension::Share, "a plain number"),
        };
        if let Some(found) = q.dimension.filter(|d| *d != allowed) {
            findings.push(
                Diagnostic::new("E0202", format!("this claim is about {what}, found {}", found.noun()))
                    .at(number.span, format!("{} here", found.noun()))
                    .also(other.span, format!("is {what}"))
                    .help(match allowed {
                        Dimension::Parameters => "give it in `params`",
                        Dimension::Size => "give it in `GiB`",
                        _ => "drop the unit",
                    }),
            );
        }
    }
}

fn not_a_claim<T>(expr: &Expr, findings: &mut Findings) -> Option<T> {
    findings.push(
        Diagnostic::new("E0204", "a claim compares numbers, counts and metrics")
            .at(expr.span, "none of these")
            .help("write a number, `vrmse[axis: label]`, `0.5 * vrmse`, or `trainable(tok, in: rollout)`"),
    );
    None
}

fn wrong_call<T>(form: &str, at: Span, findings: &mut Findings) -> Option<T> {
    findings.push(Diagnostic::new("E0204", "this claim lacks an argument").at(at, "incomplete").help(format!("write `{form}`")));
    None
}

fn measured(metric: Measured) -> Side {
    Side::Metric { factor: 1.0, metric }
}

fn term(side: Side) -> ClaimTerm {
    match side {
        Side::Numbers(numbers) => ClaimTerm::Number(numbers.first().copied().unwrap_or(f64::NAN)),
        Side::Memory { stage } => ClaimTerm::Memory { stage },
        Side::Metric { factor, metric: Measured { name, labels, at } } => ClaimTerm::Metric { factor, name, labels, at },
    }
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterEqual => ">=",
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
    }
}

/// Compares; `within` widens the right side by a share of itself.
fn check(expect: &Expect, left: &[f64], right: &[f64], within: Option<f64>, findings: &mut Findings) {
    let holds = left.len() == right.len() && left.iter().zip(right).all(|(l, r)| compare(symbol(expect.comparison), *l, *r, within));
    if holds {
        return;
    }
    let shown = |v: &[f64]| v.iter().map(|n| prose(*n)).collect::<Vec<_>>().join(", ");
    findings.push(
        Diagnostic::new("F0902", format!("expectation failed: {} {} {}", shown(left), symbol(expect.comparison), shown(right)))
            .at(expect.left.span, format!("is {}", shown(left)))
            .also(expect.right.span, format!("{} expected", shown(right)))
            .help("change the claim, or what it is about"),
    );
}

fn compare(comparison: &str, left: f64, right: f64, within: Option<f64>) -> bool {
    let slack = within.unwrap_or(0.0) * right.abs();
    match comparison {
        "<" => left < right + slack,
        "<=" => left <= right + slack,
        ">" => left > right - slack,
        ">=" => left >= right - slack,
        "==" => (left - right).abs() <= slack,
        _ => (left - right).abs() > slack,
    }
}

impl Claim {
    /// Whether the claim holds for these numbers of its two sides.
    pub fn holds(&self, left: f64, right: f64) -> bool {
        compare(&self.comparison, left, right, self.within)
    }
}
