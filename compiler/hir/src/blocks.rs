//! Every setting of every block is known and every needed one is there. A misspelt setting explains the missing one, so that
//! one slip gives one diagnostic.

use pfm_diag::{Diagnostic, Span};

use crate::context::Context;
use crate::findings::Findings;
use crate::names::known_settings;
use crate::schema::{EXPERIMENT, Kind, SettingInfo};
use crate::suggest::{listed, nearest, other_spelling, own_word};
use crate::tree::{Entry, Item, Tree};

/// Checks the names of settings of all blocks whose words come from the language itself.
pub(crate) fn check(context: &Context, tree: &Tree, findings: &mut Findings) {
    let known: Vec<&str> = EXPERIMENT.iter().map(|s| s.name).collect();
    for entry in &tree.settings {
        if !known.contains(&entry.name.text.as_str()) {
            findings.push(unknown("the experiment", entry, &known, tree.name.span));
        }
    }
    let mut told = vec![];
    for item in &tree.items {
        match item.kind {
            // Checked against their definition, or against the stage that a grid is over.
            Kind::Tokeniser | Kind::Processor | Kind::Grid | Kind::Profile => {}
            Kind::Data | Kind::Model | Kind::Mask | Kind::Stage | Kind::Report => check_item(context, tree, item, &mut told, findings),
        }
    }
}

/// `told`: unknown settings so far. A block that amends another has its settings, and a slip is told once.
fn check_item(context: &Context, tree: &Tree, item: &Item, told: &mut Vec<Span>, findings: &mut Findings) {
    let known = known_settings(tree, context.input.library, item);
    let place = format!("{} `{}`", item.kind.word(), item.label.text);
    let mut explained: Vec<&str> = vec![];
    for entry in &item.settings {
        if !known.contains(&entry.name.text.as_str()) {
            explained.extend(nearest(&entry.name.text, &known));
            if !told.contains(&entry.name.span) {
                told.push(entry.name.span);
                findings.push(unknown(&place, entry, &known, item.label.span));
            }
        }
    }
    let broken = context.input.broken.iter().any(|b| b.file == item.span.file && b.start >= item.span.start && b.end <= item.span.end);
    let missing: Vec<&SettingInfo> =
        item.kind.settings().iter().filter(|s| s.required && item.entry(s.name).is_none() && !explained.contains(&s.name)).collect();
    if missing.is_empty() || broken {
        return;
    }
    let names: Vec<&str> = missing.iter().map(|s| s.name).collect();
    let lines: Vec<String> = missing.iter().map(|s| format!("`{}` is {}", s.name, s.doc)).collect();
    findings.push(
        Diagnostic::new("E0107", format!("{place} does not set {}", listed(&names, "and")))
            .at(item.label.span, "needs it")
            .help(format!("add `{} = …`", names[0]))
            .note(lines.join("; ")),
    );
}

fn unknown(place: &str, entry: &Entry, known: &[&str], block: Span) -> Diagnostic {
    let name = &entry.name;
    let d = Diagnostic::new("E0101", format!("unknown setting `{}` in {place}", name.text)).at(name.span, "not a setting");
    match nearest(&name.text, known).as_slice() {
        [] if known.is_empty() => d.also(block, "has no settings").help("remove it"),
        [] => match own_word(&name.text) {
            Some(word) => d.help(format!("`{word}` is an argument of a setting here, as in `optimiser = adamw(lr: 5e-5)`")),
            None if known.len() > 6 => d.help("`pfmc explain stage` lists the settings of a stage"),
            None => d.help(format!("settings here are {}", listed(known, "and"))),
        },
        [near, ..] => {
            let safe = other_spelling(&name.text, known).is_some() || strsim::damerau_levenshtein(&name.text, near) <= 2;
            d.fix(format!("did you mean `{near}`?"), name.span, *near, safe)
        }
    }
}
