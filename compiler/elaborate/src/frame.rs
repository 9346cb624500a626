//! The state of one call of a definition: its variables in nested scopes, the path that its parameters get, and what
//! surrounds it (the settings and the other members of a tokeniser, processor or optimiser).

use crate::value::Value;
use pfm_syntax::ast::Definition;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// What members of one instance share.
#[derive(Default)]
pub(crate) struct Surrounding<'a> {
    pub settings: BTreeMap<String, Value>,
    pub members: Vec<&'a Definition>,
    /// Names of the settings that the running call has read.
    pub read: RefCell<BTreeSet<String>>,
    /// Settings as bytes, to compare them with those of remembered calls.
    pub bytes: RefCell<BTreeMap<String, Rc<[u8]>>>,
}

impl<'a> Surrounding<'a> {
    pub fn new(settings: BTreeMap<String, Value>, members: Vec<&'a Definition>) -> Self {
        Surrounding { settings, members, ..Surrounding::default() }
    }

    pub fn note(&self, name: &str) {
        let mut read = self.read.borrow_mut();
        if !read.contains(name) {
            read.insert(name.to_string());
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let found = self.settings.get(name)?;
        self.note(name);
        Some(found)
    }
}

#[derive(Clone)]
pub(crate) struct Frame<'a> {
    /// `block res`, for messages.
    pub what: String,
    /// Path of the parameters that it declares; empty at the top.
    pub path: String,
    /// True when a segment of the path came from a call without `as`.
    pub implicit: bool,
    /// Blocks and members may declare parameters.
    pub declares: bool,
    /// A name that is not bound stands for itself, as in an experiment.
    pub open_names: bool,
    pub depth: usize,
    /// Parameters that this call has declared.
    pub declared: BTreeSet<String>,
    scopes: Vec<BTreeMap<String, Value>>,
    pub surrounding: Rc<Surrounding<'a>>,
}

impl<'a> Frame<'a> {
    /// The frame outside of all definitions.
    pub fn outermost(path: &str) -> Self {
        Frame {
            what: "the experiment".to_string(),
            path: path.to_string(),
            implicit: false,
            declares: false,
            open_names: false,
            depth: 0,
            declared: BTreeSet::new(),
            scopes: vec![BTreeMap::new()],
            surrounding: Rc::default(),
        }
    }

    /// A call from here: no variables yet, and nothing around it unless it is a member of the same instance.
    pub fn callee(&self, what: String, declares: bool, member: bool) -> Self {
        let surrounding = if member { self.surrounding.clone() } else { Rc::default() };
        Frame {
            what,
            declares,
            surrounding,
            open_names: false,
            depth: self.depth + 1,
            declared: BTreeSet::new(),
            scopes: vec![BTreeMap::new()],
            path: self.path.clone(),
            implicit: self.implicit,
        }
    }

    pub fn lookup(&self, name: &str) -> Option<&Value> {
        self.scopes.iter().rev().find_map(|s| s.get(name)).or_else(|| self.surrounding.get(name))
    }

    /// Rebinds a name where it is bound, else binds it in the innermost scope.
    pub fn assign(&mut self, name: &str, value: Value) {
        let at = self.scopes.iter().rposition(|s| s.contains_key(name)).unwrap_or(self.scopes.len() - 1);
        self.scopes[at].insert(name.to_string(), value);
    }

    /// Binds a name in the innermost scope, hiding an outer one.
    pub fn bind(&mut self, name: &str, value: Value) {
        let scope = self.scopes.last_mut().expect("a frame has a scope");
        scope.insert(name.to_string(), value);
    }

    /// What the arguments of the call have bound.
    pub fn bound(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.scopes.iter().flatten()
    }

    pub fn push(&mut self) {
        self.scopes.push(BTreeMap::new());
    }

    pub fn pop(&mut self) {
        self.scopes.pop();
    }

    /// Names that code here can use.
    pub fn names(&self) -> Vec<&str> {
        let scopes = self.scopes.iter().chain([&self.surrounding.settings]);
        scopes.flat_map(|s| s.keys()).map(String::as_str).collect()
    }

    pub fn join(&self, segments: &str) -> String {
        match (self.path.is_empty(), segments.is_empty()) {
            (true, _) => segments.to_string(),
            (_, true) => self.path.clone(),
            _ => format!("{}.{segments}", self.path),
        }
    }
}
