//! Learning-rate schedules of a stage: arguments in epochs or steps, the horizon where none is written, phases of length zero,
//! and phases that overlap within the horizon.

use pfm_diag::{Diagnostic, Span};
use pfm_elaborate::{Instance, Setting};
use pfm_syntax::ast::{Arg, Definition, DefinitionKind, Expr, Name, TypeExpr};

use crate::calls::{self, Epoch};
use crate::context::Context;
use crate::findings::Findings;
use crate::stages::ClosedSchedule;
use crate::tree::Item;
use crate::units::prose;
use crate::values::{call, is_word};

/// The argument that says over how many epochs or steps the schedule runs; the whole run where it is not written.
const HORIZON: &str = "over";
const PHASES: [&str; 2] = ["warmup", "cooldown"];

/// Closes the setting `schedule`. The outer None is a mistake, the inner one a constant rate.
pub(crate) fn close(context: &Context, item: &Item, epoch: Option<Epoch>, run: Option<u64>, findings: &mut Findings) -> ClosedSchedule {
    let Some(expr) = item.value("schedule").filter(|e| !is_word(e, "constant") && !is_word(e, "none")) else {
        return Some(None);
    };
    let mut expr = expr.clone();
    let (callee, args) = call(&expr).map(|(c, a)| (c.clone(), a.to_vec())).unzip();
    let name = callee.map(|c| c.text()).unwrap_or_default();
    let definition = context.input.library.definition(DefinitionKind::Schedule, &name);
    let args = written(definition, args.unwrap_or_default());
    if zero_phases(&args, findings) {
        return None;
    }
    let horizon = definition.and_then(|d| d.params.iter().find(|p| p.name.text == HORIZON)).filter(|_| argument(&args, HORIZON).is_none());
    if let Some(horizon) = horizon {
        // Without them the stage has a mistake that was reported.
        let (epoch, run) = (epoch?, run?);
        match &horizon.ty {
            ty if is_steps(ty) => add_horizon(&mut expr, run as f64, "steps"),
            _ => add_horizon(&mut expr, (run as f64 / epoch.steps as f64).ceil(), "epochs"),
        }
    }
    let instance = calls::bind(context, DefinitionKind::Schedule, &expr, "schedule", epoch, findings)?;
    // A phase in a unit of another kind was reported where it stands.
    if findings.errors() > 0 {
        return Some(Some(instance));
    }
    let in_steps = definition.is_some_and(|d| d.params.iter().any(|p| p.name.text == "warmup" && is_steps(&p.ty)));
    let unit = if in_steps { "steps" } else { "epochs" };
    warn_of_long_warmup(item, &args, &instance, (epoch, run), unit, findings);
    warn_of_overlap(context, item, &args, &instance, epoch, unit, findings);
    Some(Some(instance))
}

/// The call's own arguments, then the definition's defaults of the phases and of the horizon: an amendment may give those.
fn written(definition: Option<&Definition>, mut args: Vec<Arg>) -> Vec<Arg> {
    let lengths = PHASES.iter().chain([&HORIZON]);
    for (name, default) in lengths.filter_map(|word| default_of(definition?, word)) {
        if argument(&args, &name.text).is_none() {
            args.push(Arg { name: Some(name.clone()), value: default.clone() });
        }
    }
    args
}

fn default_of<'a>(definition: &'a Definition, word: &str) -> Option<(&'a Name, &'a Expr)> {
    let parameter = definition.params.iter().find(|p| p.name.text == *word)?;
    Some((&parameter.name, parameter.default.as_ref()?))
}

fn is_steps(ty: &Option<TypeExpr>) -> bool {
    matches!(ty, Some(TypeExpr::Named(unit)) if unit.text == "steps")
}

/// Adds the length of the run as the horizon.
fn add_horizon(expr: &mut pfm_syntax::ast::Expr, length: f64, unit: &str) {
    use pfm_syntax::ast::{Call, ExprKind};
    let span = expr.span;
    let unit = Some(Name { text: unit.into(), span });
    let value = Expr { kind: ExprKind::Number { value: length, integer: true, unit }, span };
    let arg = Arg { name: Some(Name { text: HORIZON.into(), span }), value };
    match &mut expr.kind {
        ExprKind::Call(call) => call.args.push(arg),
        ExprKind::Path(path) => {
            expr.kind = ExprKind::Call(Call { callee: path.clone(), args: vec![arg], name: None, span });
        }
        _ => {}
    }
}

