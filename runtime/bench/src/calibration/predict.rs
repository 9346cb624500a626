//! How long a group, a program and a step will take, by what a calibration says of work like theirs.

use super::{Calibration, place};
use pfm_compiler::{Isa, Options, Silent};
use pfm_diag::Diagnostic;
use pfm_hir::Stage;
use pfm_ir::Precision;
use pfm_lower::{Context, Phase, Unit, UpdatePhase};
use pfm_plan::{Group, Work};

/// Seconds of one optimiser step of a stage at its choice for evaluation, on its first data set, with the update that most steps make.
/// None for other products than those in f32: their rates are not measured.
pub fn planned(context: &Context, stage: &Stage, calibration: &Calibration) -> Result<Option<f64>, Vec<Diagnostic>> {
    if stage.precision != Precision::F32 {
        return Ok(None);
    }
    let variant = context.experiment.models[stage.model].evaluation;
    let options = Options { isa: Isa::named(&calibration.instruction_set), ..Options::default() };
    let seconds = |unit: Unit| -> Result<f64, Vec<Diagnostic>> {
        let graph = pfm_lower::lower(context, stage, unit)?;
        let plan = pfm_compiler::plan(graph, options, &mut Silent)?;
        Ok(plan.groups.iter().map(|g| calibration.seconds(g)).sum::<f64>())
    };
    let accumulate = seconds(Unit { phase: Phase::Accumulate, set: 0, variant, samples: stage.micro_batch() })?;
    let update = seconds(Unit { phase: Phase::Update(UpdatePhase::Plain), set: 0, variant: 0, samples: 0 })?;
    Ok(Some(stage.accumulate as f64 * accumulate + update))
}

impl Calibration {
    /// Seconds of one run of a group.
    pub fn seconds(&self, group: &Group) -> f64 {
        match &group.work {
            Work::Kernel(k) => {
                let (name, point) = place::place(k);
                let work = place::work(k, group.flops, group.bytes);
                // A kernel without a table has to move its operands at least.
                self.kernels.get(&name).map_or_else(|| self.stream(group.bytes), |table| work / table.at(&point)).max(self.loops.launch)
            }
            work => {
                let effort = pfm_cpu::effort(work).expect("what is no kernel is generated code");
                let (busy, moving) = (self.loops.seconds(&effort, self.threads), self.stream(group.bytes));
                // Loads are ahead of the arithmetic, but not always far enough.
                (busy * busy + moving * moving).sqrt()
            }
        }
    }

    /// Seconds of going through so many bytes.
    fn stream(&self, bytes: f64) -> f64 {
        bytes / self.streams.at(&[bytes])
    }
}
