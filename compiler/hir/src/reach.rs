//! What definitions say, without comments and layout, and which of them a text needs: those that it names, and those that they
//! name in turn.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use pfm_elaborate::{Library, kind_word};
use pfm_syntax::ast::Definition;

use crate::input::Input;

/// All definitions that the file can see, ready to be followed.
pub(crate) struct Reach<'a> {
    entries: Vec<Entry<'a>>,
    by_name: BTreeMap<&'a str, Vec<usize>>,
}

struct Entry<'a> {
    definition: &'a Definition,
    module: &'a str,
    text: &'a str,
    tokens: OnceCell<String>,
    /// Positions of the definitions that it names, and the hash of what it says: made once, when first asked for.
    names: OnceCell<Vec<usize>>,
    hash: OnceCell<String>,
}

impl Entry<'_> {
    /// Read when first needed: most files need few definitions.
    fn tokens(&self) -> &str {
        self.tokens.get_or_init(|| tokens(self.text))
    }

    fn is_standard(&self) -> bool {
        self.module.starts_with("std.")
    }
}

impl<'a> Reach<'a> {
    pub fn new(input: &Input<'a>) -> Reach<'a> {
        let library: &'a Library = input.library;
        let entry = |definition: &'a Definition| Entry {
            definition,
            module: library.module_of(definition),
            text: input.sources.text(definition.span),
            tokens: OnceCell::new(),
            names: OnceCell::new(),
            hash: OnceCell::new(),
        };
        let entries: Vec<Entry> = library.definitions().iter().map(entry).collect();
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            by_name.entry(&entry.definition.name.text).or_default().push(index);
        }
        Reach { entries, by_name }
    }

    /// Kind, name and hash of every definition that the text needs, sorted.
    pub fn reached(&self, text: &str) -> Vec<(String, String)> {
        let name = |e: &Entry| format!("{} {}", kind_word(e.definition.kind), e.definition.name.text);
        let hash = |e: &Entry| e.hash.get_or_init(|| blake3::hash(e.tokens().as_bytes()).to_hex()[..16].to_string()).clone();
        let mut out: Vec<_> = self.follow(text).into_iter().map(|i| &self.entries[i]).map(|e| (name(e), hash(e))).collect();
        out.sort();
        out
    }

    /// The user's own definitions among them, in the order of the files.
    pub fn own(&self, text: &str) -> Vec<&'a Definition> {
        let found = self.follow(text).into_iter().map(|i| &self.entries[i]);
        found.filter(|e| !e.is_standard()).map(|e| e.definition).collect()
    }

    /// True where a definition that the text needs says one of these words.
    pub fn says(&self, text: &str, sought: &[&str]) -> bool {
        self.follow(text).into_iter().any(|i| words(self.entries[i].tokens()).iter().any(|word| sought.contains(word)))
    }

    fn follow(&self, text: &str) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut waiting: Vec<usize> = self.named(text).collect();
        while let Some(index) = waiting.pop() {
            if found.insert(index) {
                let entry = &self.entries[index];
                // The standard library needs nothing of the user's, whatever its local names are.
                let sees = |next: &usize| !entry.is_standard() || self.entries[*next].is_standard();
                waiting.extend(entry.names.get_or_init(|| self.named(entry.tokens()).filter(sees).collect()));
            }
        }
        found
    }

    fn named(&self, text: &str) -> impl Iterator<Item = usize> {
        words(text).into_iter().filter_map(|word| self.by_name.get(word)).flatten().copied()
    }
}

/// All names in a text.
pub(crate) fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '\'').filter(|w| !w.is_empty()).collect()
}

/// The tokens of a definition with one blank between them. A line end is kept where it ends a statement.
pub(crate) fn tokens(text: &str) -> String {
    let mut out = Tokens::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '\'';
        let length = match c {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => rest[1..].find(['"', '\n']).map_or(rest.len(), |n| n + 2),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match c {
            '#' | ' ' | '\t' | '\r' => {}
            '\n' => out.end(),
            _ => out.push(token),
        }
        rest = after;
    }
    out.text
}

#[derive(Default)]
struct Tokens {
    text: String,
    /// Open round and square brackets, in which lines do not end anything.
    depth: usize,
    /// A statement may have ended.
    ended: bool,
}

impl Tokens {
    fn end(&mut self) {
        self.ended = self.depth == 0;
    }

    fn push(&mut self, token: &str) {
        let goes_on = matches!(token, "|" | "}" | "else") || self.text.ends_with(['=', '{', ',', '\n']) || self.text.is_empty();
        if token == "," && self.depth == 0 {
            self.ended = true;
            return;
        }
        if std::mem::take(&mut self.ended) && !goes_on {
            self.text.push('\n');
        }
        match token {
            "(" | "[" => self.depth += 1,
            ")" | "]" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push(' ');
        }
        self.text.push_str(token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_and_comments_are_no_tokens() {
        let one = "fn f(x, a) = x  # why\n";
        assert_eq!(tokens(one), tokens("## doc\nfn f(\n  x,\n  a)=\n  x"));
        assert_eq!(tokens("block b(x) {\n  y = x |> f as g\n  y\n}"), tokens("block b(x) { y = x\n  |> f as g, y }"));
        assert_eq!(tokens("a = if c { x } else { y }"), tokens("a = if c {\n x\n}\nelse {\n  y\n}"));
        assert_ne!(tokens("a\n-b"), tokens("a - b"));
        assert_ne!(tokens("require a, \"x # y\""), tokens("require a, \"x # z\""));
    }
}
