//! The learning rate of a step, from the stage's schedule definition, run on the host in f64.

use crate::Context;
use pfm_diag::Diagnostic;
use pfm_elaborate::Setting;
use pfm_hir::Stage;
use pfm_syntax::ast::DefinitionKind;

/// Rate of a step (counted from 0): the optimiser's `lr` times the schedule's factor for the epochs completed so far.
pub fn rate(context: &Context, stage: &Stage, step: u64) -> Result<f64, Diagnostic> {
    let peak = stage
        .optimiser
        .setting("lr")
        .and_then(Setting::number)
        .unwrap_or_else(|| panic!("optimiser `{}` has a rate", stage.optimiser.definition));
    let Some(schedule) = &stage.schedule else { return Ok(peak) };
    let inputs = [("epoch", (step / stage.epoch) as f64), ("step", step as f64)];
    Ok(peak * pfm_elaborate::number(context.library, DefinitionKind::Schedule, schedule, &inputs)?)
}
