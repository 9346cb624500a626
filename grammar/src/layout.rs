//! The first reading: leaves that cover every byte, brackets paired, and the text for the second reading, where comments and
//! line ends inside `(…)` and `[…]` or before `|>` are blanks. Offsets stay those of the source but for brackets put in to repair.

use crate::pairs::Pair;
use crate::rules::{PfmParser, Rule};
use pest::Parser;
use pfm_diag::{Diagnostic, FileId, Span};

/// What a leaf is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    Blank,
    Newline,
    /// `## …`
    Doc,
    /// `# …`
    Remark,
    Text,
    /// A text without its closing quote.
    OpenText,
    Number,
    Word,
    Mark,
    /// A character that the language does not have.
    Stray,
}

#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub kind: LeafKind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub fn is_trivia(self) -> bool {
        use LeafKind::*;
        matches!(self.kind, Blank | Newline | Doc | Remark)
    }
}

pub struct Layout {
    pub file: FileId,
    pub source: String,
    pub tokens: Vec<Token>,
    /// What the second reading reads.
    pub masked: String,
    /// Offsets in `masked` of characters that the source does not have, ascending.
    inserted: Vec<usize>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Layout {
    pub fn read(file: FileId, text: &str) -> Self {
        let tokens = tokens(text);
        let repair = crate::brackets::pair(file, text, &tokens);
        let mut layout = Layout {
            file,
            source: text.to_string(),
            masked: String::with_capacity(text.len()),
            inserted: vec![],
            diagnostics: repair.diagnostics.clone(),
            tokens,
        };
        layout.mask(text, &repair);
        layout
    }

    /// Offset in the source of an offset in `masked`.
    pub fn origin(&self, masked: usize) -> usize {
        masked - self.inserted.partition_point(|k| *k < masked)
    }

    /// The pair's bytes in the source, without blanks at its end.
    pub fn range(&self, pair: &Pair) -> (usize, usize) {
        let span = pair.as_span();
        let end = span.start() + span.as_str().trim_end().len();
        (self.origin(span.start()), self.origin(end))
    }

    fn mask(&mut self, text: &str, repair: &crate::brackets::Repair) {
        let mut open: Vec<char> = vec![];
        for i in 0..self.tokens.len() {
            let token = self.tokens[i];
            let source = &text[token.start..token.end];
            for bracket in repair.before(i) {
                self.inserted.push(self.masked.len());
                self.put_mark(bracket, &mut open);
            }
            if repair.is_removed(i) {
                self.blank(source.len());
                continue;
            }
            match token.kind {
                LeafKind::Newline if self.goes_on(text, i, &open) => self.blank(1),
                LeafKind::Doc | LeafKind::Remark => self.blank(source.len()),
                LeafKind::Stray => {
                    self.blank(source.len());
                    self.diagnostics.push(stray(self.file, token, source));
                }
                LeafKind::OpenText => self.close_text(token, source),
                LeafKind::Mark if source.len() == 1 => {
                    let c = source.chars().next().expect("one character");
                    self.put_mark(c, &mut open);
                }
                _ => self.masked.push_str(source),
            }
        }
        for bracket in repair.before(self.tokens.len()) {
            self.inserted.push(self.masked.len());
            self.put_mark(bracket, &mut open);
        }
    }

    fn put_mark(&mut self, c: char, open: &mut Vec<char>) {
        match c {
            '{' | '[' | '(' => open.push(c),
            '}' | ']' | ')' => {
                open.pop();
            }
            _ => {}
        }
        self.masked.push(c);
    }

    fn blank(&mut self, bytes: usize) {
        self.masked.extend(std::iter::repeat_n(' ', bytes));
    }

    /// True when the statement goes on after this line end.
    fn goes_on(&self, text: &str, newline: usize, open: &[char]) -> bool {
        if matches!(open.last(), Some('(' | '[')) {
            return true;
        }
        self.tokens[newline..].iter().find(|t| !t.is_trivia()).is_some_and(|t| matches!(&text[t.start..t.end], "|>" | "->"))
    }

    fn close_text(&mut self, token: Token, source: &str) {
        let body = source.trim_end();
        self.masked.push_str(body);
        self.inserted.push(self.masked.len());
        self.masked.push('"');
        self.blank(source.len() - body.len());
        let span = Span::new(self.file, token.start, token.start + body.len());
        let end = Span::new(self.file, token.start + body.len(), token.start + body.len());
        self.diagnostics.push(
            Diagnostic::new("E0009", "a text does not end on its line").at(span, "begins here and has no closing quote").fix(
                "close it with `\"`",
                end,
                "\"",
                false,
            ),
        );
    }
}

fn stray(file: FileId, token: Token, source: &str) -> Diagnostic {
    let span = Span::new(file, token.start, token.end);
    let found = Diagnostic::new("E0008", format!("`{source}` is not used in this language")).at(span, "this character");
    match source {
        ";" => found.fix("a line end or a comma ends a statement", span, "", true),
        "'" | "`" => found.help("a text is written in double quotes: `\"paper\"`"),
        "&" => found.help("write `and`"),
        "|" => found.help("write `or` between conditions, `|>` to hand a value on"),
        "!" => found.help("write `not`"),
        "@" => found.help("write `contract(a, b, over: [c])` for a product of matrices"),
        _ => found.help("remove it"),
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let outer = PfmParser::parse(Rule::tokens, text).expect("`tokens` accepts every text").next().expect("a parse has one outer pair");
    let mut tokens = vec![];
    for pair in outer.into_inner() {
        let kind = match pair.as_rule() {
            Rule::blank => LeafKind::Blank,
            Rule::newline => LeafKind::Newline,
            Rule::doc => LeafKind::Doc,
            Rule::remark => LeafKind::Remark,
            Rule::text => LeafKind::Text,
            Rule::open_text => LeafKind::OpenText,
            Rule::numeral => LeafKind::Number,
            Rule::word => LeafKind::Word,
            Rule::mark => LeafKind::Mark,
            Rule::stray => LeafKind::Stray,
            Rule::EOI => continue,
            rule => panic!("{rule:?} is no leaf"),
        };
        tokens.push(Token { kind, start: pair.as_span().start(), end: pair.as_span().end() });
    }
    tokens
}
