//! The weight gradient of a convolution on tiles: for each tap a product of result channels by source channels, summed over
//! pixels. Pixels are cut into chunks with partial sums of their own, which are added in order at the end.

use crate::amx::block::{Block, SUMS, Step, Steps, TILE};
use crate::amx::pack::{Packed, Place, Source};
use crate::amx::tiles::Tiles;
use crate::amx::weight_pack::{Band, pack_result, pack_source};
use crate::amx::weight_plan::{SPACE, STEPS, WeightPlan};
use crate::amx::{TileKernel, aligned, launch_tiles};
use crate::block::Stack;
use crate::conv::{ConvSpec, Pixels, Walk};
use crate::isa::Isa;
use crate::precision::{Operand, Output};
use crate::simd::Simd;
use pfm_device::Pool;
use std::ops::Range;

/// Steps of packed gradients that stay in the nearest cache while taps pass by.
const NEAR: usize = 16;

/// dw of y = conv(x, w) from x and dy.
#[allow(clippy::too_many_arguments)] // the plan, the operands and where to run
pub(crate) fn weight_grad(
    pool: &Pool,
    isa: Isa,
    spec: &ConvSpec,
    plan: &WeightPlan,
    x: Operand<'_>,
    dy: Operand<'_>,
    dw: Output<'_>,
    scratch: &mut [f32],
) {
    let job = Job {
        plan,
        walk: &spec.forward,
        kernel: spec.kernel,
        low: std::array::from_fn(|axis| -spec.forward[axis].taps[0].offset),
        batch: spec.batch,
        source: spec.source(),
        result: spec.result(),
        x: Source::of(x),
        dy: Source::of(dy),
        dw: Place::of(dw),
        sums: aligned(scratch).cast(),
    };
    let groups = plan.groups[0] * plan.groups[1];
    launch_tiles(pool, isa, plan.chunks * groups, &Multiply(&job));
    let tiles = (plan.result_channels / 16) * (plan.source_channels / 16);
    launch_tiles(pool, isa, groups * tiles, &Reduce(&job));
}

pub(crate) struct Job<'a> {
    pub plan: &'a WeightPlan,
    pub walk: &'a Walk,
    pub kernel: [usize; 3],
    /// Zeros before each axis.
    pub low: [isize; 3],
    pub batch: usize,
    pub source: Pixels,
    pub result: Pixels,
    pub x: Source,
    pub dy: Source,
    dw: Place,
    /// [chunk][group][plane of taps][block of result channels][block of taps and source channels][tile]
    sums: *mut f32,
}
// SAFETY: x and dy are only read, and every task writes its own part of the partial sums and of dw.
unsafe impl Sync for Job<'_> {}

impl Job<'_> {
    #[inline(always)]
    fn partial(&self, chunk: usize, group: usize) -> *mut f32 {
        let groups = self.plan.groups[0] * self.plan.groups[1];
        self.sums.wrapping_add((chunk * groups + group) * self.plan.sums())
    }

    /// First channels of a group.
    #[inline(always)]
    fn channels(&self, group: usize) -> [usize; 2] {
        let plan = self.plan;
        [group / plan.groups[1] * plan.result_channels, group % plan.groups[1] * plan.source_channels]
    }
}

/// Sums over a chunk of the bands for a group of channels.
struct Multiply<'a>(&'a Job<'a>);

impl TileKernel for Multiply<'_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(&self, tiles: &mut T, task: usize) {
        let job = self.0;
        let plan = job.plan;
        let (group, chunk) = (task / plan.chunks, task % plan.chunks);
        let items = job.batch * plan.bands;
        let mut space = Stack::<{ SPACE / 4 }>::new();
        let mut steps = Steps::<{ 3 * STEPS }>::new();
        let mut band = Bands { job, group, space: space.start().cast(), sums: job.partial(chunk, group) };
        // SAFETY: the partial sums are of this task alone.
        unsafe {
            band.sums.write_bytes(0, plan.sums());
            for item in chunk * items / plan.chunks..(chunk + 1) * items / plan.chunks {
                band.add(tiles, item / plan.bands, item % plan.bands * plan.rows, &mut steps);
            }
        }
    }
}

