//! Context in, prediction out, both in physical units; and a model applied to a tensor as it stands.

use crate::model::{Forward, frame_shape, frames, named};
use crate::scale::Scaling;
use crate::{Context, Result, Unit};
use pfm_hir::{Data, Model, ModelKind, Normalise, ObjectiveKind, Stage};
use pfm_ir::{Builder, Graph, Role, TensorType};
use pfm_ops as ops;

pub fn lower(context: &Context, stage: &Stage, unit: Unit) -> Result<Graph> {
    let (model, data) = (&context.experiment.models[stage.model], context.data(stage, unit));
    let mut b = Builder::new(&format!("{}.{unit}", stage.name));
    b.graph.precision = stage.precision;
    let inputs = b.input("context", Role::Data, TensorType::f32(&frame_shape(data, unit.samples, data.context)));
    let scaling = Scaling::of(&mut b, inputs, data.normalise);
    let x = scaling.apply(&mut b, inputs);

    let forward = Forward { context, model, variant: unit.variant, random_key: None };
    let frozen = vec![false; model.parameters.len()];
    let mut e = forward.elaborator(b, &frozen);
    let mut y = forward.apply(&mut e, named(data, x), &data.fields)?.value;
    let mut b = e.finish();
    if stage.objective.kind == ObjectiveKind::NextFrame {
        y = frames(&mut b, y, data.context - 1..data.context);
    }
    let y = scaling.undo(&mut b, y);
    b.output("prediction", y);
    Ok(b.graph)
}

/// What `apply` is asked for: a tensor of layout (B, C, T, H, W) with these fields, through one variant of a model.
pub struct Application<'a> {
    pub model: &'a Model,
    pub variant: usize,
    pub fields: &'a [String],
    /// (B, C, T, spatial sizes).
    pub shape: &'a [usize],
    /// Scale fields before and back after, as training does.
    pub normalise: Option<Normalise>,
}

/// Graph from `x` (B, C, T, H, W) to `y`: the same layout for an autoencoder, its last frame only for a predictor.
pub fn application(context: &Context, a: &Application) -> Result<Graph> {
    let mut b = Builder::new(&format!("apply.{}", a.model.name));
    let x = b.input("x", Role::Data, TensorType::f32(a.shape));
    let rank = a.shape.len();
    let to_last: Vec<usize> = [0].into_iter().chain(2..rank).chain([1]).collect();
    let mut x = ops::permute(&mut b, x, &to_last);
    let scaling = a.normalise.map(|rule| Scaling::of(&mut b, x, rule));
    if let Some(scaling) = &scaling {
        x = scaling.apply(&mut b, x);
    }
    let data = Data { fields: a.fields.to_vec(), grid: a.shape[3..].to_vec(), ..context.experiment.data[0].clone() };
    let forward = Forward { context, model: a.model, variant: a.variant, random_key: None };
    let frozen = vec![false; a.model.parameters.len()];
    let mut e = forward.elaborator(b, &frozen);
    let mut y = forward.apply(&mut e, named(&data, x), a.fields)?.value;
    let mut b = e.finish();
    if a.model.kind == ModelKind::Predictor {
        let t = b.shape(y)[1];
        y = frames(&mut b, y, t - 1..t);
    }
    if let Some(scaling) = &scaling {
        y = scaling.undo(&mut b, y);
    }
    let to_second: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    let y = ops::permute(&mut b, y, &to_second);
    b.output("y", y);
    Ok(b.graph)
}
