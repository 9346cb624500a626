//! Calls that were elaborated before. Where only shapes and parameters are asked for, a call of a definition is a function of its
//! bound arguments and of the settings around it that it reads: running it again would declare the same parameters and give
//! tensors of the same types. A model with many variants is mostly such calls.

use crate::{
    Elaborator, ParameterDecl, Setting,
    axes::AxisMap,
    call::DEEPEST,
    fault::Outcome,
    frame::{Frame, Surrounding},
    value::Value,
};
use pfm_ir::{Attrs, Builder, Gradient, Graph, Node, NodeId, OpRef, TensorType, ValueId};
use pfm_syntax::ast::Definition;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// Results of calls, for one library. It may be shared by all elaborations that keep no graph.
#[derive(Default)]
pub struct Memo {
    calls: RefCell<BTreeMap<Vec<u8>, Vec<Rc<Call>>>>,
}

/// What a call depends on: bytes that are equal for equal calls, and the tensors among its arguments.
pub(crate) struct Asked {
    key: Vec<u8>,
    tensors: Vec<ValueId>,
}

/// One call and what came of it.
struct Call {
    /// Settings of the surrounding instance that it read, as bytes.
    read: Vec<(String, Rc<[u8]>)>,
    /// Parameters in the order of their declarations, paths from that of the call.
    declared: Vec<ParameterDecl>,
    value: Value,
    /// The value's tensors, in order.
    tensors: Vec<Given>,
    /// How much deeper calls went, and how many expressions they took.
    height: usize,
    work: usize,
}

/// A tensor that a call gives: its type, and which of its arguments and declared parameters it depends on with a derivative.
struct Given {
    ty: TensorType,
    arguments: Vec<usize>,
    parameters: Vec<usize>,
}

/// State before a call that is to be remembered.
pub(crate) struct Mark {
    declared: usize,
    deepest: usize,
    work: usize,
    nodes: usize,
    read: BTreeSet<String>,
}

/// Values that a result depends on in a way that has a derivative, looking back to node `since` of the graph.
pub fn reaching(graph: &Graph, since: usize, result: ValueId) -> BTreeSet<ValueId> {
    let mut found = BTreeSet::from([result]);
    for node in graph.nodes[since..].iter().rev() {
        let passes = !matches!(node.op.0.gradient, Gradient::Zero);
        if passes && node.results.iter().any(|v| found.contains(v)) {
            found.extend(&node.operands);
        }
    }
    found
}

impl<'a> Elaborator<'a> {
    /// What the call depends on, but for settings around it; None where nothing is remembered.
    pub(crate) fn asked(&self, frame: &Frame<'a>, map: &AxisMap, definition: &Definition) -> Option<Asked> {
        self.options.memo?;
        let mut key = Key { bytes: Vec::with_capacity(128), tensors: vec![], builder: &self.builder };
        let span = definition.span;
        [span.file.0, span.start, u32::from(frame.implicit), u32::from(self.deterministic.is_some())]
            .iter()
            .for_each(|n| key.number(u64::from(*n)));
        map.each(|outside, inside| {
            key.text(outside);
            key.text(inside);
        });
        for (name, value) in frame.bound() {
            key.text(name);
            key.value(value)?;
        }
        Some(Asked { key: key.bytes, tensors: key.tensors })
    }

    /// The value of an equal call, with its parameters declared again under this frame's path.
    pub(crate) fn recall(&mut self, asked: &Asked, frame: &Frame<'a>) -> Outcome<Option<Value>> {
        let Some(memo) = self.options.memo else { return Ok(None) };
        let around = &frame.surrounding;
        let same = |call: &Rc<Call>| call.read.iter().all(|(name, bytes)| setting_bytes(around, name).as_ref() == Some(bytes));
        let Some(call) = memo.calls.borrow().get(&asked.key).and_then(|calls| calls.iter().find(|c| same(c)).cloned()) else {
            return Ok(None);
        };
        if frame.depth + call.height > DEEPEST {
            return Ok(None);
        }
        self.deepest = self.deepest.max(frame.depth + call.height);
        for (name, _) in &call.read {
            around.note(name);
        }
        self.work += call.work;
        let mut parameters = vec![];
        for d in &call.declared {
            let decl = ParameterDecl { path: frame.join(&d.path), ..d.clone() };
            parameters.push(self.parameter(frame, decl, d.span)?);
        }
        let mut tensors = vec![];
        for given in &call.tensors {
            let arguments = given.arguments.iter().map(|i| asked.tensors[*i]);
            let operands = arguments.chain(given.parameters.iter().map(|i| parameters[*i])).collect();
            tensors.push(self.stand_in(given.ty.clone(), operands));
        }
        Ok(Some(renewed(&call.value, &mut tensors.into_iter())))
    }

