//! The user's own definitions, where they say something about settings: the facts of a data set, and the defaults of what is
//! amended at file level, whose units and kinds are those of a setting in an experiment.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Body, Definition, DefinitionKind, Statement};

use crate::calls::setting_for;
use crate::findings::Findings;
use crate::resolve::Context;
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

fn facts(definition: &Definition, findings: &mut Findings) {
    let Body::Settings(statements) = &definition.body else { return };
    let known: Vec<&str> = FACTS.into_iter().chain(Kind::Data.settings().iter().map(|s| s.name)).collect();
    for statement in statements {
        let Statement::Setting(setting) = statement else { continue };
        let path = &setting.path;
        if known.contains(&path.text().as_str()) || !inside(definition.span, path.span) {
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

/// Those that the amendment itself gives.
fn defaults(context: &Context, definition: &Definition, findings: &mut Findings) {
    for parameter in &definition.params {
        if let Some(default) = parameter.default.as_ref().filter(|d| inside(definition.span, d.span)) {
            setting_for(context, parameter, default, None, findings);
        }
    }
}

fn inside(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}
