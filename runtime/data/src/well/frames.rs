//! Reading frames of one field into channels-last memory, whatever the field's storage: direct or through the library, with the
//! axes along which it is constant repeated.

use std::os::unix::fs::FileExt;

use hdf5_metno::{Dataset, Hyperslab, SliceOrIndex};

use super::file::{StoredField, WellFile};
use crate::error::DataError;

/// Where a field's values come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Row-major little-endian f32 from this byte of the file on.
    Direct { offset: u64 },
    /// Anything else the library can read as f32.
    Library(Dataset),
}

/// Frames of one trajectory: `count` of them, `stride` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frames {
    pub trajectory: usize,
    pub start: usize,
    pub stride: usize,
    pub count: usize,
}

/// Which component goes to which channel of the target.
pub(crate) type Placement = (usize, usize);

impl WellFile {
    /// Reads frames of one field into `out` [count, *grid, channels]: each placed component fills one channel, the other channels
    /// are left alone. `scratch` is reused memory.
    ///
    /// # Errors
    /// The values can't be read.
    ///
    /// # Panics
    /// Frames, trajectory or components outside the file, or `out` of another size: the caller counts windows.
    pub(crate) fn read_frames(
        &self,
        field: usize,
        frames: Frames,
        placements: &[Placement],
        channels: usize,
        out: &mut [f32],
        scratch: &mut Vec<f32>,
    ) -> Result<(), DataError> {
        let cells: usize = self.grid.iter().product();
        assert_eq!(out.len(), frames.count * cells * channels, "the buffer holds exactly the frames");
        assert!(frames.trajectory < self.trajectories, "trajectory within the file");
        assert!(frames.count == 0 || frames.start + (frames.count - 1) * frames.stride < self.frames, "frames within the trajectory");
        let field = &self.fields[field];
        self.load(field, frames, scratch)?;
        let stored = scratch.len() / if field.time_varying { frames.count } else { 1 };
        let order = self.cell_order(field);
        for frame in 0..frames.count {
            let from = if field.time_varying { frame * stored } else { 0 };
            let source = &scratch[from..from + stored];
            let target = &mut out[frame * cells * channels..][..cells * channels];
            for &(component, channel) in placements {
                let target = target[channel..].iter_mut().step_by(channels);
                match &order {
                    None => {
                        let source = source[component..].iter().step_by(field.components);
                        for (to, from) in target.zip(source) {
                            *to = *from;
                        }
                    }
                    Some(order) => {
                        for (to, cell) in target.zip(order) {
                            *to = source[cell * field.components + component];
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// For a field that is constant along some axis: the stored cell of each grid cell. None where all axes are stored.
    fn cell_order(&self, field: &StoredField) -> Option<Vec<usize>> {
        if field.dim_varying.iter().all(|&varies| varies) {
            return None;
        }
        let mut order = vec![0];
        for (&n, &varies) in self.grid.iter().zip(&field.dim_varying) {
            let along = |&cell: &usize| -> Vec<usize> { (0..n).map(|i| if varies { cell * n + i } else { cell }).collect() };
            order = order.iter().flat_map(along).collect();
        }
        Some(order)
    }

    /// Loads the stored frames, one after the other, into `values`.
    fn load(&self, field: &StoredField, frames: Frames, values: &mut Vec<f32>) -> Result<(), DataError> {
        let failed = |cause: String| {
            let object = format!("{}/{}", super::FIELD_GROUPS[field.order], field.name);
            DataError::object(&self.path, object, cause)
        };
        match &field.source {
            Source::Direct { offset } => self.load_direct(field, frames, *offset, values).map_err(|cause| failed(cause.to_string())),
            Source::Library(dataset) => {
                let mut selection = Vec::new();
                if field.sample_varying {
                    selection.push(SliceOrIndex::Index(frames.trajectory));
                }
                if field.time_varying {
                    let Frames { start, stride, count, .. } = frames;
                    selection.push(SliceOrIndex::SliceCount { start, step: stride, count, block: 1 });
                }
                let shape = dataset.shape();
                for &count in &shape[selection.len()..] {
                    selection.push(SliceOrIndex::SliceCount { start: 0, step: 1, count, block: 1 });
                }
                let read = dataset.read_slice::<f32, _, ndarray::IxDyn>(Hyperslab::from(selection));
                let read = read.map_err(|cause| failed(cause.to_string()))?;
                values.clear();
                values.extend(read.iter());
                Ok(())
            }
        }
    }

    fn load_direct(&self, field: &StoredField, frames: Frames, offset: u64, values: &mut Vec<f32>) -> std::io::Result<()> {
        let stored: usize = self.grid.iter().zip(&field.dim_varying).filter(|(_, varies)| **varies).map(|(n, _)| *n).product();
        let size = stored * field.components;
        let per_trajectory = if field.time_varying { self.frames } else { 1 };
        let first = if field.sample_varying { frames.trajectory * per_trajectory } else { 0 };
        let count = if field.time_varying { frames.count } else { 1 };
        let mut bytes = vec![0u8; size * 4];
        values.clear();
        for k in 0..count {
            let frame = first + if field.time_varying { frames.start + k * frames.stride } else { 0 };
            self.raw.read_exact_at(&mut bytes, offset + (frame * size * 4) as u64)?;
            values.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        }
        Ok(())
    }
}
