//! Reads the textual form: line by line, each split into words, with the operation table passed in as `lookup`.
//! Types are inferred and compared with the ones written, so a text that parses has sound types.

use crate::{Attr, AttrKind, Attrs, Builder, DType, Graph, Op, Output, Precision, Role, TensorType, ValueId};
use std::collections::BTreeMap;

/// What is wrong, and on which line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    pub line: usize,
    pub message: String,
}

impl std::fmt::Display for TextError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for TextError {}

/// The graph that a text describes. Blank lines and lines of only a note are skipped.
pub fn parse_text(text: &str, lookup: impl Fn(&str) -> Option<&'static Op>) -> Result<Graph, TextError> {
    let mut reader = Reader { builder: Builder::new(""), values: BTreeMap::new(), lookup, state: State::Start };
    let mut last = 0;
    for (i, line) in text.lines().enumerate() {
        last = i + 1;
        reader.line(line).map_err(|message| TextError { line: last, message })?;
    }
    match reader.state {
        State::End => Ok(reader.builder.graph),
        _ => Err(TextError { line: last, message: "the text stops before `end`".into() }),
    }
}

enum State {
    Start,
    Body,
    End,
}

struct Reader<F> {
    builder: Builder,
    values: BTreeMap<String, ValueId>,
    lookup: F,
    state: State,
}

/// One word of a line; `quoted` words are names whatever they look like.
struct Word {
    text: String,
    quoted: bool,
}

impl<F: Fn(&str) -> Option<&'static Op>> Reader<F> {
    /// `NAME [precision]`.
    fn header(&mut self, words: &[Word]) -> Result<(), String> {
        let (own, precision) = words.split_at(words.len().min(1));
        self.builder.graph.name = only_name(own)?;
        if let Some(word) = precision.first() {
            let named = Precision::named(&only_name(precision)?);
            self.builder.graph.precision = named.ok_or_else(|| format!("`{}` is not a precision", word.text))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let (words, note) = words(line)?;
        let Some(first) = words.first() else {
            return Ok(());
        };
        match (&self.state, first.text.as_str()) {
            (State::Start, "graph") => {
                self.header(&words[1..])?;
                self.state = State::Body;
                Ok(())
            }
            (State::Body, "end") => {
                self.state = State::End;
                Ok(())
            }
            (State::Body, "data") => self.input(Role::Data, &words[1..]),
            (State::Body, "param") => self.parameter(&words[1..]),
            (State::Body, "grad") => self.input(Role::Gradient, &words[1..]),
            (State::Body, "state") => self.input(Role::State, &words[1..]),
            (State::Body, "out") => self.output(&words[1..]),
            (State::Body, "store") => self.store(&words[1..]),
            (State::Body, word) if word.starts_with('%') => self.node(&words, note),
            (_, word) => Err(format!("`{word}` is not expected here")),
        }
    }

    fn parameter(&mut self, words: &[Word]) -> Result<(), String> {
        let [rest @ .., last] = words else {
            return Err("a parameter needs a value, a type, a name and `train` or `frozen`".into());
        };
        let trainable = match last.text.as_str() {
            "train" => true,
            "frozen" => false,
            other => return Err(format!("`{other}` is neither `train` nor `frozen`")),
        };
        self.input(Role::Parameter { trainable }, rest)
    }

    fn input(&mut self, role: Role, words: &[Word]) -> Result<(), String> {
        let [value, ty, name] = words else {
            return Err("an input needs a value, a type and a name".into());
        };
        let id = self.builder.input(&name.text, role, tensor_type(&ty.text)?);
        self.define(&value.text, id)
    }

    fn output(&mut self, words: &[Word]) -> Result<(), String> {
        let [name, value] = words else {
            return Err("an output needs a name and a value".into());
        };
        let value = self.value(&value.text)?;
        self.builder.output(&name.text, value);
        Ok(())
    }

    fn store(&mut self, words: &[Word]) -> Result<(), String> {
        let [name, value, arrow, input] = words else {
            return Err("a store reads `store NAME %VALUE -> INPUT`".into());
        };
        if arrow.text != "->" {
            return Err(format!("`{}` stands where `->` should", arrow.text));
        }
        let value = self.value(&value.text)?;
        let graph = &mut self.builder.graph;
        let found = graph.input(&input.text).map(|(i, _)| i);
        let into = found.ok_or_else(|| format!("there is no input `{}`", input.text))?;
        graph.outputs.push(Output { name: name.text.clone(), value, into: Some(into) });
        Ok(())
    }

    fn node(&mut self, words: &[Word], note: &str) -> Result<(), String> {
        let equals = words.iter().position(|w| w.text == "=");
        let equals = equals.ok_or("an operation reads `%RESULT = NAME ..`")?;
        let (results, rest) = (&words[..equals], &words[equals + 1..]);
        let [name, rest @ ..] = rest else {
            return Err("an operation's name is missing".into());
        };
        let op = (self.lookup)(&name.text).ok_or_else(|| format!("there is no operation `{}`", name.text))?;
        let mut operands = Vec::new();
        let mut attrs = Attrs::new();
        let mut types = Vec::new();
        for word in rest {
            let text = word.text.as_str();
            if let Some((key, value)) = text.split_once('=') {
                attrs = attribute(op, attrs, key, value)?;
            } else if text.starts_with('%') {
                operands.push(self.value(text.trim_end_matches(','))?);
            } else {
                types.push(tensor_type(text)?);
            }
        }
        self.builder.set_path(note);
        let ids = self.builder.try_op(op, &operands, attrs).map_err(|e| format!("`{}`: {} ({})", op.name, e.message, e.rule))?;
        let inferred: Vec<TensorType> = ids.iter().map(|v| self.builder.ty(*v).clone()).collect();
        if inferred != types {
            let list = |types: &[TensorType]| -> String {
                let types: Vec<String> = types.iter().map(TensorType::to_string).collect();
                types.join(" ")
            };
            let (inferred, types) = (list(&inferred), list(&types));
            return Err(format!("`{}` gives {inferred}, the text says {types}", op.name));
        }
        if results.len() != ids.len() {
            return Err(format!("`{}` has {} results", op.name, ids.len()));
        }
        for (word, id) in results.iter().zip(ids) {
            self.define(word.text.trim_end_matches(','), id)?;
        }
        Ok(())
    }

    fn define(&mut self, name: &str, id: ValueId) -> Result<(), String> {
        if !name.starts_with('%') {
            return Err(format!("`{name}` is not a value"));
        }
        match self.values.insert(name.to_string(), id) {
            None => Ok(()),
            Some(_) => Err(format!("`{name}` is defined twice")),
        }
    }

    fn value(&self, name: &str) -> Result<ValueId, String> {
        let found = self.values.get(name).copied();
        found.ok_or_else(|| format!("`{name}` is not defined"))
    }
}

