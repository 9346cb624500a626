//! Reading the values of settings: what an expression is in words, and the simple forms that most settings want (a name, a
//! whole number, a list), each with the diagnostic when it is something else.

use pfm_diag::Diagnostic;
use pfm_syntax::ast::{Arg, Expr, ExprKind, Path};

use crate::units::{self, Dimension, digits};

/// What it is, in words.
pub(crate) fn noun(expr: &Expr) -> &'static str {
    match &expr.kind {
        ExprKind::Number { unit: None, .. } => "a plain number",
        ExprKind::Number { unit: Some(_), .. } => "a quantity",
        ExprKind::Text(_) => "a text",
        ExprKind::Bool(_) => "true or false",
        ExprKind::Path(_) => "a name",
        ExprKind::List(_) => "a list",
        ExprKind::Tuple(_) => "a tuple",
        ExprKind::Choice { .. } => "a choice",
        ExprKind::Range(..) => "a range",
        ExprKind::Call(_) => "a call",
        ExprKind::Negative(inner) => noun(inner),
        _ => "an expression",
    }
}

/// `expected WHAT, found …`.
pub(crate) fn wrong_form(name: &str, what: &str, expr: &Expr, help: &str) -> Diagnostic {
    Diagnostic::new("E0204", format!("`{name}` is {what}, found {}", noun(expr))).at(expr.span, noun(expr)).help(help)
}

/// A name or dotted path.
pub(crate) fn path(expr: &Expr) -> Option<&Path> {
    match &expr.kind {
        ExprKind::Path(path) => Some(path),
        _ => None,
    }
}

/// True for a bare name equal to the word, such as `none`.
pub(crate) fn is_word(expr: &Expr, word: &str) -> bool {
    path(expr).is_some_and(|p| p.text() == word)
}

/// A call, or a bare name as a call without arguments.
pub(crate) fn call(expr: &Expr) -> Option<(&Path, &[Arg])> {
    match &expr.kind {
        ExprKind::Path(path) => Some((path, &[])),
        ExprKind::Call(call) => Some((&call.callee, &call.args)),
        _ => None,
    }
}

/// A whole number in one of the dimensions, at least `least`.
pub(crate) fn whole(expr: &Expr, name: &str, allowed: &[Dimension], least: u64) -> Result<(u64, Dimension), Diagnostic> {
    let (value, dimension) = units::in_dimension(expr, name, allowed)?;
    Ok((checked_whole(expr, name, value, least)?, dimension))
}

/// A whole plain number, at least `least`.
pub(crate) fn plain_whole(expr: &Expr, name: &str, least: u64) -> Result<u64, Diagnostic> {
    let value = plain(expr, name)?;
    checked_whole(expr, name, value, least)
}

/// A plain number.
pub(crate) fn plain(expr: &Expr, name: &str) -> Result<f64, Diagnostic> {
    units::plain(expr, name).unwrap_or_else(|| Err(wrong_form(name, "a number", expr, "write a number")))
}

fn checked_whole(expr: &Expr, name: &str, value: f64, least: u64) -> Result<u64, Diagnostic> {
    if value.fract() == 0.0 && value >= least as f64 && value < 1e15 {
        return Ok(value as u64);
    }
    Err(Diagnostic::new("E0207", format!("`{name}` is a whole number of at least {least}, found {}", digits(value)))
        .at(expr.span, "out of range")
        .help(format!("write {least} or more, without a fraction")))
}

/// A number greater than zero.
pub(crate) fn positive(expr: &Expr, name: &str) -> Result<f64, Diagnostic> {
    let value = plain(expr, name)?;
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Diagnostic::new("E0207", format!("`{name}` is greater than zero, found {}", digits(value)))
        .at(expr.span, "out of range")
        .help("write a positive number"))
}

/// Items of a list without labels; one value alone is a list of one where `single` says so.
pub(crate) fn items(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::List(args) => args.iter().map(|a| &a.value).collect(),
        _ => vec![expr],
    }
}
