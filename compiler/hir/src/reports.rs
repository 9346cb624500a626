//! Reports: at which steps the validation sample is evaluated, with which metrics, on how much of it, and over which horizons.

use pfm_diag::Diagnostic;
use pfm_elaborate::Instance;
use pfm_syntax::ast::{Arg, DefinitionKind, Expr, ExprKind};

use crate::calls;
use crate::cells::default_stage;
use crate::context::Context;
use crate::experiment::{Grid, Report, SampleRule, Stage, Unroll};
use crate::findings::Findings;
use crate::identity;
use crate::plots;
use crate::reach::Reach;
use crate::schema::Kind;
use crate::stages::unknown_name;
use crate::suggest::nearest;
use crate::tree::{Item, Tree};
use crate::units::{Dimension, prose};
use crate::values::{self, call, is_word, items, wrong_form};

const UNROLL_SAMPLE: usize = 64;

/// Closes a report; None when it has mistakes.
pub(crate) fn close(context: &Context, tree: &Tree, item: &Item, grids: &[Grid], reach: &Reach, findings: &mut Findings) -> Option<Report> {
    let before = findings.errors();
    let stage = stage(tree, item, findings);
    let mut at = item.value("at").map_or(vec![], |e| steps(e, findings));
    at.sort_unstable();
    at.dedup();
    let every = item.value("every").and_then(|e| findings.keep(values::whole(e, "every", &[Dimension::Steps], 1))).map(|(n, _)| n);
    let metrics = item.value("metrics").map_or(vec![], |e| metrics(context, e, findings));
    let sample = item.value("sample").map_or(SampleRule::All, |e| sample(e, findings).unwrap_or(SampleRule::All));
    let unroll = item.value("unroll").filter(|e| !is_word(e, "none")).and_then(|e| unroll(context, e, findings));
    if findings.errors() > before {
        return None;
    }
    let (key, definitions) = (String::new(), vec![]);
    let mut report =
        Report { name: item.label.text.clone(), stage: stage?, at, every, metrics, sample, unroll, key, definitions, plot: None };
    // A grid with a mistake of its own may be the one that the plot is over.
    if let Some(plot) = item.value("plot").filter(|e| !is_word(e, "none"))
        && grids.len() == tree.of(Kind::Grid).count()
    {
        report.plot = Some(plots::close(plot, &report, grids, findings)?);
    }
    (report.key, report.definitions) = identity::report(&report, reach);
    Some(report)
}

/// A stage has one report; a second one would never be written.
pub(crate) fn check_stages(tree: &Tree, reports: &[Report], findings: &mut Findings) {
    for (at, report) in reports.iter().enumerate() {
        let Some(first) = reports[..at].iter().find(|r| r.stage == report.stage) else { continue };
        let place = |r: &Report| tree.find(Kind::Report, &r.name).map(|item| item.label.span);
        let (Some(here), Some(there)) = (place(report), place(first)) else { continue };
        findings.push(
            Diagnostic::new("E0103", format!("stage `{}` has two reports", report.stage))
                .at(here, "a second one")
                .also(there, "the first")
                .help("join them: a report has any number of metrics and steps"),
        );
    }
}

/// Warns about steps that the stage, as the file writes it, never reaches.
pub(crate) fn check_steps(tree: &Tree, reports: &[Report], main: &[&Stage], findings: &mut Findings) {
    for report in reports {
        let stage = main.iter().find(|s| s.name == report.stage);
        let at = tree.find(Kind::Report, &report.name).and_then(|item| item.value("at"));
        let (Some(stage), Some(at)) = (stage, at) else { continue };
        let Some(late) = report.at.iter().find(|step| **step > stage.run) else { continue };
        let run = tree.find(Kind::Stage, &stage.name).and_then(|item| item.value("run"));
        let d = Diagnostic::new("W0704", format!("`{}` ends before step {}", stage.name, prose(*late as f64))).at(at.span, "never reached");
        let d = match run {
            Some(run) => d.also(run.span, format!("ends at step {}", prose(stage.run as f64))),
            None => d,
        };
        findings.push(d.help("name earlier steps; the last step of the run is always reported"));
    }
}

/// The stage after `over`, else the one that the grid of the same name is over, else the last.
fn stage(tree: &Tree, item: &Item, findings: &mut Findings) -> Option<String> {
    let Some(over) = &item.over else {
        return default_stage(tree, &item.label.text);
    };
    let known = tree.names(Kind::Stage);
    if known.contains(&over.text().as_str()) {
        return Some(over.text());
    }
    findings.push(unknown_name("stage", &over.text(), over.span, &known));
    None
}

