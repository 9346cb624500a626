//! Convolution and its input gradient on tiles: a tile of A is 16 packed source pixels, whose taps are other offsets of the
//! same memory; a tile of B is 32 source channels by 16 result channels of one tap.

use crate::amx::block::{Block, SUMS, Step, Steps, TILE};
use crate::amx::conv_pack::{PackWeights, pack_frame};
use crate::amx::conv_plan::{ConvPlan, SPACE, STEPS, SUMS_KEPT, WalkPlan};
use crate::amx::pack::{Packed, Place, Source};
use crate::amx::tiles::Tiles;
use crate::amx::{TileKernel, aligned, launch_tiles};
use crate::block::Stack;
use crate::conv::{ConvSpec, Pixels, Walk, inside};
use crate::isa::Isa;
use crate::precision::{Operand, Output};
use pfm_device::Pool;

/// Bytes of weights that stay in the nearest cache while blocks of pixels pass by, and how many blocks do.
const NEAR: usize = 24 << 10;
const GROUP: usize = 4;

/// A convolution of source pixels to result pixels: forward, or from dy to dx.
pub(crate) struct Job<'a> {
    pub plan: &'a ConvPlan,
    pub walks: &'a [Walk],
    pub batch: usize,
    pub source: Pixels,
    pub result: Pixels,
    /// Strides in w of a source channel and of a result channel.
    pub weight_strides: [usize; 2],
    pub from: Source,
    pub weights: Source,
    pub to: Place,
    pub packed: *mut u8,
}
// SAFETY: source and weights are only read, and every task writes its own part of the result or of the packed weights.
unsafe impl Sync for Job<'_> {}

/// y = conv(x, w).
#[allow(clippy::too_many_arguments)] // the plan, the operands and where to run
pub(crate) fn conv(
    pool: &Pool,
    isa: Isa,
    spec: &ConvSpec,
    plan: &ConvPlan,
    x: Operand<'_>,
    w: Operand<'_>,
    y: Output<'_>,
    scratch: &mut [f32],
) {
    let job = Job {
        plan,
        walks: std::slice::from_ref(&spec.forward),
        batch: spec.batch,
        source: spec.source(),
        result: spec.result(),
        weight_strides: [spec.taps(), spec.ci * spec.taps()],
        from: Source::of(x),
        weights: Source::of(w),
        to: Place::of(y),
        packed: aligned(scratch),
    };
    job.run(pool, isa);
}

/// dx of y = conv(x, w) from dy.
#[allow(clippy::too_many_arguments)] // the plan, the operands and where to run
pub(crate) fn input_grad(
    pool: &Pool,
    isa: Isa,
    spec: &ConvSpec,
    plan: &ConvPlan,
    dy: Operand<'_>,
    w: Operand<'_>,
    dx: Output<'_>,
    scratch: &mut [f32],
) {
    let job = Job {
        plan,
        walks: &spec.backward,
        batch: spec.batch,
        source: spec.result(),
        result: spec.source(),
        weight_strides: [spec.ci * spec.taps(), spec.taps()],
        from: Source::of(dy),
        weights: Source::of(w),
        to: Place::of(dx),
        packed: aligned(scratch),
    };
    job.run(pool, isa);
}

impl Job<'_> {
    fn run(&self, pool: &Pool, isa: Isa) {
        let pack = PackWeights(self);
        launch_tiles(pool, isa, pack.tasks(), &pack);
        for (walk, plan) in self.walks.iter().zip(&self.plan.walks) {
            let cut = &plan.cut;
            let tasks = self.batch * cut.bands * cut.segments * cut.column_groups;
            launch_tiles(pool, isa, tasks, &Convolve { job: self, walk, plan });
        }
    }
}

struct Convolve<'a> {
    job: &'a Job<'a>,
    walk: &'a Walk,
    plan: &'a WalkPlan,
}

/// What a task works on.
#[derive(Clone, Copy)]
struct Part {
    sample: usize,
    /// First row of its band.
    row: usize,
    /// Packed pixels and sums.
    space: *mut u8,
    sums: *mut f32,
}

