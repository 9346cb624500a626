//! Hover on settings and their values: type, default, meaning, and the value that holds with its origin.

use super::{View, grouped};
use crate::workspace::Read;
use pfm_diag::Span;
use pfm_hir::{EXPERIMENT, Owner, Place, SettingInfo};
use pfm_syntax::ast::{Expr, ExprKind};

impl View<'_> {
    pub(super) fn place(&self, offset: u32) -> Option<(Span, String)> {
        let place = self.now.symbols.place_at(offset)?;
        let on_name = place.name_span.start <= offset && offset <= place.name_span.end;
        let span = if on_name { place.name_span } else { place.value };
        let mut text = self.setting(place);
        if !on_name && let Some(number) = self.number(place, offset) {
            text = format!("{number}\n\n{text}");
        }
        Some((span, text))
    }

    /// What a setting is, and what it came to.
    pub(super) fn setting(&self, place: &Place) -> String {
        let mut out = match &place.owner {
            Owner::Experiment => EXPERIMENT.iter().find(|s| s.name == place.name).map(info),
            Owner::Block(kind) => kind.settings().iter().find(|s| s.name == place.name).map(info),
            Owner::Definition(kind, of) => self.about_parameter(*kind, of, &place.name),
            Owner::Word(word) => Some(format!("`{}`, an argument of `{word}`", place.name)),
        }
        .unwrap_or_else(|| format!("`{}`", place.name));
        if let Some(e) = self.experiment()
            && let Some(origin) = e.origins.iter().find(|o| o.path == place.path)
        {
            out.push_str(&format!("\n\n`{} = {}`, from {}", origin.path, origin.value, self.short(&origin.origin)));
        }
        if let Some(rate) = self.rate(place) {
            out.push_str(&format!("\n\n{rate}"));
        }
        out
    }

    /// An origin in this file by its line alone.
    fn short(&self, origin: &str) -> String {
        match origin.strip_prefix(&format!("{}:", self.now.path)) {
            Some(line) => format!("line {line}"),
            None => format!("`{origin}`"),
        }
    }

    /// A number with its unit, also in the other unit of its stage.
    fn number(&self, place: &Place, offset: u32) -> Option<String> {
        let text = &self.now.text[place.value.start as usize..place.value.end as usize];
        let (expr, _) = pfm_syntax::parse_expr(Read::ID, text);
        let inside = offset.saturating_sub(place.value.start);
        let (value, unit) = number_at(&expr?, inside)?;
        let shown = if value.fract() == 0.0 && value.abs() < 1e15 && value >= 0.0 { grouped(value as usize) } else { value.to_string() };
        let unit = unit?;
        let mut out = format!("**{shown} {unit}**");
        let stage = place.path.split('.').next().unwrap_or("");
        let stage = self.experiment().and_then(|e| e.stages.iter().find(|s| s.name == stage));
        if let Some(epoch) = stage.map(|s| s.epoch as f64).filter(|e| *e > 0.0) {
            match unit.as_str() {
                "step" | "steps" => out.push_str(&format!(" = {} epochs", short_number(value / epoch))),
                "epoch" | "epochs" => out.push_str(&format!(" = {} steps", short_number(value * epoch))),
                _ => {}
            }
        }
        Some(out)
    }
}

fn info(s: &SettingInfo) -> String {
    let default = match s.default {
        Some(default) => format!("default `{default}`"),
        None => "needed".to_string(),
    };
    format!("`{}`: {} ({default})", s.name, s.doc)
}

fn short_number(value: f64) -> String {
    if value.fract() == 0.0 { grouped(value.max(0.0) as usize) } else { format!("{value:.2}") }
}

/// The number at a byte of an expression.
fn number_at(expr: &Expr, offset: u32) -> Option<(f64, Option<String>)> {
    let inner = |e: &Expr| number_at(e, offset);
    if !(expr.span.start <= offset && offset <= expr.span.end) {
        return None;
    }
    match &expr.kind {
        ExprKind::Number { value, unit, .. } => Some((*value, unit.as_ref().map(|u| u.text.clone()))),
        ExprKind::List(args) => args.iter().find_map(|a| inner(&a.value)),
        ExprKind::Call(call) => call.args.iter().find_map(|a| inner(&a.value)),
        ExprKind::Index { args, .. } => args.iter().find_map(|a| inner(&a.value)),
        ExprKind::Tuple(items) => items.iter().find_map(inner),
        ExprKind::Choice { options, eval } => options.iter().chain(eval.as_deref()).find_map(inner),
        ExprKind::Range(a, b) | ExprKind::Binary { left: a, right: b, .. } => inner(a).or_else(|| inner(b)),
        ExprKind::Negative(e) => inner(e),
        _ => None,
    }
}
