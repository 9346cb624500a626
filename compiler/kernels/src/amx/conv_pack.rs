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
        Packed::new(to, parts, walk.steps() * TILE)
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

/// A row of source pixels from the least offset of a walk on: pixels `left .. right` are inside the source.
#[derive(Clone, Copy)]
struct Line {
    /// Where pixel `left` starts.
    from: Source,
    left: usize,
    right: usize,
    channels: usize,
    slot: usize,
}

/// Packs one row of pixels, zeros outside.
#[inline(always)]
unsafe fn pack_row<T: Tiles>(job: &Job<'_>, plan: &WalkPlan, from: Source, block: usize, to: Packed) {
    let (width, channels) = (job.source.size[2], job.source.channels);
    let pixels = plan.cut.pitch + plan.together - 1;
    let least = plan.least[2];
    let left = ((-least).max(0) as usize).min(pixels);
    let right = (width as isize - least).clamp(left as isize, pixels as isize) as usize;
    let from = from.add((left as isize + least).max(0) as usize * channels);
    let line = Line { from, left, right, channels, slot: plan.slot };
    // SAFETY: the packed row has `pitch` pixels; passed on from the caller.
    unsafe {
        if plan.together > 1 {
            line.pack_shared::<T>(plan.cut.pitch, plan.together, to);
            return;
        }
        let (bytes, values) = (plan.pixel(), plan.per_block * 32);
        let first = block * values;
        let count = values.min(channels - first);
        to.clear(left * bytes);
        let inner = to.add(left * bytes);
        if count == channels && count == values {
            inner.rows_of_32::<T>(from, (right - left) * plan.per_block);
        } else {
            for pixel in 0..right - left {
                inner.add(pixel * bytes).whole_row::<T>(from.add(pixel * channels + first), count, values);
            }
        }
        to.add(right * bytes).clear((pixels - right) * bytes);
    }
}

impl Line {
    /// Packs rows that `together` neighbouring pixels share.
    #[inline(always)]
    unsafe fn pack_shared<T: Tiles>(&self, pitch: usize, together: usize, to: Packed) {
        let used = together * self.slot;
        // With an even number of channels, neighbours lie in memory as they do in a packed row.
        let (first, last) =
            if self.channels == self.slot { (self.left, (self.right + 1).saturating_sub(together)) } else { (pitch, pitch) };
        let (first, last) = (first.min(pitch), last.clamp(first.min(pitch), pitch));
        let mut space = Stack::<LINE>::new();
        let values = space.start();
        // SAFETY: pixels first .. last read only inside the source row; the others go over a copy with zeros.
        unsafe {
            for range in [0..first, last..pitch] {
                if !range.is_empty() {
                    self.spread::<T>(range.start, range.end + together - 1, values);
                }
                for pixel in range.clone() {
                    let from = Source::F32(values.add((pixel - range.start) * self.slot));
                    to.add(pixel * 64).whole_row::<T>(from, used, 32);
                }
            }
            for pixel in first..last {
                to.add(pixel * 64).whole_row::<T>(self.from.add((pixel - self.left) * self.channels), used, 32);
            }
        }
    }

    /// Pixels `start .. stop` as f32, `slot` values apart, zeros outside the source and between channels.
    #[inline(always)]
    unsafe fn spread<T: Tiles>(&self, start: usize, stop: usize, to: *mut f32) {
        for pixel in start..stop {
            let inside = (self.left..self.right).contains(&pixel);
            for c in (0..self.slot).step_by(T::Lanes::LANES) {
                let some = if inside { self.channels.saturating_sub(c).min(T::Lanes::LANES) } else { 0 };
                // SAFETY: the copy has room for the pixels; a store overwrites only what is written later.
                unsafe {
                    let value = self.from.add(pixel.wrapping_sub(self.left).wrapping_mul(self.channels).wrapping_add(c)).load::<T>(some);
                    let to = to.add((pixel - start) * self.slot + c);
                    T::Lanes::store_first(to, value, T::Lanes::LANES.min(self.slot - c));
                }
            }
        }
    }
}
