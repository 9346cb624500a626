//! Epochs: a stage says how many batches it calls one, which matters only where something is counted in them. Elsewhere `epoch` is
//! no part of what the stage is, a file of one cell leaves it out, and the file as written is warned of.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Expr, ExprKind};

use crate::context::Context;
use crate::findings::Findings;
use crate::schema::Kind;
use crate::tree::{Item, Tree};
use crate::units::{Dimension, quantity};
use crate::values::call;

/// Warns about an `epoch` that nothing is counted in, unless the experiment has mistakes. `tree` is the file as written: a profile
/// that makes a run short may well leave the epochs out.
pub(crate) fn check(context: &Context, tree: &Tree, mistakes: bool, findings: &mut Findings) {
    if mistakes || findings.has_breaking_errors() || !context.input.broken.is_empty() {
        return;
    }
    // Profiles and grids may count in epochs what the file as written does not.
    let others = tree.items.iter().filter(|i| matches!(i.kind, Kind::Profile | Kind::Grid));
    let mut elsewhere = others.flat_map(|i| i.amendments.iter().map(|a| &a.value).chain(i.settings.iter().map(|e| &e.value)));
    if elsewhere.any(|value| counts_epochs(context, value)) {
        return;
    }
    // Stages that amend another have its setting, so it is read where any of them reads it.
    let mut unread: Vec<(&Item, Span)> = vec![];
    let mut read: Vec<Span> = vec![];
    for stage in tree.of(Kind::Stage) {
        let Some(epoch) = stage.value("epoch") else { continue };
        if are_counted(context, stage) {
            read.push(epoch.span);
        } else if unread.iter().all(|(_, span)| *span != epoch.span) {
            unread.push((stage, epoch.span));
        }
    }
    for (stage, span) in unread.into_iter().filter(|(_, span)| !read.contains(span)) {
        let d = Diagnostic::new("W0111", format!("stage `{}` counts nothing in epochs", stage.label.text)).at(span, "never read");
        let d = match stage.value("run") {
            Some(run) => d.also(run.span, "in steps"),
            None => d,
        };
        findings.push(d.help("remove it, or give `run` in epochs"));
    }
}

/// True where a stage counts something in epochs, so that it matters how long one is.
pub(crate) fn are_counted(context: &Context, stage: &Item) -> bool {
    ["run", "schedule", "optimiser"].iter().filter_map(|name| stage.value(name)).any(|value| counts_epochs(context, value))
}

/// True for a number of epochs, a call that is given one, and a call of a definition that reads the epoch.
fn counts_epochs(context: &Context, value: &Expr) -> bool {
    if let Some(Ok(quantity)) = quantity(value) {
        return quantity.dimension == Some(Dimension::Epochs);
    }
    let args = match &value.kind {
        ExprKind::List(args) => args.as_slice(),
        _ => call(value).map_or(&[][..], |(_, args)| args),
    };
    let in_definition = call(value).is_some_and(|(callee, _)| context.reach.says(&callee.text(), &["epoch", "epochs"]));
    in_definition || args.iter().any(|arg| counts_epochs(context, &arg.value))
}
