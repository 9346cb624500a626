//! How a convolution on tiles lies in memory and is cut into tasks; made once with the specification.
//! A packed source pixel is a row of 64 bytes or a few; where a pixel has few channels, neighbouring taps share its row.

use crate::amx::block::{Parts, TILE};
use crate::conv::walk::AxisWalk;
use crate::conv::{Pixels, Walk};

/// Bytes of packed source pixels of a task, both parts.
pub(crate) const SPACE: usize = 640 << 10;
/// Blocks of sums of a task, where these must outlast a block of source channels.
pub(crate) const SUMS_KEPT: usize = 64;
/// Steps of a frame at most.
pub(crate) const STEPS: usize = 2048;
/// Values of one row of pixels in f32, where taps share rows.
pub(crate) const LINE: usize = 16 << 10;
/// Tasks that there should be, and multiply-adds that each should have at least.
const TASKS: usize = 32;
const WORK: usize = 1 << 22;

/// A convolution along some walks: forward or input gradient.
#[derive(Clone, Debug)]
pub(crate) struct ConvPlan {
    pub parts: Parts,
    pub walks: Vec<WalkPlan>,
    /// For each tap of the kernel its walk and its place among that walk's taps, if a walk has it.
    pub places: Vec<Option<(usize, [usize; 3])>>,
    /// Bytes of packed weights.
    pub bytes: usize,
}

/// One walk.
#[derive(Clone, Debug)]
pub(crate) struct WalkPlan {
    /// Taps along each axis.
    pub taps: [usize; 3],
    /// The least source offset along each axis.
    pub least: [isize; 3],
    /// Values of a tap in a row that taps share.
    pub slot: usize,
    /// Taps along w that share a row, and how many such groups there are.
    pub together: usize,
    pub groups: usize,
    /// Rows of 32 values of a pixel, how many of them are packed at a time, and how often.
    pub chunks: usize,
    pub per_block: usize,
    pub blocks: usize,
    /// Where the packed weights of this walk start, in bytes.
    pub weights: usize,
    pub cut: Cut,
}

/// The part of a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut {
    /// Rows of result pixels, and such bands.
    pub rows: usize,
    pub bands: usize,
    /// Frames, and such segments.
    pub frames: usize,
    pub segments: usize,
    /// Result channels, and such groups.
    pub columns: usize,
    pub column_groups: usize,
    /// Packed rows of a frame, pixels of a row, and frames kept.
    pub source_rows: usize,
    pub pitch: usize,
    pub ring: usize,
    /// Pack all frames of the task before any product.
    pub whole: bool,
    /// Result pixels from one row to the next as tiles count them, and tiles of 16 of a frame.
    pub across: usize,
    pub tiles: usize,
    /// Rows of tiles may run over the end of a row of pixels.
    pub flat: bool,
}

impl ConvPlan {
    /// None if some walk does not fit.
    pub(crate) fn new(
        parts: Parts,
        batch: usize,
        kernel: [usize; 3],
        walks: &[Walk],
        source: &Pixels,
        result: &Pixels,
    ) -> Option<ConvPlan> {
        let mut plan = ConvPlan { parts, walks: vec![], places: vec![], bytes: 0 };
        for walk in walks {
            let mut of_walk = WalkPlan::new(parts, batch, walk, source, result)?;
            of_walk.weights = plan.bytes;
            plan.bytes += result.channels.div_ceil(16) * of_walk.tile_bytes(parts);
            plan.walks.push(of_walk);
        }
        for tap in 0..kernel.iter().product() {
            let [_, h, w] = kernel;
            let tap = [tap / (h * w), tap / w % h, tap % w];
            plan.places.push(walks.iter().enumerate().find_map(|(i, walk)| {
                let [t, h, w] = std::array::from_fn(|axis| place(&walk[axis], tap[axis]));
                Some((i, [t?, h?, w?]))
            }));
        }
        Some(plan)
    }

    /// Floats of scratch: packed weights from the next multiple of 64 bytes on.
    pub(crate) fn scratch(&self) -> usize {
        self.bytes / 4 + 16
    }
}

/// Place of a tap of the kernel among the taps of a walk by rising source offset.
fn place(walk: &AxisWalk, index: usize) -> Option<usize> {
    let tap = walk.taps.iter().find(|tap| tap.index == index)?;
    Some((tap.offset - least(walk)) as usize)
}

fn least(walk: &AxisWalk) -> isize {
    walk.taps.iter().map(|tap| tap.offset).min().unwrap_or(0)
}

impl WalkPlan {
    fn new(parts: Parts, batch: usize, walk: &Walk, source: &Pixels, result: &Pixels) -> Option<WalkPlan> {
        let taps: [usize; 3] = std::array::from_fn(|axis| walk[axis].taps.len());
        // Offsets of a walk follow one another, so a place is an offset too.
        let across = taps[2].max(1);
        let slot = source.channels.next_multiple_of(2);
        let together = if source.channels <= 16 { (32 / slot).min(across) } else { 1 };
        let chunks = if together > 1 { 1 } else { source.channels.div_ceil(32) };
        let mut plan = WalkPlan {
            taps,
            least: std::array::from_fn(|axis| least(&walk[axis])),
            slot,
            together,
            groups: across.div_ceil(together),
            chunks,
            per_block: chunks,
            blocks: 1,
            weights: 0,
            cut: Cut::default(),
        };
        let pitch = (walk[2].count.max(1) - 1) * walk[2].source_step + across - together + 1;
        if together > 1 && (pitch + together) * slot > LINE {
            return None;
        }
        let height = walk[1].count.max(1);
        for rows in [4, 1].map(|rows| height.min(rows)) {
            for blocks in 1..=chunks {
                plan.per_block = chunks.div_ceil(blocks);
                plan.blocks = chunks.div_ceil(plan.per_block);
                let steps = taps[0] * taps[1] * plan.groups * plan.per_block * parts.products();
                if steps <= STEPS && plan.bytes(parts, walk, pitch, rows, taps[0].max(1)) <= SPACE {
                    plan.cut = plan.cut(parts, batch, walk, result, pitch)?;
                    return Some(plan);
                }
            }
        }
        None
    }

