//! The built-in functions of definition code: one row each, with its parameters and a line of documentation. Everything
//! that can be written in the language itself is in the standard library instead.

mod arguments;
mod attention;
mod matrices;
mod numbers;
mod pointwise;
mod products;
mod random;
mod reduce;
mod shape;
mod spectral;
mod tables;

pub(crate) use arguments::call;

use crate::{Elaborator, fault::Outcome, value::Value};
use arguments::Arguments;

/// One built-in function.
pub struct Builtin {
    pub name: &'static str,
    pub params: &'static [Param],
    /// One or two sentences.
    pub doc: &'static str,
    run: for<'a> fn(&mut Elaborator<'a>, &Arguments) -> Outcome<Value>,
}

#[derive(Clone, Copy, Debug)]
pub struct Param {
    pub name: &'static str,
    pub kind: Kind,
    pub need: Need,
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Value,
    Tensor,
    Number,
    /// A whole number of at least 0.
    Count,
    /// A list of whole numbers of at least 0.
    Counts,
    Bool,
    Name,
    Axis,
    Axes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
    /// All positional arguments from here on.
    Many,
}

const fn required(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, need: Need::Required }
}

const fn optional(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, need: Need::Optional }
}

const fn many(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, need: Need::Many }
}

/// All built-ins, by subject.
pub(crate) static TABLE: &[&[Builtin]] = &[
    pointwise::TABLE,
    reduce::TABLE,
    products::TABLE,
    shape::TABLE,
    attention::TABLE,
    spectral::TABLE,
    matrices::TABLE,
    tables::TABLE,
    numbers::TABLE,
    random::TABLE,
];

pub(crate) fn lookup(name: &str) -> Option<&'static Builtin> {
    TABLE.iter().flat_map(|t| t.iter()).find(|b| b.name == name)
}

/// Every built-in, in the order of the manual.
pub fn builtins() -> impl Iterator<Item = &'static Builtin> {
    TABLE.iter().flat_map(|t| t.iter())
}

impl Builtin {
    /// `split(x: tensor, sizes: counts, along: axis)`; what may be left out has a `?`, what may repeat `…`.
    pub fn signature(&self) -> String {
        let words: Vec<String> = self
            .params
            .iter()
            .map(|p| {
                let kind = format!("{:?}", p.kind).to_lowercase();
                match p.need {
                    Need::Required => format!("{}: {kind}", p.name),
                    Need::Optional => format!("{}: {kind}?", p.name),
                    Need::Many => format!("{}: {kind}…", p.name),
                }
            })
            .collect();
        format!("{}({})", self.name, words.join(", "))
    }
}
