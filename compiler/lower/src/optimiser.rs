//! Optimisers, which are definitions of the language: the slots of a parameter, the program that a step needs, and the update.

use crate::unit::{Phase, UpdatePhase};
use crate::{Context, Result};
use pfm_diag::Diagnostic;
use pfm_elaborate::{Elaborator, Instance, Library, Options, PHASES, SlotDecl, Update};
use pfm_hir::Stage;
use pfm_ir::{Builder, ValueId};

/// A stage's optimiser, ready to build updates. Its code was tried when the file was checked.
#[derive(Clone, Copy)]
pub struct Optimiser<'a> {
    library: &'a Library,
    instance: &'a Instance,
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
    pub fn of(context: &'a Context<'a>, stage: &'a Stage) -> Optimiser<'a> {
        Optimiser::new(context.library, &stage.optimiser)
    }

    pub fn new(library: &'a Library, instance: &'a Instance) -> Optimiser<'a> {
        Optimiser { library, instance }
    }

    /// Slots of a parameter, in order.
    pub fn slots(&self, shape: &[usize]) -> Vec<SlotDecl> {
        pfm_elaborate::slots(self.library, self.instance, shape).unwrap_or_else(|d| panic!("{}", tried(&d)))
    }

    /// Which program the gradient number `step` (from 1) needs.
    pub fn phase(&self, step: u64) -> UpdatePhase {
        let word = pfm_elaborate::phase(self.library, self.instance, step).unwrap_or_else(|d| panic!("{}", tried(&d)));
        UpdatePhase::ALL.into_iter().find(|p| p.word() == word).expect("the language knows these words")
    }

    /// Every program that updates may need.
    pub fn phases(&self) -> Vec<Phase> {
        let definition = self.library.definition(self.instance.kind, &self.instance.definition);
        let all = definition.is_some_and(|d| d.member("phase").is_some());
        let phases = UpdatePhase::ALL.into_iter().filter(|p| all || p.word() == PHASES[0]);
        phases.map(Phase::Update).collect()
    }

    /// New parameter and slots. Those that a phase leaves alone come back as they were.
    pub fn update(&self, b: &mut Builder, step: &Step) -> Result<(ValueId, Vec<ValueId>)> {
        let mut e = Elaborator::new(self.library, std::mem::take(b), Options::default());
        let update = Update {
            parameter: step.parameter,
            gradient: step.gradient,
            slots: step.slots,
            rate: step.rate,
            step: step.step,
            phase: step.phase.word(),
        };
        let result = e.update(self.instance, &update, None);
        *b = e.finish();
        result
    }
}

fn tried(d: &Diagnostic) -> String {
    format!("tried when resolving: {}", d.message)
}

/// A tensor times a scalar that is known only when running.
pub fn scaled_by(b: &mut Builder, x: ValueId, factor: ValueId) -> ValueId {
    let shape = b.shape(x).to_vec();
    let factor = pfm_ops::spread(b, factor, &shape);
    pfm_ops::mul(b, x, factor)
}
