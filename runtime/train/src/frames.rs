//! Cutting and filling blocks of frames, `[samples, frames, *grid, fields]`: contexts, targets, and the two predictions that
//! need no model, with which every result is compared.

use crate::work::Layout;

/// Frames `from..from + count` of each of `samples` windows of `window` frames.
pub(crate) fn cut(windows: &[f32], window: usize, frame: usize, from: usize, count: usize) -> Vec<f32> {
    let each = windows.chunks_exact(window * frame);
    each.flat_map(|w| &w[from * frame..(from + count) * frame]).copied().collect()
}

/// Baseline: the last frame of each context, `count` times.
pub(crate) fn persistence(contexts: &[f32], context: usize, frame: usize, count: usize) -> Vec<f32> {
    let mut out = vec![];
    for c in contexts.chunks_exact(context * frame) {
        for _ in 0..count {
            out.extend_from_slice(&c[(context - 1) * frame..]);
        }
    }
    out
}

/// Baseline: each frame and field of the truth replaced by its mean over space. Its VRMSE is 1 wherever it is defined.
pub(crate) fn spatial_mean(truth: &[f32], layout: &Layout) -> Vec<f32> {
    let fields = layout.fields.len();
    let points = layout.frame() / fields;
    let mut out = vec![0.0; truth.len()];
    for (from, to) in truth.chunks_exact(layout.frame()).zip(out.chunks_exact_mut(layout.frame())) {
        for field in 0..fields {
            let sum: f64 = (0..points).map(|p| f64::from(from[p * fields + field])).sum();
            let mean = (sum / points as f64) as f32;
            (0..points).for_each(|p| to[p * fields + field] = mean);
        }
    }
    out
}

/// Moves every context on by one frame: the first falls out, the prediction comes in at the end.
pub(crate) fn slide(contexts: &mut [f32], predictions: &[f32], frame: usize, context: usize) {
    for (c, p) in contexts.chunks_exact_mut(context * frame).zip(predictions.chunks_exact(frame)) {
        c.copy_within(frame.., 0);
        c[(context - 1) * frame..].copy_from_slice(p);
    }
}

/// For each sample, frame and field: whether the prediction holds a number that is not finite.
pub(crate) fn not_finite(prediction: &[f32], layout: &Layout) -> Vec<bool> {
    let fields = layout.fields.len();
    let mut out = vec![];
    for frame in prediction.chunks_exact(layout.frame()) {
        let mut bad = vec![false; fields];
        for point in frame.chunks_exact(fields) {
            for (b, v) in bad.iter_mut().zip(point) {
                *b |= !v.is_finite();
            }
        }
        out.extend(bad);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout { window: 3, context: 2, grid: vec![2], fields: vec!["a".into(), "b".into()] }
    }

    #[test]
    fn cuts_repeats_and_slides() {
        let windows: Vec<f32> = (0..24).map(|v| v as f32).collect();
        assert_eq!(cut(&windows, 3, 4, 2, 1), [8.0, 9.0, 10.0, 11.0, 20.0, 21.0, 22.0, 23.0]);
        let mut contexts = cut(&windows, 3, 4, 0, 2);
        assert_eq!(persistence(&contexts, 2, 4, 1), [4.0, 5.0, 6.0, 7.0, 16.0, 17.0, 18.0, 19.0]);
        slide(&mut contexts, &[-1.0; 8], 4, 2);
        assert_eq!(contexts[..8], [4.0, 5.0, 6.0, 7.0, -1.0, -1.0, -1.0, -1.0]);
    }

    #[test]
    fn means_and_marks_are_per_frame_and_field() {
        assert_eq!(spatial_mean(&[1.0, 10.0, 3.0, 30.0], &layout()), [2.0, 20.0, 2.0, 20.0]);
        assert_eq!(not_finite(&[1.0, f32::NAN, 3.0, 30.0], &layout()), [false, true]);
    }
}
