//! Reading tensors of either storage, and writing packed rows and pairs of bf16, with their lower parts where f32 is split.

use crate::amx::block::Parts;
use crate::amx::tiles::{Tiles, V};
use crate::precision::{Operand, Output, from_bf16};
use crate::simd::Simd;

/// Where a tensor to read starts.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    F32(*const f32),
    Bf16(*const u16),
}

/// Where a tensor to write starts.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    F32(*mut f32),
    Bf16(*mut u16),
}

impl Source {
    pub(crate) fn of(x: Operand<'_>) -> Source {
        match x {
            Operand::F32(x) => Source::F32(x.as_ptr()),
            Operand::Bf16(x) => Source::Bf16(x.as_ptr()),
        }
    }

    /// The source `values` further on.
    #[inline(always)]
    pub(crate) fn add(self, values: usize) -> Source {
        match self {
            Source::F32(x) => Source::F32(x.wrapping_add(values)),
            Source::Bf16(x) => Source::Bf16(x.wrapping_add(values)),
        }
    }

    /// The first `n` values as f32, zero in the other lanes.
    ///
    /// # Safety
    /// The values are readable, and the processor has what `T` needs; so for all below.
    #[inline(always)]
    pub(crate) unsafe fn load<T: Tiles>(self, n: usize) -> V<T> {
        // SAFETY: passed on from the caller.
        unsafe {
            match self {
                Source::F32(x) if n == T::Lanes::LANES => T::Lanes::load(x),
                Source::F32(x) => T::Lanes::load_first(x, n),
                Source::Bf16(x) => T::load_bf16(x, n),
            }
        }
    }

    /// The first value.
    #[inline(always)]
    pub(crate) unsafe fn value(self) -> f32 {
        // SAFETY: passed on from the caller.
        unsafe {
            match self {
                Source::F32(x) => *x,
                Source::Bf16(x) => from_bf16(*x),
            }
        }
    }

    /// `simd::columns` for either storage.
    #[inline(always)]
    pub(crate) unsafe fn columns<T: Tiles>(self, stride: usize, rows: usize, columns: usize) -> [V<T>; 16] {
        // SAFETY: passed on from the caller.
        unsafe {
            let mut square = [T::Lanes::splat(0.0); 16];
            for (r, row) in square.iter_mut().enumerate().take(T::Lanes::LANES) {
                if r < rows {
                    *row = self.add(r * stride).load::<T>(columns);
                }
            }
            T::Lanes::transpose(&mut square);
            square
        }
    }
}

impl Place {
    pub(crate) fn of(x: Output<'_>) -> Place {
        match x {
            Output::F32(x) => Place::F32(x.as_mut_ptr()),
            Output::Bf16(x) => Place::Bf16(x.as_mut_ptr()),
        }
    }

    #[inline(always)]
    pub(crate) fn add(self, values: usize) -> Place {
        match self {
            Place::F32(x) => Place::F32(x.wrapping_add(values)),
            Place::Bf16(x) => Place::Bf16(x.wrapping_add(values)),
        }
    }

    #[inline(always)]
    pub(crate) unsafe fn store<T: Tiles>(self, x: V<T>, n: usize) {
        // SAFETY: passed on from the caller.
        unsafe {
            match self {
                Place::F32(to) if n == T::Lanes::LANES => T::Lanes::store(to, x),
                Place::F32(to) => T::Lanes::store_first(to, x, n),
                Place::Bf16(to) => T::store_bf16(to, x, n),
            }
        }
    }

    /// Stores `n` values from memory.
    #[inline(always)]
    pub(crate) unsafe fn copy<T: Tiles>(self, from: *const f32, n: usize) {
        for at in (0..n).step_by(T::Lanes::LANES) {
            // SAFETY: passed on from the caller.
            unsafe {
                let some = T::Lanes::LANES.min(n - at);
                self.add(at).store::<T>(Source::F32(from.add(at)).load::<T>(some), some);
            }
        }
    }
}

/// Where packed values go: the upper parts, and the lower ones `low` bytes behind if f32 is split.
#[derive(Clone, Copy)]
pub(crate) struct Packed {
    pub to: *mut u8,
    pub parts: Parts,
    pub low: usize,
    /// What is packed is stored as bf16.
    pub exact: bool,
}

impl Packed {
    #[inline(always)]
    pub(crate) fn new(to: *mut u8, parts: Parts, low: usize) -> Packed {
        Packed { to, parts, low, exact: false }
    }

