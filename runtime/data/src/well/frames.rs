//! Stored frames of one field: where they are read from, whatever the storage, and where each value belongs among the channels of a
//! window, with the axes along which the field is constant repeated.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::file::{StoredField, WellFile};
use crate::error::DataError;
use crate::isolated::{Answer, Request, Selection, ask};
use crate::storage::{Chunks, Element, Storage};

/// A frame as the file stores it; 0 for what the field doesn't vary along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FrameKey {
    pub trajectory: usize,
    pub frame: usize,
}

/// Consecutive stored frames of one trajectory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub first: FrameKey,
    pub count: usize,
}

/// Gives inflated chunks by their number.
pub(crate) type Inflated<'a> = dyn Fn(usize) -> Arc<[f32]> + 'a;

impl StoredField {
    /// The stored frame that serves this frame of a trajectory.
    pub(crate) fn key(&self, trajectory: usize, frame: usize) -> FrameKey {
        let pick = |varies, n| if varies { n } else { 0 };
        FrameKey { trajectory: pick(self.sample_varying, trajectory), frame: pick(self.time_varying, frame) }
    }

    /// What a run of stored frames is of the whole array: the first entry and the number of entries along each stored axis.
    fn region(&self, run: Run, shape: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let (mut first, mut counts) = (vec![0; shape.len()], shape.to_vec());
        let mut axis = 0;
        if self.sample_varying {
            (first[axis], counts[axis]) = (run.first.trajectory, 1);
            axis += 1;
        }
        if self.time_varying {
            (first[axis], counts[axis]) = (run.first.frame, run.count);
        }
        (first, counts)
    }
}

impl WellFile {
    /// Values in one stored frame of a field.
    pub(crate) fn frame_size(&self, field: &StoredField) -> usize {
        let stored = self.grid.iter().zip(&field.dim_varying).filter(|(_, varies)| **varies);
        stored.map(|(n, _)| *n).product::<usize>() * field.components
    }

    fn shape(&self, field: &StoredField) -> Vec<usize> {
        field.shape(self.trajectories, self.frames, &self.grid)
    }

    /// The chunks that hold these frames; None for a field that isn't stored in chunks.
    pub(crate) fn chunks_of(&self, field: &StoredField, run: Run) -> Option<Vec<usize>> {
        let Storage::Chunked(chunks) = &field.storage else { return None };
        let shape = self.shape(field);
        let (first, counts) = field.region(run, &shape);
        Some(chunks.overlapping(&shape, &first, &counts))
    }