fn steps(expr: &Expr, findings: &mut Findings) -> Vec<u64> {
    items(expr).into_iter().filter_map(|e| findings.keep(values::whole(e, "at", &[Dimension::Steps], 1))).map(|(n, _)| n).collect()
}

fn metrics(context: &Context, expr: &Expr, findings: &mut Findings) -> Vec<Instance> {
    items(expr).into_iter().filter_map(|e| calls::bind(context, DefinitionKind::Metric, e, "metrics", None, findings)).collect()
}

fn sample(expr: &Expr, findings: &mut Findings) -> Option<SampleRule> {
    if is_word(expr, "all") {
        return Some(SampleRule::All);
    }
    let subsets = call(expr).filter(|(callee, _)| callee.text() == "subsets");
    let Some((callee, args)) = subsets else {
        findings.push(wrong_form("sample", "`all` or `subsets(…)`", expr, "write `all`, or `subsets(count: 10, size: 4_096)`"));
        return None;
    };
    const KNOWN: [&str; 2] = ["count", "size"];
    let before = findings.errors();
    for arg in args {
        let d = match &arg.name {
            None => Diagnostic::new("E0102", "arguments of `subsets` have names")
                .at(arg.value.span, "no name here")
                .help("write `count:` or `size:`"),
            Some(name) if KNOWN.contains(&name.text.as_str()) => continue,
            Some(name) => {
                let d = Diagnostic::new("E0102", format!("`subsets` has no argument `{}`", name.text)).at(name.span, "unknown argument");
                match nearest(&name.text, &KNOWN).as_slice() {
                    [] => d.help("it takes `count` and `size`"),
                    [near, ..] => d.fix(format!("did you mean `{near}`?"), name.span, *near, true),
                }
            }
        };
        findings.push(d);
    }
    if findings.errors() > before {
        return None;
    }
    let mut read = |name: &str| -> Option<usize> {
        let arg = args.iter().find(|a| a.name.as_ref().is_some_and(|n| n.text == name));
        match arg {
            Some(arg) => findings.keep(values::plain_whole(&arg.value, name, 1)).map(|n| n as usize),
            None => {
                findings.push(
                    Diagnostic::new("E0107", format!("`subsets` does not give its {name}"))
                        .at(callee.span, format!("no `{name}:` here"))
                        .help("write `subsets(count: 10, size: 4_096)`"),
                );
                None
            }
        }
    };
    let (count, size) = (read("count"), read("size"));
    Some(SampleRule::Subsets { count: count?, size: size? })
}

/// A metric's call with two more arguments: `horizons` and `sample`.
fn unroll(context: &Context, expr: &Expr, findings: &mut Findings) -> Option<Unroll> {
    let mut metric = expr.clone();
    let mut horizons = None;
    let mut sample = Some(UNROLL_SAMPLE);
    if let ExprKind::Call(call) = &mut metric.kind {
        let called = |a: &Arg, name: &str| a.name.as_ref().is_some_and(|n| n.text == name);
        if let Some(arg) = call.args.iter().find(|a| called(a, "horizons")) {
            horizons = Some(ranges(&arg.value, findings));
        }
        if let Some(arg) = call.args.iter().find(|a| called(a, "sample")) {
            sample = findings.keep(values::plain_whole(&arg.value, "sample", 1)).map(|n| n as usize);
        }
        call.args.retain(|a| !called(a, "horizons") && !called(a, "sample"));
    }
    let Some(horizons) = horizons else {
        findings.push(
            Diagnostic::new("E0107", "`unroll` does not say its horizons")
                .at(expr.span, "no `horizons:` here")
                .help("write `vrmse(horizons: [1, 2 .. 6])`"),
        );
        return None;
    };
    let metric = calls::bind(context, DefinitionKind::Metric, &metric, "unroll", None, findings)?;
    Some(Unroll { metric, horizons, sample: sample? })
}

fn ranges(expr: &Expr, findings: &mut Findings) -> Vec<(usize, usize)> {
    let mut out = vec![];
    for one in items(expr) {
        let ends = match &one.kind {
            ExprKind::Range(first, last) => {
                let first = findings.keep(values::plain_whole(first, "horizons", 1));
                first.zip(findings.keep(values::plain_whole(last, "horizons", 1)))
            }
            _ => findings.keep(values::plain_whole(one, "horizons", 1)).map(|n| (n, n)),
        };
        match ends {
            Some((first, last)) if first <= last => out.push((first as usize, last as usize)),
            Some(_) => findings.push(
                Diagnostic::new("E0207", "this range of horizons is empty")
                    .at(one.span, "ends before it begins")
                    .help("write the smaller one first"),
            ),
            None => {}
        }
    }
    out
}
