//! The user's own definitions, where they say something about settings: the facts of a data set, and the defaults of what is
//! amended at file level, whose units and kinds are those of a setting in an experiment. Settings that no code reads are warned of.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Body, Definition, DefinitionKind, Statement};

use crate::calls::setting_for;
use crate::context::Context;
use crate::findings::Findings;
use crate::reach::words;
use crate::schema::Kind;
use crate::suggest::{listed, nearest};

/// What a definition of data states.
const FACTS: [&str; 4] = ["datasets", "fields", "grid", "frames"];

pub(crate) fn check(context: &Context, findings: &mut Findings) {
    let library = context.input.library;
    for definition in library.definitions().iter().filter(|d| !library.module_of(d).starts_with("std.")) {
        if definition.kind == DefinitionKind::Data {
            facts(definition, findings);
        } else if definition.base.is_some() {
            defaults(context, definition, findings);
        }
    }
}

/// Warnings about definitions that are otherwise sound.
pub(crate) fn warn(context: &Context, failed: bool, findings: &mut Findings) {
    if failed || !context.input.broken.is_empty() {
        return;
    }
    let library = context.input.library;
    let code = |d: &&Definition| d.kind != DefinitionKind::Data && d.base.is_none() && !library.module_of(d).starts_with("std.");
    library.definitions().iter().filter(code).for_each(|d| unread(context, d, findings));
}

/// Read by the language itself: the width to link to, the names that heads have rows for, the share above which patches are
/// split, the rate to multiply.
fn read_outside(kind: DefinitionKind, setting: &str) -> bool {
    let of = |k: DefinitionKind, name: &str| kind == k && setting == name;
    let of_tokeniser = of(DefinitionKind::Tokeniser, "fields") || of(DefinitionKind::Tokeniser, "refine");
    of(DefinitionKind::Processor, "width") || of_tokeniser || of(DefinitionKind::Optimiser, "lr")
}

/// Warns about settings and arguments that the code never names.
fn unread(context: &Context, definition: &Definition, findings: &mut Findings) {
    let Some(last) = definition.params.last() else { return };
    let text = |span: Span| context.input.sources.text(span);
    let mut read = words(text(Span { start: last.span.end, ..definition.span }));
    definition.params.iter().filter_map(|p| p.default.as_ref()).for_each(|d| read.extend(words(text(d.span))));
    for parameter in &definition.params {
        let name = &parameter.name.text;
        if read.contains(name.as_str()) || read_outside(definition.kind, name) {
            continue;
        }
        let word = pfm_elaborate::kind_word(definition.kind);
        findings.push(
            Diagnostic::new("W1026", format!("{word} `{}` never reads `{name}`", definition.name.text))
                .at(parameter.span, "has no effect")
                .help("use it, or remove it"),
        );
    }
}

fn facts(definition: &Definition, findings: &mut Findings) {
    let Body::Settings(statements) = &definition.body else { return };
    let known: Vec<&str> = FACTS.into_iter().chain(Kind::Data.settings().iter().map(|s| s.name)).collect();
    for statement in statements {
        let Statement::Setting(setting) = statement else { continue };
        let path = &setting.path;
        if known.contains(&path.text().as_str()) || !definition.span.contains(path.span) {
            continue;
        }
        let d = Diagnostic::new("E0101", format!("unknown setting `{}` in data `{}`", path.text(), definition.name.text))
            .at(path.span, "data has no such setting");
        findings.push(match nearest(&path.text(), &known).as_slice() {
            [] => d.help(format!("it has {}", listed(&known, "and"))),
            [near, ..] => d.fix(format!("did you mean `{near}`?"), path.span, *near, true),
        });
    }
}

/// Those that the amendment itself gives. Those of blocks and functions may name axes of what they are applied to, and are
/// looked at where they are called.
fn defaults(context: &Context, definition: &Definition, findings: &mut Findings) {
    if matches!(definition.kind, DefinitionKind::Block | DefinitionKind::Fn) {
        return;
    }
    for parameter in &definition.params {
        if let Some(default) = parameter.default.as_ref().filter(|d| definition.span.contains(d.span)) {
            setting_for(context, parameter, default, None, findings);
        }
    }
}