    /// The same place for values from there.
    #[inline(always)]
    pub(crate) fn from(self, source: Source) -> Packed {
        Packed { exact: matches!(source, Source::Bf16(_)), ..self }
    }

    #[inline(always)]
    pub(crate) fn add(self, bytes: usize) -> Packed {
        Packed { to: self.to.wrapping_add(bytes), ..self }
    }

    /// Twice as many neighbours of a row as a vector has lanes.
    #[inline(always)]
    unsafe fn row<T: Tiles>(self, first: V<T>, second: V<T>) {
        // SAFETY: passed on from the caller.
        unsafe {
            if !self.parts.split {
                T::Lanes::store(self.to.cast(), T::row(first, second));
                return;
            }
            let upper = [T::rounded(first), T::rounded(second)];
            T::Lanes::store(self.to.cast(), T::row(upper[0], upper[1]));
            let lower = T::row(T::Lanes::sub(first, upper[0]), T::Lanes::sub(second, upper[1]));
            T::Lanes::store(self.to.add(self.low).cast(), lower);
        }
    }

    /// A pair of values for as many columns as a vector has lanes.
    #[inline(always)]
    pub(crate) unsafe fn pairs<T: Tiles>(self, low: V<T>, high: V<T>) {
        // SAFETY: passed on from the caller.
        unsafe { self.pairs_of::<T>(self.apart::<T>(low), self.apart::<T>(high)) };
    }

    /// A value in its two parts, of which the upper halves count; the value itself if f32 is not split.
    #[inline(always)]
    pub(crate) unsafe fn apart<T: Tiles>(self, x: V<T>) -> [V<T>; 2] {
        if !self.parts.split {
            return [x; 2];
        }
        // SAFETY: passed on from the caller.
        unsafe {
            let upper = T::rounded(x);
            [upper, T::nearest(T::Lanes::sub(x, upper))]
        }
    }

    /// `pairs` of values that are in parts already.
    #[inline(always)]
    pub(crate) unsafe fn pairs_of<T: Tiles>(self, low: [V<T>; 2], high: [V<T>; 2]) {
        // SAFETY: passed on from the caller.
        unsafe {
            let upper = if self.parts.split || self.exact { T::upper_pairs(low[0], high[0]) } else { T::pairs(low[0], high[0]) };
            T::Lanes::store(self.to.cast(), upper);
            if self.parts.split {
                T::Lanes::store(self.to.add(self.low).cast(), T::upper_pairs(low[1], high[1]));
            }
        }
    }

    /// Packs `count` neighbours into a row of `padded` values, a multiple of 32, the rest zero.
    #[inline(always)]
    pub(crate) unsafe fn whole_row<T: Tiles>(self, from: Source, count: usize, padded: usize) {
        let lanes = T::Lanes::LANES;
        for at in (0..padded).step_by(2 * lanes) {
            let left = count.saturating_sub(at);
            // SAFETY: passed on from the caller.
            unsafe {
                if left >= 2 * lanes {
                    self.add(2 * at).full_row::<T>(from.add(at));
                    continue;
                }
                let first = from.add(at).load::<T>(left.min(lanes));
                let second = from.add(at + lanes).load::<T>(left.saturating_sub(lanes).min(lanes));
                self.add(2 * at).row::<T>(first, second);
            }
        }
    }

    /// Packs twice as many neighbours as a vector has lanes.
    #[inline(always)]
    unsafe fn full_row<T: Tiles>(self, from: Source) {
        let lanes = T::Lanes::LANES;
        // SAFETY: passed on from the caller.
        unsafe {
            match from {
                // What is bf16 already has its packed form.
                Source::Bf16(x) if !self.parts.split => T::Lanes::store(self.to.cast(), T::Lanes::load(x.cast())),
                _ => self.row::<T>(from.load::<T>(lanes), from.add(lanes).load::<T>(lanes)),
            }
        }
    }

    /// Packs rows of 32 values, all side by side in memory and when packed.
    #[inline(always)]
    pub(crate) unsafe fn rows_of_32<T: Tiles>(self, from: Source, rows: usize) {
        for at in (0..rows * 32).step_by(2 * T::Lanes::LANES) {
            // SAFETY: passed on from the caller.
            unsafe { self.add(2 * at).full_row::<T>(from.add(at)) };
        }
    }

    /// Zeros in both parts.
    #[inline(always)]
    pub(crate) unsafe fn clear(self, bytes: usize) {
        // SAFETY: passed on from the caller.
        unsafe {
            self.to.write_bytes(0, bytes);
            if self.parts.split {
                self.to.add(self.low).write_bytes(0, bytes);
            }
        }
    }
}
