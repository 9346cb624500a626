//! Convolutions with stride 1 on tensor cores, and their input gradients, which are such convolutions too. A block keeps a tile of
//! pixels with its border in shared memory, for all taps; products are bf16, sums f32.

use super::shape::Shape;
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
    pub fn of(s: &Shape, sm: u32) -> Tiling {
        let limit = shared_limit(sm);
        let groups = s.channels_out.div_ceil(8);
        let groups = groups.div_ceil(groups.div_ceil(8));
        let base = Tiling { rows: 4, warps: (4, 2), groups, chunk: 16, flow: Flow::Ring, walk: s.output[0], residents: 1 };
        let resident = |t: &Tiling, limit: usize| if t.shared_bytes(s) <= limit / 2 && t.groups <= 3 { 2 } else { 1 };
        let chunk = if s.channels_in > 16 { 32 } else { 16 };
        let ring = Tiling { chunk, ..base };
        if ring.shared_bytes(s) <= limit {
            return Tiling { residents: resident(&ring, limit), ..ring };
        }
        let stages = |n: usize| Tiling { chunk: 16, flow: Flow::Stages(n), walk: 1, ..base };
        let staged = [4, 3, 2].map(stages).into_iter().find(|t| t.shared_bytes(s) <= limit).unwrap_or(stages(2));
        Tiling { residents: resident(&staged, limit), ..staged }
    }

    fn chunks(&self, s: &Shape) -> usize {
        s.channels_in.div_ceil(self.chunk)
    }

    /// Bytes of the weights of one frame's taps and one chunk.
    fn weight_bytes(&self, s: &Shape) -> usize {
        s.kernel[1] * s.kernel[2] * (self.chunk / 16) * self.groups * 256
    }

    fn frame_bytes(&self, s: &Shape) -> usize {
        let (rows, columns) = (self.rows * self.warps.0 + s.kernel[1] - 1, 16 * self.warps.1 + s.kernel[2] - 1);
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

/// The convolution `s` of memory 0 with the weights in memory 1, into memory 2. With `adjoint` the weights are those of the
/// convolution whose input gradient `s` is.
pub fn draft(s: &Shape, adjoint: bool, types: Types, t: Tiling) -> Draft {
    let blocks = s.channels_out.div_ceil(8 * t.groups);
    let packed = blocks * s.kernel[0] * t.chunks(s) * t.weight_bytes(s);
    let steps = vec![Step::Launch(pack(s, adjoint, types, t, packed)), Step::Launch(multiply(s, types, t, blocks))];
    Draft { steps, scratch_bytes: packed }
}

fn pack(s: &Shape, adjoint: bool, types: Types, t: Tiling, bytes: usize) -> Launch {
    let f = Function::new("conv_pack", 256).reads("w", types.weights, 1).writes("packed", DType::I32, 3);
    let f = s.constants(f).constant("ITEMS", bytes / 8).constant("NT", t.groups).constant("CHUNK", t.chunk);
    let f = f.constant("CHUNKS", t.chunks(s)).flag("ADJOINT", adjoint);
    f.launch(include_str!("pack.cu"), [(bytes / 8).div_ceil(256), 1, 1], 0)
}

fn multiply(s: &Shape, types: Types, t: Tiling, blocks: usize) -> Launch {
    let tiles = (s.output[1].div_ceil(t.rows * t.warps.0), s.output[2].div_ceil(16 * t.warps.1));
    let f = Function::new("conv_tiles", 32 * t.warps.0 * t.warps.1).residents(t.residents);
    let f = f.reads("x", types.image, 0).reads("packed", DType::I32, 3).writes("y", types.result, 2);
    let stages = match t.flow {
        Flow::Ring => 2,
        Flow::Stages(n) => n,
    };
    let f = s.constants(f).constant("R", t.rows).constant("WARPS_Y", t.warps.0).constant("WARPS_X", t.warps.1);
    let f = f.constant("NT", t.groups).constant("CHUNK", t.chunk).constant("CHUNKS", t.chunks(s)).constant("STAGES", stages);
    let f = f.constant("TILES_Y", tiles.0).constant("TILES_X", tiles.1).constant("WALK", t.walk).flag("RING", t.flow == Flow::Ring);
    let f = f.flag("COPIES", types.image == DType::Bf16 && s.channels_in.is_multiple_of(8));
    let f = f.flag("WIDE", types.result == DType::Bf16 && s.channels_out.is_multiple_of(8) && t.groups.is_multiple_of(2));
    let grid = [s.batch * tiles.0 * tiles.1, s.output[0].div_ceil(t.walk), blocks];
    f.launch(include_str!("tiles.cu"), grid, t.shared_bytes(s))
}
