//! Units are types. A quantity of the file is a number and a unit word; here its dimension is checked and it becomes a plain
//! number in the base unit. Numbers in messages are printed in the unit that the user wrote.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Expr, ExprKind};

use crate::suggest::{any_of, nearest};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dimension {
    Steps,
    Batches,
    Epochs,
    Samples,
    Frames,
    Parameters,
    Share,
    Size,
    Time,
    Tokens,
}

/// Unit word, dimension, factor to the base unit.
const UNITS: &[(&str, Dimension, f64)] = &[
    ("steps", Dimension::Steps, 1.0),
    ("step", Dimension::Steps, 1.0),
    ("batches", Dimension::Batches, 1.0),
    ("batch", Dimension::Batches, 1.0),
    ("epochs", Dimension::Epochs, 1.0),
    ("epoch", Dimension::Epochs, 1.0),
    ("samples", Dimension::Samples, 1.0),
    ("sample", Dimension::Samples, 1.0),
    ("frames", Dimension::Frames, 1.0),
    ("frame", Dimension::Frames, 1.0),
    ("params", Dimension::Parameters, 1.0),
    ("tokens", Dimension::Tokens, 1.0),
    ("%", Dimension::Share, 0.01),
    ("B", Dimension::Size, 1.0),
    ("KiB", Dimension::Size, 1024.0),
    ("MiB", Dimension::Size, 1_048_576.0),
    ("GiB", Dimension::Size, 1_073_741_824.0),
    ("TiB", Dimension::Size, 1_099_511_627_776.0),
    ("s", Dimension::Time, 1.0),
    ("min", Dimension::Time, 60.0),
    ("h", Dimension::Time, 3600.0),
    ("d", Dimension::Time, 86_400.0),
];

impl Dimension {
    /// In words, with an article: what a value of this dimension is.
    pub fn noun(self) -> &'static str {
        match self {
            Dimension::Steps => "a number of steps",
            Dimension::Batches => "a number of batches",
            Dimension::Epochs => "a number of epochs",
            Dimension::Samples => "a number of samples",
            Dimension::Frames => "a number of frames",
            Dimension::Parameters => "a number of parameters",
            Dimension::Share => "a share",
            Dimension::Size => "a size in bytes",
            Dimension::Time => "a time",
            Dimension::Tokens => "a number of tokens",
        }
    }

    /// The unit word to suggest.
    pub fn unit(self) -> &'static str {
        let found = UNITS.iter().find(|(_, d, _)| *d == self);
        found.expect("every dimension has a row in UNITS").0
    }

    /// The dimension that a parameter of a definition asks for by its type word.
    pub fn of_type(word: &str) -> Option<Dimension> {
        let found = UNITS.iter().find(|(unit, _, _)| *unit == word);
        found.map(|(_, dimension, _)| *dimension)
    }
}

/// Every unit word with what it measures, in words.
pub fn unit_words() -> impl Iterator<Item = (&'static str, &'static str)> {
    UNITS.iter().map(|(word, dimension, _)| (*word, dimension.noun()))
}

/// A number of the file, its dimension (None: a plain number) and its unit as written.
pub(crate) struct Quantity {
    /// In the base unit.
    pub value: f64,
    pub dimension: Option<Dimension>,
    pub span: Span,
}

/// Reads a number; None when the expression is something else.
pub(crate) fn quantity(expr: &Expr) -> Option<Result<Quantity, Diagnostic>> {
    match &expr.kind {
        ExprKind::Number { value, unit, .. } => Some(match unit {
            None => Ok(Quantity { value: *value, dimension: None, span: expr.span }),
            Some(unit) => match UNITS.iter().find(|(word, _, _)| *word == unit.text) {
                Some((_, dimension, factor)) => Ok(Quantity { value: value * factor, dimension: Some(*dimension), span: expr.span }),
                None => Err(unknown_unit(&unit.text, unit.span)),
            },
        }),
        ExprKind::Negative(inner) => match quantity(inner)? {
            Ok(q) => Some(Ok(Quantity { value: -q.value, dimension: q.dimension, span: expr.span })),
            Err(e) => Some(Err(e)),
        },
        _ => None,
    }
}

