//! Collects diagnostics while resolving. Layers go on after a mistake; what a mistake makes unknowable is left out (an
//! `Option` that is `None`), so that one mistake gives one diagnostic. At the end they are sorted by place, repeats dropped.

use pfm_diag::{Diagnostic, Span};

#[derive(Default)]
pub(crate) struct Findings {
    found: Vec<Diagnostic>,
    /// Errors pushed, repeats included: a stage is closed once per cell and fails the same way in each.
    errors: usize,
    /// Something named has an error that was reported when the files were read.
    reported: bool,
    /// Kinds of block of which one has no name: a name of that kind may be the one that is missing.
    unnamed: Vec<&'static str>,
}

impl Findings {
    pub fn unnamed(&mut self, kind: &'static str) {
        self.unnamed.push(kind);
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        let missed = |kind: &&str| diagnostic.code == "E0104" && diagnostic.message.starts_with(&format!("no {kind} is called"));
        if self.unnamed.iter().any(missed) {
            self.errors += 1;
            return;
        }
        self.errors += usize::from(diagnostic.is_error());
        if !self.found.contains(&diagnostic) {
            self.found.push(diagnostic);
        }
    }

    /// Notes an error that was reported when the files were read.
    pub fn reported_before(&mut self) {
        self.reported = true;
    }

    /// The value, or None and its diagnostic kept.
    pub fn keep<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|d| self.push(d)).ok()
    }

    /// True when the same sentence was said about another place.
    pub fn said(&self, diagnostic: &Diagnostic) -> bool {
        self.found.iter().any(|d| d.code == diagnostic.code && d.message == diagnostic.message)
    }

    /// Takes the value and keeps the diagnostics.
    pub fn take<T>(&mut self, (value, diagnostics): (T, Vec<Diagnostic>)) -> T {
        self.extend(diagnostics);
        value
    }

    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }

    /// True when the experiment can't be used: an error that is not a failed claim.
    pub fn has_breaking_errors(&self) -> bool {
        self.reported || self.found.iter().any(|d| d.is_error() && !d.code.starts_with('F'))
    }

    /// Number of errors so far: equal before and after a step means that the step found none.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Sorted by file and place; those without a place come last.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        let place = |d: &Diagnostic| -> (bool, Option<Span>) {
            let span = d.primary.as_ref().map(|l| l.span);
            (span.is_none(), span)
        };
        self.found.sort_by_key(|d| (place(d), d.code));
        self.found
    }
}
