//! Convolutions of stride one with three taps along h and w, by tiles of four by four results: 2.25 products per pixel, frame and
//! pair of channels instead of 9. A task transforms the source of some tiles, a frame at a time and each frame once, multiplies the
//! 36 values of a tile by those of the taps over channels and taps along t, and transforms the products back. All of it stays in cache.

use crate::block::{Stack, padded, panel, panels, strips};
use crate::conv::walk::AxisWalk;
use crate::conv::winograd::{self, PRODUCTS, RESULTS, SOURCES, TAPS};
use crate::conv::{COLUMNS, ConvSpec, Job, Walk, inside};
use crate::isa::Kernel;
use crate::simd::{Simd, columns};
use crate::tile::{Tap, Tile};

/// Floats for transformed source frames and for products of one panel, on the stack of a task.
const SOURCE: usize = 1 << 17;
const RESULT: usize = PRODUCTS * MOST_TILES * 64;
/// Tiles of a task at most, and at least where there are so many.
const MOST_TILES: usize = 32;
const LEAST_TILES: usize = 4;
/// Taps along t at most.
const FRAMES: usize = 4;
/// All taps at most, rounded up to whole vectors.
pub(crate) const MOST_TAPS: usize = FRAMES * TAPS * TAPS + 12;
/// Below these sizes the transforms cost more than they save.
const LEAST_CHANNELS: usize = 4;
const LEAST_RESULTS: usize = 12;
const LEAST_TILES_IN_ALL: usize = 48;

/// How the pixels of one axis are cut: tiles, and the source coordinate of the first tap of pixel 0.
#[derive(Clone, Copy)]
struct Axis {
    tiles: usize,
    offset: isize,
    source: isize,
    results: usize,
}

impl Axis {
    fn new(walk: &AxisWalk, source: usize) -> Axis {
        let offset = walk.taps.iter().map(|t| t.offset).min().unwrap_or(0);
        Axis { tiles: walk.count.div_ceil(RESULTS), offset, source: source as isize, results: walk.count }
    }
}

/// How the tiles of a frame are shared out: blocks of `rows` by `columns` tiles.
#[derive(Clone, Copy)]
pub(crate) struct Blocks {
    h: Axis,
    w: Axis,
    rows: usize,
    columns: usize,
}

/// Tiles of one block: rows from `top`, columns from `left`.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    top: usize,
    left: usize,
    rows: usize,
    columns: usize,
}

impl Block {
    #[inline(always)]
    pub(crate) fn tiles(&self) -> usize {
        self.rows * self.columns
    }
}

impl Blocks {
    /// Blocks of at most `most` tiles.
    pub(crate) fn new(walk: &Walk, source: [usize; 3], most: usize) -> Blocks {
        let (h, w) = (Axis::new(&walk[1], source[1]), Axis::new(&walk[2], source[2]));
        let columns = w.tiles.div_ceil(w.tiles.div_ceil(most));
        let rows = (most / columns).clamp(1, h.tiles);
        let rows = h.tiles.div_ceil(h.tiles.div_ceil(rows));
        Blocks { h, w, rows, columns }
    }

    /// Blocks of a frame.
    pub(crate) fn count(&self) -> usize {
        self.h.tiles.div_ceil(self.rows) * self.across()
    }

    fn across(&self) -> usize {
        self.w.tiles.div_ceil(self.columns)
    }

    /// Tiles of the largest block.
    pub(crate) fn most(&self) -> usize {
        self.rows * self.columns
    }

    #[inline(always)]
    pub(crate) fn block(&self, index: usize) -> Block {
        let across = self.w.tiles.div_ceil(self.columns);
        let (top, left) = (index / across * self.rows, index % across * self.columns);
        Block { top, left, rows: self.rows.min(self.h.tiles - top), columns: self.columns.min(self.w.tiles - left) }
    }