/// One band after another of a task.
struct Bands<'a> {
    job: &'a Job<'a>,
    group: usize,
    space: *mut u8,
    sums: *mut f32,
}

impl Bands<'_> {
    /// Adds the products of all frames of a band.
    #[inline(always)]
    unsafe fn add<T: Tiles>(&mut self, tiles: &mut T, sample: usize, row: usize, steps: &mut Steps<{ 3 * STEPS }>) {
        let (job, plan) = (self.job, self.job.plan);
        let frames = job.result.size[0];
        let stage = if plan.whole { frames } else { 1 };
        let [result_channel, source_channel] = job.channels(self.group);
        let mut next = 0;
        // SAFETY: the plan has seen to the room; passed on from the caller.
        unsafe {
            for start in (0..frames).step_by(stage) {
                let range = start..frames.min(start + stage);
                for frame in range.clone() {
                    let to = self.results().add((frame - start) * plan.result_frame());
                    pack_result::<T>(job, Band { sample, frame, row }, result_channel, to);
                }
                for (frame, plane) in range.clone().flat_map(|frame| (0..job.kernel[0]).map(move |plane| (frame, plane))) {
                    let Some(source) = self.source(frame, plane) else { continue };
                    if source >= next {
                        next = source + 1;
                        let to = self.sources().add(source % plan.ring * plan.source_frame());
                        pack_source::<T>(job, Band { sample, frame: source, row }, source_channel, to);
                    }
                }
                for plane in 0..job.kernel[0] {
                    self.list(range.clone(), plane, steps);
                    self.plane(tiles, plane, steps.all());
                }
            }
        }
    }

    /// The source frame of a result frame for a plane of taps, if it is inside.
    #[inline(always)]
    fn source(&self, frame: usize, plane: usize) -> Option<usize> {
        let source = (frame * self.job.walk[0].source_step + plane) as isize - self.job.low[0];
        (0..self.job.source.size[0] as isize).contains(&source).then_some(source as usize)
    }

    #[inline(always)]
    fn sources(&self) -> Packed {
        let plan = self.job.plan;
        Packed::new(self.space, plan.parts, plan.ring * plan.source_frame())
    }

    #[inline(always)]
    fn results(&self) -> Packed {
        let plan = self.job.plan;
        let frames = if plan.whole { self.job.result.size[0] } else { 1 };
        let behind = plan.parts.count() * plan.ring * plan.source_frame();
        Packed::new(self.space.wrapping_add(behind), plan.parts, frames * plan.result_frame())
    }

    /// The steps of a plane of taps over some frames.
    #[inline(always)]
    fn list(&self, frames: Range<usize>, plane: usize, steps: &mut Steps<{ 3 * STEPS }>) {
        let plan = self.job.plan;
        let low = [self.results().low, self.sources().low];
        steps.clear();
        for frame in frames.clone() {
            let Some(source) = self.source(frame, plane) else { continue };
            let a = (frame - frames.start) * plan.result_frame();
            let b = source % plan.ring * plan.source_frame();
            for step in 0..plan.steps {
                steps.push(plan.parts, a + step * TILE, b + step * TILE, low);
            }
        }
    }

    /// Adds a list of steps for all taps of a plane.
    #[inline(always)]
    unsafe fn plane<T: Tiles>(&self, tiles: &mut T, plane: usize, steps: &[Step]) {
        let plan = self.job.plan;
        let ([tall, wide], [rows, columns]) = (plan.block(), plan.blocks());
        let products = plan.parts.products();
        let some = steps.len() / products;
        let chunks = (some * plan.parts.count()).div_ceil(NEAR);
        let (a, b) = (self.results().to.cast_const(), self.sources().to.cast_const());
        for row in 0..rows {
            let first = row * tall;
            for chunk in 0..chunks {
                let steps = &steps[chunk * some / chunks * products..(chunk + 1) * some / chunks * products];
                for column in 0..columns {
                    let entry = column * wide;
                    let block = Block {
                        rows: tall.min(plan.result_channels / 16 - first),
                        columns: wide.min(plan.entries() - entry),
                        a: std::array::from_fn(|i| a.wrapping_add((first + i) * plan.steps * TILE)),
                        b: std::array::from_fn(|i| b.wrapping_add(self.entry(entry + i))),
                        a_row: 64,
                        sums: self.sums.wrapping_add(((plane * rows + row) * columns + column) * 4 * SUMS),
                        sums_row: 64,
                        add: true,
                    };
                    // SAFETY: steps lie inside packed frames; the sums are of this task alone.
                    unsafe { block.run(tiles, steps) };
                }
            }
        }
    }

    /// Where the pairs of a tap and 16 source channels start in a packed frame.
    #[inline(always)]
    fn entry(&self, entry: usize) -> usize {
        let (job, plan) = (self.job, self.job.plan);
        let tiles = plan.source_channels / 16;
        let (tap, tile) = (entry / tiles, entry % tiles);
        let (h, w) = (tap / job.kernel[2] % job.kernel[1], tap % job.kernel[2]);
        let [step_h, step_w] = [1, 2].map(|axis| job.walk[axis].source_step);
        let (down, right) = (h / step_h, w / step_w);
        let plane = (right % 2) * tiles + tile;
        let pair = (down * plan.pitch + right) / 2;
        (h % step_h * plan.phases[1] + w % step_w) * plan.phase() + plane * plan.plane() + pair * 64
    }
}

