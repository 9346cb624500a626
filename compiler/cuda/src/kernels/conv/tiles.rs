//! Convolutions on tensor cores, and their input gradients, which are convolutions too. A block keeps a tile of
//! pixels with its border in shared memory, for all taps; products are bf16, sums f32.

use super::shape::{Scatter, Shape};
use crate::function::Function;
use crate::{Draft, Launch, Step};
use pfm_ir::DType;

/// How the work is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// Rows of 16 pixels of a warp.
    pub rows: usize,
    /// Warps of a block: down and across.
    pub warps: (usize, usize),
    /// Groups of 8 output channels of a block.
    pub groups: usize,
    /// Input channels in shared memory at a time: 16, 32 or 64.
    pub chunk: usize,
    /// Whether frames stay in shared memory for all frames that need them. Otherwise, how many stages are on the way.
    pub flow: Flow,
    /// Output frames of a block.
    pub walk: usize,
    /// Blocks that a multiprocessor holds at least.
    pub residents: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Ring,
    Stages(usize),
}

/// Shared memory that a block may take.
pub fn shared_limit(sm: u32) -> usize {
    match sm {
        80 | 87 => 163 * 1024,
        90..=109 => 227 * 1024,
        _ => 99 * 1024,
    }
}

impl Tiling {
    /// None when no tile fits into shared memory.
    pub fn of(s: &Shape, sm: u32) -> Option<Tiling> {
        let limit = shared_limit(sm);
        let groups = s.channels_out.div_ceil(8);
        let groups = groups.div_ceil(groups.div_ceil(8));
        let base = Tiling { rows: 4, warps: (2, 2), groups, chunk: 16, flow: Flow::Ring, walk: s.output[0], residents: 1 };
        let chunk = if s.channels_in > 16 { 32 } else { 16 };
        // Measured: these keep the tensor cores busiest at the sizes of the benchmarks.
        let (rows, warps) = match (groups, chunk) {
            (1, _) | (3 | 4, 32) => (4, (4, 2)),
            (3 | 4, _) => (8, (2, 2)),
            _ => (4, (2, 2)),
        };
        let ring = Tiling { rows, warps, chunk, ..base };
        let tiling = if s.stride[0] == 1 && ring.shared_bytes(s) <= limit { ring } else { base.staged(s, limit) };
        // Accumulators, and as much again for the rest, bound how many blocks there is room for.
        let registers = tiling.rows * tiling.groups * 4 + 80;
        let by_registers = 65536 / (registers * 32 * tiling.warps.0 * tiling.warps.1);
        let bytes = tiling.shared_bytes(s);
        let residents = by_registers.min((limit + 1024) / (bytes + 1024)).clamp(1, 3);
        (bytes <= limit).then_some(Tiling { residents, ..tiling })
    }

    /// Frames and weights come anew for every output frame: for many channels, or a stride in time.
    fn staged(self, s: &Shape, limit: usize) -> Tiling {
        let wide = self.groups <= 2 && s.channels_in >= 32;
        let (chunk, warps, stages) = if wide { (32, (4, 2), 2) } else { (16, self.warps, 3) };
        let few = |t: &Tiling| s.batch * s.output[0] * t.tiles(s).0 * t.tiles(s).1 * s.channels_out.div_ceil(8 * t.groups) < 200;
        let mut t = Tiling { chunk, warps, flow: Flow::Stages(stages), walk: 1, ..self };
        if few(&t) && t.groups > 4 {
            t.groups = t.groups.div_ceil(2);
        }
        if t.shared_bytes(s) > limit { Tiling { chunk: 16, warps: (1, 2), flow: Flow::Stages(2), ..t } } else { t }
    }

    fn tiles(&self, s: &Shape) -> (usize, usize) {
        (s.output[1].div_ceil(self.rows * self.warps.0), s.output[2].div_ceil(16 * self.warps.1))
    }

