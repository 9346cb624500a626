//! What to say about a statement that could not be read: the statement is read once more alone to find how far reading gets,
//! and the tokens at that place say in the user's terms what is missing or too much.

use crate::build::Builder;
use crate::pairs::Pair;
use crate::rules::{PfmParser, Rule};
use pest::Parser;
use pest::error::InputLocation;
use pfm_diag::{Diagnostic, Span};

impl Builder<'_> {
    /// Reports a broken statement, and goes into its body if that could be read.
    pub(crate) fn broken(&mut self, pair: Pair, probe: Rule) {
        let text = pair.as_str().trim_end();
        let at = match PfmParser::parse(probe, text) {
            Ok(_) => text.len(),
            Err(error) => match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            },
        };
        let base = pair.as_span().start();
        let place = base + at;
        let start = self.layout.origin(place);
        let end = self.layout.origin(base + text.len());
        self.diagnostics
            .push(Diagnostic::new("E0004", "this can not be read").at(
                Span::new(self.file, start, end.max(start)),
                "not expected here",
            ));
    }
}
