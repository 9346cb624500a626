//! Packing for the weight gradient: the gradient of the result with pixels along rows of A, and the source as pairs of pixels for
//! B, once with pairs that begin at even pixels and once at odd ones, so that every tap finds its pairs in line.

use crate::amx::block::TILE;
use crate::amx::gather::turn;
use crate::amx::pack::{Packed, Source};
use crate::amx::tiles::{Tiles, V};
use crate::amx::weight::Job;
use crate::block::Stack;
use crate::simd::Simd;

/// Values of a row of tiles of pairs with both parts, as floats.
const ASIDE: usize = 2 * TILE / 4;

/// A band of rows of one frame.
#[derive(Clone, Copy)]
pub(crate) struct Band {
    pub sample: usize,
    pub frame: usize,
    pub row: usize,
}

/// Packs a frame of the gradient of the result for the channels from `channel` on.
///
/// # Safety
/// `to` has room for the frame, and the processor has what `T` needs; the same below.
#[inline(always)]
pub(crate) unsafe fn pack_result<T: Tiles>(job: &Job<'_>, band: Band, channel: usize, to: Packed) {
    let (plan, pixels) = (job.plan, &job.result);
    let [frames, height, width] = pixels.size;
    let rows = plan.rows.min(height - band.row);
    let start = (band.sample * frames + band.frame) * height + band.row;
    let mut space = Stack::<ASIDE>::new();
    let aside = Packed { to: space.start().cast(), low: TILE, ..to }.from(job.dy);
    let lanes = T::Lanes::LANES;
    for tile in 0..plan.result_channels / 16 {
        let first = channel + tile * 16;
        let (mut row, mut column) = (0, 0);
        for step in 0..plan.steps {
            for pair in 0..16 {
                let from = job.dy.add(((start + row) * width + column) * pixels.channels + first);
                let inside = |more: usize| row < rows && column + more < width;
                for q in (0..16).step_by(lanes) {
                    let some = pixels.channels.saturating_sub(first + q).min(lanes);
                    // SAFETY: only pixels inside the band are read.
                    unsafe {
                        let low = from.add(q).load::<T>(if inside(0) { some } else { 0 });
                        let high = from.add(pixels.channels + q).load::<T>(if inside(1) { some } else { 0 });
                        aside.add(pair * 64 + q * 4).pairs::<T>(low, high);
                    }
                }
                // Pairs never straddle rows: the pitch is even.
                column += 2;
                if column == plan.pitch {
                    (row, column) = (row + 1, 0);
                }
            }
            // SAFETY: the step lies inside the packed frame.
            unsafe { turn::<T>(aside, to.add((tile * plan.steps + step) * TILE)) };
        }
    }
}

/// Packs a frame of the source for the channels from `channel` on.
///
/// # Safety
/// See `pack_result`.
#[inline(always)]
pub(crate) unsafe fn pack_source<T: Tiles>(job: &Job<'_>, band: Band, channel: usize, to: Packed) {
    let plan = job.plan;
    for phase in 0..plan.phases[0] * plan.phases[1] {
        let (h, w) = (phase / plan.phases[1], phase % plan.phases[1]);
        let to = to.add(phase * plan.phase()).from(job.x);
        for row in 0..plan.source_rows {
            // SAFETY: passed on from the caller.
            unsafe {
                match job.x {
                    Source::F32(x) => pack_row::<T>(job, Source::F32(x), band, (h, row), w, channel, to),
                    Source::Bf16(x) => pack_row::<T>(job, Source::Bf16(x), band, (h, row), w, channel, to),
                }
            }
        }
        // What lies behind the last row meets zeros, but must be a number.
        let used = plan.source_rows * plan.pitch / 2;
        for plane in 0..plan.phase() / plan.plane() {
            // SAFETY: the planes have `pairs` pairs.
            unsafe { to.add(plane * plan.plane() + used * 64).clear((plan.pairs - used) * 64) };
        }
    }
}

/// Packs one row of one residue, both ways. The last odd pair of a row has one foot in the next row; no tap needs that.
#[inline(always)]
unsafe fn pack_row<T: Tiles>(
    job: &Job<'_>,
    x: Source,
    band: Band,
    (phase_h, row): (usize, usize),
    phase_w: usize,
    channel: usize,
    to: Packed,
) {
    let (plan, pixels) = (job.plan, &job.source);
    let [frames, height, width] = pixels.size;
    let [_, walk_h, walk_w] = job.walk;
    let h = ((band.row + row) * walk_h.source_step + phase_h) as isize - job.low[1];
    let inside = h >= 0 && h < height as isize;
    let line = ((band.sample * frames + band.frame) * height) as isize + h;
    let x = if inside { x.add(line as usize * width * pixels.channels) } else { x };
    let width = if inside { width as isize } else { 0 };
    let (step, first) = (walk_w.source_step as isize, phase_w as isize - job.low[2]);
    let lanes = T::Lanes::LANES;
    for tile in 0..plan.source_channels / 16 {
        let even = to.add(tile * plan.plane() + row * plan.pitch / 2 * 64);
        let odd = even.add(plan.source_channels / 16 * plan.plane());
        for q in (0..16).step_by(lanes) {
            let at = channel + tile * 16 + q;
            let some = pixels.channels.saturating_sub(at).min(lanes);
            // SAFETY: only pixels inside the row are read; the planes have all pairs of the row.
            unsafe {
                let mut low = to.apart::<T>(pixel::<T>(x, first, width, pixels.channels, (at, some)));
                for pair in 0..plan.pitch / 2 {
                    let w = first + 2 * pair as isize * step;
                    let high = to.apart::<T>(pixel::<T>(x, w + step, width, pixels.channels, (at, some)));
                    even.add(pair * 64 + q * 4).pairs_of::<T>(low, high);
                    low = to.apart::<T>(pixel::<T>(x, w + 2 * step, width, pixels.channels, (at, some)));
                    if plan.twice {
                        odd.add(pair * 64 + q * 4).pairs_of::<T>(high, low);
                    }
                }
            }
        }
    }
}

/// Some channels of a pixel of a row, zeros outside.
#[inline(always)]
unsafe fn pixel<T: Tiles>(x: Source, w: isize, width: isize, channels: usize, (at, some): (usize, usize)) -> V<T> {
    if w < 0 || w >= width {
        // SAFETY: passed on from the caller.
        return unsafe { T::Lanes::splat(0.0) };
    }
    // SAFETY: passed on from the caller.
    unsafe { x.add(w as usize * channels + at).load::<T>(some) }
}
