//! One line per diagnostic, `file:line:col: error[E0412]: message`, which editors and `grep` understand.

use super::severity_word;
use crate::{Diagnostic, Sources};

/// One line without a line end. A diagnostic without a place begins with its severity.
pub fn short(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let what = format!("{}[{}]: {}", severity_word(diagnostic.severity), diagnostic.code, diagnostic.message);
    match &diagnostic.primary {
        None => what,
        Some(label) => {
            let file = sources.file(label.span.file);
            let (line, column) = file.line_column(label.span.start as usize);
            format!("{}:{line}:{column}: {what}", file.name)
        }
    }
}
