//! Renderers of the one diagnostic value: for a terminal, one line each, JSON and SARIF for tools, annotations for GitHub.
//! A renderer only lays out what the diagnostic says; it adds no wording of its own.

mod github;
mod json;
mod sarif;
mod short;
mod terminal;

pub use github::github;
pub use json::{JSON_VERSION, json};
pub use sarif::sarif;
pub use short::short;
pub use terminal::terminal;

use crate::Severity;

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
