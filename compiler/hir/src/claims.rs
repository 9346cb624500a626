//! `expect` lines. Claims on structure (counts, latent shapes) are decided here; claims on metrics are closed into terms that
//! are compared after a run. A claim on a metric that no report computes is an error now, not after a month of training.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Arg, BinaryOp, Comparison, Expect, Expr, ExprKind};

use crate::axes::{label_text, names_axis};
use crate::experiment::{Cell, Claim, ClaimTerm, Grid, Model, Report, Stage};
use crate::findings::Findings;
use crate::masks;
use crate::profiles::AS_WRITTEN;
use crate::resolve::Context;
use crate::schema::Kind;
use crate::stages::unknown_name;
use crate::suggest::{listed, nearest};
use crate::tree::Tree;
use crate::units::{prose, quantity};
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
    pub profile: Option<&'a str>,
}

/// Words that begin a structural claim.
const STRUCTURE: [&str; 5] = ["trainable", "count", "parameters", "latent", "variants"];

/// One side of a claim.
enum Side {
    Numbers(Vec<f64>),
    Metric { factor: f64, name: String, labels: Vec<(String, String)> },
}

impl World<'_> {
    /// Closes one `expect`; a structural claim that does not hold is reported.
    pub fn close(&self, expect: &Expect, findings: &mut Findings) -> Option<Claim> {
        let active = self.active(expect, findings)?;
        let before = findings.errors();
        let left = self.side(&expect.left, findings);
        let right = self.side(&expect.right, findings);
        let within = match &expect.within {
            None => Some(None),
            Some(expr) => match quantity(expr) {
                Some(Ok(q)) => Some(Some(q.value)),
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

    fn side(&self, expr: &Expr, findings: &mut Findings) -> Option<Side> {
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
            ExprKind::Binary { op: BinaryOp::Mul, left, right } => match (self.side(left, findings)?, self.side(right, findings)?) {
                (Side::Numbers(n), Side::Metric { factor, name, labels }) | (Side::Metric { factor, name, labels }, Side::Numbers(n))
                    if n.len() == 1 =>
                {
                    Some(Side::Metric { factor: factor * n[0], name, labels })
                }
                _ => not_a_claim(expr, findings),
            },
            ExprKind::Path(name) => self.metric(&name.text(), &[], name.span, findings),
            ExprKind::Index { base, args } => match path(base) {
                Some(name) => self.metric(&name.text(), args, name.span, findings),
                None => not_a_claim(expr, findings),
            },
            _ => not_a_claim(expr, findings),
        }
    }

    fn metric(&self, name: &str, args: &[Arg], span: Span, findings: &mut Findings) -> Option<Side> {
        let known: Vec<&str> = self.reports.iter().flat_map(|r| &r.metrics).map(|m| m.definition.as_str()).collect();
        // A report with a mistake of its own may be the one that computes it.
        let all_closed = self.reports.len() == self.tree.of(Kind::Report).count();
        if !known.contains(&name) {
            let d = Diagnostic::new("E0901", format!("no report computes `{name}`")).at(span, "not reported");
            if all_closed && !findings.said(&d) {
                findings.push(match (nearest(name, &known).as_slice(), self.tree.of(Kind::Report).next()) {
                    ([near, ..], _) => d.fix(format!("did you mean `{near}`?"), span, *near, false),
                    ([], Some(report)) => d.help(format!("add `{name}` to the metrics of report `{}`", report.label.text)),
                    ([], None) => d.help("add a `report` block with this metric"),
                });
            }
            return None;
        }
        let mut labels = vec![];
        for arg in args {
            labels.push(self.label(arg, span, findings)?);
        }
        Some(Side::Metric { factor: 1.0, name: name.to_string(), labels })
    }

    fn label(&self, arg: &Arg, at: Span, findings: &mut Findings) -> Option<(String, String)> {
        let axes: Vec<&(String, Vec<String>)> = self.grids.iter().flat_map(|g| &g.axes).collect();
        let name = arg.name.as_ref().map_or("", |n| n.text.as_str());
        let named: Vec<&(String, Vec<String>)> = axes.iter().copied().filter(|(axis, _)| names_axis(axis, name)).collect();
        let Some((axis, _)) = named.first() else {
            if self.grids.len() == self.tree.of(Kind::Grid).count() {
                let known: Vec<&str> = axes.iter().map(|(a, _)| a.as_str()).collect();
                findings.push(
                    Diagnostic::new("E0702", format!("no grid has an axis `{name}`"))
                        .at(arg.name.as_ref().map_or(at, |n| n.span), "not an axis")
                        .help(if known.is_empty() {
                            "add a `grid` block".to_string()
                        } else {
                            format!("axes are {}", listed(&known, "and"))
                        }),
                );
            }
            return None;
        };
        let label = label_text(&arg.value);
        let labels = || named.iter().flat_map(|(_, labels)| labels);
        if !labels().any(|l| *l == label) {
            let known: Vec<&str> = labels().map(String::as_str).collect();
            findings.push(
                Diagnostic::new("E0702", format!("axis `{name}` has no label `{label}`"))
                    .at(arg.value.span, "not a label")
                    .help(format!("labels are {}", listed(&known, "and"))),
            );
            return None;
        }
        Some((axis.clone(), label))
    }

    /// `trainable(tok, in: rollout)`, `count(mask, tok)`, `parameters(net)`, `variants(tok)`, `latent(tok)`.
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
            _ => {
                let model = self.model_with(name(0), at, findings)?;
                Some(model.variants[model.evaluation].latent.iter().map(|n| *n as f64).collect())
            }
        }
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

fn term(side: Side) -> ClaimTerm {
    match side {
        Side::Numbers(numbers) => ClaimTerm::Number(numbers.first().copied().unwrap_or(f64::NAN)),
        Side::Metric { factor, name, labels } => ClaimTerm::Metric { factor, name, labels },
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
    let holds = left.len() == right.len() && left.iter().zip(right).all(|(l, r)| compare(expect.comparison, *l, *r, within));
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

fn compare(comparison: Comparison, left: f64, right: f64, within: Option<f64>) -> bool {
    let slack = within.unwrap_or(0.0) * right.abs();
    match comparison {
        Comparison::Less => left < right + slack,
        Comparison::LessEqual => left <= right + slack,
        Comparison::Greater => left > right - slack,
        Comparison::GreaterEqual => left >= right - slack,
        Comparison::Equal => (left - right).abs() <= slack,
        Comparison::NotEqual => (left - right).abs() > slack,
    }
}
