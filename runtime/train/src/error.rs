//! What can end a run before its last step. A user sees the diagnostic; an injected fault is only ever seen by tests, because
//! outside them a fault point kills the process.

use pfm_diag::Diagnostic;
use std::path::Path;

#[derive(Clone, Debug)]
pub enum RunError {
    /// Something the user can act on, with a code of the R family.
    Stopped(Box<Diagnostic>),
    /// A fault point that was told to return instead of killing the process.
    Fault(&'static str),
}

impl RunError {
    /// The diagnostic to show.
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            RunError::Stopped(diagnostic) => (**diagnostic).clone(),
            RunError::Fault(point) => Diagnostic::new("R0107", format!("stopped at the fault point `{point}`")),
        }
    }

    /// The operating system refused to `action` (such as "write") the file.
    pub fn file(action: &str, path: &Path, error: &std::io::Error) -> RunError {
        let message = format!("cannot {action} `{}`: {error}", path.display());
        Diagnostic::new("R0104", message).into()
    }
}

impl From<Diagnostic> for RunError {
    fn from(diagnostic: Diagnostic) -> RunError {
        RunError::Stopped(Box::new(diagnostic))
    }
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let diagnostic = self.diagnostic();
        write!(f, "{}: {}", diagnostic.code, diagnostic.message)
    }
}

impl std::error::Error for RunError {}
