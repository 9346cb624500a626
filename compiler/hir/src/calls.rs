//! Values of the experiment as closed settings, and calls such as `adamw(lr: 5e-5)` as instances of definitions. Units are
//! checked here against the type of each argument, so that definitions see plain numbers.

use pfm_diag::{Diagnostic, Span};
use pfm_elaborate::{Instance, Setting};
use pfm_syntax::ast::{Arg, Definition, DefinitionKind, Expr, ExprKind, Name, Parameter, TypeExpr};

use crate::context::Context;
use crate::findings::Findings;
use crate::suggest::{any_of, nearest, with_article};
use crate::units::{Dimension, digits, in_dimension, plain, prose};
use crate::values::{call, wrong_form};

/// Steps of one epoch, and the setting that says so.
#[derive(Clone, Copy)]
pub(crate) struct Epoch {
    pub steps: u64,
    pub span: Option<Span>,
}

/// A value for an argument, ready to bind.
pub(crate) type Given = (Option<Name>, Setting, Span);

/// Binds a call, or a bare name, to a definition of the kind. `name` is the setting that holds it.
pub(crate) fn bind(
    context: &Context,
    kind: DefinitionKind,
    expr: &Expr,
    name: &str,
    epoch: Option<Epoch>,
    findings: &mut Findings,
) -> Option<Instance> {
    let word = pfm_elaborate::kind_word(kind);
    let Some((callee, args)) = call(expr) else {
        let example = context.input.library.names(kind).first().copied().unwrap_or(word).to_string();
        findings.push(wrong_form(name, &with_article(word), expr, &format!("write {}, such as `{example}`", with_article(word))));
        return None;
    };
    let definition = context.scope.definition(kind, &callee.text(), callee.span, findings)?;
    let given = arguments(context, definition, args, epoch, findings)?;
    bind_given(context, kind, &callee.text(), given, expr.span, findings)
}

/// Binds arguments that are closed already.
pub(crate) fn bind_given(
    context: &Context,
    kind: DefinitionKind,
    name: &str,
    given: Vec<Given>,
    at: Span,
    findings: &mut Findings,
) -> Option<Instance> {
    let before = findings.errors();
    let instance = findings.take(pfm_elaborate::bind(context.input.library, kind, name, given, at));
    (findings.errors() == before).then_some(instance)
}

fn arguments(
    context: &Context,
    definition: &Definition,
    args: &[Arg],
    epoch: Option<Epoch>,
    findings: &mut Findings,
) -> Option<Vec<Given>> {
    let before = findings.errors();
    let settings = pfm_elaborate::settings_of(definition);
    let mut given: Vec<Given> = vec![];
    for (position, arg) in args.iter().enumerate() {
        let parameter = match &arg.name {
            Some(name) => settings.iter().find(|p| p.name.text == name.text),
            None => settings.get(position),
        };
        let Some(parameter) = parameter else {
            findings.push(unknown_argument(context, definition, &settings, arg));
            continue;
        };
        if let Some((_, _, first)) = given.iter().find(|(n, ..)| n.as_ref().is_some_and(|n| n.text == parameter.name.text)) {
            findings.push(
                Diagnostic::new("E0103", format!("`{}` is given twice", parameter.name.text))
                    .at(arg.value.span, "again here")
                    .also(*first, "first here")
                    .help("remove one of them"),
            );
            continue;
        }
        if let Some(setting) = setting_for(context, parameter, &arg.value, epoch, findings) {
            let name = arg.name.clone().unwrap_or_else(|| Name { text: parameter.name.text.clone(), span: arg.value.span });
            given.push((Some(name), setting, arg.value.span));
        }
    }
    (findings.errors() == before).then_some(given)
}

fn unknown_argument(context: &Context, definition: &Definition, settings: &[Parameter], arg: &Arg) -> Diagnostic {
    let callee = &definition.name.text;
    let Some(name) = &arg.name else {
        return Diagnostic::new("E0102", format!("`{callee}` takes {} arguments at most", settings.len()))
            .at(arg.value.span, "one too many")
            .note(takes(context, callee, settings));
    };
    let known: Vec<&str> = settings.iter().map(|p| p.name.text.as_str()).collect();
    let d = Diagnostic::new("E0102", format!("`{callee}` has no argument `{}`", name.text)).at(name.span, "unknown argument");
    let d = match nearest(&name.text, &known).as_slice() {
        [] => d,
        [near, ..] => d.fix(format!("did you mean `{near}`?"), name.span, *near, known.len() > 1 && near.len() > 3),
    };
    d.note(takes(context, callee, settings))
}

