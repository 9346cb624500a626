//! The forward pass of a model: normalise, encode, process, decode. Activations are [b t h w c].

use crate::{Context, Result};
use pfm_elaborate::{Elaborator, NamedTensor, Options, ParameterDecl, Setting};
use pfm_hir::{Data, Model};
use pfm_ir::{Builder, Role, TensorType, ValueId};
use pfm_ops as ops;
use pfm_syntax::ast::DefinitionKind;

/// What a forward pass is built for.
pub struct Forward<'a> {
    pub context: &'a Context<'a>,
    pub model: &'a Model,
    pub variant: usize,
    /// Drop path and other training-only parts are active; draws are keyed by this i32[4] value.
    pub random_key: Option<ValueId>,
}

impl<'a> Forward<'a> {
    /// An elaborator whose parameters become graph inputs with the roles that `trainable` gives.
    pub fn elaborator(&self, builder: Builder, trainable: &'a [bool]) -> Elaborator<'a> {
        let model = self.model;
        let options = Options {
            training: self.random_key.is_some(),
            random_key: self.random_key,
            parameter: Some(Box::new(move |b: &mut Builder, declared: &ParameterDecl| {
                let index = model.parameters.iter().position(|p| p.path == declared.path);
                let trainable = index.is_some_and(|i| trainable[i]);
                b.input(&declared.path, Role::Parameter { trainable }, TensorType::f32(&declared.shape))
            })),
            memo: None,
        };
        Elaborator::new(self.context.library, builder, options)
    }

    /// Model output for normalised input of the same shape: the reconstruction, or the frames moved on by one.
    pub fn apply(&self, e: &mut Elaborator<'a>, x: NamedTensor, fields: &[String]) -> Result<NamedTensor> {
        let model = self.model;
        let picks = &model.variants[self.variant].picks;
        let tokeniser = model.tokeniser.instance.picked(picks);
        let name = &model.tokeniser.name;
        let active = Setting::List(self.active(fields).into_iter().map(|i| Setting::Number(i as f64)).collect());
        let active = Some(&active);
        let mut latents = e.call_several(&tokeniser, "encode", name, &[x], active, None)?;
        // Several sequences of tokens go through one processor, one after the other.
        for z in &mut latents {
            *z = self.step(e, z.clone())?;
        }
        e.call_part(&tokeniser, "decode", name, &latents, active, None)
    }

    /// Latent frames through the processor, where there is one.
    fn step(&self, e: &mut Elaborator<'a>, mut z: NamedTensor) -> Result<NamedTensor> {
        let model = self.model;
        if let Some(processor) = &model.processor {
            let latent = *e.shape(&z).last().expect("channels come last") as f64;
            let width = processor.instance.setting("width").and_then(Setting::number).unwrap_or(latent);
            let link = |e: &mut Elaborator<'a>, z: NamedTensor, path: &str, out: f64| {
                let out = [("out".to_string(), Setting::Number(out))];
                if model.linked { e.call(DefinitionKind::Block, "linear", path, &[z], &out, None).map(one) } else { Ok(z) }
            };
            z = link(e, z, "link.in", width)?;
            z = e.call_part(&processor.instance, "apply", &processor.name, &[z], None, None)?;
            z = link(e, z, "link.out", latent)?;
        }
        Ok(z)
    }

    /// Positions of the data's fields in the vocabulary of the adaptive heads.
    fn active(&self, fields: &[String]) -> Vec<usize> {
        let position = |f: &String| self.model.vocabulary.iter().position(|v| v == f);
        fields.iter().map(|f| position(f).unwrap_or_else(|| panic!("field `{f}` is in the vocabulary; resolving checked it"))).collect()
    }
}

/// Repeats a [b c] tensor over the frames and pixels of `like`.
pub fn over_pixels(b: &mut Builder, x: ValueId, like: ValueId) -> ValueId {
    let shape = b.shape(like).to_vec();
    let last = shape.len() - 1;
    ops::broadcast(b, x, &shape, &[0, last])
}

/// Frames `range` of a [b t …] tensor.
pub fn frames(b: &mut Builder, x: ValueId, range: std::ops::Range<usize>) -> ValueId {
    ops::slice_axis(b, x, 1, range.start, range.end)
}

/// The one result of a call that has one.
pub fn one(results: Vec<NamedTensor>) -> NamedTensor {
    let mut results = results.into_iter();
    let first = results.next().expect("a call has a result");
    assert!(results.next().is_none(), "this call has one result");
    first
}

/// A batch of frames with its axes named.
pub fn named(data: &Data, value: ValueId) -> NamedTensor {
    NamedTensor::new(value, if data.grid.len() == 3 { "b t h w d c" } else { "b t h w c" })
}

/// Shape of `frames` frames of `samples` samples.
pub fn frame_shape(data: &Data, samples: usize, frames: usize) -> Vec<usize> {
    [&[samples, frames], data.grid.as_slice(), &[data.fields.len()]].concat()
}
