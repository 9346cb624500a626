//! Where a stage's weights come from: `random`, or parts that an earlier stage trains. A part that is taken must be one that
//! the stage produces and one that the trained model has; weights frozen at random values are worth a warning.

use std::collections::BTreeMap;

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Expr, Path};

use crate::experiment::{Handover, Model, ModelKind, Parameter, Stage};
use crate::findings::Findings;
use crate::growth;
use crate::masks::roots;
use crate::schema::Kind;
use crate::stages::{World, unknown_name};
use crate::suggest::{any_of, listed};
use crate::tree::{Item, Tree};
use crate::values::{is_word, items, path, wrong_form};

/// Stages closed before this one in the same cell, by name. None: it has mistakes, which were reported.
pub(crate) type Produced = BTreeMap<String, Option<usize>>;

/// Names of the stages that a value takes weights from, with the path as written.
pub(crate) fn sources(expr: &Expr) -> Vec<&Path> {
    items(expr).into_iter().filter_map(path).filter(|p| p.text() != "random").collect()
}

/// The parts that a stage hands on: those of the model that it trains.
pub(crate) fn parts_of(model: &Model) -> Vec<&str> {
    let paths: Vec<&str> = model.parameters.iter().map(|p| p.path.as_str()).collect();
    match model.kind {
        ModelKind::Autoencoder => vec![model.name.as_str()],
        ModelKind::Predictor => roots(&paths),
    }
}

/// Resolves the setting `weights`.
pub(crate) fn close(
    world: &World,
    item: &Item,
    model: &Model,
    produced: &Produced,
    stages: &[Stage],
    findings: &mut Findings,
) -> Option<Vec<Handover>> {
    let Some(expr) = item.value("weights") else {
        return Some(vec![]);
    };
    let before = findings.errors();
    let mut out: Vec<(Handover, Span)> = vec![];
    for one in items(expr) {
        if is_word(one, "random") {
            continue;
        }
        let Some(path) = path(one) else {
            findings.push(wrong_form("weights", "`random` or a part of a stage", one, "write `random`, or `STAGE.PART`"));
            continue;
        };
        let name = &path.segments[0].text;
        match produced.get(name) {
            None => {
                let mut known = vec!["random"];
                known.extend(world.tree.names(Kind::Stage).iter().filter(|n| **n != item.label.text));
                findings.push(unknown_name("stage", name, path.segments[0].span, &known));
            }
            // A mistake in that stage was reported there.
            Some(None) => return None,
            Some(Some(stage)) => take(world, model, path, *stage, stages, &mut out, findings),
        }
    }
    (findings.errors() == before).then(|| out.into_iter().map(|(handover, _)| handover).collect())
}

fn take(
    world: &World,
    model: &Model,
    path: &Path,
    stage: usize,
    stages: &[Stage],
    out: &mut Vec<(Handover, Span)>,
    findings: &mut Findings,
) {
    let source = &world.all_models[stages[stage].model];
    let made = parts_of(source);
    let wanted: Vec<&str> = match path.segments.get(1) {
        None => made.clone(),
        // The whole model by its name.
        Some(part) if part.text == source.name => made.clone(),
        Some(part) => vec![part.text.as_str()],
    };
    for part in wanted {
        if !made.contains(&part) {
            let places: Vec<String> = made.iter().map(|m| format!("{}.{m}", stages[stage].name)).collect();
            let places: Vec<&str> = places.iter().map(String::as_str).collect();
            let d = Diagnostic::new("E0601", format!("stage `{}` does not produce `{part}`", stages[stage].name))
                .at(path.span, format!("it trains {}", listed(&made, "and")));
            findings.push(match places.as_slice() {
                [only] => d.fix(format!("write `{only}`"), path.span, *only, false),
                many => d.help(format!("write {}", any_of(many))),
            });
            continue;
        }
        if !parts_of(model).contains(&part) {
            findings.push(
                Diagnostic::new("E0604", format!("`{}` has no part `{part}`", model.name))
                    .at(path.span, "nowhere to put these weights")
                    .help(format!("`{}` has {}", model.name, listed(&parts_of(model), "and"))),
            );
            continue;
        }
        if let Some((_, first)) = out.iter().find(|(h, _)| h.part == part) {
            findings.push(
                Diagnostic::new("E0103", format!("`{part}` is given weights twice"))
                    .at(path.span, "again here")
                    .also(*first, "first here")
                    .help("keep one of them"),
            );
            continue;
        }
        match rows(world.tree, &stages[stage], source, model, part, path.span) {
            Ok(rows) => out.push((Handover { part: part.to_string(), stage, rows }, path.span)),
            Err(d) => findings.push(*d),
        }
    }
}