    /// Reads stored frames, one after the other, into `out`. `inflated` gives the chunks of `chunks_of`; `scratch` is reused memory.
    ///
    /// # Errors
    /// The values can't be read.
    ///
    /// # Panics
    /// Frames outside the file, or `out` of another size.
    pub(crate) fn read_frames(
        &self,
        field: &StoredField,
        run: Run,
        out: &mut [f32],
        inflated: &Inflated<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<(), DataError> {
        let size = self.frame_size(field);
        assert_eq!(out.len(), run.count * size, "the buffer holds exactly the frames");
        let last = run.first.frame + run.count;
        assert!(run.first.trajectory < self.trajectories.max(1) && last <= self.frames, "frames within the file");
        if let Storage::Assembled(assembly) = &field.storage {
            return assembly.read(self, run, out, scratch);
        }
        let shape = self.shape(field);
        let (first, counts) = field.region(run, &shape);
        self.read_region(&field.object(), &field.storage, &shape, (&first, &counts), out, inflated, scratch)
    }

    /// Reads a region of an array: its first entry and the number of entries along each axis, of which all but the outermost ones that
    /// have a single entry or are cut are whole.
    #[expect(clippy::too_many_arguments, reason = "an array, a region of it, and memory")]
    pub(crate) fn read_region(
        &self,
        object: &str,
        storage: &Storage,
        shape: &[usize],
        (first, counts): (&[usize], &[usize]),
        out: &mut [f32],
        inflated: &Inflated<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<(), DataError> {
        let failed = |cause: String| DataError::object(&self.path, object, cause);
        match storage {
            Storage::Contiguous { offset, element } => {
                let entries = first.iter().zip(shape).fold(0, |before, (first, n)| before * n + first);
                let before = entries * element.bytes();
                self.read_plain(*element, offset + before as u64, out, scratch).map_err(|cause| failed(cause.to_string()))
            }
            Storage::Chunked(chunks) => {
                overlapping(chunks, shape, first, counts, &mut |number, origin| {
                    copy_overlap(&inflated(number), &chunks.shape, origin, out, counts, first);
                });
                Ok(())
            }
            Storage::Assembled(_) => unreachable!("an assembly is read array by array"),
            Storage::Library => {
                let selection: Selection = first.iter().zip(counts).map(|(&first, &count)| (first, 1, count)).collect();
                let request = Request::Values { file: self.path.as_path().into(), object: object.into(), selection };
                match ask(&self.path, &request)? {
                    Answer::Values(values) if values.len() == out.len() => {
                        out.copy_from_slice(&values);
                        Ok(())
                    }
                    _ => Err(failed("the HDF5 file is damaged: the library gives another number of values".into())),
                }
            }
        }
    }

    fn read_plain(&self, element: Element, offset: u64, out: &mut [f32], scratch: &mut Vec<u8>) -> std::io::Result<()> {
        if element == Element::Single {
            // Only a little-endian machine has contiguous storage here.
            return self.raw.read_exact_at(bytemuck::cast_slice_mut(out), offset);
        }
        scratch.resize(out.len() * element.bytes(), 0);
        self.raw.read_exact_at(scratch, offset)?;
        element.decode(scratch, out);
        Ok(())
    }

    /// For a field that is constant along some axis: the stored cell of each grid cell. None where all axes are stored.
    pub(crate) fn cell_order(&self, field: &StoredField) -> Option<Vec<usize>> {
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
}

impl Chunks {
    /// The numbers of the chunks that hold a region of an array of this shape.
    pub(crate) fn overlapping(&self, shape: &[usize], first: &[usize], counts: &[usize]) -> Vec<usize> {
        let mut numbers = Vec::new();
        overlapping(self, shape, first, counts, &mut |number, _| numbers.push(number));
        numbers
    }
}

/// Visits the chunks that overlap a region: number and first entry of each.
fn overlapping(chunks: &Chunks, shape: &[usize], first: &[usize], counts: &[usize], visit: &mut dyn FnMut(usize, &[usize])) {
    let all = chunks.counts(shape);
    let low: Vec<usize> = first.iter().zip(&chunks.shape).map(|(first, n)| first / n).collect();
    let high: Vec<usize> = first.iter().zip(counts).zip(&chunks.shape).map(|((first, count), n)| (first + count).div_ceil(*n)).collect();
    if low.iter().zip(&high).any(|(low, high)| low >= high) {
        return;
    }
    let mut at = low.clone();
    loop {
        let number = at.iter().zip(&all).fold(0, |number, (place, count)| number * count + place);
        let origin: Vec<usize> = at.iter().zip(&chunks.shape).map(|(place, n)| place * n).collect();
        visit(number, &origin);
        let Some(axis) = (0..at.len()).rev().find(|&axis| at[axis] + 1 < high[axis]) else { return };
        at[axis] += 1;
        at[axis + 1..].copy_from_slice(&low[axis + 1..]);
    }
}

/// Copies what two boxes of one array share; each has a shape and a first entry.
fn copy_overlap(from: &[f32], from_shape: &[usize], from_first: &[usize], to: &mut [f32], to_shape: &[usize], to_first: &[usize]) {
    let (Some((&width, inner)), Some((&target_width, target_inner))) = (from_shape.split_first(), to_shape.split_first()) else {
        to[0] = from[0];
        return;
    };
    let low = from_first[0].max(to_first[0]);
    let high = (from_first[0] + width).min(to_first[0] + target_width);
    if inner.is_empty() {
        let count = high.saturating_sub(low);
        to[low - to_first[0]..][..count].copy_from_slice(&from[low - from_first[0]..][..count]);
        return;
    }
    let (size, target_size): (usize, usize) = (inner.iter().product(), target_inner.iter().product());
    for i in low..high {
        let from = &from[(i - from_first[0]) * size..][..size];
        let to = &mut to[(i - to_first[0]) * target_size..][..target_size];
        copy_overlap(from, inner, &from_first[1..], to, target_inner, &to_first[1..]);
    }
}
