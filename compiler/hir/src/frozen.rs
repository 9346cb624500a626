//! Parts that a stage freezes at random values, because no stage gives them weights. The cells of a grid meet it in many
//! combinations, so it is gathered over all of them and said once for each part, with the `skip` that takes the cells out.

use pfm_diag::{Diagnostic, Span};

use crate::experiment::{Cell, Handover, Model, Stage};
use crate::findings::Findings;
use crate::growth;
use crate::suggest::listed;
use crate::tree::Item;

/// The word in `allow` that says it is meant.
const ALLOWED: &str = "frozen_random";
/// Cells that a message names.
const NAMED: usize = 4;

/// A part that is frozen at random values by one stage of one cell.
pub(crate) struct Frozen {
    part: String,
    stage: String,
    /// Index of the cell.
    cell: usize,
    /// The parameter, where only its rows of new fields are at random values.
    rows_of: Option<String>,
    mask: String,
    mask_span: Span,
    /// The place that says why it has no weights, and what is said there.
    cause: (Span, &'static str),
}

/// What the stage freezes without weights, in the cell at this index. `item` is the stage as that cell has it.
///
/// `source` gives the model of an earlier stage.
pub(crate) fn find<'m>(item: &Item, stage: &Stage, model: &Model, source: &dyn Fn(usize) -> &'m Model, cell: usize) -> Vec<Frozen> {
    if stage.allow.iter().any(|word| word == ALLOWED) {
        return vec![];
    }
    let mut out: Vec<Frozen> = vec![];
    for (parameter, trained) in model.parameters.iter().zip(&stage.trainable) {
        let part = parameter.path.split('.').next().unwrap_or(&parameter.path);
        let given = stage.weights.iter().find(|h| h.part == part);
        // Only a tensor that had another shape has rows that no stage gives.
        let grown = |h: &Handover| source(h.stage).parameters.iter().any(|p| p.path == parameter.path && p.shape != parameter.shape);
        let new_rows = given.is_some_and(|h| !h.rows.is_empty() && grown(h));
        if *trained || out.iter().any(|f| f.part == part) || given.is_some() && !new_rows {
            continue;
        }
        out.push(Frozen {
            part: part.to_string(),
            stage: stage.name.clone(),
            cell,
            rows_of: new_rows.then(|| parameter.path.clone()),
            mask: stage.mask.clone().unwrap_or_default(),
            mask_span: item.value("mask").map_or(item.label.span, |e| e.span),
            cause: match (growth::written(item).filter(|_| new_rows), item.value("weights")) {
                (Some(new), _) => (new.span, "asks for them"),
                (None, Some(weights)) => (weights.span, "no stage gives it weights"),
                (None, None) => (item.label.span, "no `weights` here"),
            },
        });
    }
    out
}

/// Warns once for each part of a stage as written, and once for each part of a stage under a grid.
pub(crate) fn warn(all: &[Frozen], cells: &[Cell], findings: &mut Findings) {
    let mut told: Vec<&Frozen> = vec![];
    for first in all {
        let kind = |f: &Frozen| (f.part.clone(), f.stage.clone(), f.rows_of.is_some(), cells[f.cell].grid.clone());
        let same = |other: &&Frozen| kind(other) == kind(first);
        if told.iter().any(same) || as_written(first, all, cells) {
            continue;
        }
        told.push(first);
        let group: Vec<&Frozen> = all.iter().filter(same).filter(|other| !as_written(other, all, cells)).collect();
        findings.push(warning(&group, cells));
    }
}

/// True in a cell that only repeats what the file as written does.
fn as_written(frozen: &Frozen, all: &[Frozen], cells: &[Cell]) -> bool {
    let same = |other: &&Frozen| {
        (&other.part, &other.stage, other.mask_span, other.cause) == (&frozen.part, &frozen.stage, frozen.mask_span, frozen.cause)
    };
    cells[frozen.cell].grid.is_some() && all.iter().filter(same).any(|other| cells[other.cell].grid.is_none())
}

fn warning(group: &[&Frozen], cells: &[Cell]) -> Diagnostic {
    let first = group[0];
    let grid = cells[first.cell].grid.as_deref();
    let place = if grid.is_some() { format!(" in {}", named(group, cells)) } else { String::new() };
    let (what, it) = match &first.rows_of {
        Some(parameter) => (format!("new rows of `{parameter}` are"), "them"),
        None => (format!("`{}` is", first.part), "it"),
    };
    let mut d = Diagnostic::new("W0304", format!("{what} frozen at random initial weights{place}"))
        .at(first.mask_span, format!("`{}` freezes {it}", first.mask));
    let mut seen = vec![first.mask_span];
    for frozen in group {
        for (span, text) in [(frozen.mask_span, format!("`{}` freezes {it}", frozen.mask)), (frozen.cause.0, frozen.cause.1.to_string())] {
            if !seen.contains(&span) {
                seen.push(span);
                d = d.also(span, text);
            }
        }
    }
    let meant = format!("`allow = {ALLOWED}` says that it is meant");
    d.help(match grid {
        _ if first.rows_of.is_some() => format!("let the mask train it; {meant}"),
        None => format!("give it weights of a stage; {meant}"),
        Some(grid) => format!("write {} in grid `{grid}`; {meant}", skips(grid, group, cells)),
    })
}

fn named(group: &[&Frozen], cells: &[Cell]) -> String {
    let names: Vec<&str> = group.iter().map(|f| cells[f.cell].name.as_str()).collect();
    match names.len() {
        1 => format!("cell `{}`", names[0]),
        n if n <= NAMED => format!("cells {}", listed(&names, "and")),
        n => format!("{n} cells, such as {}", listed(&names[..2], "and")),
    }
}

/// The fewest labels that take out exactly these cells, as `skip`s.
fn skips(grid: &str, group: &[&Frozen], cells: &[Cell]) -> String {
    let bad: Vec<usize> = group.iter().map(|f| f.cell).collect();
    let takes = |labels: &[&(String, String)], cell: usize| labels.iter().all(|label| cells[cell].labels.contains(label));
    let of_grid = |i: &usize| cells[*i].grid.as_deref() == Some(grid);
    let others: Vec<usize> = (0..cells.len()).filter(of_grid).filter(|i| !bad.contains(i)).collect();
    let mut covered: Vec<usize> = vec![];
    let mut out: Vec<String> = vec![];
    for &cell in &bad {
        if covered.contains(&cell) {
            continue;
        }
        let mut labels: Vec<&(String, String)> = cells[cell].labels.iter().collect();
        // What concerns weights and mask is tried last, so that it stays: it is the reason.
        let mut axes = labels.clone();
        axes.sort_by_key(|(axis, _)| axis == "weights" || axis == "mask");
        for axis in axes {
            let fewer: Vec<_> = labels.iter().copied().filter(|l| *l != axis).collect();
            if !fewer.is_empty() && !others.iter().any(|i| takes(&fewer, *i)) {
                labels = fewer;
            }
        }
        covered.extend(bad.iter().filter(|i| takes(&labels, **i)));
        let shown: Vec<String> = labels.iter().map(|(axis, label)| format!("{}: {label}", last_name(axis))).collect();
        out.push(format!("`skip [{}]`", shown.join(", ")));
    }
    out.join(", ")
}

/// What `skip` calls an axis.
fn last_name(axis: &str) -> &str {
    axis.rsplit('.').next().unwrap_or(axis)
}
