//! The inner loop of everything on tiles: a block of up to four accumulators, and a list of steps of 32 values of the sum each.
//! A step is a pair of offsets into packed A and B; so a convolution's taps and the parts of split f32 are only longer lists.

use crate::amx::tiles::Tiles;

/// Offsets of one step from the starts of A and B, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub a: i32,
    pub b: i32,
}

/// Bytes of a tile, and values of an accumulator.
pub(crate) const TILE: usize = 1024;
pub(crate) const SUMS: usize = 256;

/// How many parts a value has, and where its lower part lies behind the upper one in packed A and B.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parts {
    pub split: bool,
}

impl Parts {
    /// Parts of a value.
    #[inline(always)]
    pub(crate) fn count(self) -> usize {
        1 + usize::from(self.split)
    }

    /// Steps of 32 values of the sum.
    #[inline(always)]
    pub(crate) fn products(self) -> usize {
        if self.split { 3 } else { 1 }
    }
}

/// A list of steps of limited length.
pub(crate) struct Steps<const MOST: usize> {
    list: [Step; MOST],
    count: usize,
}

impl<const MOST: usize> Steps<MOST> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Steps { list: [Step { a: 0, b: 0 }; MOST], count: 0 }
    }

    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }

    /// Adds 32 values of the sum at these offsets; `low` has the distances to the lower parts. The smallest products come first.
    #[inline(always)]
    pub(crate) fn push(&mut self, parts: Parts, a: usize, b: usize, low: [usize; 2]) {
        let (a, b, low) = (a as i32, b as i32, low.map(|x| x as i32));
        if parts.split {
            self.list[self.count] = Step { a: a + low[0], b };
            self.list[self.count + 1] = Step { a, b: b + low[1] };
            self.count += 2;
        }
        self.list[self.count] = Step { a, b };
        self.count += 1;
    }

    #[inline(always)]
    pub(crate) fn all(&self) -> &[Step] {
        &self.list[..self.count]
    }
}

/// One to four tiles of sums: `rows` tiles of A by `columns` tiles of B, 1 by up to 4, up to 4 by 1, or 2 by 2.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub rows: usize,
    pub columns: usize,
    /// Starts of the tiles of A and B.
    pub a: [*const u8; 4],
    pub b: [*const u8; 4],
    /// Bytes from one row of A to the next.
    pub a_row: usize,
    /// Sums: tile by tile, [row of tiles][column of tiles][16][16], if `sums_row` is 64; else a matrix in which so many
    /// bytes lie from one row to the next.
    pub sums: *mut f32,
    pub sums_row: usize,
    /// Add to the sums that are there.
    pub add: bool,
}

impl Block {
    /// # Safety
    /// Steps and pointers lie inside packed operands; the sums have room.
    #[inline(always)]
    pub(crate) unsafe fn run<T: Tiles>(&self, tiles: &mut T, steps: &[Step]) {
        // SAFETY: passed on from the caller.
        unsafe {
            match (self.rows, self.columns) {
                (2, 2) => self.size::<T, 2, 2>(tiles, steps),
                (1, 2) => self.size::<T, 1, 2>(tiles, steps),
                (4, 1) => self.size::<T, 4, 1>(tiles, steps),
                (3, 1) => self.size::<T, 3, 1>(tiles, steps),
                (2, 1) => self.size::<T, 2, 1>(tiles, steps),
                (1, 3) => self.size::<T, 1, 3>(tiles, steps),
                (1, 4) => self.size::<T, 1, 4>(tiles, steps),
                _ => self.size::<T, 1, 1>(tiles, steps),
            }
        }
    }

