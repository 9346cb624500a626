//! Forward and backward of one micro-batch. Gradients are added into their arena in the model's order, so that the sum
//! does not depend on anything but the order of micro-batches.

use crate::model::{Forward, frame_shape, frames, named, one};
use crate::scale::Scaling;
use crate::{Context, Result, Unit};
use pfm_hir::{ObjectiveKind, Stage, Units};
use pfm_ir::{Builder, DType, Graph, Role, TensorType, ValueId};
use pfm_ops as ops;
use pfm_syntax::ast::DefinitionKind;
use pfm_transform::gradients;

pub fn lower(context: &Context, stage: &Stage, unit: Unit) -> Result<Graph> {
    let (model, data) = (&context.experiment.models[stage.model], context.data(stage, unit));
    let mut b = Builder::new(&format!("{}.{unit}", stage.name));
    b.graph.precision = stage.precision;
    let window = b.input("window", Role::Data, TensorType::f32(&frame_shape(data, unit.samples, data.window)));
    let key = b.input("key", Role::Data, TensorType::new(DType::I32, &[4]));

    let inputs = frames(&mut b, window, 0..data.context);
    let scaling = Scaling::of(&mut b, inputs, data.normalise);
    let x = scaling.apply(&mut b, inputs);

    let forward = Forward { context, model, variant: unit.variant, random_key: Some(key) };
    let mut e = forward.elaborator(b, &stage.trainable);
    let y = forward.apply(&mut e, named(data, x), &data.fields)?;
    let b = e.builder();
    let (truth, prediction) = match stage.objective.kind {
        ObjectiveKind::Reconstruct => (inputs, y.value),
        ObjectiveKind::NextFrame => (frames(b, window, data.context..data.context + 1), frames(b, y.value, data.context - 1..data.context)),
    };
    let (truth, prediction) = match stage.objective.units {
        Units::Normalised => (scaling.apply(b, truth), prediction),
        Units::Physical => (truth, scaling.undo(b, prediction)),
    };
    let operands = [named(data, truth), named(data, prediction)];
    let loss = one(e.call(DefinitionKind::Loss, &stage.objective.loss.definition, "", &operands, &stage.objective.loss.settings, None)?);
    let mut b = e.finish();
    b.output("loss", loss.value);
    add_gradients(&mut b, context, stage, loss.value);
    Ok(b.graph)
}

/// `grad:PATH` += dloss/dPATH / accumulate, for each trainable parameter. One that this variant does not reach keeps its sum.
fn add_gradients(b: &mut Builder, context: &Context, stage: &Stage, loss: ValueId) {
    let model = &context.experiment.models[stage.model];
    let trained: Vec<&str> = model.parameters.iter().zip(&stage.trainable).filter(|(_, t)| **t).map(|(p, _)| p.path.as_str()).collect();
    let values: Vec<Option<ValueId>> = trained.iter().map(|p| b.graph.input(p).map(|(_, i)| i.value)).collect();
    let wanted: Vec<ValueId> = values.iter().flatten().copied().collect();
    let mut found = gradients(b, loss, &wanted).into_iter();
    for (path, value) in trained.iter().zip(&values) {
        if value.is_none() {
            continue;
        }
        let Some(gradient) = found.next().flatten() else { continue };
        let name = format!("grad:{path}");
        let ty = b.ty(gradient).clone();
        let old = b.input(&name, Role::Gradient, ty);
        let part = ops::scale(b, gradient, 1.0 / stage.accumulate as f64);
        let sum = ops::add(b, old, part);
        b.store(&name, sum, &name);
    }
}