    /// A tensor of this type that depends on the operands, whatever the operations between them were.
    fn stand_in(&mut self, ty: TensorType, operands: Vec<ValueId>) -> ValueId {
        let graph = &mut self.builder.graph;
        let (id, node) = (ValueId(graph.values.len() as u32), NodeId(graph.nodes.len() as u32));
        graph.values.push(pfm_ir::Value { ty, node: Some(node) });
        graph.nodes.push(Node { op: OpRef(&pfm_ops::ADD), operands, attrs: Attrs::new(), results: vec![id], path: "".into() });
        id
    }

    pub(crate) fn mark(&mut self, frame: &Frame<'a>) -> Mark {
        Mark {
            declared: self.log.len(),
            work: self.work,
            nodes: self.builder.graph.nodes.len(),
            deepest: std::mem::replace(&mut self.deepest, frame.depth),
            read: frame.surrounding.read.take(),
        }
    }

    /// Keeps what a call gave.
    pub(crate) fn remember(&mut self, asked: Asked, mut mark: Mark, frame: &Frame<'a>, value: &Value) {
        let height = self.deepest - frame.depth;
        self.deepest = self.deepest.max(mark.deepest);
        let names = frame.surrounding.read.replace(std::mem::take(&mut mark.read));
        names.iter().for_each(|name| frame.surrounding.note(name));
        let Some(memo) = self.options.memo else { return };
        // Stand-ins would hide an operation that no gradient gets through.
        if self.builder.graph.nodes[mark.nodes..].iter().any(|n| matches!(n.op.0.gradient, Gradient::Undefined)) {
            return;
        }
        let bytes = |name: &String| Some((name.clone(), setting_bytes(&frame.surrounding, name)?));
        let read: Option<Vec<_>> = names.iter().map(bytes).collect();
        let prefix = frame.join("");
        let local = |d: &ParameterDecl| {
            let rest = d.path.strip_prefix(&prefix)?;
            let path = if prefix.is_empty() { rest } else { rest.strip_prefix('.')? };
            Some(ParameterDecl { path: path.to_string(), ..d.clone() })
        };
        let declared: Option<Vec<_>> = self.log[mark.declared..].iter().map(local).collect();
        let (Some(read), Some(declared)) = (read, declared) else { return };
        let mut tensors = vec![];
        each_tensor(value, &mut |v| tensors.push(self.given(v, &asked, &mark)));
        let call = Call { read, declared, value: value.clone(), tensors, height, work: self.work - mark.work };
        memo.calls.borrow_mut().entry(asked.key).or_default().push(Rc::new(call));
    }

    fn given(&self, value: ValueId, asked: &Asked, mark: &Mark) -> Given {
        let reached = reaching(&self.builder.graph, mark.nodes, value);
        let declared = self.log[mark.declared..].iter().map(|d| self.declared[&d.path]);
        let those = |values: &mut dyn Iterator<Item = ValueId>| -> Vec<usize> {
            values.enumerate().filter(|(_, v)| reached.contains(v)).map(|(i, _)| i).collect()
        };
        Given {
            ty: self.builder.ty(value).clone(),
            arguments: those(&mut asked.tensors.iter().copied()),
            parameters: those(&mut declared.into_iter()),
        }
    }
}

