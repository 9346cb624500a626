//! The weight gradient of the convolutions of `tiles.rs`, by the adjoint of their algorithm: source tiles and spread tiles of
//! dy are multiplied for each of the 36 values, summed over tiles and frames, and only the sums are transformed to taps.

use crate::block::{Stack, panel, panels, strips};
use crate::conv::tiles::{Block, Blocks, MOST_TAPS, by_offset};
use crate::conv::winograd::{self, PRODUCTS, SOURCES, TAPS};
use crate::conv::{ConvSpec, inside};
use crate::isa::{Isa, Kernel, Shared, launch};
use crate::simd::{Simd, store_columns};
use crate::tile::{Tap, Tile};
use pfm_device::Pool;

/// Floats for transformed frames of x and of dy, on the stack of a task.
const SPACE: usize = 160 << 10;
/// Channels of dy of a task.
const COLUMNS: usize = 64;
/// Tiles of a block at least and at most, and frames of dy at most.
const LEAST: usize = 4;
const MOST: usize = 32;
const FRAMES: usize = 32;
/// Tiles, counted over frames, that should share one partial sum at least; and partial sums at most.
const SHARED: usize = 128;
const CHUNKS: usize = 16;
/// Channels of x and of dy of one task of the final sum.
const ROWS: usize = 4;
const LANES: usize = 16;

/// How the sum over pixels is cut.
#[derive(Clone, Copy)]
struct Cut {
    blocks: Blocks,
    /// Frames of dy transformed together, and how many such segments there are.
    frames: usize,
    segments: usize,
    chunks: usize,
}

impl Cut {
    fn new(spec: &ConvSpec) -> Cut {
        let [walk_t, ..] = &spec.forward;
        let before = walk_t.taps.len() - 1;
        let (x, dy) = (PRODUCTS * spec.ci, PRODUCTS * spec.co.min(COLUMNS));
        let fits = |frames: usize| SPACE / (frames * (x + dy) + before * x);
        let frames = (1..=walk_t.count.min(FRAMES)).rev().find(|f| fits(*f) >= LEAST).unwrap_or(1);
        let segments = walk_t.count.div_ceil(frames);
        let frames = walk_t.count.div_ceil(segments);
        let blocks = Blocks::new(&spec.forward, spec.input, fits(frames).clamp(LEAST, MOST));
        // `tiles::pays` has kept out so many channels that the least block would not fit.
        assert!(blocks.most() <= fits(frames), "a block of {} tiles fits the space of a task", blocks.most());
        let items = spec.batch * segments * blocks.count();
        let tiles = items * blocks.most() * frames;
        let chunks = (tiles / SHARED).clamp(1, CHUNKS.min(items));
        Cut { blocks, frames, segments, chunks: 1 << chunks.ilog2() }
    }

    fn items(&self, batch: usize) -> usize {
        batch * self.segments * self.blocks.count()
    }
}

/// Values of one partial sum: [tap along t][product][channel of x][channel of dy], or the channels the other way round.
fn partial(spec: &ConvSpec) -> usize {
    spec.forward[0].taps.len() * PRODUCTS * spec.ci * spec.co
}

/// Floats of scratch.
pub(crate) fn scratch(spec: &ConvSpec) -> usize {
    Cut::new(spec).chunks * partial(spec)
}

/// If this way serves. With few channels in dy, those of x lie in vector lanes.
pub(crate) fn serves(spec: &ConvSpec) -> bool {
    let walks = std::slice::from_ref(&spec.forward);
    let (most, least) = (spec.ci.max(spec.co), spec.ci.min(spec.co));
    spec.tiled(walks, least, most).is_some() && spec.tiled(walks, spec.ci, most).is_some()
}

/// dw from x and dy, where `serves` says so.
pub(crate) fn run(pool: &Pool, isa: Isa, spec: &ConvSpec, x: &[f32], dy: &[f32], dw: &mut [f32], scratch: &mut [f32]) {
    let source = Channels { count: spec.ci, dw_stride: spec.taps() };
    let result = Channels { count: spec.co, dw_stride: spec.ci * spec.taps() };
    let swapped = spec.co < spec.ci && spec.co < LANES;
    let (rows, lanes) = if swapped { (result, source) } else { (source, result) };
    let job = Job {
        spec,
        cut: Cut::new(spec),
        groups: spec.co.div_ceil(COLUMNS),
        swapped,
        rows,
        lanes,
        x: x.as_ptr(),
        dy: dy.as_ptr(),
        dw: Shared::of(dw),
        partial: Shared::of(scratch),
    };
    launch(pool, isa, job.cut.chunks * job.groups, &Multiply(&job));
    launch(pool, isa, rows.count.div_ceil(ROWS) * lanes.count.div_ceil(LANES), &Reduce(&job));
}

