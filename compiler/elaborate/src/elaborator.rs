//! The public side of elaboration: calls of members (`encode`, `apply`), losses, metrics and update rules, and the parameters
//! that they declared. One elaborator serves one graph.

use crate::{
    Instance, Library, ParameterDecl, Setting,
    call::Given,
    fault::{Outcome, fault},
    frame::{Frame, Surrounding},
    kind_word,
    library::closest,
    memo::Memo,
    value::{NamedTensor, Value},
};
use pfm_diag::{Diagnostic, Span};
use pfm_ir::{Builder, ValueId};
use pfm_syntax::ast::{Body, Definition, DefinitionKind};
use std::{collections::BTreeMap, rc::Rc};

/// Makes the graph value of a declared parameter.
pub type ParameterSource<'a> = Box<dyn FnMut(&mut Builder, &ParameterDecl) -> ValueId + 'a>;

/// How definitions become nodes.
#[derive(Default)]
pub struct Options<'a> {
    /// In training, `drop_path` drops.
    pub training: bool,
    /// `i32[4]`: seed, stage, step, index of the first sample. Needed where a definition draws random numbers in training.
    pub random_key: Option<ValueId>,
    /// What a declared parameter is in the graph. None: an input of role `Parameter { trainable: true }` named by its path.
    pub parameter: Option<ParameterSource<'a>>,
    /// Calls that were elaborated before. With it only shapes, parameters and what depends on what are to be
    /// read from the graph: an equal call stands in it as one node.
    pub memo: Option<&'a Memo>,
}

/// Runs definitions over named tensors and adds their nodes to a graph.
pub struct Elaborator<'a> {
    pub(crate) library: &'a Library,
    pub(crate) builder: Builder,
    pub(crate) options: Options<'a>,
    pub(crate) parameters: Vec<ParameterDecl>,
    /// Graph value of each declared parameter.
    pub(crate) declared: BTreeMap<String, ValueId>,
    /// Paths declared in the running top-level call, to find calls that share a path unawares.
    pub(crate) declared_here: BTreeMap<String, Span>,
    /// Random draws so far per path, so that each has a stream of its own.
    pub(crate) draws: BTreeMap<String, usize>,
    /// Every declaration, repeats included, where calls are remembered.
    pub(crate) log: Vec<ParameterDecl>,
    /// Depth of the deepest call of the running one.
    pub(crate) deepest: usize,
    /// The call in the user's file.
    pub(crate) site: Option<Span>,
    /// What runs, where its results must be the same in every run: a loss, a metric or an optimiser.
    pub(crate) deterministic: Option<DefinitionKind>,
    /// Expressions evaluated so far.
    pub(crate) work: usize,
}

impl<'a> Elaborator<'a> {
    pub fn new(library: &'a Library, builder: Builder, options: Options<'a>) -> Self {
        Elaborator {
            library,
            builder,
            options,
            parameters: vec![],
            declared: BTreeMap::new(),
            declared_here: BTreeMap::new(),
            draws: BTreeMap::new(),
            log: vec![],
            deepest: 0,
            site: None,
            deterministic: None,
            work: 0,
        }
    }

    /// The graph under construction, to add inputs and outputs between calls.
    pub fn builder(&mut self) -> &mut Builder {
        &mut self.builder
    }

    /// Parameters declared so far, in order, each path once.
    pub fn parameters(&self) -> &[ParameterDecl] {
        &self.parameters
    }

    /// Graph value of a declared parameter.
    pub fn parameter_value(&self, path: &str) -> Option<ValueId> {
        self.declared.get(path).copied()
    }

    /// Sizes of a tensor's axes.
    pub fn shape(&self, tensor: &NamedTensor) -> Vec<usize> {
        self.sizes(tensor)
    }

    pub fn finish(self) -> Builder {
        self.builder
    }

