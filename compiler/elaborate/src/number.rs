//! Definitions that compute a number, run on the host in f64: schedules, and functions of numbers.

use crate::{
    Elaborator, Instance, Library, Options,
    call::Given,
    frame::{Frame, Surrounding},
    value::Value,
};
use pfm_diag::Diagnostic;
use pfm_ir::Builder;
use pfm_syntax::ast::{Definition, DefinitionKind};
use std::{collections::BTreeMap, rc::Rc};

/// The number that a definition gives for its settings and some inputs in scope. A schedule sees `epoch`, the number of epochs
/// completed, and `step`, the number of steps completed, both from 0.
pub fn number(library: &Library, kind: DefinitionKind, instance: &Instance, inputs: &[(&str, f64)]) -> Result<f64, Diagnostic> {
    let name = &instance.definition;
    let definition: &Definition = library
        .definition(kind, name)
        .ok_or_else(|| Diagnostic::new("E1004", format!("no {} is called `{name}`", crate::kind_word(kind))))?;
    let mut elaborator = Elaborator::new(library, Builder::new("number"), Options::default());
    let mut frame = Frame::outermost("");
    let settings: BTreeMap<String, Value> = inputs.iter().map(|(n, v)| (n.to_string(), Value::number(*v))).collect();
    frame.surrounding = Rc::new(Surrounding::new(settings, vec![]));
    let span = definition.name.span;
    let given = instance.settings.iter().map(|(n, v)| Given::ready(Some(n), Value::Setting(v.clone()), span));
    let value = elaborator.call_definition(&mut frame, definition, true, given.collect(), span).map_err(|d| *d)?;
    value
        .as_number()
        .ok_or_else(|| Diagnostic::new("E1006", format!("`{name}` gives {}, not a number", value.kind())).at(span, "defined here"))
}
