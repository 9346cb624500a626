//! Packing for convolutions on tiles: weights once per call into pairs of source channels by 16 result channels, and source
//! pixels with zeros around them once per task.

use crate::amx::TileKernel;
use crate::amx::block::TILE;
use crate::amx::conv::Job;
use crate::amx::conv_plan::{LINE, WalkPlan};
use crate::amx::pack::{Packed, Source};
use crate::amx::tiles::Tiles;
use crate::block::Stack;
use crate::conv::Walk;
use crate::simd::Simd;

/// Rows of 32 source channels packed by one task.
const CHUNKS: usize = 2;

/// Packs weights: for each walk and 16 result channels, the tiles of all steps, then those of their lower parts.
pub(crate) struct PackWeights<'a>(pub &'a Job<'a>);

impl PackWeights<'_> {
    fn pieces(&self) -> usize {
        self.0.plan.walks.iter().map(|walk| walk.chunks.div_ceil(CHUNKS)).max().unwrap_or(1)
    }

    pub(crate) fn tasks(&self) -> usize {
        self.0.result.channels.div_ceil(16) * self.pieces()
    }
}

impl TileKernel for PackWeights<'_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(&self, _: &mut T, task: usize) {
        let (job, plan) = (self.0, self.0.plan);
        let (tile, piece) = (task / self.pieces(), task % self.pieces());
        let channels = job.source.channels;
        let (first, last) = (piece * CHUNKS * 32, channels.min((piece + 1) * CHUNKS * 32));
        let (taps, lanes) = (plan.places.len(), T::Lanes::LANES);
        // SAFETY: taps and channels lie inside w; these channels are of this task alone.
        unsafe {
            self.clear_ends(tile, first, last);
            for c in (first..last).step_by(2) {
                for at in (0..taps).step_by(lanes) {
                    let count = lanes.min(taps - at);
                    for q in (0..16).step_by(lanes) {
                        let column = tile * 16 + q;
                        let some = job.result.channels.saturating_sub(column).min(lanes);
                        let from = job.weights.add(c * job.weight_strides[0] + column * job.weight_strides[1] + at);
                        let low = from.columns::<T>(job.weight_strides[1], some, count);
                        let more = if c + 1 < channels { some } else { 0 };
                        let high = from.add(job.weight_strides[0]).columns::<T>(job.weight_strides[1], more, count);
                        for i in 0..count {
                            if let Some((walk, place)) = plan.places[at + i] {
                                self.place(&plan.walks[walk], tile, place, c).add(q * 4).pairs::<T>(low[i], high[i]);
                            }
                        }
                    }
                }
            }
        }
    }
}

impl PackWeights<'_> {
    /// Where the pair of source channels from `c` on of a tap goes.
    #[inline(always)]
    fn place(&self, walk: &WalkPlan, tile: usize, [t, h, w]: [usize; 3], c: usize) -> Packed {
        let group = w / walk.together;
        let value = if walk.together > 1 { (w - walk.group_start(group)) * walk.slot + c } else { c };
        let step = walk.step(value / 32, [t, h], group);
        self.tile(walk, tile).add(step * TILE + value % 32 / 2 * 64)
    }

    #[inline(always)]
    fn tile(&self, walk: &WalkPlan, tile: usize) -> Packed {
        let parts = self.0.plan.parts;
        let to = self.0.packed.wrapping_add(walk.weights + tile * walk.tile_bytes(parts));
        Packed { to, parts, low: walk.steps() * TILE }
    }

    /// Zeros where a tile has rows that no channel fills.
    #[inline(always)]
    unsafe fn clear_ends(&self, tile: usize, first: usize, last: usize) {
        for walk in &self.0.plan.walks {
            if first > 0 && walk.together > 1 {
                continue;
            }
            for chunk in first / 32..last.div_ceil(32) {
                if walk.together == 1 && (chunk + 1) * 32 <= self.0.source.channels {
                    continue;
                }
                for tap in 0..walk.taps[0] * walk.taps[1] * walk.groups {
                    let (tap, group) = (tap / walk.groups, tap % walk.groups);
                    let step = walk.step(chunk, [tap / walk.taps[1], tap % walk.taps[1]], group);
                    // SAFETY: the step lies inside the packed weights.
                    unsafe { self.tile(walk, tile).add(step * TILE).clear(TILE) };
                }
            }
        }
    }
}

