//! Optimisers: the slots that they keep beside a parameter, which of their programs a step needs, and one update of a parameter.

use crate::{
    Elaborator, Init, Instance, Library, NamedTensor, Options, Setting,
    call::Given,
    fault::{Outcome, fault},
    frame::{Frame, Surrounding},
    value::Value,
};
use pfm_diag::{Diagnostic, Span};
use pfm_ir::{Builder, ValueId};
use pfm_syntax::ast::{Body, Definition, Slot};
use std::rc::Rc;

/// One tensor that an optimiser keeps beside a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotDecl {
    /// `m`, or `q.1` for the matrix of the second axis.
    pub name: String,
    pub shape: Vec<usize>,
    pub init: Init,
    /// Index of its declaration, and the axis where it is one of several.
    declared: usize,
    axis: Option<usize>,
}

/// What the update of one parameter reads.
pub struct Update<'a> {
    pub parameter: ValueId,
    pub gradient: ValueId,
    /// In the order of `slots`.
    pub slots: &'a [ValueId],
    pub rate: ValueId,
    pub step: ValueId,
    /// One of `PHASES`.
    pub phase: &'a str,
}

/// What an optimiser's `phase` may call a step. Each is a program of its own; an optimiser without `phase` has the plain one.
pub const PHASES: [&str; 3] = ["plain", "first", "refresh"];

fn declared<'l>(library: &'l Library, instance: &Instance) -> &'l [Slot] {
    match library.definition(instance.kind, &instance.definition).map(|d| &d.body) {
        Some(Body::Members { slots, .. }) => slots,
        _ => &[],
    }
}

/// A frame in which the settings and members of the optimiser are known.
fn frame<'a>(library: &'a Library, instance: &Instance) -> Frame<'a> {
    let members: Vec<&Definition> = match library.definition(instance.kind, &instance.definition).map(|d| &d.body) {
        Some(Body::Members { definitions, .. }) => definitions.iter().collect(),
        _ => vec![],
    };
    let settings = instance.settings.iter().map(|(n, v)| (n.clone(), Value::Setting(v.clone()))).collect();
    let mut frame = Frame::outermost("");
    frame.surrounding = Rc::new(Surrounding::new(settings, members));
    frame
}

/// The slots of a parameter of this shape, in order.
pub fn slots(library: &Library, instance: &Instance, shape: &[usize]) -> Result<Vec<SlotDecl>, Diagnostic> {
    let mut elaborator = Elaborator::new(library, Builder::new("slots"), Options::default());
    let mut frame = frame(library, instance);
    frame.bind("rank", Value::number(shape.len() as f64));
    let mut out = vec![];
    for (index, slot) in declared(library, instance).iter().enumerate() {
        let init = elaborator.init(&mut frame, &slot.init).map_err(|d| *d)?;
        let name = &slot.name.text;
        let Some(size) = &slot.index else {
            if holds(&mut elaborator, &mut frame, slot)? {
                out.push(SlotDecl { name: name.clone(), shape: shape.to_vec(), init, declared: index, axis: None });
            }
            continue;
        };
        for (axis, n) in shape.iter().enumerate() {
            frame.bind(&size.text, Value::number(*n as f64));
            if holds(&mut elaborator, &mut frame, slot)? {
                let name = format!("{name}.{axis}");
                out.push(SlotDecl { name, shape: vec![*n, *n], init: init.clone(), declared: index, axis: Some(axis) });
            }
        }
    }
    Ok(out)
}

/// Names of a parameter's axes.
fn axes_of(shape: &[usize]) -> Vec<String> {
    (0..shape.len()).map(|a| format!("a{a}")).collect()
}

fn holds<'a>(elaborator: &mut Elaborator<'a>, frame: &mut Frame<'a>, slot: &Slot) -> Result<bool, Diagnostic> {
    slot.condition.as_ref().map_or(Ok(true), |c| elaborator.truth(frame, c).map_err(|d| *d))
}

/// Which of `PHASES` the gradient number `step` (from 1) is.
pub fn phase(library: &Library, instance: &Instance, step: u64) -> Result<&'static str, Diagnostic> {
    let found = library.definition(instance.kind, &instance.definition).and_then(|d| d.member("phase"));
    let Some(member) = found else { return Ok(PHASES[0]) };
    let mut elaborator = Elaborator::new(library, Builder::new("phase"), Options::default());
    let mut frame = frame(library, instance);
    let span = member.name.span;
    let given = vec![Given::ready(None, Value::number(step as f64), span)];
    let value = elaborator.call_definition(&mut frame, member, true, given, span).map_err(|d| *d)?;
    let known = |word: &str| PHASES.into_iter().find(|p| *p == word);
    let word = match &value {
        Value::Setting(Setting::Text(word)) => known(word),
        _ => None,
    };
    word.ok_or_else(|| {
        let found = value.as_setting().map_or_else(|| value.kind(), |s| s.to_string());
        let d = fault("E1006", format!("`phase` of `{}` gives {found}, which is no phase", instance.definition), span, "defined here");
        d.help("write \"plain\", \"first\" or \"refresh\"")
    })
}