    #[inline(always)]
    unsafe fn size<T: Tiles, const M: usize, const N: usize>(&self, tiles: &mut T, steps: &[Step]) {
        let [a0, a1, a2, a3] = self.a;
        let [b0, b1, b2, b3] = self.b;
        let row = self.a_row;
        // SAFETY: passed on from the caller.
        unsafe {
            self.begin::<T, M, N>(tiles);
            for step in steps {
                let (a, b) = (step.a as isize, step.b as isize);
                if M == 2 && N == 2 {
                    tiles.load::<6>(b0.wrapping_offset(b), 64);
                    tiles.load::<4>(a0.wrapping_offset(a), row);
                    tiles.dot::<0, 4, 6>();
                    tiles.load::<7>(b1.wrapping_offset(b), 64);
                    tiles.dot::<1, 4, 7>();
                    tiles.load::<5>(a1.wrapping_offset(a), row);
                    tiles.dot::<2, 5, 6>();
                    tiles.dot::<3, 5, 7>();
                } else if N == 1 {
                    tiles.load::<6>(b0.wrapping_offset(b), 64);
                    tiles.load::<4>(a0.wrapping_offset(a), row);
                    tiles.dot::<0, 4, 6>();
                    if M > 1 {
                        tiles.load::<5>(a1.wrapping_offset(a), row);
                        tiles.dot::<1, 5, 6>();
                    }
                    if M > 2 {
                        tiles.load::<7>(a2.wrapping_offset(a), row);
                        tiles.dot::<2, 7, 6>();
                    }
                    if M > 3 {
                        tiles.load::<4>(a3.wrapping_offset(a), row);
                        tiles.dot::<3, 4, 6>();
                    }
                } else {
                    tiles.load::<6>(a0.wrapping_offset(a), row);
                    tiles.load::<4>(b0.wrapping_offset(b), 64);
                    tiles.dot::<0, 6, 4>();
                    tiles.load::<5>(b1.wrapping_offset(b), 64);
                    tiles.dot::<1, 6, 5>();
                    if N > 2 {
                        tiles.load::<7>(b2.wrapping_offset(b), 64);
                        tiles.dot::<2, 6, 7>();
                    }
                    if N > 3 {
                        tiles.load::<4>(b3.wrapping_offset(b), 64);
                        tiles.dot::<3, 6, 4>();
                    }
                }
            }
            self.end::<T, M, N>(tiles);
        }
    }

    /// Where an accumulator starts.
    #[inline(always)]
    fn place<const N: usize>(&self, tile: usize) -> *mut f32 {
        if self.sums_row == 64 {
            return self.sums.wrapping_add(tile * SUMS);
        }
        self.sums.wrapping_byte_add(tile / N * 16 * self.sums_row + tile % N * 64)
    }

    #[inline(always)]
    unsafe fn begin<T: Tiles, const M: usize, const N: usize>(&self, tiles: &mut T) {
        let sums = |tile: usize| self.place::<N>(tile).cast_const().cast::<u8>();
        let row = self.sums_row;
        // SAFETY: passed on from the caller.
        unsafe {
            if self.add {
                tiles.load::<0>(sums(0), row);
                if M * N > 1 {
                    tiles.load::<1>(sums(1), row);
                }
                if M * N > 2 {
                    tiles.load::<2>(sums(2), row);
                }
                if M * N > 3 {
                    tiles.load::<3>(sums(3), row);
                }
            } else {
                tiles.zero::<0>();
                tiles.zero::<1>();
                tiles.zero::<2>();
                tiles.zero::<3>();
            }
        }
    }

    #[inline(always)]
    unsafe fn end<T: Tiles, const M: usize, const N: usize>(&self, tiles: &mut T) {
        let row = self.sums_row;
        // SAFETY: passed on from the caller.
        unsafe {
            tiles.store::<0>(self.place::<N>(0), row);
            if M * N > 1 {
                tiles.store::<1>(self.place::<N>(1), row);
            }
            if M * N > 2 {
                tiles.store::<2>(self.place::<N>(2), row);
            }
            if M * N > 3 {
                tiles.store::<3>(self.place::<N>(3), row);
            }
        }
    }
}
