//! What to say about a statement that could not be read: the statement is read once more alone to find how far reading gets,
//! and the tokens at that place say in the user's terms what is missing or too much.

use crate::build::Builder;
use crate::layout::{LeafKind, Token};
use crate::pairs::Pair;
use crate::rules::{PfmParser, Rule};
use pest::Parser;
use pest::error::InputLocation;
use pfm_diag::{Diagnostic, Span};

impl Builder<'_> {
    /// Reports a broken statement, and what is wrong in its body if that could be read. Silent about a statement that a
    /// misplaced bracket or character broke, and about a second one on the same line: they follow from the first error.
    pub(crate) fn broken(&mut self, pair: Pair, probe: Rule) {
        let (start, end) = self.layout.range(&pair);
        let source = &self.layout.source;
        let line = source[..start].rfind('\n').map_or(0, |n| n + 1);
        // Lines of a list in another language follow from the first of them, or from the setting above.
        let dashed = |from: usize| source[from..].trim_start().starts_with("- ");
        let above = source[..line].trim_end();
        let above = &above[above.rfind('\n').map_or(0, |n| n + 1)..];
        let listed = dashed(start) && (above.trim_start().starts_with("- ") || above.ends_with(['=', ':']));
        let known = listed || self.layout.diagnostics.iter().any(|d| touches(d, line, end));
        let follows = self.broken_until.is_some_and(|last| last <= start && last > line);
        if !known && !follows {
            let place = self.layout.origin(furthest(&pair, probe));
            let found = Place::new(self, start, end, place, probe).explain();
            self.diagnostics.push(found);
        }
        let body = pair.clone().into_inner().last();
        self.broken_until = Some(body.map_or(end, |b| self.layout.range(&b).0));
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::items => drop(self.items(part)),
                Rule::members => drop(self.members(part)),
                Rule::code => drop(self.code(part)),
                Rule::broken_block => {
                    for items in part.into_inner().filter(|p| p.as_rule() == Rule::items) {
                        self.items(items);
                    }
                }
                _ => {}
            }
        }
    }

    /// For a construct that is the whole text.
    pub(crate) fn broken_alone(&mut self, at: usize, probe: Rule) {
        let source = &self.layout.source;
        let (start, end) = (0, source.trim_end().len());
        let place = self.layout.origin(at);
        let found = Place::new(self, start, end, place, probe).explain();
        self.diagnostics.push(found);
    }
}

fn touches(diagnostic: &Diagnostic, start: usize, end: usize) -> bool {
    let fix = diagnostic.help.iter().filter_map(|h| h.fix.as_ref());
    let labels = diagnostic.primary.iter();
    labels.map(|l| l.span).chain(fix.map(|f| f.span)).any(|s| (s.start as usize) <= end && (s.end as usize) >= start)
}

/// How far the statement can be read, as an offset in the masked text.
fn furthest(pair: &Pair, probe: Rule) -> usize {
    let text = pair.as_str().trim_end();
    let at = match PfmParser::parse(probe, text) {
        Ok(_) => text.len(),
        Err(error) => position(&error),
    };
    pair.as_span().start() + at
}

pub fn position(error: &pest::error::Error<Rule>) -> usize {
    match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    }
}

/// A place in a broken statement, and the tokens around it.
struct Place<'a> {
    source: &'a str,
    file: pfm_diag::FileId,
    /// The statement's tokens without trivia.
    tokens: Vec<Token>,
    /// The first token that could not be read; the count of tokens when all of them could.
    at: usize,
    probe: Rule,
}

/// Signs and words after which a value or a name must follow.
const OPEN_ENDS: &[&str] = &[
    "=", ":", "+", "-", "*", "/", "//", "%", "^", "<", "<=", ">", ">=", "==", "!=", ",", "(", "[", "{", "|>", "->", "~", ".", "..", "and",
    "or", "not", "in", "over", "except", "within", "on", "eval", "as", "if", "freeze", "train", "skip", "expect", "use", "require",
    "param", "for",
];

/// Words of other languages at the beginning of a statement, and what is said here.
const FOREIGN: &[(&str, &str)] = &[
    ("def", "a function is `fn name(x) = …`, tensor code with parameters `block name(x: [b c]) -> [b c] { … }`"),
    ("class", "tensor code with parameters of its own is a `block`"),
    ("import", "names come with `use std.metrics.{vrmse}`"),
    ("from", "names come with `use std.metrics.{vrmse}`"),
    ("let", "a name needs no word before it: `name = value`"),
    ("var", "a name needs no word before it: `name = value`"),
    ("const", "a name needs no word before it: `name = value`"),
    ("return", "the last line of code is its value"),
    ("while", "the only loop is `for i in 0 .. n { … }`, which runs while compiling"),
    ("elif", "write `else if`"),
    ("assert", "a claim is `expect …` in an experiment, `require …, \"message\"` in code"),
];