/// Packs the rows of one source frame that a band of result rows reads, for a block of source channels.
///
/// # Safety
/// `to` has room for the rows, and the processor has what `T` needs.
#[inline(always)]
pub(crate) unsafe fn pack_frame<T: Tiles>(
    job: &Job<'_>,
    walk: &Walk,
    plan: &WalkPlan,
    (sample, frame, first_row): (usize, usize, usize),
    block: usize,
    to: Packed,
) {
    let [frames, height, width] = job.source.size;
    let first = (first_row * walk[1].source_step) as isize + plan.least[1];
    let row_bytes = plan.cut.pitch * plan.pixel();
    for row in 0..plan.cut.source_rows {
        let (to, h) = (to.add(row * row_bytes), first + row as isize);
        // SAFETY: the row lies inside the source, or is filled with zeros.
        unsafe {
            if h < 0 || h >= height as isize {
                to.clear(row_bytes);
                continue;
            }
            let start = ((sample * frames + frame) * height + h as usize) * width;
            // The storage is looked at once a row, not once a value.
            match job.from.add(start * job.source.channels) {
                Source::F32(x) => pack_row::<T>(job, plan, Source::F32(x), block, to),
                Source::Bf16(x) => pack_row::<T>(job, plan, Source::Bf16(x), block, to),
            }
        }
    }
}

/// Packs one row of pixels, zeros outside.
#[inline(always)]
unsafe fn pack_row<T: Tiles>(job: &Job<'_>, plan: &WalkPlan, from: Source, block: usize, to: Packed) {
    let (width, channels) = (job.source.size[2], job.source.channels);
    // Pixels from the least offset on, of which `left .. right` are inside.
    let pixels = plan.cut.pitch + plan.together - 1;
    let least = plan.least[2];
    let left = ((-least).max(0) as usize).min(pixels);
    let right = (width as isize - least).clamp(left as isize, pixels as isize) as usize;
    let source = |pixel: usize| (pixel as isize + least) as usize * channels;
    // SAFETY: pixels left .. right are inside the source row; the packed row has `pitch` pixels.
    unsafe {
        if plan.together > 1 {
            let mut line = Stack::<LINE>::new();
            let line = line.start();
            spread::<T>(from.add(source(left.min(right))), (left, right, pixels), (channels, plan.slot), line);
            // What lies behind the last value of a row meets weights of zero, but must be a number.
            let used = plan.together * plan.slot;
            for pixel in 0..plan.cut.pitch {
                to.add(pixel * 64).whole_row::<T>(Source::F32(line.add(pixel * plan.slot)), used, 32);
            }
            return;
        }
        let (bytes, values) = (plan.pixel(), plan.per_block * 32);
        let first = block * values;
        let count = values.min(channels - first);
        to.clear_apart(left * bytes);
        for pixel in left..right {
            to.add(pixel * bytes).whole_row::<T>(from.add(source(pixel) + first), count, values);
        }
        to.add(right * bytes).clear_apart((pixels - right) * bytes);
    }
}

impl Packed {
    /// `clear`, skipped where there is nothing to clear.
    #[inline(always)]
    unsafe fn clear_apart(self, bytes: usize) {
        if bytes > 0 {
            // SAFETY: passed on from the caller.
            unsafe { self.clear(bytes) };
        }
    }
}

/// Pixels as f32, `slot` values apart, zeros outside and between.
#[inline(always)]
unsafe fn spread<T: Tiles>(from: Source, (left, right, pixels): (usize, usize, usize), (channels, slot): (usize, usize), to: *mut f32) {
    // SAFETY: the line has `pixels` slots; each store overwrites only what is written later or lies behind the line.
    unsafe {
        to.write_bytes(0, left * slot);
        for pixel in left..right {
            for c in (0..slot).step_by(T::Lanes::LANES) {
                let some = channels.saturating_sub(c).min(T::Lanes::LANES);
                let value = from.add((pixel - left) * channels + c).load::<T>(some);
                T::Lanes::store_first(to.add(pixel * slot + c), value, T::Lanes::LANES.min(slot - c));
            }
        }
        to.add(right * slot).write_bytes(0, (pixels - right) * slot);
    }
}