/// Where the rows of the source's fields go, nothing where the part has the same shapes. The same path may have another shape where two
/// models give different settings to a part of one name, such as `link`; or where a stage has added fields to a tokeniser.
fn rows(tree: &Tree, from: &Stage, source: &Model, model: &Model, part: &str, span: Span) -> Result<Vec<usize>, Box<Diagnostic>> {
    let in_part = |p: &&Parameter| roots(&[&p.path]) == [part];
    let shape = |path: &str| source.parameters.iter().find(|p| p.path == path).map(|p| &p.shape);
    let differing: Vec<&Parameter> = model.parameters.iter().filter(in_part).filter(|p| shape(&p.path) != Some(&p.shape)).collect();
    let of_fields = part == model.tokeniser.name;
    let lost: Vec<&str> = source.vocabulary.iter().filter(|f| of_fields && !model.vocabulary.contains(f)).map(String::as_str).collect();
    if !lost.is_empty() {
        return Err(Box::new(fields_lost(tree, from, source, model, &lost, span)));
    }
    if of_fields && source.vocabulary != model.vocabulary && source.vocabulary.len() == model.vocabulary.len() {
        return Err(Box::new(fields_moved(tree, from, source, model, span)));
    }
    let grown = growth::rows(source, model).filter(|_| of_fields && source.vocabulary != model.vocabulary);
    if let Some(rows) = grown
        && differing.iter().all(|p| shape(&p.path).is_some_and(|old| growth::grows(source, model, old, p)))
    {
        return Ok(rows);
    }
    let Some(first) = differing.first() else { return Ok(vec![]) };
    Err(Box::new(
        Diagnostic::new("E0603", format!("{} tensors differ, first `{}`", differing.len(), first.path))
            .at(span, format!("{:?} there, {:?} in `{}`", shape(&first.path).cloned().unwrap_or_default(), first.shape, model.name))
            .help("take another part, or give both models the same settings"),
    ))
}

/// The same fields in another order: rows go by their place, so they would be taken for each other.
fn fields_moved(tree: &Tree, from: &Stage, source: &Model, model: &Model, span: Span) -> Diagnostic {
    let part = &model.tokeniser.name;
    let d = Diagnostic::new("E0603", format!("`{part}` of `{}` has the same fields in another order", from.name))
        .at(span, format!("{} there, {} here", listed(&names_of(source), "and"), listed(&names_of(model), "and")));
    match tree.find(Kind::Stage, &from.name).and_then(growth::written) {
        Some(new) => d.also(new.span, "in this order").help(format!("give `{}` in the order of `{}`", growth::SETTING, from.name)),
        None => d.help("give both the same vocabulary"),
    }
}

fn names_of(model: &Model) -> Vec<&str> {
    model.vocabulary.iter().map(String::as_str).collect()
}

/// Rows of fields that the earlier stage knows have no place in this one.
fn fields_lost(tree: &Tree, from: &Stage, source: &Model, model: &Model, lost: &[&str], span: Span) -> Diagnostic {
    let part = &model.tokeniser.name;
    let d = Diagnostic::new("E0603", format!("`{part}` of `{}` has rows for {}, here it has none", from.name, listed(lost, "and")))
        .at(span, format!("{} fields there, {} here", source.vocabulary.len(), model.vocabulary.len()));
    let grown = tree.find(Kind::Stage, &from.name).and_then(growth::written);
    match grown {
        Some(new) => d.also(new.span, "added there").help(format!("add them to `{}` of this stage too", growth::SETTING)),
        None => d.help("take another part, or give both the same vocabulary"),
    }
}