/// The channels of x or of dy.
#[derive(Clone, Copy)]
struct Channels {
    count: usize,
    dw_stride: usize,
}

struct Job<'a> {
    spec: &'a ConvSpec,
    cut: Cut,
    groups: usize,
    swapped: bool,
    rows: Channels,
    lanes: Channels,
    x: *const f32,
    dy: *const f32,
    dw: Shared,
    partial: Shared,
}
// SAFETY: x and dy are only read, and every task writes its own part of the partial sums and of dw.
unsafe impl Sync for Job<'_> {}

impl Job<'_> {
    /// Floats from one product of the partial sums to the next.
    #[inline(always)]
    fn plane(&self) -> usize {
        self.spec.ci * self.spec.co
    }
}

/// Sums over a chunk of the blocks, for a group of the channels of dy.
struct Multiply<'a>(&'a Job<'a>);

impl Kernel for Multiply<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let job = self.0;
        let (spec, cut) = (job.spec, job.cut);
        let (group, chunk) = (task / cut.chunks, task % cut.chunks);
        let first = group * COLUMNS;
        let columns = COLUMNS.min(spec.co - first);
        // With x in the lanes there is one group, of all channels.
        let (start, lanes) = if job.swapped { (0, spec.ci) } else { (first, columns) };
        let items = cut.items(spec.batch);
        let mut space = Stack::<SPACE>::new();
        let sources = space.start();
        let taps = spec.forward[0].taps.len();
        // SAFETY: the partial sums of this chunk and group are of this task alone.
        unsafe {
            let partial = job.partial.0.add(chunk * taps * PRODUCTS * job.plane() + start);
            for row in 0..taps * PRODUCTS * job.rows.count {
                for c in (0..lanes).step_by(S::LANES) {
                    S::store_first(partial.add(row * job.lanes.count + c), S::splat(0.0), S::LANES.min(lanes - c));
                }
            }
            for item in chunk * items / cut.chunks..(chunk + 1) * items / cut.chunks {
                let (item, block) = (item / cut.blocks.count(), item % cut.blocks.count());
                let (batch, segment) = (item / cut.segments, item % cut.segments);
                let block = cut.blocks.block(block);
                job.add::<S>(batch, segment, block, (first, columns), sources, partial);
            }
        }
    }
}

impl Job<'_> {
    /// Adds the products of one block over the frames of a segment.
    #[inline(always)]
    unsafe fn add<S: Simd>(
        &self,
        batch: usize,
        segment: usize,
        block: Block,
        (first, columns): (usize, usize),
        space: *mut f32,
        partial: *mut f32,
    ) {
        let (spec, walk) = (self.spec, &self.spec.forward[0]);
        let start = segment * self.cut.frames;
        let stop = walk.count.min(start + self.cut.frames);
        let lowest = walk.taps.iter().map(|t| t.offset).min().unwrap_or(0) + start as isize;
        let highest = walk.taps.iter().map(|t| t.offset).max().unwrap_or(0) + stop as isize;
        let (lowest, highest) = (lowest.max(0) as usize, highest.clamp(0, spec.input[0] as isize) as usize);
        let x_frame = PRODUCTS * block.tiles() * spec.ci;
        let dy_frame = PRODUCTS * block.tiles() * columns;
        // SAFETY: the frames lie inside x and dy; the space holds those of a segment, x first.
        unsafe {
            let (x_size, dy_size) = (spec.input[1] * spec.input[2] * spec.ci, spec.output[1] * spec.output[2] * spec.co);
            for frame in lowest..highest {
                let from = self.x.add((batch * spec.input[0] + frame) * x_size);
                self.cut.blocks.sources::<S>(block, from, spec.ci, space.add((frame - lowest) * x_frame));
            }
            let spread = space.add(highest.saturating_sub(lowest) * x_frame);
            for frame in start..stop {
                let from = self.dy.add((batch * spec.output[0] + frame) * dy_size + first);
                self.cut.blocks.spread::<S>(block, from, spec.co, columns, spread.add((frame - start) * dy_frame));
            }
            let (x, dy) = ((space, spec.ci), (spread, columns));
            let (a, b) = if self.swapped { (dy, x) } else { (x, dy) };
            for tap in &walk.taps {
                let mut list = [Tap { a: 0, b: 0 }; FRAMES];
                let mut count = 0;
                for frame in start..stop {
                    if inside(tap, frame) {
                        let source = (frame as isize + tap.offset) as usize - lowest;
                        let (x, dy) = ((source * x_frame) as isize, ((frame - start) * dy_frame) as isize);
                        list[count] = if self.swapped { Tap { a: dy, b: x } } else { Tap { a: x, b: dy } };
                        count += 1;
                    }
                }
                for i in 0..panels::<S>(b.1) {
                    let panel = panel::<S>(b.1, i);
                    for product in 0..PRODUCTS {
                        let tile = Tile {
                            a: a.0.add(product * block.tiles() * a.1),
                            a_row: 1,
                            a_step: a.1 as isize,
                            b: b.0.add(product * block.tiles() * b.1 + panel.first),
                            b_step: b.1 as isize,
                            c: partial.add((tap.index * PRODUCTS + product) * self.plane() + panel.first),
                            c_row: self.lanes.count as isize,
                            taps: list.as_ptr(),
                            tap_count: count,
                            steps: block.tiles(),
                            last: panel.last,
                            add: true,
                        };
                        strips::<S>(&tile, a.1, panel.vectors);
                    }
                }
            }
        }
    }
}

