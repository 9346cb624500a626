//! The scaling of a sample's fields: statistics over the frames of its context and all pixels, taken out before the model and put
//! back after it.

use crate::model::over_pixels;
use pfm_hir::Normalise;
use pfm_ir::{Builder, ValueId};
use pfm_ops as ops;

/// Statistics of each sample and field, [b c].
pub struct Scaling {
    shift: Option<ValueId>,
    scale: ValueId,
}

impl Scaling {
    /// Those of `x`, [b t *s c], by the rule.
    pub fn of(b: &mut Builder, x: ValueId, rule: Normalise) -> Scaling {
        match rule {
            Normalise::Rms { floor } => Scaling { shift: None, scale: root_mean_square(b, x, floor) },
            Normalise::Standard { floor } => {
                let mean = ops::mean(b, x, &inner_axes(b, x));
                let wide = over_pixels(b, mean, x);
                let centred = ops::sub(b, x, wide);
                Scaling { shift: Some(mean), scale: root_mean_square(b, centred, floor) }
            }
        }
    }

    /// Frames in physical units to normalised ones.
    pub fn apply(&self, b: &mut Builder, x: ValueId) -> ValueId {
        let x = match self.shift {
            Some(shift) => {
                let shift = over_pixels(b, shift, x);
                ops::sub(b, x, shift)
            }
            None => x,
        };
        let scale = over_pixels(b, self.scale, x);
        ops::div(b, x, scale)
    }

    /// The way back.
    pub fn undo(&self, b: &mut Builder, x: ValueId) -> ValueId {
        let scale = over_pixels(b, self.scale, x);
        let x = ops::mul(b, x, scale);
        match self.shift {
            Some(shift) => {
                let shift = over_pixels(b, shift, x);
                ops::add(b, x, shift)
            }
            None => x,
        }
    }
}

/// All axes but the first and the last.
fn inner_axes(b: &Builder, x: ValueId) -> Vec<usize> {
    (1..b.shape(x).len() - 1).collect()
}

/// Root mean square over frames and pixels, [b c], not below the floor.
fn root_mean_square(b: &mut Builder, x: ValueId, floor: f64) -> ValueId {
    let axes = inner_axes(b, x);
    let square = ops::mul(b, x, x);
    let mean = ops::mean(b, square, &axes);
    let rms = ops::sqrt(b, mean);
    let shape = b.shape(rms).to_vec();
    let floor = ops::constant(b, floor, &shape);
    ops::max(b, rms, floor)
}
