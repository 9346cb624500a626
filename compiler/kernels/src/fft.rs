//! Fourier transforms along any axes of complex values stored as pairs, unnormalised both ways.
//! Lines are gathered a few at a time into scratch, so an axis that is far apart in memory still reads whole cache lines.

use crate::isa::Shared;
use pfm_device::Pool;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// Lines gathered at a time: neighbours that share a cache line.
const LINES: usize = 8;
/// Most tasks of one axis; each has its own part of the scratch.
const TASKS: usize = 16;

/// One transformed axis of x [outer, length, inner] complex values.
#[derive(Clone)]
struct AxisPlan {
    outer: usize,
    length: usize,
    inner: usize,
    plan: Arc<dyn Fft<f32>>,
}

impl AxisPlan {
    /// Groups of up to `LINES` neighbouring lines.
    fn groups(&self) -> usize {
        self.outer * self.inner.div_ceil(LINES)
    }

    /// Complex values of scratch of one task.
    fn space(&self) -> usize {
        LINES * self.length + self.plan.get_inplace_scratch_len()
    }
}

/// The plan of a transform, made once from the shape [.., 2].
#[derive(Clone)]
pub struct FftSpec {
    length: usize,
    axes: Vec<AxisPlan>,
}

impl FftSpec {
    /// `axes` are transformed in the order given; the last axis of `shape` holds real and imaginary parts.
    pub fn new(shape: &[usize], axes: &[usize], inverse: bool) -> FftSpec {
        let (last, sizes) = shape.split_last().expect("a complex value has an axis of 2");
        assert_eq!(*last, 2, "the last axis holds real and imaginary parts");
        let mut planner = FftPlanner::new();
        let axes = axes
            .iter()
            .map(|&axis| AxisPlan {
                outer: sizes[..axis].iter().product(),
                length: sizes[axis],
                inner: sizes[axis + 1..].iter().product(),
                plan: if inverse { planner.plan_fft_inverse(sizes[axis]) } else { planner.plan_fft_forward(sizes[axis]) },
            })
            .collect();
        FftSpec { length: shape.iter().product(), axes }
    }

    /// Floats of scratch of `fft`.
    pub fn scratch(&self) -> usize {
        let space = |axis: &AxisPlan| axis.groups().min(TASKS) * axis.space();
        2 * self.axes.iter().map(space).max().unwrap_or(0)
    }
}

/// out = the transform of x; both have the shape of the specification.
pub fn fft(pool: &Pool, spec: &FftSpec, x: &[f32], out: &mut [f32], scratch: &mut [f32]) {
    assert_eq!([x.len(), out.len()], [spec.length; 2], "operands have their sizes");
    assert!(scratch.len() >= spec.scratch(), "scratch is large enough");
    out.copy_from_slice(x);
    if out.is_empty() {
        return;
    }
    let (out, scratch) = (Shared::of(out), Shared::of(scratch));
    for axis in &spec.axes {
        let groups = axis.groups();
        let tasks = groups.min(TASKS);
        pool.run(tasks, &|task| {
            // SAFETY: each task has its own part of the scratch; a complex value is two floats.
            let space: &mut [Complex<f32>] = unsafe {
                let start = { scratch }.0.cast::<Complex<f32>>().add(task * axis.space());
                std::slice::from_raw_parts_mut(start, axis.space())
            };
            for group in task * groups / tasks..(task + 1) * groups / tasks {
                // SAFETY: each group of lines is of one task alone.
                unsafe { lines(axis, group, { out }.0.cast(), space) };
            }
        });
    }
}

/// Transforms one group of neighbouring lines in place.
///
/// # Safety
/// `data` has the values of the axis plan, and no other thread uses the lines of this group.
unsafe fn lines(axis: &AxisPlan, group: usize, data: *mut Complex<f32>, space: &mut [Complex<f32>]) {
    let per_outer = axis.inner.div_ceil(LINES);
    let (outer, first) = (group / per_outer, group % per_outer * LINES);
    let count = LINES.min(axis.inner - first);
    let (lines, rest) = space.split_at_mut(LINES * axis.length);
    let lines = &mut lines[..count * axis.length];
    // SAFETY: the caller owns these lines.
    unsafe {
        let start = data.add(outer * axis.length * axis.inner + first);
        for i in 0..axis.length {
            for line in 0..count {
                lines[line * axis.length + i] = *start.add(i * axis.inner + line);
            }
        }
        axis.plan.process_with_scratch(lines, rest);
        for i in 0..axis.length {
            for line in 0..count {
                *start.add(i * axis.inner + line) = lines[line * axis.length + i];
            }
        }
    }
}