impl TileKernel for Convolve<'_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(&self, tiles: &mut T, task: usize) {
        let (job, plan, cut) = (self.job, self.plan, &self.plan.cut);
        let (task, band) = (task / cut.bands, task % cut.bands);
        let (task, segment) = (task / cut.segments, task % cut.segments);
        let (group, sample) = (task / job.batch, task % job.batch);
        let columns = group * cut.columns..job.result.channels.min((group + 1) * cut.columns);
        let frame = segment * cut.frames;
        let frames = cut.frames.min(self.walk[0].count - frame);
        let mut space = Stack::<{ SPACE / 4 }>::new();
        let mut sums = Stack::<{ SUMS_KEPT * 4 * SUMS }>::new();
        let mut steps = Steps::<STEPS>::new();
        let part = Part { sample, row: band * cut.rows, space: space.start().cast(), sums: sums.start() };
        let stage = if cut.whole { frames } else { 1 };
        // SAFETY: these pixels and channels are of this task alone; the plan has seen to the room.
        unsafe {
            for block in 0..plan.blocks {
                let mut next = isize::MIN;
                for start in (0..frames).step_by(stage) {
                    let stage = start..frames.min(start + stage);
                    next = self.pack::<T>(&part, block, frame + stage.start..frame + stage.end, next);
                    for (index, column) in columns.clone().step_by(32).enumerate() {
                        let width = (columns.end - column).min(32);
                        for t in stage.clone() {
                            self.list(frame + t, block, &mut steps);
                            let kept = if plan.blocks > 1 { Some(index * frames + t) } else { None };
                            self.frame(tiles, &part, frame + t, block, (column, width), steps.all(), kept);
                        }
                    }
                }
            }
        }
    }
}