fn zero_phases(args: &[Arg], findings: &mut Findings) -> bool {
    let before = findings.errors();
    for arg in args {
        let Some(name) = arg.name.as_ref().filter(|n| PHASES.contains(&n.text.as_str())) else { continue };
        if let Some(Ok(quantity)) = crate::units::quantity(&arg.value)
            && quantity.value == 0.0
        {
            findings.push(
                Diagnostic::new("E0206", format!("`{}` has length zero", name.text))
                    .at(arg.value.span, "no epochs")
                    .help("write at least `1 epochs`, or another schedule"),
            );
        }
    }
    findings.errors() > before
}

fn argument(args: &[Arg], word: &str) -> Option<Span> {
    args.iter().find(|a| a.name.as_ref().is_some_and(|n| n.text == word)).map(|a| a.value.span)
}

/// A run that ends within the warm-up never has the rate that the optimiser is given.
fn warn_of_long_warmup(
    item: &Item,
    args: &[Arg],
    instance: &Instance,
    (epoch, run): (Option<Epoch>, Option<u64>),
    unit: &str,
    findings: &mut Findings,
) {
    let warmup = instance.setting("warmup").and_then(Setting::number);
    let (Some(warmup), Some(at), Some(epoch), Some(run)) = (warmup, argument(args, "warmup"), epoch, run) else { return };
    let length = if unit == "steps" { run as f64 } else { run as f64 / epoch.steps as f64 };
    if warmup < length {
        return;
    }
    let mut d = Diagnostic::new("W0206", format!("`{}` ends within its warm-up", item.label.text))
        .at(at, format!("{} {unit} of warm-up", prose(warmup)));
    if let Some(run) = item.value("run") {
        d = d.also(run.span, format!("{} {unit}", prose(length)));
    }
    findings.push(d.help("shorten the warm-up: the rate never reaches that of the optimiser"));
}

fn warn_of_overlap(
    context: &Context,
    item: &Item,
    args: &[Arg],
    instance: &Instance,
    epoch: Option<Epoch>,
    unit: &str,
    findings: &mut Findings,
) {
    let number = |word: &str| instance.setting(word).and_then(Setting::number);
    let (Some(warmup), Some(cooldown), Some(horizon)) = (number("warmup"), number("cooldown"), number(HORIZON)) else {
        return;
    };
    if warmup + cooldown <= horizon {
        return;
    }
    let at = argument(args, "warmup").unwrap_or(item.label.span);
    let message = format!("warm-up and cooldown ({} {unit}) overlap in {} {unit}", prose(warmup + cooldown), prose(horizon));
    let jump = if unit == "epochs" { steepest_fall(context, instance, horizon) } else { None };
    let message = match jump {
        Some((at, before, after)) => format!("{message}; the rate falls from {before:.2} to {after:.2} of its peak at epoch {at}"),
        None => message,
    };
    let mut d = Diagnostic::new("W0205", message).at(at, format!("{} {unit} of warm-up", prose(warmup)));
    if let Some(span) = argument(args, "cooldown") {
        d = d.also(span, format!("{} {unit} of cooldown", prose(cooldown)));
    }
    match argument(args, HORIZON) {
        Some(span) => d = d.also(span, "the horizon"),
        None => {
            if let Some(run) = item.value("run") {
                d = d.also(run.span, format!("{} {unit}", prose(horizon)));
            }
            if let Some(span) = epoch.and_then(|e| e.span) {
                d = d.also(span, "what an epoch is here");
            }
        }
    }
    let half = (horizon / 2.0).floor().max(1.0);
    findings.push(d.help(format!("write a longer `over:`, such as `over: 100 {unit}`, or at most {half} + {half} {unit}")));
}

/// Epoch at which the factor falls most, with the factors before and after.
fn steepest_fall(context: &Context, instance: &Instance, horizon: f64) -> Option<(u64, f64, f64)> {
    let factor = |epoch: u64| {
        pfm_elaborate::number(context.input.library, DefinitionKind::Schedule, instance, &[("epoch", epoch as f64), ("step", 0.0)]).ok()
    };
    let factors: Vec<f64> = (0..horizon.clamp(0.0, 10_000.0) as u64).map(factor).collect::<Option<_>>()?;
    let falls = factors.windows(2).enumerate().filter(|(_, w)| w[1] < w[0]);
    let (at, pair) = falls.max_by(|a, b| (a.1[0] - a.1[1]).total_cmp(&(b.1[0] - b.1[1])))?;
    Some((at as u64 + 1, pair[0], pair[1]))
}
