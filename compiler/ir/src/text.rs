//! The textual form of a graph: one operation per line, values numbered in print order, attributes sorted, types last,
//! the path as a note. Printing is canonical, so comparing graphs is comparing text, and `parse_text(print(g))` is `canonical(g)`.
//!
//! ```text
//! graph NAME bf16
//!   data  %0 f32[2,3]  window
//!   param %1 f32[3]  core.norm.weight  train
//!   %2 = broadcast %1 axes=(1) shape=(2,3)  f32[2,3]  ; core.norm
//!   %3 = mul %0, %2  f32[2,3]  ; core.norm
//!   out   y %3
//!   store w %4 -> core.norm.weight
//! end
//! ```
//!
//! The precision is left out where it is f32. Inputs are `data`, `param` (with `train` or `frozen`), `grad` and `state`. Names with unusual characters are quoted.

mod parse;

pub use parse::{TextError, parse_text};

use crate::{Attr, Graph, Precision, Role, ValueId};
use std::fmt::{Display, Write};

/// The text with notes.
pub fn print(graph: &Graph) -> String {
    Printer::new(graph).print(true)
}

/// The text without notes: what a structural hash is taken of.
pub fn print_plain(graph: &Graph) -> String {
    Printer::new(graph).print(false)
}

struct Printer<'a> {
    graph: &'a Graph,
    numbers: Vec<usize>,
}

impl<'a> Printer<'a> {
    fn new(graph: &'a Graph) -> Self {
        let mut numbers = vec![usize::MAX; graph.values.len()];
        let inputs = graph.inputs.iter().map(|i| i.value);
        let results = graph.nodes.iter().flat_map(|n| n.results.iter().copied());
        for (number, v) in inputs.chain(results).enumerate() {
            numbers[v.0 as usize] = number;
        }
        Printer { graph, numbers }
    }

    fn value(&self, v: &ValueId) -> String {
        format!("%{}", self.numbers[v.0 as usize])
    }

    fn values(&self, list: &[ValueId]) -> String {
        joined(list.iter().map(|v| self.value(v)), ", ")
    }

    fn print(&self, notes: bool) -> String {
        let mut text = format!("graph {}", name(&self.graph.name));
        if self.graph.precision != Precision::F32 {
            text = format!("{text} {}", self.graph.precision.name());
        }
        text.push('\n');
        for input in &self.graph.inputs {
            let (keyword, suffix) = match input.role {
                Role::Data => ("data ", ""),
                Role::Parameter { trainable: true } => ("param", "  train"),
                Role::Parameter { trainable: false } => ("param", "  frozen"),
                Role::Gradient => ("grad ", ""),
                Role::State => ("state", ""),
            };
            let ty = self.graph.ty(input.value);
            let value = self.value(&input.value);
            line(&mut text, format_args!("  {keyword} {value} {ty}  {}{suffix}", name(&input.name)));
        }
        for node in &self.graph.nodes {
            let mut row = format!("  {} = {}", self.values(&node.results), node.op.name);
            if !node.operands.is_empty() {
                row = format!("{row} {}", self.values(&node.operands));
            }
            for (key, value) in node.attrs.iter() {
                row = format!("{row} {key}={}", attr(value));
            }
            let types = joined(node.results.iter().map(|v| self.graph.ty(*v)), " ");
            row = format!("{row}  {types}");
            if notes && !node.path.is_empty() {
                row = format!("{row}  ; {}", node.path);
            }
            line(&mut text, row);
        }
        for output in &self.graph.outputs {
            let (value, own) = (self.value(&output.value), name(&output.name));
            match output.into {
                None => line(&mut text, format_args!("  out   {own} {value}")),
                Some(i) => {
                    let into = name(&self.graph.inputs[i].name);
                    line(&mut text, format_args!("  store {own} {value} -> {into}"));
                }
            }
        }
        text.push_str("end\n");
        text
    }
}

fn line(text: &mut String, row: impl Display) {
    writeln!(text, "{row}").expect("writing to a string succeeds");
}

fn joined(items: impl Iterator<Item = impl Display>, separator: &str) -> String {
    let mut text = String::new();
    for (i, item) in items.enumerate() {
        let between = if i > 0 { separator } else { "" };
        write!(text, "{between}{item}").expect("writing to a string succeeds");
    }
    text
}

/// One attribute's value: `3`, `1.0`, `true`, `word`, `(1,2)`.
fn attr(value: &Attr) -> String {
    match value {
        Attr::Int(v) => v.to_string(),
        Attr::Float(v) => format!("{v:?}"),
        Attr::Bool(v) => v.to_string(),
        Attr::Text(v) => name(v),
        Attr::Ints(v) => format!("({})", joined(v.iter(), ",")),
        Attr::Floats(v) => format!("({})", joined(v.iter().map(|x| format!("{x:?}")), ",")),
    }
}

/// A name as it is, or quoted if a reader would take it apart.
fn name(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.:#/-+*@[]".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_string();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '"' | '\\' => quoted.extend(['\\', c]),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
