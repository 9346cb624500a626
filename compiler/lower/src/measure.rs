//! Truth and prediction in, the report's metrics out: one output per metric, by the metric's name.

use crate::model::{frame_shape, named, one};
use crate::{Context, Result, Unit};
use pfm_elaborate::{Elaborator, Instance, Options};
use pfm_hir::Stage;
use pfm_ir::{Builder, Graph, Role, TensorType};
use pfm_syntax::ast::DefinitionKind;

pub fn lower(context: &Context, stage: &Stage, unit: Unit, frames: usize) -> Result<Graph> {
    let data = context.data(stage, unit);
    let mut b = Builder::new(&format!("{}.{unit}", stage.name));
    let ty = TensorType::f32(&frame_shape(data, unit.samples, frames));
    let truth = b.input("truth", Role::Data, ty.clone());
    let prediction = b.input("prediction", Role::Data, ty);
    let mut e = Elaborator::new(context.library, b, Options::default());
    for metric in metrics(context, stage) {
        let operands = [named(data, truth), named(data, prediction)];
        let value = one(e.call(DefinitionKind::Metric, &metric.definition, "", &operands, &metric.settings, None)?);
        e.builder().output(&metric.definition, value.value);
    }
    Ok(e.finish().graph)
}

/// The metrics of the stage's report and of its unrolled part, each once.
fn metrics(context: &Context, stage: &Stage) -> Vec<Instance> {
    let Some(report) = stage.report.map(|r| &context.experiment.reports[r]) else { return vec![] };
    let mut all = report.metrics.clone();
    if let Some(unroll) = &report.unroll
        && !all.iter().any(|m| m.definition == unroll.metric.definition)
    {
        all.push(unroll.metric.clone());
    }
    all
}

/// Names of the metrics that a report's table needs, or its unrolled part.
pub fn wanted_metrics(context: &Context, stage: &Stage, unrolled: bool) -> Vec<String> {
    let Some(report) = stage.report.map(|r| &context.experiment.reports[r]) else { return vec![] };
    if unrolled {
        return report.unroll.iter().map(|u| u.metric.definition.clone()).collect();
    }
    report.metrics.iter().map(|m| m.definition.clone()).collect()
}