/// The value with these tensors in place of its own.
fn renewed(value: &Value, tensors: &mut impl Iterator<Item = ValueId>) -> Value {
    match value {
        Value::Tensor(t) => {
            let value = tensors.next().expect("one for each tensor");
            Value::Tensor(crate::NamedTensor { value, axes: t.axes.clone() })
        }
        Value::Group(items) => Value::Group(items.iter().map(|v| renewed(v, tensors)).collect()),
        other => other.clone(),
    }
}

fn each_tensor(value: &Value, see: &mut dyn FnMut(ValueId)) {
    match value {
        Value::Tensor(t) => see(t.value),
        Value::Group(items) => items.iter().for_each(|v| each_tensor(v, see)),
        _ => {}
    }
}

/// A setting around a call as bytes, made once.
fn setting_bytes(around: &Surrounding, name: &str) -> Option<Rc<[u8]>> {
    if let Some(bytes) = around.bytes.borrow().get(name) {
        return Some(bytes.clone());
    }
    let Value::Setting(setting) = around.settings.get(name)? else { return None };
    let builder = Builder::default();
    let mut key = Key { bytes: vec![], tensors: vec![], builder: &builder };
    key.setting(setting);
    let bytes: Rc<[u8]> = Rc::from(key.bytes);
    around.bytes.borrow_mut().insert(name.to_string(), bytes.clone());
    Some(bytes)
}

/// Bytes that are equal exactly for equal values. Each piece says its kind and length first.
struct Key<'b> {
    bytes: Vec<u8>,
    tensors: Vec<ValueId>,
    builder: &'b Builder,
}

impl Key<'_> {
    fn number(&mut self, n: u64) {
        self.bytes.extend(n.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    fn texts(&mut self, texts: &[String]) {
        self.number(texts.len() as u64);
        texts.iter().for_each(|t| self.text(t));
    }

    /// None for tables of numbers, which are too long to compare.
    fn value(&mut self, value: &Value) -> Option<()> {
        match value {
            Value::Setting(setting) => self.setting(setting),
            Value::Tensor(t) => {
                self.bytes.push(b't');
                self.tensors.push(t.value);
                self.texts(&t.axes);
                let ty = self.builder.ty(t.value);
                self.text(ty.dtype.name());
                ty.shape.iter().for_each(|n| self.number(*n as u64));
            }
            Value::Group(items) => {
                self.bytes.push(b'g');
                self.number(items.len() as u64);
                for item in items {
                    self.value(item)?;
                }
            }
            Value::Axes(axes) => {
                self.bytes.push(b'a');
                self.texts(axes);
            }
            Value::Table(_) => return None,
        }
        Some(())
    }

    fn setting(&mut self, setting: &Setting) {
        match setting {
            Setting::Number(v) => {
                self.bytes.push(b'n');
                self.number(v.to_bits());
            }
            Setting::Bool(v) => self.bytes.extend([b'b', u8::from(*v)]),
            Setting::Text(text) => {
                self.bytes.push(b'"');
                self.text(text);
            }
            Setting::Name(name) => {
                self.bytes.push(b'w');
                self.text(name);
            }
            Setting::List(items) => self.items(b'[', items),
            Setting::Tuple(items) => self.items(b'(', items),
            Setting::Range(from, to) => {
                self.bytes.push(b'r');
                self.number(from.to_bits());
                self.number(to.to_bits());
            }
            Setting::Choice { options, eval, picked } => {
                self.items(b'{', options);
                self.number(*eval as u64);
                self.number(picked.map_or(0, |p| p as u64 + 1));
            }
            Setting::Record(fields) => {
                self.bytes.push(b':');
                self.number(fields.len() as u64);
                for (name, value) in fields {
                    self.text(name);
                    self.setting(value);
                }
            }
            Setting::Vocabulary(names) => {
                self.bytes.push(b'v');
                self.texts(names);
            }
            Setting::None => self.bytes.push(b'0'),
        }
    }

    fn items(&mut self, kind: u8, items: &[Setting]) {
        self.bytes.push(kind);
        self.number(items.len() as u64);
        items.iter().for_each(|i| self.setting(i));
    }
}
