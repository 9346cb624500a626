//! Attributes: the compile-time arguments of an operation, sorted by name.

use crate::AttrKind;

/// One attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Attr {
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
}

impl Attr {
    pub fn kind(&self) -> AttrKind {
        match self {
            Attr::Int(_) => AttrKind::Int,
            Attr::Float(_) => AttrKind::Float,
            Attr::Bool(_) => AttrKind::Bool,
            Attr::Text(_) => AttrKind::Text,
            Attr::Ints(_) => AttrKind::Ints,
            Attr::Floats(_) => AttrKind::Floats,
        }
    }
}

/// Attributes by name. Iteration is in name order, which makes printing canonical.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attrs(Vec<(&'static str, Attr)>);

impl Attrs {
    pub fn new() -> Self {
        Attrs::default()
    }

    /// Adds or replaces one attribute.
    pub fn with(mut self, name: &'static str, value: Attr) -> Self {
        match self.0.binary_search_by(|(n, _)| n.cmp(&name)) {
            Ok(i) => self.0[i].1 = value,
            Err(i) => self.0.insert(i, (name, value)),
        }
        self
    }

    pub fn int(self, name: &'static str, v: i64) -> Self {
        self.with(name, Attr::Int(v))
    }
    pub fn float(self, name: &'static str, v: f64) -> Self {
        self.with(name, Attr::Float(v))
    }
    pub fn bool(self, name: &'static str, v: bool) -> Self {
        self.with(name, Attr::Bool(v))
    }
    pub fn text(self, name: &'static str, v: &str) -> Self {
        self.with(name, Attr::Text(v.to_string()))
    }
    pub fn ints<T: Copy + TryInto<i64>>(self, name: &'static str, v: &[T]) -> Self {
        let v = v.iter().map(|&x| x.try_into().ok().expect("an attribute fits i64")).collect();
        self.with(name, Attr::Ints(v))
    }
    pub fn floats(self, name: &'static str, v: &[f64]) -> Self {
        self.with(name, Attr::Floats(v.to_vec()))
    }

    pub fn get(&self, name: &str) -> Option<&Attr> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, a)| a)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Attr)> {
        self.0.iter().map(|(n, a)| (*n, a))
    }

    /// Typed access. The verifier has checked presence and kind against the operation's declaration,
    /// so a miss here is a broken invariant.
    pub fn get_int(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(Attr::Int(v)) => *v,
            other => panic!("attribute `{name}` is an integer, found {other:?}"),
        }
    }
    pub fn get_float(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(Attr::Float(v)) => *v,
            other => panic!("attribute `{name}` is a float, found {other:?}"),
        }
    }
    pub fn get_bool(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Attr::Bool(v)) => *v,
            other => panic!("attribute `{name}` is a bool, found {other:?}"),
        }
    }
    pub fn get_text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Attr::Text(v)) => v,
            other => panic!("attribute `{name}` is a text, found {other:?}"),
        }
    }
    pub fn get_ints(&self, name: &str) -> &[i64] {
        match self.get(name) {
            Some(Attr::Ints(v)) => v,
            other => panic!("attribute `{name}` is a list of integers, found {other:?}"),
        }
    }
    /// A list of non-negative integers, such as axes or a shape.
    pub fn get_sizes(&self, name: &str) -> Vec<usize> {
        self.get_ints(name).iter().map(|&v| usize::try_from(v).expect("a size is not negative")).collect()
    }
    pub fn get_floats(&self, name: &str) -> &[f64] {
        match self.get(name) {
            Some(Attr::Floats(v)) => v,
            other => panic!("attribute `{name}` is a list of floats, found {other:?}"),
        }
    }
}
