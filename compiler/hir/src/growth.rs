//! Fields that grow between stages: `new_fields` of a stage gives the tokeniser that it trains rows for fields that its vocabulary
//! lacks. The stage has a model of its own for that, and of an earlier stage's weights the rows of the known fields are kept.

use pfm_diag::{Diagnostic, Span};
use pfm_elaborate::Setting;
use pfm_syntax::ast::Expr;

use crate::calls;
use crate::context::Context;
use crate::experiment::{Model, Parameter};
use crate::findings::Findings;
use crate::models::Placed;
use crate::tree::Item;
use crate::values::{is_word, items, noun, wrong_form};

pub(crate) const SETTING: &str = "new_fields";
const FIELDS: &str = "fields";

/// The setting's value, unless it says that nothing is new.
pub(crate) fn written(stage: &Item) -> Option<&Expr> {
    stage.value(SETTING).filter(|e| !is_word(e, "none"))
}

/// The names that a stage adds, each once.
fn names(context: &Context, expr: &Expr, findings: &mut Findings) -> Option<Vec<String>> {
    let wrong = |e: &Expr| wrong_form(SETTING, "a list of names of fields", e, "write `new_fields = [magnetic_field_x, magnetic_field_y]`");
    let mut out: Vec<String> = vec![];
    for one in items(expr) {
        let given = match calls::value(context, one, findings)? {
            Setting::Name(name) => vec![name],
            Setting::Vocabulary(names) => names,
            _ => {
                findings.push(wrong(one));
                return None;
            }
        };
        for name in given {
            if out.contains(&name) {
                let d = Diagnostic::new("E1020", format!("`{name}` is in `{SETTING}` twice"));
                findings.push(d.at(one.span, noun(one)).help("remove one of them"));
                return None;
            }
            out.push(name);
        }
    }
    if out.is_empty() {
        findings.push(wrong(expr));
    }
    (!out.is_empty()).then_some(out)
}

/// How many fields a setting adds that was found to be sound.
pub(crate) fn count(context: &Context, expr: &Expr) -> usize {
    names(context, expr, &mut Findings::default()).map_or(0, |n| n.len())
}

/// The tokeniser with the fields that a stage adds behind those of its vocabulary.
pub(crate) fn grown(context: &Context, tokeniser: &Placed, expr: &Expr, findings: &mut Findings) -> Option<Placed> {
    let new = names(context, expr, findings)?;
    let mut out = tokeniser.clone();
    let name = &tokeniser.part.name;
    let fields = out.part.instance.settings.iter_mut().find(|(n, _)| n == FIELDS);
    let Some((_, Setting::Vocabulary(known))) = fields else {
        findings.push(
            Diagnostic::new("E0503", format!("`{name}` has no vocabulary that could grow"))
                .at(expr.span, "names fields for it")
                .also(tokeniser.base, "has no setting `fields`")
                .help("use a tokeniser with a vocabulary, such as `magvit_simple` or `patch`"),
        );
        return None;
    };
    if let Some(twice) = new.iter().find(|n| known.contains(n)) {
        let d = Diagnostic::new("E1020", format!("`{twice}` is not new: the vocabulary of `{name}` has it"));
        findings.push(
            d.at(expr.span, "named again here").also(place(tokeniser), "already there").help(format!("take `{twice}` out of the list")),
        );
        return None;
    }
    known.extend(new);
    // What is missing still is missing in this list.
    out.settings.retain(|(n, _)| n != FIELDS);
    out.settings.push((FIELDS.to_string(), expr.span));
    Some(out)
}

fn place(tokeniser: &Placed) -> Span {
    tokeniser.settings.iter().find(|(n, _)| n == FIELDS).map_or(tokeniser.label, |(_, span)| *span)
}

/// A stage behind the first that trains a model, or with weights of an earlier one: its data may have fields that are new.
#[derive(Clone)]
pub(crate) struct Tuned {
    pub stage: String,
    pub data: String,
    /// Of the setting `data`.
    pub at: Span,
}

/// What is said of data with fields that no row was made for.
pub(crate) fn lacking(
    tokeniser: &Placed,
    vocabulary: usize,
    missing: &[&str],
    data: &str,
    tuned: Option<&Tuned>,
    grown: bool,
) -> Diagnostic {
    let (name, at) = (&tokeniser.part.name, place(tokeniser));
    let listed = crate::suggest::listed(missing, "and");
    let count = crate::units::prose(vocabulary as f64);
    if let Some(tuned) = tuned {
        let new = if missing.len() == 1 { "a new one".to_string() } else { format!("{} new ones", missing.len()) };
        let end = Span { start: tuned.at.end, ..tuned.at };
        let setting = format!("{SETTING} = [{}]", missing.join(", "));
        return Diagnostic::new("E0503", format!("`{name}` was trained for {count} fields, `{data}` has {new}: {listed}"))
            .at(tuned.at, format!("stage `{}` goes on with this data", tuned.stage))
            .also(at, format!("{count} names"))
            .fix(
                format!("write `{setting}` in stage `{}`: weights of the others are kept", tuned.stage),
                end,
                format!(", {setting}"),
                false,
            );
    }
    let d = Diagnostic::new("E0503", format!("the vocabulary of `{name}` lacks {listed} of `{data}`")).at(at, format!("{count} names"));
    match grown {
        true => d.help(format!("add them to `{SETTING}`")),
        false => d.help("use a vocabulary that has them, or add them to a list of your own"),
    }
}

/// Where each field of a vocabulary is in another one; None when one of them is not there.
pub(crate) fn rows(from: &Model, to: &Model) -> Option<Vec<usize>> {
    from.vocabulary.iter().map(|name| to.vocabulary.iter().position(|n| n == name)).collect()
}

/// Whether the tensors differ only in axes that have one entry for each field.
pub(crate) fn grows(from: &Model, to: &Model, old: &[usize], new: &Parameter) -> bool {
    let of_fields = |(a, b): (&usize, &usize)| a == b || (*a, *b) == (from.vocabulary.len(), to.vocabulary.len());
    old.len() == new.shape.len() && old.iter().zip(&new.shape).all(of_fields)
}
