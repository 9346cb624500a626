//! Tokenisers and processors: a block of settings over a definition, closed. Numbered blocks (`level 2 { … }`) become entries of
//! a list setting (`levels`).

use pfm_diag::Diagnostic;
use pfm_elaborate::Setting;
use pfm_syntax::ast::{Body, Definition, DefinitionKind, ExprKind, Name};

use crate::calls::{Given, bind_given, setting_for, value};
use crate::context::Context;
use crate::experiment::Part;
use crate::findings::Findings;
use crate::names::definition_kind;
use crate::schema::Kind;
use crate::suggest::{listed, nearest};
use crate::tree::{Item, Level};

/// Closes a tokeniser or processor.
pub(crate) fn close(context: &Context, item: &Item, findings: &mut Findings) -> Option<Part> {
    let kind = definition_kind(item.kind)?;
    let base = item.base.as_ref()?;
    // A name that is not a definition was reported when blocks were flattened.
    context.input.library.definition(kind, &base.text())?;
    let definition = context.scope.definition(kind, &base.text(), base.span, findings)?;
    let before = findings.errors();
    let mut given: Vec<Given> = vec![];
    for entry in &item.settings {
        match definition.params.iter().find(|p| p.name.text == entry.name.text) {
            None => findings.push(unknown(definition, item, &entry.name)),
            Some(parameter) => {
                if let Some(setting) = setting_for(context, parameter, &entry.value, None, findings) {
                    given.push((Some(entry.name.clone()), setting, entry.value.span));
                }
            }
        }
    }
    given.extend(lists(context, definition, item, findings));
    if findings.errors() == before {
        missing_lists(definition, item, &given, findings);
        no_choices(item, findings);
    }
    if findings.errors() > before {
        return None;
    }
    let instance = bind_given(context, kind, &base.text(), given, item.label.span, findings)?;
    Some(Part { name: item.label.text.clone(), instance })
}

/// A list of blocks without a default that has none.
fn missing_lists(definition: &Definition, item: &Item, given: &[Given], findings: &mut Findings) {
    for parameter in &definition.params {
        let name = &parameter.name.text;
        let word = name.strip_suffix('s').unwrap_or(name);
        let there = given.iter().any(|(n, ..)| n.as_ref().is_some_and(|n| n.text == *name));
        if parameter.default.is_some() || there || fields(definition, word).is_empty() {
            continue;
        }
        let needed = fields(definition, word).first().map_or(String::new(), |f| format!("{f} = …"));
        findings.push(
            Diagnostic::new("E0107", format!("{} `{}` has no {word}", item.kind.word(), item.label.text))
                .at(item.label.span, format!("needs at least one {word}"))
                .help(format!("write `{word} 1 {{ {needed} }}` inside it")),
        );
    }
}

/// Only tokenisers have variants: a choice elsewhere would be its value for evaluation, always.
fn no_choices(item: &Item, findings: &mut Findings) {
    for entry in item.settings.iter().filter(|_| item.kind != Kind::Tokeniser) {
        if let ExprKind::Choice { .. } = entry.value.kind {
            findings.push(
                Diagnostic::new("E0204", format!("`{}` of a {} is one value, found a choice", entry.name.text, item.kind.word()))
                    .at(entry.value.span, "a choice")
                    .help("write one value; a grid or a profile tries several"),
            );
        }
    }
}

fn unknown(definition: &Definition, item: &Item, name: &Name) -> Diagnostic {
    let known: Vec<&str> = definition.params.iter().map(|p| p.name.text.as_str()).collect();
    let d = Diagnostic::new("E0101", format!("unknown setting `{}` in {} `{}`", name.text, item.kind.word(), item.label.text))
        .at(name.span, format!("`{}` has no such setting", definition.name.text));
    match nearest(&name.text, &known).as_slice() {
        [] => d.help(format!("it has {}", listed(&known, "and"))),
        [near, ..] => d.fix(format!("did you mean `{near}`?"), name.span, *near, true),
    }
}

/// One list setting for each word of numbered blocks.
fn lists(context: &Context, definition: &Definition, item: &Item, findings: &mut Findings) -> Vec<Given> {
    let mut words: Vec<&str> = item.levels.iter().map(|l| l.word.as_str()).collect();
    words.dedup();
    let mut out = vec![];
    for word in words {
        let name = format!("{word}s");
        let levels: Vec<&Level> = item.levels.iter().filter(|l| l.word == word).collect();
        let Some(parameter) = definition.params.iter().find(|p| p.name.text == name) else {
            let text = format!("{} `{}` has no block `{word}`", item.kind.word(), item.label.text);
            findings.push(
                Diagnostic::new("E0112", text)
                    .at(levels[0].span, format!("`{}` has no list `{name}`", definition.name.text))
                    .help("write settings as `name = value`"),
            );
            continue;
        };
        let mut records = match &parameter.default {
            Some(default) => match value(context, default, findings) {
                Some(Setting::List(records)) => records,
                _ => vec![],
            },
            None => vec![],
        };
        for level in &levels {
            if level.number > records.len() + 1 {
                findings.push(
                    Diagnostic::new("E0207", format!("{word} {} is missing", records.len() + 1))
                        .at(level.span, format!("comes after {word} {}", records.len()))
                        .help(format!("number the {name} 1, 2, 3, …")),
                );
                break;
            }
            if level.number == records.len() + 1 {
                records.push(Setting::Record(vec![]));
            }
            fill(context, definition, &mut records[level.number - 1], level, findings);
        }
        let span = levels[0].span;
        out.push((Some(Name { text: name, span }), Setting::List(records), span));
    }
    out
}

/// Writes a level's settings into its record.
fn fill(context: &Context, definition: &Definition, record: &mut Setting, level: &Level, findings: &mut Findings) {
    let known = fields(definition, &level.word);
    for entry in &level.settings {
        let name = &entry.name;
        if !known.is_empty() && !known.contains(&name.text.as_str()) {
            let d = Diagnostic::new("E0101", format!("unknown setting `{}` in {} {}", name.text, level.word, level.number))
                .at(name.span, format!("a {} has no such setting", level.word));
            findings.push(match nearest(&name.text, &known).as_slice() {
                [] => d.help(format!("it has {}", listed(&known, "and"))),
                [near, ..] => d.fix(format!("did you mean `{near}`?"), name.span, *near, true),
            });
            continue;
        }
        let Some(setting) = value(context, &entry.value, findings) else {
            continue;
        };
        let Setting::Record(fields) = record else {
            return;
        };
        match fields.iter_mut().find(|(name, _)| *name == entry.name.text) {
            Some((_, old)) => *old = setting,
            None => fields.push((entry.name.text.clone(), setting)),
        }
    }
}

/// Settings of one entry: the parameters of the definition's nested `data` of this name.
fn fields<'d>(definition: &'d Definition, word: &str) -> Vec<&'d str> {
    let Body::Members { definitions, .. } = &definition.body else {
        return vec![];
    };
    let nested = definitions.iter().find(|d| d.kind == DefinitionKind::Data && d.name.text == word);
    nested.map_or(vec![], |d| d.params.iter().map(|p| p.name.text.as_str()).collect())
}