fn unknown_unit(word: &str, span: Span) -> Diagnostic {
    let words: Vec<&str> = UNITS.iter().map(|(w, _, _)| *w).collect();
    let d = Diagnostic::new("E0205", format!("unknown unit `{word}`")).at(span, "not a unit");
    match nearest(word, &words).as_slice() {
        [] => d.help(format!("units are {}", any_of(&["steps", "batches", "epochs", "samples", "frames", "params", "%", "GiB", "s"]))),
        [one, ..] => d.fix(format!("did you mean `{one}`?"), span, *one, false),
    }
}

/// The value in one of the allowed dimensions, or what is wrong with it. `name` is the setting or argument that it is for.
pub(crate) fn in_dimension(expr: &Expr, name: &str, allowed: &[Dimension]) -> Result<(f64, Dimension), Diagnostic> {
    let quantity = match quantity(expr) {
        None => {
            return Err(Diagnostic::new("E0204", format!("`{name}` is {}, found {}", allowed[0].noun(), crate::values::noun(expr)))
                .at(expr.span, crate::values::noun(expr))
                .help(format!("write a number and its unit, such as `100 {}`", allowed[0].unit())));
        }
        Some(q) => q?,
    };
    match quantity.dimension {
        Some(dimension) if allowed.contains(&dimension) => Ok((quantity.value, dimension)),
        Some(dimension) => {
            let units: Vec<&str> = allowed.iter().map(|d| d.unit()).collect();
            Err(Diagnostic::new("E0202", format!("`{name}` is {}, found {}", allowed[0].noun(), dimension.noun()))
                .at(expr.span, format!("{} here", dimension.noun()))
                .help(format!("give it in {}", any_of(&units))))
        }
        None => {
            let choices: Vec<String> = allowed.iter().map(|d| format!("{} {}", digits(quantity.value), d.unit())).collect();
            let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
            let d = Diagnostic::new("E0201", format!("`{name}` needs a unit")).at(quantity.span, "a number without a unit");
            Err(match choices.as_slice() {
                [only] => d.fix(format!("write `{only}`"), quantity.span, *only, true),
                many => d.help(format!("write {}", any_of(many))),
            })
        }
    }
}

/// A plain number without a unit.
pub(crate) fn plain(expr: &Expr, name: &str) -> Option<Result<f64, Diagnostic>> {
    Some(match quantity(expr)? {
        Err(e) => Err(e),
        Ok(q) => match q.dimension {
            None => Ok(q.value),
            Some(Dimension::Share) => Ok(q.value),
            Some(dimension) => Err(Diagnostic::new("E0202", format!("`{name}` is a plain number, found {}", dimension.noun()))
                .at(expr.span, format!("{}; a plain number is expected", dimension.noun()))
                .help("drop the unit")),
        },
    })
}

/// A number as written in the language: `168_000`, `0.5`.
pub(crate) fn digits(value: f64) -> String {
    if value.fract() != 0.0 || value.abs() >= 1e15 {
        return format!("{value}");
    }
    grouped(value, '_')
}

/// A number in prose: `168,000`.
pub(crate) fn prose(value: f64) -> String {
    if value.fract() != 0.0 || value.abs() >= 1e15 {
        return format!("{value}");
    }
    grouped(value, ',')
}

fn grouped(value: f64, mark: char) -> String {
    let plain = format!("{}", value.abs() as u64);
    let mut out = String::new();
    for (i, digit) in plain.chars().enumerate() {
        if i > 0 && (plain.len() - i) % 3 == 0 && plain.len() > 3 {
            out.push(mark);
        }
        out.push(digit);
    }
    if value < 0.0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(digits(168000.0), "168_000");
        assert_eq!(prose(61740000.0), "61,740,000");
        assert_eq!(digits(400.0), "400");
        assert_eq!(digits(0.5), "0.5");
    }
}