    /// Calls a member of an instance, such as `encode`, with its parameters under `path`. `inputs` and `extra` are arguments
    /// by name; `at` is the place in the user's file that errors point back to.
    pub fn call_member(
        &mut self,
        instance: &Instance,
        member: &str,
        path: &str,
        inputs: &[(&str, NamedTensor)],
        extra: &[(&str, Setting)],
        at: Option<Span>,
    ) -> Result<Vec<NamedTensor>, Vec<Diagnostic>> {
        self.begin(instance.kind, at);
        let result = self.member_value(instance, member, path, inputs, extra);
        let result = result.and_then(|v| self.results(v));
        result.map_err(|e| vec![self.with_site(*e)])
    }

    /// Calls a member of a tokeniser or processor on tensors, which are its first arguments. `active`, the positions of the data's
    /// fields in the vocabulary, goes to those that take it.
    pub fn call_several(
        &mut self,
        instance: &Instance,
        member: &str,
        path: &str,
        inputs: &[NamedTensor],
        active: Option<&Setting>,
        at: Option<Span>,
    ) -> Result<Vec<NamedTensor>, Vec<Diagnostic>> {
        let found = self.library.definition(instance.kind, &instance.definition).and_then(|d| d.member(member));
        let names: Vec<&str> = found.map_or(vec![], |m| m.params.iter().map(|p| p.name.text.as_str()).collect());
        let tensors: Vec<&str> = names.iter().copied().filter(|n| *n != "active").collect();
        if let Some(m) = found.filter(|_| tensors.len() < inputs.len()) {
            self.site = at;
            let text = format!("`{member}` of `{}` takes {} tensors, not {}", instance.definition, tensors.len(), inputs.len());
            return Err(vec![self.with_site(*fault("E1009", text, m.name.span, "defined here"))]);
        }
        let name = |place: usize| tensors.get(place).copied().unwrap_or("x");
        let inputs: Vec<(&str, NamedTensor)> = inputs.iter().enumerate().map(|(place, input)| (name(place), input.clone())).collect();
        let extra: Vec<(&str, Setting)> = active.filter(|_| names.contains(&"active")).map(|a| ("active", a.clone())).into_iter().collect();
        self.call_member(instance, member, path, &inputs, &extra, at)
    }

    /// The same for a member that gives one tensor.
    pub fn call_part(
        &mut self,
        instance: &Instance,
        member: &str,
        path: &str,
        inputs: &[NamedTensor],
        active: Option<&Setting>,
        at: Option<Span>,
    ) -> Result<NamedTensor, Vec<Diagnostic>> {
        let mut results = self.call_several(instance, member, path, inputs, active, at)?;
        match (results.pop(), results.is_empty()) {
            (Some(one), true) => Ok(one),
            _ => {
                let found = self.library.definition(instance.kind, &instance.definition).and_then(|d| d.member(member));
                let span = found.map_or(Span { file: pfm_diag::FileId(0), start: 0, end: 0 }, |m| m.name.span);
                let d =
                    fault("E1009", format!("`{member}` of `{}` gives a list, not one tensor", instance.definition), span, "defined here");
                Err(vec![self.with_site(*d)])
            }
        }
    }

    /// Calls a loss, metric, function or block by name: tensors by position, settings by name.
    pub fn call(
        &mut self,
        kind: DefinitionKind,
        name: &str,
        path: &str,
        tensors: &[NamedTensor],
        settings: &[(String, Setting)],
        at: Option<Span>,
    ) -> Result<Vec<NamedTensor>, Vec<Diagnostic>> {
        self.begin(kind, at);
        let result = self.named_value(kind, name, path, tensors, settings);
        let result = result.and_then(|v| self.results(v));
        result.map_err(|e| vec![self.with_site(*e)])
    }

    /// Begins a top-level call of a definition of this kind.
    pub(crate) fn begin(&mut self, kind: DefinitionKind, at: Option<Span>) {
        use DefinitionKind::{Loss, Metric, Optimiser, Schedule};
        self.site = at;
        self.deterministic = Some(kind).filter(|kind| matches!(kind, Loss | Metric | Optimiser | Schedule));
        self.declared_here.clear();
    }

