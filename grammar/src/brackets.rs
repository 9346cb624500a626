//! Pairs brackets, and decides where one is missing or too many. A file whose brackets pair is taken as it is; in any other the
//! indentation and the words that begin statements say which bracket is the culprit, so that one slip does not spoil the file.

use crate::ast::BLOCK_WORDS;
use crate::layout::{LeafKind, Token};
use pfm_diag::{Diagnostic, FileId, Span};

/// Brackets may be this deep; what is deeper is left out, so that reading never runs out of stack.
const MAX_DEPTH: usize = 48;

/// What to change so that all brackets pair.
#[derive(Clone, Debug, Default)]
pub struct Repair {
    /// (before which token, which bracket), ascending.
    insert: Vec<(usize, char)>,
    /// Tokens to leave out, ascending.
    remove: Vec<usize>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Repair {
    pub fn before(&self, token: usize) -> impl Iterator<Item = char> {
        let from = self.insert.partition_point(|(i, _)| *i < token);
        self.insert[from..].iter().take_while(move |(i, _)| *i == token).map(|(_, c)| *c)
    }

    pub fn is_removed(&self, token: usize) -> bool {
        self.remove.binary_search(&token).is_ok()
    }
}

/// Finds the repair of a file: empty when its brackets pair and are not too deep.
pub fn pair(file: FileId, text: &str, tokens: &[Token]) -> Repair {
    if paired(text, tokens) {
        return Repair::default();
    }
    let count = |mark: &str| tokens.iter().filter(|t| t.kind == LeafKind::Mark && &text[t.start..t.end] == mark).count();
    let surplus = count("}").saturating_sub(count("{"));
    let mut pairing =
        Pairing { file, text, tokens, open: vec![], last: None, indent: 0, surplus, too_deep: None, repair: Repair::default() };
    pairing.run();
    pairing.repair
}

fn paired(text: &str, tokens: &[Token]) -> bool {
    let mut open = vec![];
    for token in tokens.iter().filter(|t| t.kind == LeafKind::Mark) {
        match &text[token.start..token.end] {
            "{" => open.push("}"),
            "[" => open.push("]"),
            "(" => open.push(")"),
            close @ ("}" | "]" | ")") if open.pop() != Some(close) => return false,
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            return false;
        }
    }
    open.is_empty()
}

struct Open {
    bracket: char,
    token: usize,
    /// Column of the first token of the line that opens it.
    indent: usize,
}

struct Pairing<'a> {
    file: FileId,
    text: &'a str,
    tokens: &'a [Token],
    open: Vec<Open>,
    /// The last token that is not trivia.
    last: Option<usize>,
    /// Column of the first token of this line.
    indent: usize,
    /// Braces that close more than there is.
    surplus: usize,
    /// Depth below the deepest bracket that is read, and the token that began it.
    too_deep: Option<(usize, usize)>,
    repair: Repair,
}