    fn chunks(&self, s: &Shape) -> usize {
        s.channels_in.div_ceil(self.chunk)
    }

    /// Bytes of the weights of one frame's taps and one chunk.
    fn weight_bytes(&self, s: &Shape) -> usize {
        s.kernel[1] * s.kernel[2] * (self.chunk / 16) * self.groups * 256
    }

    fn frame_bytes(&self, s: &Shape) -> usize {
        let rows = (self.rows * self.warps.0 - 1) * s.stride[1] + s.kernel[1];
        let columns = (16 * self.warps.1 - 1) * s.stride[2] + s.kernel[2];
        rows * columns * self.chunk * 2
    }

    pub fn shared_bytes(&self, s: &Shape) -> usize {
        match self.flow {
            Flow::Ring => self.chunks(s) * (s.kernel[0] * self.weight_bytes(s) + (s.kernel[0] + 1) * self.frame_bytes(s)),
            Flow::Stages(n) => n * (self.weight_bytes(s) + self.frame_bytes(s)),
        }
    }
}

/// Element types in memory: of the image, the weights and the result.
#[derive(Clone, Copy, Debug)]
pub struct Types {
    pub image: DType,
    pub weights: DType,
    pub result: DType,
}

/// The convolution `s` of memory 0 with the weights in memory 1, into memory 2. With `scatter` it is the input gradient of another,
/// whose weights those are.
pub fn draft(s: &Shape, scatter: Option<&Scatter>, types: Types, t: Tiling) -> Draft {
    let blocks = s.channels_out.div_ceil(8 * t.groups);
    let packed = blocks * s.kernel[0] * t.chunks(s) * t.weight_bytes(s);
    let place = scatter.cloned().unwrap_or_else(|| Scatter::none(s));
    let pack = {
        let f = Function::new("conv_pack", 256).reads("w", types.weights, 1).writes("packed", DType::I32, 3);
        let f = place.constants(s.constants(f)).flag("ADJOINT", scatter.is_some()).constant("ITEMS", packed / 8);
        let f = f.constant("NT", t.groups).constant("CHUNK", t.chunk).constant("CHUNKS", t.chunks(s));
        f.launch(include_str!("pack.cu"), [(packed / 8).div_ceil(256), 1, 1], 0)
    };
    let steps = vec![Step::Launch(pack), Step::Launch(multiply(s, &place, types, t, blocks))];
    Draft { steps, scratch_bytes: packed }
}

fn multiply(s: &Shape, place: &Scatter, types: Types, t: Tiling, blocks: usize) -> Launch {
    let tiles = t.tiles(s);
    let f = Function::new("conv_tiles", 32 * t.warps.0 * t.warps.1).residents(t.residents);
    let f = f.reads("x", types.image, 0).reads("packed", DType::I32, 3).writes("y", types.result, 2);
    let stages = match t.flow {
        Flow::Ring => 2,
        Flow::Stages(n) => n,
    };
    let f = place.constants(s.constants(f)).constant("R", t.rows).constant("WARPS_Y", t.warps.0).constant("WARPS_X", t.warps.1);
    let f = f.constant("NT", t.groups).constant("CHUNK", t.chunk).constant("CHUNKS", t.chunks(s)).constant("STAGES", stages);
    let f = f.constant("TILES_Y", tiles.0).constant("TILES_X", tiles.1).constant("WALK", t.walk).flag("RING", t.flow == Flow::Ring);
    let f = f.flag("COPIES", types.image == DType::Bf16 && s.channels_in.is_multiple_of(8));
    let f = f.flag("WIDE", types.result == DType::Bf16 && place.channels.is_multiple_of(8) && t.groups.is_multiple_of(2));
    let grid = [s.batch * tiles.0 * tiles.1, s.output[0].div_ceil(t.walk), blocks];
    f.launch(include_str!("tiles.cu"), grid, t.shared_bytes(s))
}