    /// Bytes of one part of a packed pixel.
    pub(crate) fn pixel(&self) -> usize {
        self.per_block * 64
    }

    /// Steps of 32 values of the whole sum.
    pub(crate) fn steps(&self) -> usize {
        self.blocks * self.taps[0] * self.taps[1] * self.groups * self.per_block
    }

    /// Bytes of packed weights of 16 result channels.
    pub(crate) fn tile_bytes(&self, parts: Parts) -> usize {
        self.steps() * parts.count() * TILE
    }

    /// The step of a chunk of channels of a tap, counted through the walk.
    #[inline(always)]
    pub(crate) fn step(&self, chunk: usize, [t, h]: [usize; 2], group: usize) -> usize {
        let (block, chunk) = (chunk / self.per_block, chunk % self.per_block);
        (((block * self.taps[0] + t) * self.taps[1] + h) * self.groups + group) * self.per_block + chunk
    }

    /// The first tap along w of a group. The last group may begin before the one before it ends: it stays inside the kernel.
    #[inline(always)]
    pub(crate) fn group_start(&self, group: usize) -> usize {
        (group * self.together).min(self.taps[2].max(1) - self.together)
    }

    fn source_rows(&self, walk: &Walk, rows: usize) -> usize {
        (rows - 1) * walk[1].source_step + self.taps[1].max(1)
    }

    /// Bytes of packed pixels, and as many behind as a tile may reach too far.
    fn bytes(&self, parts: Parts, walk: &Walk, pitch: usize, rows: usize, ring: usize) -> usize {
        let pixels = ring * self.source_rows(walk, rows) * pitch;
        parts.count() * pixels * self.pixel() + 16 * walk[2].source_step * self.pixel()
    }

    fn cut(&self, parts: Parts, batch: usize, walk: &Walk, result: &Pixels, pitch: usize) -> Option<Cut> {
        let [frames, height, width] = std::array::from_fn(|axis| walk[axis].count);
        let rolling = self.taps[0].max(1);
        let fits = |rows: &usize| self.bytes(parts, walk, pitch, *rows, rolling) <= SPACE;
        let mut cut = Cut {
            rows: (1..=height.max(1)).rev().find(fits)?,
            frames: frames.max(1),
            columns: result.channels.next_multiple_of(32),
            pitch,
            ..Cut::default()
        };
        let sums = batch * frames * height * width * result.channels;
        let wanted = (sums * self.steps() * 32 / WORK).clamp(1, TASKS);
        loop {
            cut.bands = height.div_ceil(cut.rows);
            cut.segments = frames.div_ceil(cut.frames);
            cut.column_groups = result.channels.div_ceil(cut.columns);
            self.tiles(walk, &mut cut);
            let columns = result.channels.min(cut.columns).div_ceil(16);
            let kept = columns.div_ceil(2) * cut.frames * cut.tiles.div_ceil(2);
            let too_many = self.blocks > 1 && kept > SUMS_KEPT;
            if batch * cut.bands * cut.segments * cut.column_groups >= wanted && !too_many {
                break;
            }
            let half = |x: usize| x.div_ceil(2);
            if cut.columns >= 256 {
                cut.columns = half(cut.columns).next_multiple_of(32);
            } else if cut.rows > 4 {
                cut.rows = half(cut.rows);
            } else if cut.frames > 3 {
                cut.frames = half(cut.frames);
            } else if cut.columns > 64 {
                cut.columns = half(cut.columns).next_multiple_of(32);
            } else if cut.rows > 2 {
                cut.rows = half(cut.rows);
            } else if cut.frames > 1 {
                cut.frames = half(cut.frames);
            } else if too_many && cut.columns > 32 {
                cut.columns = 32;
            } else if too_many && cut.rows > 1 {
                cut.rows = 1;
            } else if too_many {
                return None;
            } else {
                break;
            }
        }
        cut.source_rows = self.source_rows(walk, cut.rows);
        let all = (cut.frames - 1) * walk[0].source_step + rolling;
        cut.whole = self.bytes(parts, walk, pitch, cut.rows, all) <= SPACE;
        cut.ring = if cut.whole { all } else { rolling };
        Some(cut)
    }

    /// Tiles of each row of pixels for itself, or of all of them as one row with the borders between them, whatever takes fewer.
    fn tiles(&self, walk: &Walk, cut: &mut Cut) {
        let width = walk[2].count;
        let apart = cut.rows * width.div_ceil(16);
        let flat = ((cut.rows - 1) * cut.pitch + width).div_ceil(16);
        cut.flat = walk[1].source_step == 1 && walk[2].source_step == 1 && flat < apart;
        cut.tiles = if cut.flat { flat } else { apart };
        cut.across = if cut.flat { cut.pitch } else { width.next_multiple_of(16) };
    }
}
