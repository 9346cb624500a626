//! Clipping and the optimiser's step, over every trainable parameter of a stage. A gradient norm that is not finite leaves
//! weights and slots as they were; gradients start the next step at zero either way.

use crate::optimiser::{Optimiser, Step, scaled_by};
use crate::unit::UpdatePhase;
use crate::{Context, Result, Unit};
use pfm_hir::Stage;
use pfm_ir::{Builder, Graph, Role, TensorType, ValueId};
use pfm_ops as ops;

pub fn lower(context: &Context, stage: &Stage, unit: Unit, phase: UpdatePhase) -> Result<Graph> {
    let model = &context.experiment.models[stage.model];
    let optimiser = Optimiser::of(context, stage);
    let mut b = Builder::new(&format!("{}.{unit}", stage.name));
    let rate = b.input("rate", Role::Data, TensorType::f32(&[]));
    let step = b.input("step", Role::Data, TensorType::f32(&[]));
    let trained: Vec<_> = model.parameters.iter().zip(&stage.trainable).filter(|(_, t)| **t).map(|(p, _)| p).collect();
    let gradients: Vec<ValueId> =
        trained.iter().map(|p| b.input(&format!("grad:{}", p.path), Role::Gradient, TensorType::f32(&p.shape))).collect();

    let norm = global_norm(&mut b, &gradients);
    b.output("grad_norm", norm);
    let finite = is_finite(&mut b, norm);
    let factor = clip_factor(&mut b, norm, stage.clip);
    for (p, &raw) in trained.iter().zip(&gradients) {
        b.set_path(&p.path);
        let parameter = b.input(&p.path, Role::Parameter { trainable: true }, TensorType::f32(&p.shape));
        let declared = optimiser.slots(&p.shape);
        let names: Vec<String> = declared.iter().map(|slot| format!("{}#{}", p.path, slot.name)).collect();
        let slots: Vec<ValueId> =
            declared.iter().zip(&names).map(|(slot, name)| b.input(name, Role::State, TensorType::f32(&slot.shape))).collect();
        let gradient = factor.map_or(raw, |f| scaled_by(&mut b, raw, f));
        let (new, new_slots) = optimiser.update(&mut b, &Step { phase, parameter, gradient, slots: &slots, rate, step })?;
        store_if(&mut b, finite, &p.path, parameter, new);
        for ((name, old), new) in names.iter().zip(&slots).zip(new_slots) {
            store_if(&mut b, finite, name, *old, new);
        }
        let zero = ops::constant(&mut b, 0.0, &p.shape);
        let name = format!("grad:{}", p.path);
        b.store(&name, zero, &name);
    }
    Ok(b.graph)
}

/// Root of the sum of squares over all gradients, added in the model's order.
fn global_norm(b: &mut Builder, gradients: &[ValueId]) -> ValueId {
    let mut sum = ops::constant(b, 0.0, &[]);
    for &g in gradients {
        let axes: Vec<usize> = (0..b.shape(g).len()).collect();
        let square = ops::mul(b, g, g);
        let part = ops::reduce_sum(b, square, &axes);
        sum = ops::add(b, sum, part);
    }
    ops::sqrt(b, sum)
}

/// False for infinities and for NaN, which compares with nothing.
fn is_finite(b: &mut Builder, norm: ValueId) -> ValueId {
    let largest = ops::constant(b, f64::from(f32::MAX), &[]);
    ops::less_equal(b, norm, largest)
}

/// `min(1, limit / (norm + 1e-6))`.
fn clip_factor(b: &mut Builder, norm: ValueId, limit: Option<f64>) -> Option<ValueId> {
    let limit = ops::constant(b, limit?, &[]);
    let norm = ops::add_scalar(b, norm, 1e-6);
    let factor = ops::div(b, limit, norm);
    let one = ops::constant(b, 1.0, &[]);
    Some(ops::min(b, factor, one))
}

/// Stores `new` into the input `name`, or its old value unless `condition`. Unchanged values need no store.
fn store_if(b: &mut Builder, condition: ValueId, name: &str, old: ValueId, new: ValueId) {
    if old == new {
        return;
    }
    let shape = b.shape(new).to_vec();
    let condition = ops::spread(b, condition, &shape);
    let value = ops::select(b, condition, new, old);
    b.store(name, value, name);
}
