//! Mixtures: `data systems = mix([a, b], weights: by_size) { … }`. Each part is a data block of the experiment, or a definition;
//! the mixture's own settings go over those of every part. A step draws one part, so parts may differ in fields, grid and frames.

use pfm_diag::Diagnostic;
use pfm_syntax::ast::{DefinitionKind, Expr, Path};

use crate::closed::{DataIndex, Pool};
use crate::context::Context;
use crate::data;
use crate::experiment::{Mixture, Weights};
use crate::findings::Findings;
use crate::schema::Kind;
use crate::stages::unknown_name;
use crate::tree::{Item, Tree};
use crate::values::{is_word, items, path, plain_whole, wrong_form};

/// The word that a mixture amends.
const WORD: &str = "mix";
const EXAMPLE: &str = "write `mix([a, b], weights: equal)`";

pub(crate) fn is_mixture(item: &Item) -> bool {
    item.kind == Kind::Data && item.base.as_ref().is_some_and(|b| b.text() == WORD)
}

/// Closes a mixture; `singles` are the data blocks that are none.
pub(crate) fn close(
    context: &Context,
    tree: &Tree,
    item: &Item,
    singles: &DataIndex,
    pool: &mut Pool,
    findings: &mut Findings,
) -> Option<Mixture> {
    let before = findings.errors();
    let (parts, weights) = arguments(item, findings)?;
    let mut indices: Vec<usize> = vec![];
    let mut broken = false;
    for path in &parts {
        match part(context, tree, item, path, singles, pool, findings) {
            Some(index) if indices.contains(&index) => findings.push(
                Diagnostic::new("E0103", format!("`{}` is in the mixture twice", path.text()))
                    .at(path.span, "again here")
                    .help("give weights instead, such as `weights: [2, 1]`"),
            ),
            Some(index) => indices.push(index),
            // A part's own mistake was reported where it stands.
            None => broken = true,
        }
    }
    let weights = weights.map_or(Some(Weights::Equal), |e| weights_of(e, parts.len(), findings));
    (findings.errors() == before && !broken).then_some(Mixture { parts: indices, weights: weights? })
}

/// The list of parts, and the value of `weights`.
fn arguments<'a>(item: &'a Item, findings: &mut Findings) -> Option<(Vec<&'a Path>, Option<&'a Expr>)> {
    let base = item.base.as_ref()?;
    let (mut list, mut weights) = (None, None);
    for arg in &item.base_args {
        match arg.name.as_ref().map(|n| n.text.as_str()) {
            None if list.is_none() => list = Some(&arg.value),
            Some("weights") => weights = Some(&arg.value),
            _ => {
                let at = arg.name.as_ref().map_or(arg.value.span, |n| n.span);
                findings.push(Diagnostic::new("E0102", "`mix` takes a list and `weights`").at(at, "neither of these").help(EXAMPLE));
                return None;
            }
        }
    }
    let Some(list) = list else {
        findings.push(Diagnostic::new("E0107", "`mix` does not say what it mixes").at(base.span, "no list here").help(EXAMPLE));
        return None;
    };
    let parts: Option<Vec<&Path>> = items(list).into_iter().map(path).collect();
    let parts = parts.filter(|p| p.len() > 1);
    if parts.is_none() {
        let d = wrong_form(WORD, "a list of two or more data sets", list, EXAMPLE);
        findings.push(d);
    }
    Some((parts?, weights))
}

fn part(
    context: &Context,
    tree: &Tree,
    item: &Item,
    path: &Path,
    singles: &DataIndex,
    pool: &mut Pool,
    findings: &mut Findings,
) -> Option<usize> {
    let name = path.text();
    let library = context.input.library;
    let own = match tree.find(Kind::Data, &name) {
        Some(block) if is_mixture(block) => {
            findings.push(
                Diagnostic::new("E0112", format!("`{name}` is a mixture itself"))
                    .at(path.span, "a mixture of mixtures has no weights of its own")
                    .help("name its parts here"),
            );
            return None;
        }
        Some(_) if item.settings.is_empty() => return singles.get(&name)?.as_ref().map(|m| m.parts[0]),
        Some(block) => {
            let mut over = block.clone();
            item.settings.iter().for_each(|e| over.set(e.name.clone(), e.value.clone()));
            over
        }
        None if library.definition(DefinitionKind::Data, &name).is_some() => {
            Item { label: path.segments.last()?.clone(), base: Some(path.clone()), base_args: vec![], ..item.clone() }
        }
        None => {
            let mut known = tree.names(Kind::Data);
            known.retain(|n| *n != item.label.text);
            known.extend(library.names(DefinitionKind::Data));
            findings.push(unknown_name("data", &name, path.span, &known));
            return None;
        }
    };
    let closed = data::close(context, &own, findings)?;
    Some(pool.add_data(&own, closed))
}

fn weights_of(expr: &Expr, parts: usize, findings: &mut Findings) -> Option<Weights> {
    if is_word(expr, "equal") {
        return Some(Weights::Equal);
    }
    if is_word(expr, "by_size") {
        return Some(Weights::BySize);
    }
    let given = items(expr);
    if path(expr).is_some() || given.len() != parts {
        let d =
            wrong_form("weights", "`equal`, `by_size` or a number for each part", expr, "write `equal`, `by_size`, or a list of numbers");
        findings.push(d.note(format!("the mixture has {parts} parts")));
        return None;
    }
    let numbers = given.into_iter().map(|e| findings.keep(plain_whole(e, "weights", 1)));
    numbers.collect::<Option<Vec<u64>>>().map(Weights::Given)
}
