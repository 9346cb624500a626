//! `tokeniser small = tok { … }` copies a block and overrides named settings. Here every block gets its own full list of
//! settings: those of the block it amends, its own over them, then the settings with dotted paths.

use pfm_diag::Diagnostic;
use pfm_elaborate::Library;

use crate::findings::Findings;
use crate::mixtures::is_mixture;
use crate::names::definition_kind;
use crate::overrides::set_inside;
use crate::schema::Kind;
use crate::suggest::{any_of, nearest};
use crate::tree::{Item, Tree};

/// Replaces every item by its flattened form. Afterwards `base` is a definition of the library, or none.
pub(crate) fn flatten(tree: &mut Tree, library: &Library, findings: &mut Findings) {
    let mut flat = vec![];
    for index in 0..tree.items.len() {
        let Some(mut item) = merged(tree, index, &mut vec![], findings) else {
            let mut alone = tree.items[index].clone();
            alone.base = None;
            flat.push(alone);
            continue;
        };
        for setting in std::mem::take(&mut item.amendments) {
            // A profile's paths name other blocks, an axis names a setting of the stage.
            if matches!(item.kind, Kind::Profile | Kind::Grid) {
                item.amendments.push(setting);
            } else {
                set_inside(&mut item, &setting, findings);
            }
        }
        check_base(tree, library, &item, findings);
        flat.push(item);
    }
    tree.items = flat;
}

/// The item over what it amends; None when its bases go round in a circle.
fn merged(tree: &Tree, index: usize, above: &mut Vec<usize>, findings: &mut Findings) -> Option<Item> {
    let item = &tree.items[index];
    let Some(base) = &item.base else {
        return Some(item.clone());
    };
    let parent = tree.items.iter().position(|i| i.kind == item.kind && i.label.text == base.text());
    let Some(parent) = parent else {
        return Some(item.clone());
    };
    above.push(index);
    if let Some(start) = above.iter().position(|i| *i == parent) {
        // Every block of the circle leads here; the first of the file tells.
        if above[start..].iter().min() == above.first() {
            findings.push(
                Diagnostic::new("E0111", format!("`{}` amends itself", tree.items[above[0]].label.text))
                    .at(base.span, "leads back to it")
                    .also(tree.items[above[0]].label.span, "begins here")
                    .help(match item.kind {
                        Kind::Profile => "amend a profile that does not depend on this one",
                        _ => "let one of them amend a definition of the standard library",
                    }),
            );
        }
        return None;
    }
    let mut out = merged(tree, parent, above, findings)?;
    above.pop();
    overlay(&mut out, item);
    Some(out)
}

fn overlay(out: &mut Item, item: &Item) {
    for entry in &item.settings {
        out.amendments.retain(|a| a.path.segments[0].text != entry.name.text);
        out.set(entry.name.clone(), entry.value.clone());
        out.settings.iter_mut().filter(|e| e.name.text == entry.name.text).for_each(|e| e.name = entry.name.clone());
    }
    out.amendments.extend(item.amendments.iter().cloned());
    for level in &item.levels {
        match out.levels.iter_mut().find(|l| l.word == level.word && l.number == level.number) {
            None => out.levels.push(level.clone()),
            Some(old) => {
                for entry in &level.settings {
                    old.settings.retain(|e| e.name.text != entry.name.text);
                    old.settings.push(entry.clone());
                }
            }
        }
    }
    out.levels.sort_by_key(|l| l.number);
    out.freeze.extend(item.freeze.iter().cloned());
    out.train.extend(item.train.iter().cloned());
    out.skip.extend(item.skip.iter().cloned());
    out.label = item.label.clone();
    out.keyword = item.keyword;
    out.modifier = item.modifier.clone();
    out.span = item.span;
    if item.over.is_some() {
        out.over = item.over.clone();
    }
}

/// Only a mixture has arguments: settings of anything else stand in its braces.
fn check_arguments(item: &Item, findings: &mut Findings) {
    let (Some(base), Some(arg)) = (&item.base, item.base_args.first()) else { return };
    if !is_mixture(item) {
        findings.push(
            Diagnostic::new("E0102", format!("`{}` takes no arguments here", base.text()))
                .at(arg.name.as_ref().map_or(arg.value.span, |n| n.span), "an argument")
                .help(format!("write `{} {} = {} {{ … }}` with settings in the braces", item.kind.word(), item.label.text, base.text())),
        );
    }
}

/// A base that is not a block of the experiment must be a definition, for the kinds that have definitions.
fn check_base(tree: &Tree, library: &Library, item: &Item, findings: &mut Findings) {
    check_arguments(item, findings);
    if is_mixture(item) {
        return;
    }
    let word = item.kind.word();
    let kind = definition_kind(item.kind);
    match (&item.base, kind) {
        (None, None) => {}
        (None, Some(kind)) => findings.push(
            Diagnostic::new("E0107", format!("{word} `{}` does not say what it is", item.label.text))
                .at(item.label.span, format!("a {word} amends a definition"))
                .help(format!("write `{word} {} = {} {{ … }}`", item.label.text, library.names(kind).first().unwrap_or(&"NAME"))),
        ),
        (Some(base), kind) => {
            if kind.is_some_and(|k| library.is_broken(k, &base.text())) {
                findings.reported_before();
                return;
            }
            if kind.is_some_and(|k| library.definition(k, &base.text()).is_some()) {
                return;
            }
            let mut known = tree.names(item.kind);
            known.retain(|n| *n != item.label.text);
            if let Some(kind) = kind {
                known.extend(library.names(kind));
            }
            let d = Diagnostic::new("E0104", format!("no {word} is called `{}`", base.text())).at(base.span, "not known");
            findings.push(match nearest(&base.text(), &known).as_slice() {
                [] if known.is_empty() => d.help("there is nothing of this kind to amend"),
                [] => d.help(format!("there is {}", any_of(&known[..known.len().min(5)]))),
                [near, ..] => d.fix(format!("did you mean `{near}`?"), base.span, *near, false),
            });
        }
    }
}
