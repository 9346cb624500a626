//! The one diagnostic value that every layer returns, the table of codes, and its renderers.
//!
//! A diagnostic says what is there (primary label), why that matters (secondary labels), and one concrete edit (help).
//! Layers collect them and go on; nothing in `compiler/` prints or exits.

mod code_info;
mod codes;
mod fixes;
mod render;
mod source;

pub use code_info::{CodeInfo, code_info};
pub use codes::CODES;
pub use fixes::{apply_fixes, safe_fixes};
pub use render::{JSON_VERSION, github, json, sarif, short, terminal};
pub use source::{FileId, SourceFile, Sources, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// A place in a file and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// An edit: replace the span by the text. `safe` edits are applied by `pfmc check --fix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub span: Span,
    pub replacement: String,
    pub safe: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    pub text: String,
    pub fix: Option<Fix>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A row of the code table, such as `E0412`.
    pub code: &'static str,
    pub severity: Severity,
    /// One sentence, without advice and without a full stop.
    pub message: String,
    pub primary: Option<Label>,
    pub secondary: Vec<Label>,
    pub help: Option<Help>,
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// Severity follows the code's letter: `W` warns, all others are errors.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        let severity = if code.starts_with('W') { Severity::Warning } else { Severity::Error };
        Diagnostic { code, severity, message: message.into(), primary: None, secondary: vec![], help: None, notes: vec![] }
    }

    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(Help { text: text.into(), fix: None });
        self
    }

    pub fn fix(mut self, text: impl Into<String>, span: Span, replacement: impl Into<String>, safe: bool) -> Self {
        self.help = Some(Help { text: text.into(), fix: Some(Fix { span, replacement: replacement.into(), safe }) });
        self
    }

    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// True when any of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}
