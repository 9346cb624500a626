//! How a product of matrices is cut into tiles: columns into panels of whole vectors, rows into even strips.
//! Also the packed form of B, in which each panel is one stretch of memory, and stack space for packing.

use crate::simd::Simd;
use crate::tile::Tile;
use std::mem::MaybeUninit;

/// Columns `first .. first + columns`, `vectors` registers wide of which the last has `last` lanes in use.
#[derive(Clone, Copy)]
pub(crate) struct Panel {
    pub first: usize,
    pub columns: usize,
    pub vectors: usize,
    pub last: usize,
}

/// How many panels cover `columns`.
#[inline(always)]
pub(crate) fn panels<S: Simd>(columns: usize) -> usize {
    columns.div_ceil(S::LANES).div_ceil(S::MAX_VECTORS)
}

/// Panel number `index` of those that cover `columns` as evenly as whole vectors allow.
#[inline(always)]
pub(crate) fn panel<S: Simd>(columns: usize, index: usize) -> Panel {
    let vectors = columns.div_ceil(S::LANES);
    let count = vectors.div_ceil(S::MAX_VECTORS);
    let start = index * vectors / count;
    let stop = (index + 1) * vectors / count;
    let first = start * S::LANES;
    let columns = columns.min(stop * S::LANES) - first;
    Panel { first, columns, vectors: stop - start, last: columns - (stop - start - 1) * S::LANES }
}

/// Rounds up to whole vectors of any instruction set.
pub(crate) fn padded(columns: usize) -> usize {
    columns.next_multiple_of(16)
}

/// Calls the tile functions for `rows` rows from those of `tile` on: strips as even as the tallest tile allows.
///
/// # Safety
/// That of `Tile` for all rows.
#[inline(always)]
pub(crate) unsafe fn strips<S: Simd>(tile: &Tile, rows: usize, vectors: usize) {
    let count = rows.div_ceil(S::MAX_ROWS[vectors]);
    let mut strip = *tile;
    for i in 0..count {
        let (start, stop) = (i * rows / count, (i + 1) * rows / count);
        // SAFETY: the caller vouches for all rows.
        unsafe {
            strip.a = tile.a.wrapping_offset(start as isize * tile.a_row);
            strip.c = tile.c.offset(start as isize * tile.c_row);
            S::tile(stop - start, vectors)(&strip);
        }
    }
}

/// Floats on the stack that are written before they are read.
#[repr(align(64))]
pub(crate) struct Stack<const N: usize>(MaybeUninit<[f32; N]>);

impl<const N: usize> Stack<N> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Stack(MaybeUninit::uninit())
    }
    #[inline(always)]
    pub(crate) fn start(&mut self) -> *mut f32 {
        self.0.as_mut_ptr().cast()
    }
}
