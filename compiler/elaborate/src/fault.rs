//! What stops the elaboration of one call: a diagnostic that labels the line of the definition. The public entry points
//! add the label of the call in the user's file.

use pfm_diag::{Diagnostic, Span};

pub(crate) type Fault = Box<Diagnostic>;
pub(crate) type Outcome<T> = Result<T, Fault>;

/// A diagnostic with its primary label.
pub(crate) fn fault(code: &'static str, message: impl Into<String>, span: Span, label: impl Into<String>) -> Fault {
    Box::new(Diagnostic::new(code, message).at(span, label))
}

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn any_of<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => "nothing".to_string(),
        [only] => format!("`{}`", only.as_ref()),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|i| format!("`{}`", i.as_ref())).collect();
            format!("{} or `{}`", first.join(", "), last.as_ref())
        }
    }
}

/// `[b t h w c]`.
pub(crate) fn axes_text(axes: &[String]) -> String {
    format!("[{}]", axes.join(" "))
}
