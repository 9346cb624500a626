//! Packed matrices on the stack of a task, for attention: packing from rows in memory, and products with row-major results.

use crate::amx::block::{Block, Parts, Steps, TILE};
use crate::amx::gather::{Form, across, along};
use crate::amx::pack::{Packed, Source};
use crate::amx::tiles::Tiles;

/// Steps of 32 values of a sum at most.
pub(crate) const STEPS: usize = 16;

/// A matrix in tiles: [tile of 16 rows or columns][part][step of 32 values of the sum].
#[derive(Clone, Copy)]
pub(crate) struct Matrix {
    pub to: *mut u8,
    pub parts: Parts,
    pub tiles: usize,
    pub steps: usize,
}

/// Hands out stretches of a stack, each from a multiple of 64 bytes on.
pub(crate) struct Room {
    pub next: *mut u8,
}

impl Room {
    /// A matrix of up to `outer` rows or columns and sums of up to `summed` values.
    #[inline(always)]
    pub(crate) fn matrix(&mut self, parts: Parts, outer: usize, summed: usize) -> Matrix {
        let matrix = Matrix { to: self.next, parts, tiles: outer.div_ceil(16), steps: summed.div_ceil(32) };
        self.next = self.next.wrapping_add(matrix_bytes(parts, outer, summed));
        matrix
    }

    /// Places for f32.
    #[inline(always)]
    pub(crate) fn values(&mut self, count: usize) -> *mut f32 {
        let start = self.next.cast();
        self.next = self.next.wrapping_add(value_bytes(count));
        start
    }
}

pub(crate) const fn matrix_bytes(parts: Parts, outer: usize, summed: usize) -> usize {
    let parts = if parts.split { 2 } else { 1 };
    outer.div_ceil(16) * summed.div_ceil(32) * parts * TILE
}

pub(crate) const fn value_bytes(count: usize) -> usize {
    count.next_multiple_of(16) * 4
}

impl Matrix {
    #[inline(always)]
    fn tile_bytes(&self) -> usize {
        self.parts.count() * self.steps * TILE
    }

    #[inline(always)]
    fn packed(&self, tile: usize, step: usize) -> Packed {
        let to = self.to.wrapping_add(tile * self.tile_bytes() + step * TILE);
        Packed::new(to, self.parts, self.steps * TILE)
    }

    /// Packs `count` rows of `width` values, `stride` apart, whose width is summed over.
    ///
    /// # Safety
    /// The rows are readable, the matrix has room, and the processor has what `T` needs; the same below.
    #[inline(always)]
    pub(crate) unsafe fn pack_rows<T: Tiles>(&self, form: Form, from: Source, stride: usize, count: usize, width: usize) {
        for tile in 0..self.tiles {
            let have = count.saturating_sub(tile * 16).min(16);
            for step in 0..self.steps {
                let from = from.add(tile * 16 * stride + step * 32);
                let some = width.saturating_sub(step * 32).min(32);
                // SAFETY: passed on from the caller.
                unsafe { along::<T>(form, from, stride, (have, some), self.packed(tile, step)) };
            }
        }
    }

    /// Packs the same rows, summing over rows.
    ///
    /// # Safety
    /// See `pack_rows`.
    #[inline(always)]
    pub(crate) unsafe fn pack_columns<T: Tiles>(&self, form: Form, from: Source, stride: usize, count: usize, width: usize) {
        for tile in 0..self.tiles {
            let have = width.saturating_sub(tile * 16).min(16);
            for step in 0..self.steps {
                let from = from.add(step * 32 * stride + tile * 16);
                let some = count.saturating_sub(step * 32).min(32);
                // SAFETY: passed on from the caller.
                unsafe { across::<T>(form, from, stride, (have, some), self.packed(tile, step)) };
            }
        }
    }

    /// C (+)= self B for the tiles of rows from `first` on, `some` of them; C is row-major with `row` values from row to row.
    ///
    /// # Safety
    /// Both matrices are packed, C has room for whole tiles, and the processor has what `T` needs.
    #[inline(always)]
    pub(crate) unsafe fn times<T: Tiles>(
        &self,
        tiles: &mut T,
        (first, some): (usize, usize),
        b: &Matrix,
        (c, row): (*mut f32, usize),
        add: bool,
    ) {
        let mut steps = Steps::<{ 3 * STEPS }>::new();
        for step in 0..self.steps {
            steps.push(self.parts, step * TILE, step * TILE, [self.steps * TILE, b.steps * TILE]);
        }
        for column in (0..b.tiles).step_by(2) {
            for tile in (0..some).step_by(2) {
                let block = Block {
                    rows: (some - tile).min(2),
                    columns: (b.tiles - column).min(2),
                    a: std::array::from_fn(|i| self.packed(first + tile + i, 0).to.cast_const()),
                    b: std::array::from_fn(|i| b.packed(column + i, 0).to.cast_const()),
                    a_row: 64,
                    sums: c.wrapping_add(tile * 16 * row + column * 16),
                    sums_row: row * 4,
                    add,
                };
                // SAFETY: passed on from the caller.
                unsafe { block.run(tiles, steps.all()) };
            }
        }
    }
}
