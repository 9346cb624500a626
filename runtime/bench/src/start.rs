//! The batch that steps take, and the point that they start from as a file, so that another program can make the same steps.

use pfm_elaborate::Init;
use pfm_train::{Role, RunError, StageWork, Store};
use safetensors::tensor::{Dtype, TensorView};
use std::path::Path;

/// Samples, frames, grid and fields of a step's batch.
pub fn shape(work: &StageWork) -> Vec<usize> {
    let layout = &work.sets[0].layout;
    let mut shape = vec![work.batch, layout.window];
    shape.extend(&layout.grid);
    shape.push(layout.fields.len());
    shape
}

/// Standard normal values, the same for the same seed.
pub fn batch(work: &StageWork) -> Vec<f32> {
    pfm_lower::initial_values(&Init::Normal(1.0), &shape(work), work.seed, "window")
}

/// Writes the parameters under their paths and the batch as `window`, in the layout of a checkpoint.
pub fn write(store: &Store, work: &StageWork, window: &[f32], to: &Path) -> Result<(), RunError> {
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let parameters = store.entries().iter().filter(|e| e.role == Role::Parameter);
    let mut tensors: Vec<_> = parameters.map(|e| (e.name.clone(), e.shape.clone(), bytes(e.buffer.as_f32()))).collect();
    tensors.push(("window".into(), shape(work), bytes(window)));
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a shape fits its values")));
    let file = safetensors::serialize(views, None).expect("tensors in memory serialise");
    std::fs::write(to, file).map_err(|e| RunError::file("write", to, &e))
}
