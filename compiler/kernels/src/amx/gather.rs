//! Packing tiles of contractions from any layout: 16 rows or columns by 32 values of the sum, in the form of A (values of the
//! sum side by side) or of B (pairs of them, columns side by side). One form is the other with its 4-byte pairs transposed.

use crate::amx::block::TILE;
use crate::amx::pack::{Packed, Source};
use crate::amx::tiles::Tiles;
use crate::block::Stack;
use crate::contract::Group;
use crate::simd::Simd;

/// One operand of a product: its rows or columns and its values of the sum.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub from: Source,
    /// Which of the strides of an axis are this operand's.
    pub tensor: usize,
    pub outer: &'a Group,
    pub summed: &'a Group,
}

/// Which operand a tile is for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    A,
    B,
}

impl Side<'_> {
    /// Packs the tile of up to 16 rows or columns and up to 32 values of the sum from these on, with zeros beyond.
    ///
    /// # Safety
    /// The ranges lie inside the operand, `to` has room for a tile, and the processor has what `T` needs.
    #[inline(always)]
    pub(crate) unsafe fn tile<T: Tiles>(&self, form: Form, (first, count): (usize, usize), (start, some): (usize, usize), to: Packed) {
        let one_run = |group: &Group, first: usize, count: usize| {
            let inner = group.axes[group.axes.len() - 1].size;
            first % inner + count <= inner
        };
        let whole = one_run(self.outer, first, count) && one_run(self.summed, start, some);
        let strides = [self.outer.inner(self.tensor), self.summed.inner(self.tensor)];
        let from = self.from.add(self.outer.offset(self.tensor, first) + self.summed.offset(self.tensor, start));
        // SAFETY: passed on from the caller.
        unsafe {
            if whole && strides[1] == 1 {
                along::<T>(form, from, strides[0], (count, some), to);
            } else if whole && strides[0] == 1 {
                across::<T>(form, from, strides[1], (count, some), to);
            } else {
                let mut copy = Stack::<{ 16 * 32 }>::new();
                for i in 0..count {
                    let outer = self.outer.offset(self.tensor, first + i);
                    for (at, offset, length) in self.summed.runs(self.tensor, start, some) {
                        for j in 0..length {
                            let value = self.from.add(outer + offset + j * strides[1]).value();
                            *copy.start().add(i * 32 + at + j) = value;
                        }
                    }
                }
                along::<T>(form, Source::F32(copy.start()), 32, (count, some), to);
            }
        }
    }
}

/// Values of the sum lie side by side: rows of A as they are.
///
/// # Safety
/// See `Side::tile`; so for `across`.
#[inline(always)]
pub(crate) unsafe fn along<T: Tiles>(form: Form, from: Source, stride: usize, (count, some): (usize, usize), to: Packed) {
    let mut space = Stack::<{ 2 * TILE / 4 }>::new();
    let rows = if form == Form::A { to } else { aside(&mut space, to) };
    // SAFETY: passed on from the caller.
    unsafe {
        for i in 0..count {
            rows.add(i * 64).whole_row::<T>(from.add(i * stride), some, 32);
        }
        if count < 16 {
            rows.add(count * 64).clear((16 - count) * 64);
        }
        if form == Form::B {
            turn::<T>(rows, to);
        }
    }
}

/// Rows or columns lie side by side: pairs of B as they are.
#[inline(always)]
pub(crate) unsafe fn across<T: Tiles>(form: Form, from: Source, stride: usize, (count, some): (usize, usize), to: Packed) {
    let mut space = Stack::<{ 2 * TILE / 4 }>::new();
    let to = to.from(from);
    let pairs = if form == Form::B { to } else { aside(&mut space, to) };
    let lanes = T::Lanes::LANES;
    for pair in 0..16 {
        for q in (0..16).step_by(lanes) {
            let have = |value: usize| if value < some { count.saturating_sub(q).min(lanes) } else { 0 };
            // SAFETY: passed on from the caller.
            unsafe {
                let low = from.add(2 * pair * stride + q).load::<T>(have(2 * pair));
                let high = from.add((2 * pair + 1) * stride + q).load::<T>(have(2 * pair + 1));
                pairs.add(pair * 64 + q * 4).pairs::<T>(low, high);
            }
        }
    }
    if form == Form::A {
        // SAFETY: passed on from the caller.
        unsafe { turn::<T>(pairs, to) };
    }
}

/// A tile on the stack with both parts.
#[inline(always)]
fn aside(space: &mut Stack<{ 2 * TILE / 4 }>, like: Packed) -> Packed {
    Packed { to: space.start().cast(), low: TILE, ..like }
}

/// Transposes the 16 by 16 pairs of a tile.
///
/// # Safety
/// Both are whole tiles, and the processor has what `T` needs.
#[inline(always)]
pub(crate) unsafe fn turn<T: Tiles>(from: Packed, to: Packed) {
    let lanes = T::Lanes::LANES;
    for part in 0..from.parts.count() {
        // SAFETY: passed on from the caller.
        unsafe {
            let source: *const f32 = from.to.add(part * from.low).cast();
            let result: *mut f32 = to.to.add(part * to.low).cast();
            for row in (0..16).step_by(lanes) {
                for column in (0..16).step_by(lanes) {
                    let mut square = [T::Lanes::splat(0.0); 16];
                    for (i, line) in square.iter_mut().enumerate().take(lanes) {
                        *line = T::Lanes::load(source.add((row + i) * 16 + column));
                    }
                    T::Lanes::transpose(&mut square);
                    for (i, line) in square.iter().enumerate().take(lanes) {
                        T::Lanes::store(result.add((column + i) * 16 + row), *line);
                    }
                }
            }
        }
    }
}