    /// Writes the transformed source of a block: value [product][tile][channel] of a frame whose first pixel is at `frame`.
    ///
    /// # Safety
    /// The processor has the instructions of `S`, the frame is readable, and `to` has room for the block.
    #[inline(always)]
    pub(crate) unsafe fn sources<S: Simd>(&self, block: Block, frame: *const f32, channels: usize, to: *mut f32) {
        let plane = block.tiles() * channels;
        for tile in 0..block.tiles() {
            let y = ((block.top + tile / block.columns) * RESULTS) as isize + self.h.offset;
            let x = ((block.left + tile % block.columns) * RESULTS) as isize + self.w.offset;
            let within = y >= 0 && y + SOURCES as isize <= self.h.source && x >= 0 && x + SOURCES as isize <= self.w.source;
            let start = frame.wrapping_offset((y * self.w.source + x) * channels as isize);
            for c in (0..channels).step_by(S::LANES) {
                let some = S::LANES.min(channels - c);
                // SAFETY: a tile within reads inside the frame only, others look; tile and channels lie inside the block.
                unsafe {
                    let (from, to) = (start.wrapping_add(c), to.add(tile * channels + c));
                    if within && some == S::LANES {
                        let square = self.source_within::<S>(from, channels);
                        write::<S, true>(&winograd::source_square::<S>(&square), to, plane, some);
                    } else {
                        let square = self.source_near_border::<S>((y, x), from, channels, some);
                        write::<S, false>(&winograd::source_square::<S>(&square), to, plane, some);
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn source_within<S: Simd>(&self, from: *const f32, channels: usize) -> [[S::V; SOURCES]; SOURCES] {
        // SAFETY: passed on from the caller.
        unsafe {
            let mut square = [[S::splat(0.0); SOURCES]; SOURCES];
            for (i, values) in square.iter_mut().enumerate() {
                let row = from.add(i * self.w.source as usize * channels);
                for (j, value) in values.iter_mut().enumerate() {
                    *value = S::load(row.add(j * channels));
                }
            }
            square
        }
    }

    /// As above; pixels outside of the frame are zeros, and only `some` channels are there.
    #[inline(always)]
    unsafe fn source_near_border<S: Simd>(
        &self,
        (y, x): (isize, isize),
        from: *const f32,
        channels: usize,
        some: usize,
    ) -> [[S::V; SOURCES]; SOURCES] {
        // SAFETY: passed on from the caller.
        unsafe {
            let mut square = [[S::splat(0.0); SOURCES]; SOURCES];
            for (i, values) in square.iter_mut().enumerate() {
                if !(0..self.h.source).contains(&(y + i as isize)) {
                    continue;
                }
                let row = from.wrapping_offset(i as isize * self.w.source * channels as isize);
                for (j, value) in values.iter_mut().enumerate() {
                    if (0..self.w.source).contains(&(x + j as isize)) {
                        *value = S::load_first(row.wrapping_add(j * channels), some);
                    }
                }
            }
            square
        }
    }

    /// As `sources` for the four by four results of each tile, `stride` channels to a pixel, through the adjoint of their transform.
    ///
    /// # Safety
    /// As for `sources`.
    #[inline(always)]
    pub(crate) unsafe fn spread<S: Simd>(&self, block: Block, frame: *const f32, stride: usize, channels: usize, to: *mut f32) {
        let plane = block.tiles() * channels;
        let row = self.w.results * stride;
        for tile in 0..block.tiles() {
            let (y, x, rows, columns) = self.results(block, tile);
            let whole = rows == RESULTS && columns == RESULTS;
            for c in (0..channels).step_by(S::LANES) {
                let some = S::LANES.min(channels - c);
                // SAFETY: rows and columns lie inside the frame; tile and channels lie inside the block.
                unsafe {
                    let (from, to) = (frame.add(y * row + x * stride + c), to.add(tile * channels + c));
                    let mut square = [[S::splat(0.0); RESULTS]; RESULTS];
                    if whole && some == S::LANES {
                        for (i, values) in square.iter_mut().enumerate() {
                            for (j, value) in values.iter_mut().enumerate() {
                                *value = S::load(from.add(i * row + j * stride));
                            }
                        }
                        write::<S, true>(&winograd::spread_square::<S>(&square), to, plane, some);
                    } else {
                        for (i, values) in square.iter_mut().enumerate().take(rows) {
                            for (j, value) in values.iter_mut().enumerate().take(columns) {
                                *value = S::load_first(from.add(i * row + j * stride), some);
                            }
                        }
                        write::<S, false>(&winograd::spread_square::<S>(&square), to, plane, some);
                    }
                }
            }
        }
    }

    /// First result pixel of a tile, and how many of its rows and columns are inside.
    #[inline(always)]
    fn results(&self, block: Block, tile: usize) -> (usize, usize, usize, usize) {
        let y = (block.top + tile / block.columns) * RESULTS;
        let x = (block.left + tile % block.columns) * RESULTS;
        (y, x, RESULTS.min(self.h.results - y), RESULTS.min(self.w.results - x))
    }
}

/// Stores the values of a square, each `plane` floats after the one before: all lanes or `some`.
#[inline(always)]
unsafe fn write<S: Simd, const FULL: bool>(square: &[[S::V; SOURCES]; SOURCES], to: *mut f32, plane: usize, some: usize) {
    for (i, row) in square.iter().enumerate() {
        for (j, value) in row.iter().enumerate() {
            // SAFETY: passed on from the caller.
            unsafe {
                let to = to.add((i * SOURCES + j) * plane);
                if FULL { S::store(to, *value) } else { S::store_first(to, *value, some) }
            }
        }
    }
}

/// If this way serves a walk: neighbours read neighbours through three taps along h and w.
pub(crate) fn dense(walk: &Walk) -> bool {
    let three = |axis: &AxisWalk| axis.taps.len() == TAPS && axis.source_step == 1 && axis.step == 1;
    three(&walk[1]) && three(&walk[2]) && walk[0].source_step == 1 && walk[0].step == 1 && walk[0].taps.len() <= FRAMES
}

/// If there is enough to do for the transforms to pay: enough channels, tiles mostly inside, taps used often enough.
pub(crate) fn pays(walk: &Walk, batch: usize, source_channels: usize, result_channels: usize) -> bool {
    let tiles: usize = walk[1..].iter().map(|axis| axis.count.div_ceil(RESULTS)).product();
    let pixels: usize = walk[1..].iter().map(|axis| axis.count).product();
    let channels = source_channels >= LEAST_CHANNELS && result_channels >= LEAST_RESULTS;
    let fits = source_channels * walk[0].taps.len() * PRODUCTS * LEAST_TILES <= SOURCE;
    channels && fits && tiles * batch * walk[0].count >= LEAST_TILES_IN_ALL && 2 * pixels >= tiles * RESULTS * RESULTS
}

impl ConvSpec {
    /// The walk of a convolution to be done by tiles, if this one is.
    pub(crate) fn tiled<'a>(&self, walks: &'a [Walk], source_channels: usize, result_channels: usize) -> Option<&'a Walk> {
        let [walk] = walks else { return None };
        (dense(walk) && pays(walk, self.batch, source_channels, result_channels)).then_some(walk)
    }
}

/// Floats that the transformed taps take.
pub(crate) fn packed(taps: usize, source_channels: usize, result_channels: usize) -> usize {
    PRODUCTS * taps / (TAPS * TAPS) * source_channels * padded(result_channels)
}

/// The walk of a convolution by tiles.
#[derive(Clone, Copy)]
pub(crate) struct Winograd<'a> {
    job: &'a Job,
    walk: &'a Walk,
    blocks: Blocks,
    /// Result channels of a task and tasks side by side.
    columns: usize,
    groups: usize,
}

impl<'a> Winograd<'a> {
    pub(crate) fn new(job: &'a Job, walk: &'a Walk) -> Winograd<'a> {
        let of_tile = walk[0].taps.len() * PRODUCTS * job.source.channels;
        let blocks = Blocks::new(walk, job.source.size, (SOURCE / of_tile).clamp(LEAST_TILES, MOST_TILES));
        assert!(blocks.most() * of_tile <= SOURCE, "a block of {} tiles fits the space of a task", blocks.most());
        let columns = job.result.channels.min(COLUMNS);
        Winograd { job, walk, blocks, columns, groups: job.result.channels.div_ceil(columns) }
    }

    pub(crate) fn tasks(&self) -> usize {
        self.groups * self.job.batch * self.blocks.count()
    }

    /// Floats of the transformed taps of one product.
    #[inline(always)]
    fn packed(&self) -> usize {
        self.walk[0].taps.len() * self.job.source.channels * padded(self.job.result.channels)
    }

    /// Transforms back the products of a panel `width` floats wide and stores `columns` channels from `result` on.
    #[inline(always)]
    unsafe fn store<S: Simd>(&self, block: Block, products: *const f32, (width, columns): (usize, usize), result: *mut f32) {
        let channels = self.job.result.channels;
        let plane = block.tiles() * width;
        let row = self.blocks.w.results * channels;
        for tile in 0..block.tiles() {
            let (y, x, rows, across) = self.blocks.results(block, tile);
            let whole = rows == RESULTS && across == RESULTS;
            for c in (0..columns).step_by(S::LANES) {
                let some = S::LANES.min(columns - c);
                // SAFETY: all products of the tile were written; rows and columns lie inside the result.
                unsafe {
                    let (from, to) = (products.add(tile * width + c), result.add(y * row + x * channels + c));
                    if whole && some == S::LANES {
                        let square = winograd::result_square::<S>(&products_of::<S, true>(from, plane, some));
                        for (i, values) in square.iter().enumerate() {
                            for (j, value) in values.iter().enumerate() {
                                S::store(to.add(i * row + j * channels), *value);
                            }
                        }
                    } else {
                        let square = winograd::result_square::<S>(&products_of::<S, false>(from, plane, some));
                        for (i, values) in square.iter().enumerate().take(rows) {
                            for (j, value) in values.iter().enumerate().take(across) {
                                S::store_first(to.add(i * row + j * channels), *value, some);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The products of a tile, each `plane` floats after the one before.
#[inline(always)]
unsafe fn products_of<S: Simd, const FULL: bool>(from: *const f32, plane: usize, some: usize) -> [[S::V; SOURCES]; SOURCES] {
    // SAFETY: passed on from the caller.
    unsafe {
        let mut square = [[S::splat(0.0); SOURCES]; SOURCES];
        for (i, values) in square.iter_mut().enumerate() {
            for (j, value) in values.iter_mut().enumerate() {
                let from = from.add((i * SOURCES + j) * plane);
                *value = if FULL { S::load(from) } else { S::load_first(from, some) };
            }
        }
        square
    }
}

impl Kernel for Winograd<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let job = self.job;
        // Channels vary slowest, so that a thread keeps the taps of its group in cache.
        let (task, index) = (task / self.blocks.count(), task % self.blocks.count());
        let (group, batch) = (task / job.batch, task % job.batch);
        let block = self.blocks.block(index);
        let first = group * self.columns;
        let last = job.result.channels.min(first + self.columns);
        let channels = job.source.channels;
        let (walk, slots) = (&self.walk[0], self.walk[0].taps.len());
        let frame = |size: [usize; 3], of: usize| size[1] * size[2] * of;
        let (source_frame, result_frame) = (frame(job.source.size, channels), frame(job.result.size, job.result.channels));
        let slot = PRODUCTS * block.tiles() * channels;
        let mut space = Stack::<SOURCE>::new();
        let sources = space.start();
        let mut space = Stack::<RESULT>::new();
        let products = space.start();
        let mut held = [-1; FRAMES];
        // SAFETY: frames, tiles and channels lie inside source and result; this task alone writes its part.
        unsafe {
            let from = job.from.add(batch * job.source.values());
            let to = job.to.0.add(batch * job.result.values());
            for t in 0..walk.count {
                let mut list = [Tap { a: 0, b: 0 }; FRAMES];
                let mut count = 0;
                for tap in &walk.taps {
                    if !inside(tap, t) {
                        continue;
                    }
                    let at = t as isize + tap.offset;
                    let place = at as usize % slots;
                    if held[place] != at {
                        self.blocks.sources::<S>(block, from.add(at as usize * source_frame), channels, sources.add(place * slot));
                        held[place] = at;
                    }
                    list[count] = Tap { a: (place * slot) as isize, b: (tap.index * channels) as isize };
                    count += 1;
                }
                for i in 0..panels::<S>(job.result.channels) {
                    let panel = panel::<S>(job.result.channels, i);
                    if !(first..last).contains(&panel.first) {
                        continue;
                    }
                    let width = panel.vectors * S::LANES;
                    let mut taps = list;
                    for tap in &mut taps {
                        tap.b *= width as isize;
                    }
                    for product in 0..PRODUCTS {
                        let tile = Tile {
                            a: sources.add(product * block.tiles() * channels),
                            a_row: channels as isize,
                            a_step: 1,
                            b: job.packed.0.add(product * self.packed() + panel.first * slots * channels),
                            b_step: width as isize,
                            c: products.add(product * block.tiles() * width),
                            c_row: width as isize,
                            taps: taps.as_ptr(),
                            tap_count: count,
                            steps: channels,
                            last: panel.last,
                            add: false,
                        };
                        strips::<S>(&tile, block.tiles(), panel.vectors);
                    }
                    let result = to.add(t * result_frame + panel.first);
                    self.store::<S>(block, products, (width, panel.columns), result);
                }
            }
        }
    }
}

/// Transforms the taps: [product][panel][tap along t][source channel][column].
pub(crate) struct PackTaps<'a>(pub Winograd<'a>);

/// Source channels of one task.
const PACKED: usize = 8;

impl PackTaps<'_> {
    pub(crate) fn tasks(&self) -> usize {
        self.0.groups * self.0.job.source.channels.div_ceil(PACKED)
    }
}

/// Places in the kernel of the taps along an axis, by their source coordinate.
#[inline(always)]
pub(crate) fn by_offset(axis: &AxisWalk) -> [usize; TAPS] {
    let mut order = [0; TAPS];
    let least = axis.taps[0].offset.min(axis.taps[TAPS - 1].offset);
    for tap in &axis.taps {
        order[(tap.offset - least) as usize] = tap.index;
    }
    order
}

impl Kernel for PackTaps<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let Winograd { job, walk, columns: of_group, .. } = self.0;
        let parts = job.source.channels.div_ceil(PACKED);
        let (group, part) = (task / parts, task % parts);
        let [source_stride, result_stride] = job.weight_strides;
        let (slots, channels, taps) = (walk[0].taps.len(), job.source.channels, job.taps());
        let (rows, across) = (by_offset(&walk[1]), by_offset(&walk[2]));
        for i in 0..panels::<S>(job.result.channels) {
            let panel = panel::<S>(job.result.channels, i);
            if panel.first / of_group != group {
                continue;
            }
            let width = panel.vectors * S::LANES;
            for channel in part * PACKED..channels.min((part + 1) * PACKED) {
                for c in (0..panel.columns).step_by(S::LANES) {
                    let some = S::LANES.min(panel.columns - c);
                    // SAFETY: channel, column and tap lie inside w and inside the packed taps; these channels are of this task alone.
                    unsafe {
                        let from = job.weights.add(channel * source_stride + (panel.first + c) * result_stride);
                        let mut values = [S::splat(0.0); MOST_TAPS];
                        for at in (0..taps).step_by(S::LANES) {
                            let count = S::LANES.min(taps - at);
                            let square = columns::<S>(from.add(at), result_stride, some, count);
                            for (value, column) in values[at..].iter_mut().zip(&square).take(count) {
                                *value = *column;
                            }
                        }
                        for t in 0..slots {
                            let mut square = [[S::splat(0.0); TAPS]; TAPS];
                            for (values_of, row) in square.iter_mut().zip(rows) {
                                for (value, column) in values_of.iter_mut().zip(across) {
                                    *value = values[(t * TAPS + row) * TAPS + column];
                                }
                            }
                            let square = winograd::taps_square::<S>(&square);
                            let to = panel.first * slots * channels + (t * channels + channel) * width + c;
                            write::<S, true>(&square, job.packed.0.add(to), self.0.packed(), S::LANES);
                        }
                    }
                }
            }
        }
    }
}