    fn member_value(
        &mut self,
        instance: &Instance,
        member: &str,
        path: &str,
        inputs: &[(&str, NamedTensor)],
        extra: &[(&str, Setting)],
    ) -> Outcome<Value> {
        let definition = self.find(instance.kind, &instance.definition)?;
        let found = self.member(instance, member)?;
        let mut frame = Frame::outermost(path);
        let settings = instance.settings.iter().map(|(n, v)| (n.clone(), Value::Setting(v.clone()))).collect();
        let members = match &definition.body {
            Body::Members { definitions, .. } => definitions.iter().collect(),
            _ => vec![],
        };
        frame.surrounding = Rc::new(Surrounding::new(settings, members));
        let span = found.name.span;
        let tensors = inputs.iter().map(|(n, t)| Given::ready(Some(n), Value::Tensor(t.clone()), span));
        let given = tensors.chain(extra.iter().map(|(n, s)| Given::ready(Some(n), Value::Setting(s.clone()), span)));
        let given = given.collect();
        self.call_definition(&mut frame, found, true, given, span)
    }

    fn named_value(
        &mut self,
        kind: DefinitionKind,
        name: &str,
        path: &str,
        tensors: &[NamedTensor],
        settings: &[(String, Setting)],
    ) -> Outcome<Value> {
        let definition = self.find(kind, name)?;
        let span = definition.name.span;
        let mut given: Vec<Given> = tensors.iter().map(|t| Given::ready(None, Value::Tensor(t.clone()), span)).collect();
        given.extend(settings.iter().map(|(n, s)| Given::ready(Some(n), Value::Setting(s.clone()), span)));
        let mut frame = Frame::outermost(path);
        self.call_definition(&mut frame, definition, false, given, span)
    }

    pub(crate) fn member(&self, instance: &Instance, member: &str) -> Outcome<&'a Definition> {
        let definition = self.find(instance.kind, &instance.definition)?;
        let Body::Members { definitions, .. } = &definition.body else {
            return Err(fault(
                "E1011",
                format!("the {} `{}` has no members", kind_word(instance.kind), instance.definition),
                definition.name.span,
                "not made of members",
            ));
        };
        let Some(found) = definitions.iter().find(|d| d.name.text == member) else {
            let known: Vec<&str> = definitions.iter().map(|d| d.name.text.as_str()).collect();
            let d = fault(
                "E1011",
                format!("the {} `{}` has no `{member}`", kind_word(instance.kind), instance.definition),
                definition.name.span,
                format!("it defines {}", known.join(", ")),
            );
            return Err(Box::new(d.help(format!("write `block {member}(…) {{ … }}` inside it"))));
        };
        Ok(found)
    }

    fn find(&self, kind: DefinitionKind, name: &str) -> Outcome<&'a Definition> {
        self.library.definition(kind, name).ok_or_else(|| {
            let mut d = Diagnostic::new("E1004", format!("no {} is called `{name}`", kind_word(kind)));
            if let Some(near) = closest(name, &self.library.names(kind)) {
                d = d.help(format!("did you mean `{near}`?"));
            }
            Box::new(d)
        })
    }

    fn results(&mut self, value: Value) -> Outcome<Vec<NamedTensor>> {
        let span = self.site.unwrap_or(Span { file: pfm_diag::FileId(0), start: 0, end: 0 });
        match value {
            Value::Group(items) => items.iter().map(|v| self.tensor(v, span)).collect(),
            other => Ok(vec![self.tensor(&other, span)?]),
        }
    }

    pub(crate) fn with_site(&self, mut d: Diagnostic) -> Diagnostic {
        if let Some(site) = self.site {
            match &d.primary {
                None => d = d.at(site, "needed here"),
                Some(p) if p.span == site => {}
                Some(_) => d = d.also(site, "in the call made here"),
            }
        }
        d
    }
}
