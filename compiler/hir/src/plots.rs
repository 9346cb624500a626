//! The plot of a report over the cells of its grid: `plot = lines(x: data.trajectories, y: nrmse, colour: weights)`.

use pfm_diag::Diagnostic;
use pfm_syntax::ast::{Arg, Expr, Path};

use crate::axes::names_axis;
use crate::experiment::{Grid, Plot, Report};
use crate::findings::Findings;
use crate::suggest::any_of;
use crate::values::{call, path, wrong_form};

const EXAMPLE: &str = "write `lines(x: AXIS, y: METRIC, colour: AXIS)`";

/// Closes the setting `plot` of a report, given the grids over its stage.
pub(crate) fn close(expr: &Expr, report: &Report, grids: &[Grid], findings: &mut Findings) -> Option<Plot> {
    let Some((callee, args)) = call(expr).filter(|(callee, _)| callee.text() == "lines") else {
        findings.push(wrong_form("plot", "`lines(…)`", expr, EXAMPLE));
        return None;
    };
    for arg in args {
        if !arg.name.as_ref().is_some_and(|n| ["x", "y", "colour"].contains(&n.text.as_str())) {
            let at = arg.name.as_ref().map_or(arg.value.span, |n| n.span);
            findings.push(Diagnostic::new("E0102", "`lines` takes `x`, `y` and `colour`").at(at, "none of these").help(EXAMPLE));
            return None;
        }
    }
    let named = |word: &str| args.iter().find(|a| a.name.as_ref().is_some_and(|n| n.text == word));
    let (Some(x), Some(y)) = (named("x"), named("y")) else {
        findings.push(Diagnostic::new("E0107", "`lines` does not say its x and y").at(callee.span, "one of them is missing").help(EXAMPLE));
        return None;
    };
    let over: Vec<&Grid> = grids.iter().filter(|g| g.over == report.stage).collect();
    let x = axis(x, &over, true, findings);
    let y = metric(y, report, findings);
    let colour = match named("colour") {
        Some(colour) => Some(axis(colour, &over, false, findings)?),
        None => None,
    };
    Some(Plot { x: x?, y: y?, colour })
}

/// The axis of a grid; one that is drawn across has numbers as labels.
fn axis(arg: &Arg, grids: &[&Grid], numbers: bool, findings: &mut Findings) -> Option<String> {
    let axes = || grids.iter().flat_map(|g| &g.axes);
    let known: Vec<&str> = axes().map(|(axis, _)| axis.as_str()).collect();
    let name = path(&arg.value).map(Path::text).unwrap_or_default();
    let Some((axis, labels)) = axes().find(|(axis, _)| names_axis(axis, &name)) else {
        let d = Diagnostic::new("E0702", format!("the report's grid has no axis `{name}`")).at(arg.value.span, "not an axis");
        findings.push(match known.as_slice() {
            [] => d.help("add a `grid` over the stage of the report"),
            known => d.help(format!("axes are {}", any_of(known))),
        });
        return None;
    };
    let word = labels.iter().find(|l| l.parse::<f64>().is_err()).filter(|_| numbers);
    if let Some(word) = word {
        findings.push(
            Diagnostic::new("E0702", format!("axis `{axis}` has no numbers to draw across"))
                .at(arg.value.span, format!("has the label `{word}`"))
                .help("name an axis whose values or labels are numbers"),
        );
        return None;
    }
    Some(axis.clone())
}

fn metric(arg: &Arg, report: &Report, findings: &mut Findings) -> Option<String> {
    let known: Vec<&str> = report.metrics.iter().map(|m| m.definition.as_str()).collect();
    let found = path(&arg.value).filter(|p| known.contains(&p.segments[0].text.as_str()));
    if found.is_none() {
        let d = Diagnostic::new("E0901", format!("report `{}` does not compute this", report.name)).at(arg.value.span, "not reported");
        findings.push(d.help(format!("it computes {}", any_of(&known))));
    }
    found.map(Path::text)
}