/// Adds the partial sums in order and writes them in the layout of w, for 16 by 16 channels.
struct Reduce<'a>(&'a Job<'a>);

impl TileKernel for Reduce<'_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(&self, _: &mut T, task: usize) {
        let (job, plan) = (self.0, self.0.plan);
        let tiles = [plan.result_channels / 16, plan.source_channels / 16];
        let (group, tile) = (task / (tiles[0] * tiles[1]), task % (tiles[0] * tiles[1]));
        let tile = [tile / tiles[1], tile % tiles[1]];
        let [result, source] = job.channels(group);
        let (result, source) = (result + tile[0] * 16, source + tile[1] * 16);
        let (taps, lanes) = (job.kernel.iter().product::<usize>(), T::Lanes::LANES);
        for line in 0..job.result.channels.saturating_sub(result).min(16) {
            for q in (0..job.source.channels.saturating_sub(source).min(16)).step_by(lanes) {
                let some = (job.source.channels - source - q).min(lanes);
                for at in (0..taps).step_by(lanes) {
                    let count = lanes.min(taps - at);
                    // SAFETY: taps and channels lie inside the partial sums and dw; these channels are of this task alone.
                    unsafe {
                        let mut square = [T::Lanes::splat(0.0); 16];
                        for (i, sum) in square.iter_mut().enumerate().take(count) {
                            let place = self.place(at + i, tile) + line * 16 + q;
                            for chunk in 0..plan.chunks {
                                *sum = T::Lanes::add(*sum, T::Lanes::load(job.partial(chunk, group).add(place)));
                            }
                        }
                        T::Lanes::transpose(&mut square);
                        for (i, values) in square.iter().enumerate().take(some) {
                            let to = ((result + line) * job.source.channels + source + q + i) * taps + at;
                            job.dw.add(to).store::<T>(*values, count);
                        }
                    }
                }
            }
        }
    }
}

impl Reduce<'_> {
    /// Where the sums of a tap start, for a tile of channels.
    #[inline(always)]
    fn place(&self, tap: usize, tile: [usize; 2]) -> usize {
        let (job, plan) = (self.0, self.0.plan);
        let of_plane = job.kernel[1] * job.kernel[2];
        let (plane, tap) = (tap / of_plane, tap % of_plane);
        let ([tall, wide], [rows, columns]) = (plan.block(), plan.blocks());
        let entry = tap * (plan.source_channels / 16) + tile[1];
        let (row, column) = (tile[0] / tall, entry / wide);
        // The last block of a row may have fewer tiles side by side.
        let across = wide.min(plan.entries() - column * wide);
        ((plane * rows + row) * columns + column) * 4 * SUMS + (tile[0] % tall * across + entry % wide) * SUMS
    }
}