impl<'a> Place<'a> {
    fn new(builder: &'a Builder, start: usize, end: usize, place: usize, probe: Rule) -> Self {
        let tokens: Vec<Token> =
            builder.layout.tokens.iter().copied().filter(|t| t.start >= start && t.start < end && !t.is_trivia()).collect();
        let at = tokens.iter().take_while(|t| t.end <= place).count();
        Place { source: &builder.layout.source, file: builder.file, tokens, at, probe }
    }

    /// The text of a token of the statement; empty beyond its ends.
    fn text(&self, i: usize) -> &'a str {
        self.tokens.get(i).map_or("", |t| &self.source[t.start..t.end])
    }

    fn span(&self, i: usize) -> Span {
        match self.tokens.get(i).or(self.tokens.last()) {
            Some(t) => Span::new(self.file, t.start, t.end),
            None => Span::new(self.file, 0, 0),
        }
    }

    fn kind(&self, i: usize) -> Option<LeafKind> {
        self.tokens.get(i).map(|t| t.kind)
    }

    fn explain(&self) -> Diagnostic {
        self.foreign()
            .or_else(|| self.misplaced_definition())
            .or_else(|| self.known_slip())
            .or_else(|| self.two_statements())
            .or_else(|| self.missing_value())
            .or_else(|| self.missing_else())
            .or_else(|| self.unfinished())
            .unwrap_or_else(|| self.unexpected())
    }

    fn foreign(&self) -> Option<Diagnostic> {
        let word = self.text(0);
        let (_, help) = FOREIGN.iter().find(|(w, _)| *w == word)?;
        Some(
            Diagnostic::new("E0004", format!("`{word}` does not begin a statement"))
                .at(self.span(0), "not a word of this language")
                .help(*help),
        )
    }

    /// A definition where only settings and blocks stand.
    fn misplaced_definition(&self) -> Option<Diagnostic> {
        let word = self.text(0);
        let named = self.kind(1) == Some(LeafKind::Word);
        (self.probe == Rule::probe_item && named && (self.defines_code() || word == "vocabulary")).then(|| {
            Diagnostic::new("E0012", format!("`{word}` stands inside another block"))
                .at(self.span(0), "in a block")
                .help("move it out, to file level")
        })
    }

    /// Signs that mean something in another language.
    fn known_slip(&self) -> Option<Diagnostic> {
        let span = self.span(self.at);
        match self.text(self.at) {
            "**" => Some(Diagnostic::new("E0004", "`**` does not join two values").at(span, "a power is written with `^`").fix(
                "write `^`",
                span,
                "^",
                true,
            )),
            "==" if self.probe == Rule::probe_item || self.at == 1 => {
                Some(Diagnostic::new("E0004", "`==` gives no value to a name").at(span, "this compares").fix("write `=`", span, "=", false))
            }
            "," if self.in_axes() => {
                Some(Diagnostic::new("E0020", "axes are separated by spaces").at(span, "a comma between two axes").fix(
                    "remove the commas",
                    span,
                    "",
                    false,
                ))
            }
            "{" if self.at == 2 && self.defines_code() => Some(
                Diagnostic::new("E0004", format!("`{}` names no inputs", self.text(1)))
                    .at(self.span(1), "its inputs stand in parentheses after the name")
                    .help(format!("write `{} {}(x: [b t *s c]) {{ … }}`", self.text(0), self.text(1))),
            ),
            "|>" if self.probe != Rule::probe_item => None,
            _ => None,
        }
    }

    fn defines_code(&self) -> bool {
        matches!(self.text(0), "block" | "fn" | "loss" | "metric" | "schedule")
    }

    /// True when the innermost open bracket at the place is a `[` in the head of a definition or after `param`.
    fn in_axes(&self) -> bool {
        let mut open = vec![];
        for i in 0..self.at {
            match self.text(i) {
                bracket @ ("(" | "[" | "{") => open.push((bracket, i)),
                ")" | "]" | "}" => {
                    open.pop();
                }
                _ => {}
            }
        }
        match open.last() {
            Some(("[", i)) if *i > 0 => {
                let before = self.text(i - 1);
                before == "param" || (matches!(before, ":" | "->" | "f32") && self.defines_code())
            }
            _ => false,
        }
    }

    /// `a = 1 b = 2`: reading stops at `b`, or at the second `=` when `b` was taken for a unit.
    fn two_statements(&self) -> Option<Diagnostic> {
        let second = match self.text(self.at) {
            "=" | ":" => self.at.checked_sub(1)?,
            _ => self.at,
        };
        let starts = self.kind(second) == Some(LeafKind::Word) && self.text(second + 1) == "=";
        if !starts || second < 3 || OPEN_ENDS.contains(&self.text(second - 1)) {
            return None;
        }
        let behind = self.tokens[second - 1].end;
        Some(
            Diagnostic::new("E0019", "two statements stand on one line without a comma")
                .at(self.span(second), "a second statement begins here")
                .fix("write a comma before it", Span::new(self.file, behind, behind), ",", true),
        )
    }

    fn missing_value(&self) -> Option<Diagnostic> {
        let before = self.text(self.at.checked_sub(1)?);
        let here = self.text(self.at);
        let no_value = matches!(here, "" | ")" | "]" | "}" | "," | "=" | "*" | "/" | "//" | "%" | "^" | "+" | ":" | "==" | "|>");
        if !no_value || !OPEN_ENDS.contains(&before) {
            return None;
        }
        let after = if here.is_empty() { "nothing follows".to_string() } else { format!("`{here}` follows") };
        let found = Diagnostic::new("E0017", format!("something is missing after `{before}`")).at(self.span(self.at - 1), after);
        Some(match before {
            "freeze" | "train" => found.help("write the parameters: `freeze tok.** except tok.encoder.head`"),
            "skip" => found.help("write the cell: `skip [weights: scratch, mask: frozen]`"),
            "=" if self.below().starts_with("- ") => found.help("a list stands in brackets: `metrics = [vrmse, neps(bands: 3)]`"),
            "=" => found.help("write the value, or remove the setting to take its default"),
            "|>" => found.help("write the call that takes the value: `x |> silu`"),
            _ => found,
        })
    }

    /// What follows the statement.
    fn below(&self) -> &'a str {
        self.tokens.last().map_or("", |t| self.source[t.end..].trim_start())
    }

    fn missing_else(&self) -> Option<Diagnostic> {
        let has_if = (0..self.at).rev().find(|i| self.text(*i) == "if")?;
        let closed = self.text(self.at.checked_sub(1)?) == "}" && self.text(self.at) != "else";
        let has_else = (has_if..self.at).any(|i| self.text(i) == "else");
        (closed && !has_else).then(|| {
            Diagnostic::new("E0018", "an `if` has no `else`")
                .at(self.span(has_if), "its value is missing when the condition is false")
                .help("add `else { … }`")
        })
    }

    /// All tokens could be read, and more is needed.
    fn unfinished(&self) -> Option<Diagnostic> {
        if self.at < self.tokens.len() {
            return None;
        }
        let last = self.at.checked_sub(1)?;
        let found = Diagnostic::new("E0004", "a statement ends too early")
            .at(self.span(last), format!("something must follow `{}`", self.text(last)));
        Some(match self.text(0) {
            "expect" => found.help("a claim compares two values: `expect vrmse <= 0.2`"),
            "require" => found.help("write the condition and what to say: `require heads > 0, \"no heads\"`"),
            _ if self.defines_code() => found.help("a definition is `name(inputs) = value` or `name(inputs) -> [axes] { … }`"),
            _ => found.help("a setting is `name = value`, a block `word name { … }`"),
        })
    }

    fn unexpected(&self) -> Diagnostic {
        let here = self.text(self.at);
        let span = self.span(self.at);
        if self.at == 0 {
            return Diagnostic::new("E0004", format!("`{here}` does not begin a statement"))
                .at(span, "not expected at the beginning")
                .help(match self.probe {
                    Rule::probe_item if here == "-" => "a list stands in brackets: `metrics = [vrmse, neps(bands: 3)]`",
                    Rule::probe_item => "a statement is `name = value`, a block, or begins with freeze, train, skip or expect",
                    Rule::probe_code => "a line of code is `name = value`, `name : param [axes] ~ start`, for, require, or a value",
                    Rule::probe_member => "here stand `slot` and definitions",
                    Rule::probe_top => "here stand `use`, experiments and definitions",
                    _ => "a value is a number, a name, a call, a text or a list",
                });
        }
        let before = self.text(self.at - 1);
        let found = Diagnostic::new("E0004", format!("`{here}` is not expected here")).at(span, format!("cannot follow `{before}`"));
        let piped = (0..self.at).any(|i| self.text(i) == "|>");
        match here {
            "+" | "-" | "*" | "/" if piped => found.help("put the pipe in parentheses: `(x |> f) + y`"),
            _ if self.at == 1 && self.probe == Rule::probe_item => found.help("a setting is `name = value`, a block `word name { … }`"),
            _ if self.at == 1 && self.probe == Rule::probe_code => found.help("a line of code is `name = value`, or a value at the end"),
            _ => found,
        }
    }
}
