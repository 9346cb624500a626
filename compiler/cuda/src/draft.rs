//! One group of a plan as steps.

use crate::{Draft, Target, kernels, loops};
use pfm_plan::Work;

/// The steps of a group that has this many buffers; None for an operation without kernel.
pub fn draft(work: &Work, buffers: usize, target: &Target) -> Option<Draft> {
    match work {
        Work::Loop(l) => Some(loops::draft_loop(l)),
        Work::Reduce(r) => Some(loops::draft_reduce(r, buffers)),
        Work::Kernel(k) => kernels::draft(k, target),
    }
}
