//! What a claim says of a measured value: `vrmse[mask: frozen]`, a band `neps.low`, and with `at:` a step, `horizon:` a range of an
//! unrolled forecast, `data:` one set of a mixture. Each must be something that a report of the file computes.

use pfm_diag::{Diagnostic, Span};
use pfm_elaborate::Setting;
use pfm_syntax::ast::{Arg, Expr, ExprKind, Path};

use crate::axes::{label_text, names_axis, near_or_all};
use crate::claims::World;
use crate::experiment::{Report, Stage};
use crate::findings::Findings;
use crate::schema::Kind;
use crate::suggest::{any_of, nearest};
use crate::units::{Dimension, prose};
use crate::values::{self, wrong_form};

/// A measured value of some cells.
pub(crate) struct Measured {
    /// As results are named: `vrmse`, `neps.low`, `shear_flow.unroll.vrmse.3-6`.
    pub name: String,
    pub labels: Vec<(String, String)>,
    /// The report point; None is the last.
    pub at: Option<u64>,
}

impl World<'_> {
    pub fn metric(&self, path: &Path, args: &[Arg], active: bool, findings: &mut Findings) -> Option<Measured> {
        let named = |word: &str| args.iter().find(|a| a.name.as_ref().is_some_and(|n| n.text == word) && !self.is_axis(word));
        let (at, horizon, data) = (named("at"), named("horizon"), named("data"));
        let report = self.report_of(path, horizon.is_some(), findings)?;
        let mut name = path.text();
        if let Some(horizon) = horizon {
            name = format!("unroll.{name}.{}", self.horizon(report, &horizon.value, active, findings)?);
        }
        if let Some(data) = data {
            name = format!("{}.{name}", self.set(report, &data.value, findings)?);
        }
        let at = match at {
            Some(at) => Some(self.step(report, path, &at.value, active, findings)?),
            None => None,
        };
        let own: Vec<Span> = [named("at"), named("horizon"), named("data")].into_iter().flatten().map(|a| a.value.span).collect();
        let mut labels = vec![];
        for arg in args.iter().filter(|a| !own.contains(&a.value.span)) {
            labels.push(self.label(arg, path.span, findings)?);
        }
        self.warn_of_no_cell(&name, &labels, args, findings);
        Some(Measured { name, labels, at })
    }

    /// A claim on cells that `skip` has removed is never tested.
    fn warn_of_no_cell(&self, name: &str, labels: &[(String, String)], args: &[Arg], findings: &mut Findings) {
        let (Some(first), Some(last)) = (args.first(), args.last()) else { return };
        let closed = self.grids.len() == self.tree.of(Kind::Grid).count();
        if !closed || self.cells.iter().any(|cell| labels.iter().all(|pair| cell.labels.contains(pair))) {
            return;
        }
        let shown: Vec<String> = labels.iter().map(|(axis, label)| format!("{axis}: {label}")).collect();
        let start = first.name.as_ref().map_or(first.value.span, |n| n.span);
        findings.push(
            Diagnostic::new("W0902", format!("no cell is `{name}[{}]`: the claim is never tested", shown.join(", ")))
                .at(start.to(last.value.span), "no such cell")
                .help("name a cell that the grid has, or take it out of `skip`"),
        );
    }

    fn is_axis(&self, word: &str) -> bool {
        self.grids.iter().flat_map(|g| &g.axes).any(|(axis, _)| axis == word)
    }

    /// The report that computes the metric, over horizons if `unrolled`.
    fn report_of(&self, path: &Path, unrolled: bool, findings: &mut Findings) -> Option<&Report> {
        let metric = &path.segments[0].text;
        let computes = |r: &&Report| match unrolled {
            true => r.unroll.as_ref().is_some_and(|u| u.metric.definition == *metric),
            false => r.metrics.iter().any(|m| m.definition == *metric),
        };
        let Some(report) = self.reports.iter().find(computes) else {
            self.not_reported(path, unrolled, findings);
            return None;
        };
        if path.segments.len() == 1 {
            return Some(report);
        }
        let instance = report.metrics.iter().find(|m| m.definition == *metric)?;
        let bands: Vec<String> = match instance.setting("bands").and_then(Setting::number).map(|n| n as usize) {
            None => vec![],
            Some(3) => ["low", "mid", "high"].map(String::from).to_vec(),
            Some(n) => (0..n).map(|b| b.to_string()).collect(),
        };
        if path.segments.len() == 2 && bands.contains(&path.segments[1].text) {
            return Some(report);
        }
        let d = Diagnostic::new("E0901", format!("no report computes `{}`", path.text())).at(path.span, "not reported");
        let known: Vec<String> = bands.iter().map(|b| format!("{metric}.{b}")).collect();
        findings.push(match known.is_empty() {
            true => d.help(format!("`{metric}` has no parts")),
            false => d.help(format!("write {}", any_of(&known.iter().map(String::as_str).collect::<Vec<_>>()))),
        });
        None
    }

    fn not_reported(&self, path: &Path, unrolled: bool, findings: &mut Findings) {
        let name = path.text();
        let known: Vec<&str> = self.reports.iter().flat_map(|r| &r.metrics).map(|m| m.definition.as_str()).collect();
        let over = if unrolled { " over horizons" } else { "" };
        let d = Diagnostic::new("E0901", format!("no report computes `{name}`{over}")).at(path.span, "not reported");
        // A report with a mistake of its own may be the one that computes it.
        let all_closed = self.reports.len() == self.tree.of(Kind::Report).count() && self.reports.iter().all(|r| !r.metrics.is_empty());
        if !all_closed || findings.said(&d) {
            return;
        }
        findings.push(match (nearest(&name, &known).as_slice(), self.tree.of(Kind::Report).next()) {
            (_, Some(report)) if unrolled => d.help(format!("add `unroll = {name}(horizons: […])` to report `{}`", report.label.text)),
            ([near, ..], _) => d.fix(format!("did you mean `{near}`?"), path.span, *near, false),
            ([], Some(report)) => d.help(format!("add `{name}` to the metrics of report `{}`", report.label.text)),
            ([], None) => d.help("add a `report` block with this metric"),
        });
    }

    /// `1`, or `3-6`: a range that the report has.
    fn horizon(&self, report: &Report, value: &Expr, active: bool, findings: &mut Findings) -> Option<String> {
        let ends = match &value.kind {
            ExprKind::Range(first, last) => {
                let first = findings.keep(values::plain_whole(first, "horizon", 1))?;
                (first as usize, findings.keep(values::plain_whole(last, "horizon", 1))? as usize)
            }
            _ => findings.keep(values::plain_whole(value, "horizon", 1)).map(|n| (n as usize, n as usize))?,
        };
        let known = report.unroll.as_ref().map_or(&[][..], |u| &u.horizons);
        if active && !known.contains(&ends) {
            let shown: Vec<String> = known.iter().map(|(a, b)| if a == b { format!("{a}") } else { format!("{a} .. {b}") }).collect();
            let d = Diagnostic::new("E0901", format!("report `{}` has no such horizon", report.name)).at(value.span, "not reported");
            findings.push(d.help(format!("it has {}", any_of(&shown.iter().map(String::as_str).collect::<Vec<_>>()))));
            return None;
        }
        Some(if ends.0 == ends.1 { ends.0.to_string() } else { format!("{}-{}", ends.0, ends.1) })
    }

    /// The name of a set of the mixture that the report's stage trains on.
    fn set(&self, report: &Report, value: &Expr, findings: &mut Findings) -> Option<String> {
        let stages = self.stages.iter().filter(|s| s.name == report.stage && s.data.parts.len() > 1);
        let known: Vec<&str> = stages.flat_map(|s| &s.data.parts).map(|d| self.data[*d].name.as_str()).collect();
        let Some(name) = values::path(value).map(Path::text) else {
            findings.push(wrong_form("data", "the name of a data set", value, "write a name"));
            return None;
        };
        if !known.contains(&name.as_str()) {
            let d =
                Diagnostic::new("E0901", format!("report `{}` does not tell `{name}` apart", report.name)).at(value.span, "not reported");
            findings.push(match known.as_slice() {
                [] => d.help(format!("stage `{}` trains on one data set: leave `data:` out", report.stage)),
                known => d.help(format!("it has {}", any_of(known))),
            });
            return None;
        }
        Some(name)
    }

    /// A step at which the report evaluates the whole sample.
    fn step(&self, report: &Report, path: &Path, value: &Expr, active: bool, findings: &mut Findings) -> Option<u64> {
        let (step, _) = findings.keep(values::whole(value, "at", &[Dimension::Steps], 1))?;
        let last = |s: &Stage| s.name == report.stage && s.run == step;
        if !active || report.at.contains(&step) || self.stages.iter().any(last) {
            return Some(step);
        }
        findings.push(
            Diagnostic::new("E0901", format!("no report computes `{}` at {} steps", path.text(), prose(step as f64)))
                .at(value.span, "not a report point")
                .help(format!("add this step to `at` of report `{}`", report.name)),
        );
        None
    }

    fn label(&self, arg: &Arg, at: Span, findings: &mut Findings) -> Option<(String, String)> {
        let axes: Vec<&(String, Vec<String>)> = self.grids.iter().flat_map(|g| &g.axes).collect();
        let name = arg.name.as_ref().map_or("", |n| n.text.as_str());
        let named: Vec<&(String, Vec<String>)> = axes.iter().copied().filter(|(axis, _)| names_axis(axis, name)).collect();
        let Some((axis, _)) = named.first() else {
            if self.grids.len() == self.tree.of(Kind::Grid).count() {
                let known: Vec<&str> = axes.iter().map(|(a, _)| a.as_str()).collect();
                let span = arg.name.as_ref().map_or(at, |n| n.span);
                let d = Diagnostic::new("E0702", format!("no grid has an axis `{name}`")).at(span, "not an axis");
                if !findings.said(&d) {
                    findings.push(if known.is_empty() { d.help("add a `grid` block") } else { near_or_all(d, span, name, &known, "axes") });
                }
            }
            return None;
        };
        let label = label_text(&arg.value);
        let labels = || named.iter().flat_map(|(_, labels)| labels);
        if !labels().any(|l| *l == label) {
            let known: Vec<&str> = labels().map(String::as_str).collect();
            let d = Diagnostic::new("E0702", format!("axis `{name}` has no label `{label}`")).at(arg.value.span, "not a label");
            findings.push(near_or_all(d, arg.value.span, &label, &known, "labels"));
            return None;
        }
        Some((axis.clone(), label))
    }
}
