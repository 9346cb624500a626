//! How the weight gradient on tiles is cut. The sum runs over the pixels of a band of rows as if they were one line, `pitch`
//! apart; the gradient of the result is zero between rows, so what the source has there does not matter.

use crate::amx::block::{Parts, SUMS, TILE};
use crate::conv::{Pixels, Walk};

/// Bytes of packed pixels of a task.
pub(crate) const SPACE: usize = 768 << 10;
/// Steps of 32 pixels that one frame or segment has at most.
pub(crate) const STEPS: usize = 1024;
/// Values of the gradient of a task at most: its sums should stay in the cache of one core.
const KEPT: usize = 27 * 64 * 64;
/// Tasks that there should be, partial sums at most, and floats of them unless fewer would be too few tasks.
const TASKS: usize = 32;
const CHUNKS: usize = 16;
const PARTIALS: usize = 1 << 22;

/// The weight gradient of one convolution.
#[derive(Clone, Debug)]
pub(crate) struct WeightPlan {
    pub parts: Parts,
    /// Rows of result pixels of a band, and bands.
    pub rows: usize,
    pub bands: usize,
    /// Pixels from row to row, and steps of 32 pixels of a band of one frame.
    pub pitch: usize,
    pub steps: usize,
    /// Source pixels of one residue modulo the stride, in pairs; they are packed twice if some tap is an odd distance away.
    pub pairs: usize,
    pub twice: bool,
    /// Residues along h and w, and source rows of one of them.
    pub phases: [usize; 2],
    pub source_rows: usize,
    /// Source frames kept, and whether all frames of the band are packed before any product.
    pub ring: usize,
    pub whole: bool,
    /// Channels of the result and of the source of a task.
    pub result_channels: usize,
    pub source_channels: usize,
    /// Partial sums.
    pub chunks: usize,
    /// Groups of channels of the result and of the source.
    pub groups: [usize; 2],
    kernel: [usize; 3],
}

impl WeightPlan {
    /// None if a row does not fit.
    pub(crate) fn new(parts: Parts, batch: usize, kernel: [usize; 3], walk: &Walk, source: &Pixels, result: &Pixels) -> Option<WeightPlan> {
        let taps: usize = kernel.iter().product();
        let reach: [usize; 2] = [1, 2].map(|axis| (kernel[axis] - 1) / walk[axis].source_step);
        let mut plan = WeightPlan {
            parts,
            rows: 0,
            bands: 0,
            pitch: (result.size[2] + reach[1]).next_multiple_of(2),
            steps: 0,
            pairs: 0,
            twice: reach[1] > 0,
            phases: [1, 2].map(|axis| kernel[axis].min(walk[axis].source_step)),
            source_rows: 0,
            ring: kernel[0],
            whole: false,
            result_channels: result.channels.next_multiple_of(16),
            source_channels: source.channels.next_multiple_of(16),
            chunks: 1,
            groups: [1; 2],
            kernel,
        };
        while taps * plan.result_channels * plan.source_channels > KEPT && plan.result_channels.max(plan.source_channels) > 64 {
            plan.halve();
        }
        // Few rows at a time would pack those around them again and again.
        let least = result.size[1].min(4);
        while !plan.fits(least, reach, 1) && plan.result_channels.max(plan.source_channels) > 16 {
            plan.halve();
        }
        let most = (1..=result.size[1]).rev().find(|rows| plan.fits(*rows, reach, 1))?;
        plan.groups = [result.channels.div_ceil(plan.result_channels), source.channels.div_ceil(plan.source_channels)];
        let groups = plan.groups[0] * plan.groups[1];
        let wanted = TASKS.div_ceil(groups);
        // Bands as even as may be, and enough of them for all tasks.
        let bands = result.size[1].div_ceil(most).max(wanted.div_ceil(batch).min(result.size[1].div_ceil(8)));
        plan.fits(result.size[1].div_ceil(bands), reach, 1);
        plan.bands = result.size[1].div_ceil(plan.rows);
        let limit = (PARTIALS / (groups * plan.sums())).max(2);
        plan.chunks = wanted.min(CHUNKS).min(limit).min(batch * plan.bands);
        let (rows, frames) = (plan.rows, result.size[0]);
        let all = (frames - 1) * walk[0].source_step + kernel[0];
        plan.ring = all;
        plan.whole = plan.fits(rows, reach, frames) && frames * plan.steps * parts.products() <= 3 * STEPS;
        if !plan.whole {
            plan.ring = kernel[0];
            plan.fits(rows, reach, 1);
        }
        (plan.steps <= STEPS).then_some(plan)
    }

    fn halve(&mut self) {
        let larger = if self.source_channels >= self.result_channels { &mut self.source_channels } else { &mut self.result_channels };
        *larger = larger.div_ceil(2).next_multiple_of(16);
    }

    /// Sets all that depends on the rows of a band; if the packed pixels of so many result frames fit.
    fn fits(&mut self, rows: usize, reach: [usize; 2], frames: usize) -> bool {
        self.rows = rows;
        self.steps = (rows * self.pitch).div_ceil(32);
        self.source_rows = rows + reach[0];
        // The last step may reach beyond the last row.
        self.pairs = self.steps * 16 + (reach[0] * self.pitch + reach[1]).div_ceil(2) + 1;
        self.parts.count() * (self.ring * self.source_frame() + frames * self.result_frame()) <= SPACE
    }

    /// Bytes of one part of a packed frame of the source: [residue][parity][tile of channels][pair].
    pub(crate) fn source_frame(&self) -> usize {
        self.phases[0] * self.phases[1] * self.phase()
    }

    /// Bytes of one residue.
    pub(crate) fn phase(&self) -> usize {
        (1 + usize::from(self.twice)) * self.source_channels / 16 * self.plane()
    }

    /// Bytes of 16 channels.
    pub(crate) fn plane(&self) -> usize {
        self.pairs * 64
    }

    /// Bytes of one part of a packed frame of the result: [tile of channels][step].
    pub(crate) fn result_frame(&self) -> usize {
        self.result_channels / 16 * self.steps * TILE
    }

    /// Tiles of the result's channels of a block, and tiles of a tap and source channels.
    pub(crate) fn block(&self) -> [usize; 2] {
        if self.result_channels == 16 { [1, 4] } else { [2, 2] }
    }

    /// Blocks along the result's channels, and along taps (of one plane) and source channels.
    pub(crate) fn blocks(&self) -> [usize; 2] {
        let [tall, wide] = self.block();
        [(self.result_channels / 16).div_ceil(tall), self.entries().div_ceil(wide)]
    }

    /// Tiles of taps of one plane by source channels.
    pub(crate) fn entries(&self) -> usize {
        self.kernel[1] * self.kernel[2] * (self.source_channels / 16)
    }

    /// Floats of the sums of a task: [plane of taps][block][block][tile].
    pub(crate) fn sums(&self) -> usize {
        let [tall, wide] = self.blocks();
        self.kernel[0] * tall * wide * 4 * SUMS
    }

    /// Floats of scratch.
    pub(crate) fn scratch(&self) -> usize {
        self.chunks * self.groups[0] * self.groups[1] * self.sums() + 16
    }
}
