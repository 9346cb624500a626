//! Parses texts beside the standard library and resolves them, for all tests of this crate.

use pfm_diag::{Diagnostic, Sources, Span};
use pfm_elaborate::Library;
use pfm_hir::{Experiment, Input, Request, resolve};
use pfm_syntax::ast::File;

/// A file and everything that it can see.
pub struct Case {
    pub sources: Sources,
    file: File,
    library: Library,
    broken: Vec<Span>,
    found: Vec<Diagnostic>,
}

impl Case {
    pub fn new(name: &str, text: &str) -> Case {
        let mut sources = Sources::default();
        let id = sources.add(name, text);
        let parsed = pfm_syntax::parse(id, text);
        let mut files = vec![parsed.file.clone()];
        for (name, text) in pfm_stdlib::FILES {
            let id = sources.add(name, text);
            let parsed = pfm_syntax::parse(id, text);
            assert!(parsed.diagnostics.is_empty(), "{name} parses: {:?}", parsed.diagnostics);
            files.push(parsed.file);
        }
        let (library, mut found) = Library::new(&files, &sources);
        found.extend(parsed.diagnostics.iter().cloned());
        let broken = parsed.diagnostics.iter().filter_map(|d| d.primary.as_ref()).map(|l| l.span).collect();
        Case { sources, file: parsed.file, library, broken, found }
    }

    pub fn resolve(&self, request: &Request) -> (Option<Experiment>, Vec<Diagnostic>) {
        let input = Input { sources: &self.sources, file: &self.file, others: &[], library: &self.library, broken: &self.broken };
        let (experiment, mut diagnostics) = resolve(&input, request);
        diagnostics.extend(self.found.iter().cloned());
        diagnostics.sort_by_key(|d| d.primary.as_ref().map(|l| l.span));
        (experiment, diagnostics)
    }

    /// Everything that was found, as a terminal without colour shows it.
    pub fn render(&self, diagnostics: &[Diagnostic]) -> String {
        diagnostics.iter().map(|d| pfm_diag::terminal(d, &self.sources, false)).collect::<Vec<_>>().join("\n")
    }
}

/// Definitions of the standard library.
#[allow(dead_code, reason = "not every test looks at them")]
pub fn standard() -> Vec<pfm_syntax::ast::Definition> {
    let parse = |text: &str| pfm_syntax::parse(pfm_diag::FileId(0), text).file.definitions;
    pfm_stdlib::FILES.iter().flat_map(|(_, text)| parse(text)).collect()
}