fn only_name(words: &[Word]) -> Result<String, String> {
    match words {
        [name] => Ok(name.text.clone()),
        _ => Err("one name is expected".into()),
    }
}

/// The words of a line, and its note.
fn words(line: &str) -> Result<(Vec<Word>, &str), String> {
    let mut words: Vec<Word> = Vec::new();
    let mut open = false;
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ';' => return Ok((words, line[at + 1..].trim())),
            c if c.is_whitespace() => open = false,
            '"' => {
                let text = quoted(&mut chars)?;
                match words.last_mut().filter(|_| open) {
                    Some(word) => word.text.push_str(&text),
                    None => words.push(Word { text, quoted: true }),
                }
                open = true;
            }
            c => {
                match words.last_mut().filter(|_| open) {
                    Some(word) => word.text.push(c),
                    None => words.push(Word { text: c.to_string(), quoted: false }),
                }
                open = true;
            }
        }
    }
    // A quoted first word is no keyword.
    match words.first() {
        Some(word) if word.quoted => Err("a line starts with a keyword or a value".into()),
        _ => Ok((words, "")),
    }
}

/// The rest of a quoted word.
fn quoted(chars: &mut std::str::CharIndices) -> Result<String, String> {
    let mut text = String::new();
    while let Some((_, c)) = chars.next() {
        match c {
            '"' => return Ok(text),
            '\\' => match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, c)) => text.push(c),
                None => break,
            },
            c => text.push(c),
        }
    }
    Err("a quote is not closed".into())
}

fn tensor_type(text: &str) -> Result<TensorType, String> {
    let parse = || {
        let (name, sizes) = text.strip_suffix(']')?.split_once('[')?;
        let dtype = DType::ALL.into_iter().find(|d| d.name() == name)?;
        Some(TensorType { dtype, shape: list(sizes)? })
    };
    parse().ok_or_else(|| format!("`{text}` is not a type such as f32[2,3]"))
}

fn list<T: std::str::FromStr>(text: &str) -> Option<Vec<T>> {
    if text.is_empty() {
        return Some(vec![]);
    }
    text.split(',').map(|item| item.parse().ok()).collect()
}

fn attribute(op: &'static Op, attrs: Attrs, key: &str, text: &str) -> Result<Attrs, String> {
    let spec = op.attrs.iter().find(|s| s.name == key);
    let spec = spec.ok_or_else(|| format!("`{}` has no attribute `{key}`", op.name))?;
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
    let value = match spec.kind {
        AttrKind::Int => text.parse().ok().map(Attr::Int),
        AttrKind::Float => text.parse().ok().map(Attr::Float),
        AttrKind::Bool => text.parse().ok().map(Attr::Bool),
        AttrKind::Text => Some(Attr::Text(text.to_string())),
        AttrKind::Ints => inner.and_then(list).map(Attr::Ints),
        AttrKind::Floats => inner.and_then(list).map(Attr::Floats),
    };
    let value = value.ok_or_else(|| format!("`{key}={text}` is not {:?}", spec.kind))?;
    Ok(attrs.with(spec.name, value))
}