/// Adds the partial sums in order, transforms them to taps and writes these in the layout of w.
struct Reduce<'a>(&'a Job<'a>);

impl Kernel for Reduce<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let job = self.0;
        let (spec, walk) = (job.spec, &job.spec.forward);
        let parts = job.rows.count.div_ceil(ROWS);
        let (group, part) = (task / parts, task % parts);
        let (slots, taps) = (walk[0].taps.len(), spec.taps());
        let (rows, across) = (by_offset(&walk[1]), by_offset(&walk[2]));
        let lanes = group * LANES..job.lanes.count.min((group + 1) * LANES);
        for row in part * ROWS..job.rows.count.min((part + 1) * ROWS) {
            for lane in lanes.clone().step_by(S::LANES) {
                let some = S::LANES.min(lanes.end - lane);
                // SAFETY: tap and channels lie inside the partial sums and dw; these channels are of this task alone.
                unsafe {
                    let mut all = [S::splat(0.0); MOST_TAPS];
                    for t in 0..slots {
                        let taps = winograd::gather_square::<S>(&job.sums::<S>(t, row * job.lanes.count + lane, some));
                        for (tap, values) in rows.iter().zip(&taps) {
                            for (column, value) in across.iter().zip(values) {
                                all[(t * TAPS + tap) * TAPS + column] = *value;
                            }
                        }
                    }
                    for at in (0..taps).step_by(S::LANES) {
                        let count = S::LANES.min(taps - at);
                        let mut square = [S::splat(0.0); 16];
                        for (value, of_tap) in square.iter_mut().zip(&all[at..]).take(count) {
                            *value = *of_tap;
                        }
                        let to = job.dw.0.add(lane * job.lanes.dw_stride + row * job.rows.dw_stride + at);
                        store_columns::<S>(square, to, job.lanes.dw_stride, some, count);
                    }
                }
            }
        }
    }
}

impl Job<'_> {
    /// The products of a tap along t for channels at `at`, summed over the chunks in order.
    #[inline(always)]
    unsafe fn sums<S: Simd>(&self, t: usize, at: usize, some: usize) -> [[S::V; SOURCES]; SOURCES] {
        let total = partial(self.spec);
        // SAFETY: passed on from the caller.
        unsafe {
            let mut square = [[S::splat(0.0); SOURCES]; SOURCES];
            for (i, values) in square.iter_mut().enumerate() {
                for (j, value) in values.iter_mut().enumerate() {
                    let from = self.partial.0.add((t * PRODUCTS + i * SOURCES + j) * self.plane() + at);
                    for chunk in 0..self.cut.chunks {
                        *value = S::add(*value, S::load_first(from.add(chunk * total), some));
                    }
                }
            }
            square
        }
    }
}