/// `adamw` takes `lr`, `betas = (0.9, 0.999)`.
fn takes(context: &Context, callee: &str, settings: &[Parameter]) -> String {
    if settings.is_empty() {
        return format!("`{callee}` takes no arguments");
    }
    let shown: Vec<String> = settings
        .iter()
        .map(|p| match &p.default {
            Some(default) => format!("`{}` = {}", p.name.text, context.input.sources.text(default.span)),
            None => format!("`{}`", p.name.text),
        })
        .collect();
    format!("`{callee}` takes {}", shown.join(", "))
}

/// The value of a parameter in its base unit. An argument in epochs may be written in steps.
pub(crate) fn setting_for(
    context: &Context,
    parameter: &Parameter,
    expr: &Expr,
    epoch: Option<Epoch>,
    findings: &mut Findings,
) -> Option<Setting> {
    let name = &parameter.name.text;
    let unit = match &parameter.ty {
        Some(TypeExpr::Named(word)) => Dimension::of_type(&word.text),
        _ => None,
    };
    let result = match unit {
        Some(Dimension::Epochs) => epochs(expr, name, epoch).map(Some),
        Some(dimension) => in_dimension(expr, name, &[dimension]).map(|(v, _)| Some(Setting::Number(v))),
        None => plain(expr, name).transpose().map(|v| v.map(Setting::Number)),
    };
    match result {
        Ok(Some(setting)) => Some(setting),
        Ok(None) => value(context, expr, findings),
        Err(diagnostic) => {
            findings.push(diagnostic);
            None
        }
    }
}

fn epochs(expr: &Expr, name: &str, epoch: Option<Epoch>) -> Result<Setting, Diagnostic> {
    let allowed: &[Dimension] = if epoch.is_some() { &[Dimension::Epochs, Dimension::Steps] } else { &[Dimension::Epochs] };
    let (value, dimension) = in_dimension(expr, name, allowed)?;
    let (Dimension::Steps, Some(epoch)) = (dimension, epoch) else {
        return Ok(Setting::Number(value));
    };
    let epochs = value / epoch.steps as f64;
    if epochs.fract() == 0.0 {
        return Ok(Setting::Number(epochs));
    }
    let nearest = epochs.round().max(1.0);
    let d = Diagnostic::new("E0203", format!("`{name}` moves once per epoch, {} steps is not a whole number of epochs", prose(value)))
        .at(expr.span, format!("{} of an epoch", short(epochs)))
        .fix(format!("write `{} epochs`", digits(nearest)), expr.span, format!("{} epochs", digits(nearest)), false);
    Err(match epoch.span {
        Some(span) => d.also(span, format!("an epoch is {} steps", prose(epoch.steps as f64))),
        None => d,
    })
}

fn short(value: f64) -> String {
    if value < 0.1 { format!("{value:.4}") } else { format!("{value:.2}") }
}

/// A closed value without a unit of its own.
pub(crate) fn value(context: &Context, expr: &Expr, findings: &mut Findings) -> Option<Setting> {
    if !choices_are_sound(context, expr, findings) {
        return None;
    }
    let before = findings.errors();
    let setting = findings.take(pfm_elaborate::evaluate(context.input.library, expr));
    (findings.errors() == before).then_some(setting)
}

/// The value for evaluation must be one of the options.
fn choices_are_sound(context: &Context, expr: &Expr, findings: &mut Findings) -> bool {
    match &expr.kind {
        ExprKind::Choice { options, eval } => {
            let text = |e: &Expr| context.input.sources.text(e.span).trim().to_string();
            let known: Vec<String> = options.iter().map(text).collect();
            let shown: Vec<&str> = known.iter().map(String::as_str).collect();
            let set = format!("{{{}}}", shown.join(", "));
            let d = match eval {
                Some(eval) if known.contains(&text(eval)) => return true,
                Some(eval) => {
                    Diagnostic::new("E0407", format!("`eval {}` is not in `{set}`", text(eval))).at(eval.span, "not one of the options")
                }
                None => Diagnostic::new("E0407", format!("`{set}` does not say which option evaluation uses"))
                    .at(expr.span, "`eval` is missing"),
            };
            let offers: Vec<String> = shown.iter().map(|option| format!("eval {option}")).collect();
            let offers: Vec<&str> = offers.iter().map(String::as_str).collect();
            findings.push(d.help(format!("write {}", any_of(&offers))));
            false
        }
        ExprKind::List(args) => args.iter().all(|a| choices_are_sound(context, &a.value, findings)),
        ExprKind::Tuple(items) => items.iter().all(|e| choices_are_sound(context, e, findings)),
        _ => true,
    }
}
