//! Loops and reductions over affine index spaces as CUDA C++: `cell` writes the body at one place of the space, `scalar` one
//! operation, `direct` and `tiled` plain loops, `reduce`, `column` and `row` the folds.

mod cell;
mod column;
mod direct;
mod reduce;
mod row;
mod scalar;
mod tiled;

use crate::Draft;
use pfm_plan::{Loop, Reduce};

/// The launch of a loop.
pub fn draft_loop(work: &Loop) -> Draft {
    direct::draft(work)
}

/// The launches of a reduction; its working memory has the position `buffers`.
pub fn draft_reduce(work: &Reduce, buffers: usize) -> Draft {
    reduce::draft(work, buffers)
}
