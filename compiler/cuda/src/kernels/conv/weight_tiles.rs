//! Weight gradients of convolutions on tensor cores. Blocks add tiles of pixels into partial sums of their own, which
//! a second function adds in a fixed order; how many there are depends on the sizes only.

use super::shape::Shape;
use super::tiles::Types;
use crate::function::Function;
use crate::{Draft, Step};
use pfm_ir::DType;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// Rows of pixels of a tile, and groups of 16 columns.
    pub rows: usize,
    pub across: usize,
    /// Output channels of a block in 16s, input channels in 8s.
    pub out_groups: usize,
    pub in_groups: usize,
    /// Taps in time of a block: all, or one.
    pub frames: usize,
    /// Warps that share the pixels for the same taps.
    pub parts: usize,
    pub splits: usize,
    pub residents: usize,
}

/// Blocks that fill the largest devices.
const BLOCKS: usize = 264;

impl Tiling {
    /// None when a kernel is too large to give each warp taps of its own, or its border too wide for shared memory.
    pub fn of(s: &Shape, sm: u32) -> Option<Tiling> {
        let limit = super::tiles::shared_limit(sm);
        let frames = if s.stride[0] == 1 && s.kernel[0] * s.kernel[2] <= 12 { s.kernel[0] } else { 1 };
        let columns = frames * s.kernel[2];
        if columns > 12 || s.kernel[1] > 4 {
            return None;
        }
        let out_groups = s.channels_out.div_ceil(16).min(2);
        let in_groups = s.channels_in.div_ceil(8).min(4);
        let parts = if columns <= 4 { 8 / columns.next_power_of_two() } else { 1 };
        let with = |(rows, across)| Tiling { rows, across, out_groups, in_groups, frames, parts, splits: 1, residents: 1 };
        let t = [(16, 2), (8, 2), (8, 1)].map(with).into_iter().find(|t| t.shared_bytes(s) <= limit)?;
        let (tiles, blocks) = (s.batch * t.tiles(s).0 * t.tiles(s).1, t.blocks(s).0 * t.blocks(s).1);
        let splits = (BLOCKS / blocks).clamp(1, tiles);
        let small = 2 * t.shared_bytes(s) <= limit && s.kernel[1] * out_groups * in_groups <= 12;
        Some(Tiling { splits, residents: if small { 2 } else { 1 }, ..t })
    }

    fn tiles(&self, s: &Shape) -> (usize, usize) {
        (s.output[1].div_ceil(self.rows), s.output[2].div_ceil(16 * self.across))
    }

    /// Blocks over output channels and taps in time, and over input channels.
    fn blocks(&self, s: &Shape) -> (usize, usize) {
        (s.channels_out.div_ceil(16 * self.out_groups) * (s.kernel[0] / self.frames), s.channels_in.div_ceil(8 * self.in_groups))
    }

    fn shared_bytes(&self, s: &Shape) -> usize {
        let units = if self.in_groups <= 2 { 2 } else { 4 };
        let rows = (self.rows - 1) * s.stride[1] + s.kernel[1];
        let columns = (16 * self.across - 1) * s.stride[2] + s.kernel[2];
        let x = rows * columns * units * 16;
        let y = self.rows * 16 * self.across * self.out_groups * 32;
        let sums = s.taps() * self.out_groups * self.in_groups * 512;
        ((self.frames + 1) * x + 2 * y).max(sums)
    }
}

/// The weight gradient from memory 0 (x) and 1 (dy) into memory 2. `types.weights` is that of dy.
pub fn draft(s: &Shape, types: Types, t: Tiling) -> Draft {
    let warps = t.frames * s.kernel[2] * t.parts;
    let f = Function::new("conv_weight_tiles", 32 * warps).residents(t.residents);
    let f = f.reads("x", types.image, 0).reads("dy", types.weights, 1).writes("partial", DType::F32, 3);
    // Pieces of a tile for the parts to share.
    let segments = (t.parts / t.across).max(1);
    let f = s.constants(f).constant("ROWS", t.rows).constant("ACROSS", t.across).constant("SEGMENT", t.rows / segments);
    let f = f
        .constant("KT", t.frames)
        .constant("MT", t.out_groups)
        .constant("NT", t.in_groups)
        .constant("PARTS", t.parts)
        .constant("SPLITS", t.splits);
    let f = f.constant("TILES_Y", t.tiles(s).0).constant("TILES_X", t.tiles(s).1);
    let copies = |dtype: DType, channels: usize| dtype == DType::Bf16 && channels.is_multiple_of(8);
    let f = f.flag("X_COPIES", copies(types.image, s.channels_in)).flag("Y_COPIES", copies(types.weights, s.channels_out));
    let (over_out, over_in) = t.blocks(s);
    let products = f.launch(include_str!("weight_tiles.cu"), [t.splits, over_out, over_in], t.shared_bytes(s));
    let elements = s.taps() * s.channels_out * s.channels_in;
    let f = Function::new("conv_weight_sum", 256).reads("partial", DType::F32, 3).writes("dw", types.result, 2);
    let sum = s.constants(f).constant("SPLITS", t.splits).launch(include_str!("weight_sum.cu"), [elements.div_ceil(32), 1, 1], 0);
    Draft { steps: vec![Step::Launch(products), Step::Launch(sum)], scratch_bytes: 4 * t.splits * elements }
}