impl Pairing<'_> {
    fn run(&mut self) {
        let mut line_start = 0;
        let mut fresh = true;
        for i in 0..self.tokens.len() {
            let token = self.tokens[i];
            if token.kind == LeafKind::Newline {
                line_start = token.end;
                fresh = true;
            }
            if token.is_trivia() {
                continue;
            }
            if fresh {
                fresh = false;
                self.indent = token.start - line_start;
                self.begin_line(i);
            }
            self.bracket(i);
            self.last = Some(i);
        }
        while !self.open.is_empty() {
            self.close_missing("the file ends here", self.text.len());
        }
        self.repair.insert.sort_by_key(|(i, _)| *i);
        self.repair.remove.sort();
    }

    fn source(&self, token: usize) -> &str {
        self.tokens.get(token).map_or("", |t| &self.text[t.start..t.end])
    }

    fn span(&self, token: usize) -> Span {
        let t = self.tokens[token];
        Span::new(self.file, t.start, t.end)
    }

    /// Closes what the first word of a line shows to be left open.
    fn begin_line(&mut self, i: usize) {
        let begins_statement = self.begins_statement(i);
        let closes = self.source(i) == "}";
        if begins_statement || closes {
            while matches!(self.open.last(), Some(o) if o.bracket != '{') {
                self.close_missing("this line begins another statement", i);
            }
        }
        if begins_statement && self.indent == 0 {
            while !self.open.is_empty() {
                self.close_missing("this can only stand outside", i);
            }
        } else if begins_statement {
            while matches!(self.open.last(), Some(o) if o.indent >= self.indent) {
                self.close_missing("this line stands left of what the bracket holds", i);
            }
        } else if closes && self.open.iter().any(|o| o.indent == self.indent) {
            while matches!(self.open.last(), Some(o) if o.indent > self.indent) {
                self.close_missing("this closes the block around it", i);
            }
        }
    }

    /// `path =`, `freeze …`, or a word that opens a block or a definition and its name.
    fn begins_statement(&self, i: usize) -> bool {
        const STATEMENTS: &[&str] =
            &["freeze", "skip", "expect", "use", "block", "fn", "loss", "metric", "schedule", "optimiser", "vocabulary", "slot"];
        let mut at = self.next(i);
        let word = self.source(i);
        if self.tokens[i].kind == LeafKind::Word
            && at.is_some_and(|n| self.tokens[n].kind == LeafKind::Word || word == "skip")
            && (STATEMENTS.contains(&word) || BLOCK_WORDS.contains(&word))
        {
            return true;
        }
        while let Some(n) = at {
            match self.source(n) {
                "=" => return true,
                "." | "*" | "**" => {}
                _ if self.tokens[n].kind == LeafKind::Word && self.source(n - 1) == "." => {}
                _ => return false,
            }
            at = self.next(n);
        }
        false
    }

    /// The next token on the same line that is not a blank.
    fn next(&self, i: usize) -> Option<usize> {
        let n = (i + 1..self.tokens.len()).find(|n| self.tokens[*n].kind != LeafKind::Blank)?;
        (!self.tokens[n].is_trivia()).then_some(n)
    }

    fn bracket(&mut self, i: usize) {
        if self.tokens[i].kind != LeafKind::Mark {
            if self.too_deep.is_some() {
                self.repair.remove.push(i);
            }
            return;
        }
        match self.source(i) {
            "{" | "[" | "(" => self.opens(i),
            "}" | "]" | ")" => self.closes(i),
            _ if self.too_deep.is_some() => self.repair.remove.push(i),
            _ => {}
        }
    }

    fn opens(&mut self, i: usize) {
        if let Some((depth, _)) = &mut self.too_deep {
            *depth += 1;
            self.repair.remove.push(i);
        } else if self.open.len() == MAX_DEPTH {
            self.too_deep = Some((1, i));
            self.repair.remove.push(i);
            self.repair.diagnostics.push(
                Diagnostic::new("E0010", "brackets are nested too deeply")
                    .at(self.span(i), format!("the {}th bracket inside another", MAX_DEPTH + 1))
                    .help("give the inner part a name of its own"),
            );
        } else {
            let bracket = self.source(i).chars().next().expect("a bracket");
            self.open.push(Open { bracket, token: i, indent: self.indent });
        }
    }

    fn closes(&mut self, i: usize) {
        if let Some((depth, _)) = &mut self.too_deep {
            *depth -= 1;
            if *depth == 0 {
                self.too_deep = None;
            }
            self.repair.remove.push(i);
            return;
        }
        let wanted = match self.source(i) {
            "}" => '{',
            "]" => '[',
            _ => '(',
        };
        // A `)` does not reach out of a block; a `}` ends whatever is open inside its own.
        let reach = self
            .open
            .iter()
            .rposition(|o| o.bracket == wanted || (wanted != '{' && o.bracket == '{'))
            .filter(|k| self.open[*k].bracket == wanted);
        // A brace too many is the one that would close a block further left than its own line.
        let early = wanted == '{' && self.surplus > 0 && reach.is_some_and(|k| self.open[k].indent < self.indent);
        if early {
            self.surplus -= 1;
        }
        let Some(k) = reach.filter(|_| !early) else {
            let source = self.source(i).to_string();
            self.repair.remove.push(i);
            self.repair.diagnostics.push(
                Diagnostic::new("E0007", format!("`{source}` closes nothing")).at(self.span(i), format!("no `{wanted}` is open here")).fix(
                    "remove it",
                    self.span(i),
                    "",
                    false,
                ),
            );
            return;
        };
        while self.open.len() > k + 1 {
            self.close_missing("this closes the bracket around it", i);
        }
        self.open.pop();
    }

    /// Puts in the closing bracket of the innermost open one, behind the last token that was read.
    fn close_missing(&mut self, why: &str, at: usize) {
        self.too_deep = None;
        let open = self.open.pop().expect("a bracket is open");
        let closing = match open.bracket {
            '{' => '}',
            '[' => ']',
            _ => ')',
        };
        let last = self.last.unwrap_or(open.token);
        self.repair.insert.push((last + 1, closing));
        let here = match self.tokens.get(at) {
            Some(_) => self.span(at),
            None => Span::new(self.file, self.text.len(), self.text.len()),
        };
        let behind = self.span(last).end as usize;
        let insertion = Span::new(self.file, behind, behind);
        self.repair.diagnostics.push(
            Diagnostic::new("E0006", format!("`{}` is never closed", open.bracket))
                .at(self.span(open.token), "opens here")
                .also(here, why.to_string())
                .fix(format!("write `{closing}` before"), insertion, closing.to_string(), false),
        );
    }
}
