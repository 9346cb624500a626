//! Optimisers: point-wise ones are definitions of the language; SOAP, which looks at whole axes, is built here.

mod soap;

pub use soap::Soap;

use crate::unit::{Phase, UpdatePhase};
use crate::{Context, Result};
use pfm_elaborate::{Elaborator, Instance, Library, NamedTensor, Options};
use pfm_hir::Stage;
use pfm_ir::{Builder, ValueId};
use pfm_syntax::ast::{Body, DefinitionKind};

/// A stage's optimiser, ready to build updates.
pub enum Optimiser<'a> {
    Pointwise { context: &'a Context<'a>, instance: &'a Instance, slots: Vec<String> },
    Soap(Soap),
}

/// One parameter's part of an update.
pub struct Step<'a> {
    pub phase: UpdatePhase,
    pub parameter: ValueId,
    pub gradient: ValueId,
    pub slots: &'a [ValueId],
    pub rate: ValueId,
    pub step: ValueId,
}

impl<'a> Optimiser<'a> {
    pub fn of(context: &'a Context<'a>, stage: &'a Stage) -> Result<Self> {
        let instance = &stage.optimiser;
        if context.library.root(DefinitionKind::Optimiser, &instance.definition) == "soap" {
            return Ok(Optimiser::Soap(Soap::from_settings(instance)));
        }
        Ok(Optimiser::Pointwise { context, instance, slots: slots_of(context.library, &instance.definition) })
    }

    /// Slots of a parameter with their shapes, in order; all start at zero.
    pub fn slots(&self, shape: &[usize]) -> Vec<(String, Vec<usize>)> {
        match self {
            Optimiser::Pointwise { slots, .. } => slots.iter().map(|s| (s.clone(), shape.to_vec())).collect(),
            Optimiser::Soap(soap) => soap.slots(shape),
        }
    }

    /// Which program the gradient number `step` (from 1) needs.
    pub fn phase(&self, step: u64) -> UpdatePhase {
        match self {
            Optimiser::Pointwise { .. } => UpdatePhase::Plain,
            Optimiser::Soap(_) if step == 1 => UpdatePhase::First,
            Optimiser::Soap(soap) if (step - 1).is_multiple_of(soap.frequency) => UpdatePhase::Refresh,
            Optimiser::Soap(_) => UpdatePhase::Plain,
        }
    }

    /// Every program that updates may need.
    pub fn phases(&self) -> Vec<Phase> {
        let phases: &[UpdatePhase] = match self {
            Optimiser::Pointwise { .. } => &[UpdatePhase::Plain],
            Optimiser::Soap(_) => &[UpdatePhase::First, UpdatePhase::Plain, UpdatePhase::Refresh],
        };
        phases.iter().map(|p| Phase::Update(*p)).collect()
    }

    /// New parameter and slots.
    pub fn update(&self, b: &mut Builder, step: &Step) -> Result<(ValueId, Vec<ValueId>)> {
        match self {
            Optimiser::Soap(soap) => Ok(soap.update(b, step)),
            Optimiser::Pointwise { context, instance, slots } => {
                let path = b.path();
                let mut e = Elaborator::new(context.library, std::mem::take(b), Options::default());
                let shaped = |e: &mut Elaborator, value: ValueId| {
                    let axes: Vec<String> = (0..e.builder().shape(value).len()).map(|a| format!("a{a}")).collect();
                    NamedTensor::new(value, &axes.join(" "))
                };
                let mut inputs = vec![("p", shaped(&mut e, step.parameter)), ("g", shaped(&mut e, step.gradient))];
                inputs.extend(slots.iter().zip(step.slots).map(|(name, slot)| (name.as_str(), shaped(&mut e, *slot))));
                inputs.extend([("step", shaped(&mut e, step.step)), ("rate", shaped(&mut e, step.rate))]);
                let results = e.call_member(instance, "update", &path, &inputs, &[], None)?;
                *b = e.finish();
                Ok((results[0].value, results[1..].iter().map(|r| r.value).collect()))
            }
        }
    }
}

/// Names of a definition's slots, in order.
fn slots_of(library: &Library, name: &str) -> Vec<String> {
    let definition = library.definition(DefinitionKind::Optimiser, name).expect("resolving found the optimiser");
    match &definition.body {
        Body::Members { slots, .. } => slots.iter().map(|s| s.name.text.clone()).collect(),
        _ => vec![],
    }
}

/// A tensor times a scalar that is known only when running.
pub fn scaled_by(b: &mut Builder, x: ValueId, factor: ValueId) -> ValueId {
    let shape = b.shape(x).to_vec();
    let factor = pfm_ops::spread(b, factor, &shape);
    pfm_ops::mul(b, x, factor)
}