impl Elaborator<'_> {
    /// The new parameter, and the new slots in their order. Axes of the parameter are `a0`, `a1`, …; the matrix of an axis has it and
    /// its prime.
    pub fn update(&mut self, instance: &Instance, u: &Update, at: Option<Span>) -> Result<(ValueId, Vec<ValueId>), Vec<Diagnostic>> {
        self.begin(instance.kind, at);
        self.updated(instance, u).map_err(|d| vec![self.with_site(*d)])
    }

    fn updated(&mut self, instance: &Instance, u: &Update) -> Outcome<(ValueId, Vec<ValueId>)> {
        let library = self.library;
        let shape = self.builder.shape(u.parameter).to_vec();
        let decls = slots(library, instance, &shape)?;
        let axes = axes_of(&shape);
        let tensor = |value: ValueId, axis: Option<usize>| {
            let axes = axis.map_or(axes.clone(), |a| vec![axes[a].clone(), format!("{}'", axes[a])]);
            Value::Tensor(NamedTensor { value, axes })
        };
        let scalar = |value: ValueId| Value::Tensor(NamedTensor { value, axes: vec![] });
        let words = declared(library, instance);
        let mut inputs = vec![("p", tensor(u.parameter, None)), ("g", tensor(u.gradient, None))];
        for (index, slot) in words.iter().enumerate() {
            let mut own = decls.iter().zip(u.slots).filter(|(d, _)| d.declared == index);
            let value = match slot.index {
                None => own.next().map_or(Value::Setting(Setting::None), |(_, value)| tensor(*value, None)),
                Some(_) => {
                    let mut items = vec![Value::Setting(Setting::None); shape.len()];
                    own.for_each(|(d, value)| items[d.axis.expect("one of several")] = tensor(*value, d.axis));
                    Value::list(items)
                }
            };
            inputs.push((slot.name.text.as_str(), value));
        }
        let phase = Value::Setting(Setting::Text(u.phase.to_string()));
        inputs.extend([("step", scalar(u.step)), ("rate", scalar(u.rate)), ("phase", phase)]);
        let member = self.member(instance, "update")?;
        let span = member.name.span;
        // What is always there may be left out of the signature; a parameter, its gradient and its slots may not.
        let always = |name: &str| matches!(name, "step" | "rate" | "phase");
        let takes = |name: &str| member.params.iter().any(|p| p.name.text == name);
        let given = inputs.into_iter().filter(|(n, _)| !always(n) || takes(n));
        let given = given.map(|(n, v)| Given::ready(Some(n), v, span)).collect();
        let mut frame = frame(library, instance);
        frame.path = self.builder.path().to_string();
        let value = self.call_definition(&mut frame, member, true, given, span)?;
        self.unpacked(instance, words, &decls, &shape, value, span)
    }

    /// Takes the result apart: the parameter, then each declared slot, or its list.
    fn unpacked(
        &mut self,
        instance: &Instance,
        words: &[Slot],
        decls: &[SlotDecl],
        shape: &[usize],
        value: Value,
        span: Span,
    ) -> Outcome<(ValueId, Vec<ValueId>)> {
        let names: Vec<&str> = std::iter::once("p").chain(words.iter().map(|s| s.name.text.as_str())).collect();
        let wrong = |found: &str| {
            let d = fault(
                "E1009",
                format!("`update` of `{}` gives {found}, not its new {}", instance.definition, names.join(", ")),
                span,
                "defined here",
            );
            Box::new(d.help("each of the shape that it had, in this order"))
        };
        let axes: &[String] = &axes_of(shape);
        let found = value.kind();
        let parts = match value {
            single @ Value::Tensor(_) => vec![single],
            other => other.items().ok_or_else(|| wrong(&found))?,
        };
        if parts.len() != names.len() {
            return Err(wrong(&found));
        }
        let mut one = |value: &Value, shape: &[usize], axes: Option<&[String]>| {
            let t = self.tensor(value, span).map_err(|_| wrong(&value.kind()))?;
            if self.builder.shape(t.value) != shape || axes.is_some_and(|a| a != t.axes) {
                return Err(wrong(&value.kind()));
            }
            Ok(t.value)
        };
        let parameter = one(&parts[0], shape, Some(axes))?;
        let mut out = vec![];
        for decl in decls {
            let part = &parts[1 + decl.declared];
            let value = match decl.axis {
                None => one(part, &decl.shape, Some(axes))?,
                Some(axis) => {
                    let items = part.items().filter(|i| i.len() == axes.len()).ok_or_else(|| wrong(&part.kind()))?;
                    one(&items[axis], &decl.shape, None)?
                }
            };
            out.push(value);
        }
        Ok((parameter, out))
    }
}