impl Convolve<'_> {
    /// Bytes of one packed frame.
    #[inline(always)]
    fn frame_bytes(&self) -> usize {
        self.plan.cut.source_rows * self.plan.cut.pitch * self.plan.pixel()
    }

    #[inline(always)]
    fn slot(&self, frame: isize) -> usize {
        frame.rem_euclid(self.plan.cut.ring as isize) as usize
    }

    /// Packs the source frames from `next` on that result frames `range` read; gives the frame after them.
    #[inline(always)]
    unsafe fn pack<T: Tiles>(&self, part: &Part, block: usize, range: std::ops::Range<usize>, next: isize) -> isize {
        let (walk, plan) = (&self.walk[0], self.plan);
        let first = (range.start * walk.source_step) as isize + plan.least[0];
        let last = ((range.end - 1) * walk.source_step + plan.taps[0]) as isize + plan.least[0];
        for frame in first.max(next).max(0)..last.min(self.job.source.size[0] as isize) {
            let to = part.space.wrapping_add(self.slot(frame) * self.frame_bytes());
            let packed = Packed::new(to, self.job.plan.parts, plan.cut.ring * self.frame_bytes());
            // SAFETY: the slot has room, and no result frame still needs what was there.
            unsafe { pack_frame::<T>(self.job, self.walk, plan, (part.sample, frame as usize, part.row), block, packed) };
        }
        last
    }

    /// The steps of result frame `t`, without taps whose source frame is outside.
    #[inline(always)]
    fn list(&self, t: usize, block: usize, steps: &mut Steps<STEPS>) {
        let (plan, cut) = (self.plan, &self.plan.cut);
        let low = [cut.ring * self.frame_bytes(), plan.steps() * TILE];
        steps.clear();
        let per_block = plan.per_block.min(plan.chunks - block * plan.per_block);
        for tap in self.walk[0].taps.iter().filter(|tap| inside(tap, t)) {
            let frame = (t * self.walk[0].source_step) as isize + tap.offset;
            let place = (tap.offset - plan.least[0]) as usize;
            for h in 0..plan.taps[1] {
                let row = self.slot(frame) * self.frame_bytes() + h * cut.pitch * plan.pixel();
                for group in 0..if plan.taps[2] > 0 { plan.groups } else { 0 } {
                    let a = row + plan.group_start(group) * plan.pixel();
                    let b = plan.step(block * plan.per_block, [place, h], group) * TILE;
                    for chunk in 0..per_block {
                        steps.push(self.job.plan.parts, a + chunk * 64, b + chunk * TILE, low);
                    }
                }
            }
        }
    }

    /// Adds the steps to the sums of a frame of the band for up to 32 columns, and stores them after the last block.
    #[allow(clippy::too_many_arguments)] // the coordinates of the sums
    #[inline(always)]
    unsafe fn frame<T: Tiles>(
        &self,
        tiles: &mut T,
        part: &Part,
        t: usize,
        block: usize,
        (column, width): (usize, usize),
        steps: &[Step],
        kept: Option<usize>,
    ) {
        let (plan, cut) = (self.plan, &self.plan.cut);
        let parts = self.job.plan.parts;
        let wide = width.div_ceil(16);
        let tall = if wide == 1 { 4 } else { 2 };
        let blocks = cut.tiles.div_ceil(tall);
        // Weights come from farther away once for a group of blocks.
        let bytes = steps.len() / parts.products() * parts.count() * wide * TILE;
        let chunks = bytes.div_ceil(NEAR).max(1);
        let weights = self.job.packed.wrapping_add(plan.weights + column / 16 * plan.tile_bytes(parts)).cast_const();
        let weights = [weights, weights.wrapping_add(plan.tile_bytes(parts))];
        for group in (0..blocks).step_by(GROUP) {
            for chunk in 0..chunks {
                let some = steps.len() / parts.products();
                let range = chunk * some / chunks * parts.products()..(chunk + 1) * some / chunks * parts.products();
                for index in group..blocks.min(group + GROUP) {
                    let place = kept.map_or(index - group, |kept| kept * cut.tiles.div_ceil(2) + index);
                    let first = index * tall;
                    let rows = tall.min(cut.tiles - first);
                    let product = Block {
                        rows,
                        columns: wide,
                        a: std::array::from_fn(|i| self.pixels(part, (first + i).min(cut.tiles - 1))),
                        b: [weights[0], weights[1], weights[1], weights[1]],
                        a_row: self.walk[2].source_step * plan.pixel(),
                        sums: part.sums.wrapping_add(place * 4 * SUMS),
                        sums_row: 64,
                        add: block > 0 || chunk > 0,
                    };
                    // SAFETY: tiles of pixels and of weights lie inside what was packed.
                    unsafe {
                        product.run(tiles, &steps[range.clone()]);
                        if block + 1 == plan.blocks && chunk + 1 == chunks {
                            self.store::<T>(part, t, first, &product, (column, width));
                        }
                    }
                }
            }
        }
    }

    /// Start of the packed pixels of a tile.
    #[inline(always)]
    fn pixels(&self, part: &Part, tile: usize) -> *const u8 {
        let cut = &self.plan.cut;
        let pixel = if cut.flat {
            tile * 16
        } else {
            let (row, column) = (tile * 16 / cut.across, tile * 16 % cut.across);
            row * self.walk[1].source_step * cut.pitch + column * self.walk[2].source_step
        };
        part.space.wrapping_add(pixel * self.plan.pixel())
    }

    /// Stores the sums of the tiles from `first` on.
    #[inline(always)]
    unsafe fn store<T: Tiles>(&self, part: &Part, t: usize, first: usize, block: &Block, (column, width): (usize, usize)) {
        let (cut, result) = (&self.plan.cut, &self.job.result);
        let [walk_t, walk_h, walk_w] = self.walk;
        let rows = cut.rows.min(walk_h.count - part.row);
        let frame = part.sample * result.size[0] + walk_t.first + t * walk_t.step;
        let (mut row, mut across) = (first * 16 / cut.across, first * 16 % cut.across);
        for tile in 0..block.rows {
            let mut line = 0;
            while line < 16 {
                let run = (16 - line).min(cut.across - across);
                let count = run.min(walk_w.count.saturating_sub(across));
                if row < rows && count > 0 {
                    let h = walk_h.first + (part.row + row) * walk_h.step;
                    let w = walk_w.first + across * walk_w.step;
                    let pixel = (frame * result.size[1] + h) * result.size[2] + w;
                    let from = block.sums.wrapping_add(tile * block.columns * SUMS + line * 16);
                    let step = walk_w.step * result.channels;
                    let to = self.job.to.add(pixel * result.channels + column);
                    // SAFETY: these pixels and their channels are of this task alone.
                    unsafe {
                        // The storage is looked at once a run.
                        match to {
                            Place::F32(to) => store_run::<T>(from, Place::F32(to), step, count, width),
                            Place::Bf16(to) => store_run::<T>(from, Place::Bf16(to), step, count, width),
                        }
                    }
                }
                (line, across) = (line + run, across + run);
                if across == cut.across {
                    (row, across) = (row + 1, 0);
                }
            }
        }
    }
}

/// Stores up to 32 columns of some lines of tiles, `step` values apart.
#[inline(always)]
unsafe fn store_run<T: Tiles>(from: *const f32, to: Place, step: usize, count: usize, width: usize) {
    for i in 0..count {
        let (from, to) = (from.wrapping_add(i * 16), to.add(i * step));
        // SAFETY: passed on from the caller.
        unsafe {
            to.copy::<T>(from, width.min(16));
            if width > 16 {
                to.add(16).copy::<T>(from.add(SUMS), width - 16);
            }
        }
    }
}
