//! Contractions on tiles. A task has a strip of rows by a strip of columns; it packs some steps of the sum at a time and adds
//! their products to sums that stay in its cache, then stores these where the result's axes say.

use crate::amx::block::{Block, SUMS, Steps, TILE};
use crate::amx::contract_plan::{GemmPlan, KEPT, SPACE, STEPS};
use crate::amx::gather::{Form, Side};
use crate::amx::pack::{Packed, Place, Source};
use crate::amx::tiles::Tiles;
use crate::amx::{TileKernel, aligned, launch_tiles};
use crate::block::Stack;
use crate::contract::{ContractSpec, OUT, X, Y};
use crate::isa::Isa;
use crate::precision::{Operand, Output};
use crate::simd::Simd;
use pfm_device::Pool;
use std::ops::Range;

/// Bytes of packed columns that stay in the nearest cache while blocks of rows pass by, and how many blocks do.
const NEAR: usize = 24 << 10;
const GROUP: usize = 4;
/// Tiles of columns and steps of one task that packs for all.
const PACKED_TILES: usize = 8;
const PACKED_STEPS: usize = 16;

/// out = einsum(x, y) as `spec` and `plan` say.
#[allow(clippy::too_many_arguments)] // the plan, the operands and where to run
pub(crate) fn contract(
    pool: &Pool,
    isa: Isa,
    spec: &ContractSpec,
    plan: &GemmPlan,
    x: Operand<'_>,
    y: Operand<'_>,
    out: Output<'_>,
    scratch: &mut [f32],
) {
    let (x, y) = if spec.swapped { (y, x) } else { (x, y) };
    let job = Job { spec, plan, x: Source::of(x), y: Source::of(y), out: Place::of(out), scratch: aligned(scratch) };
    let [rows, columns] = plan.strips(spec);
    let (batch, k) = (spec.batch.size, spec.k.size);
    if plan.own {
        let tasks = batch * plan.chunks * rows * columns;
        launch_tiles(pool, isa, tasks, &Own { job: &job, rows, columns });
        if plan.chunks > 1 {
            launch_tiles(pool, isa, batch * rows * columns, &Reduce { job: &job, rows, columns });
        }
        return;
    }
    for index in 0..batch {
        for first in (0..spec.n.size).step_by(plan.shared_columns) {
            for step in (0..k).step_by(plan.shared_steps * 32) {
                let mut block = Shared {
                    job: &job,
                    batch: index,
                    rows: 0..spec.m.size,
                    columns: first..spec.n.size.min(first + plan.shared_columns),
                    summed: step..k.min(step + plan.shared_steps * 32),
                };
                block.run_all(pool, isa);
            }
        }
    }
}

struct Job<'a> {
    spec: &'a ContractSpec,
    plan: &'a GemmPlan,
    x: Source,
    y: Source,
    out: Place,
    scratch: *mut u8,
}
// SAFETY: x and y are only read, and every task writes its own part of the result and of the scratch.
unsafe impl Sync for Job<'_> {}

/// A product of a strip of rows by a strip of columns over a stretch of the sum.
#[derive(Clone)]
struct Part {
    batch: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    summed: Range<usize>,
    /// Packed rows and columns from the first of the strip on, if they are packed for all.
    shared_rows: Option<*const u8>,
    shared: Option<*const u8>,
    sums: *mut f32,
    /// Add to the sums that are there.
    add: bool,
}

impl Job<'_> {
    #[inline(always)]
    fn row_side(&self, batch: usize) -> Side<'_> {
        let from = self.x.add(self.spec.batch.offset(X, batch));
        Side { from, tensor: X, outer: &self.spec.m, summed: &self.spec.k }
    }

    #[inline(always)]
    fn column_side(&self, batch: usize) -> Side<'_> {
        let from = self.y.add(self.spec.batch.offset(Y, batch));
        Side { from, tensor: Y, outer: &self.spec.n, summed: &self.spec.k }
    }

    /// Packs tiles [tile of 16][part][step] of a side.
    #[inline(always)]
    unsafe fn pack<T: Tiles>(&self, side: &Side<'_>, form: Form, outer: &Range<usize>, summed: &Range<usize>, to: Packed) {
        let tile_bytes = self.plan.parts.count() * to.low;
        let (outers, steps) = (outer.len().div_ceil(16), summed.len().div_ceil(32));
        // What lies side by side is packed in one go.
        let along = side.summed.inner(side.tensor) == 1;
        for index in 0..outers * steps {
            let (tile, step) = if along { (index / steps, index % steps) } else { (index % outers, index / outers) };
            let (first, start) = (outer.start + tile * 16, summed.start + step * 32);
            let to = to.add(tile * tile_bytes + step * TILE);
            let (count, some) = ((outer.end - first).min(16), (summed.end - start).min(32));
            // SAFETY: passed on from the caller.
            unsafe { side.tile::<T>(form, (first, count), (start, some), to) };
        }
    }

    /// Adds all products of a part to its sums. `space` is for packed operands.
    #[inline(always)]
    unsafe fn multiply<T: Tiles>(&self, tiles: &mut T, part: &Part, space: *mut u8) {
        let (plan, parts) = (self.plan, self.plan.parts);
        let mut steps = Steps::<{ 3 * STEPS }>::new();
        for start in part.summed.clone().step_by(plan.steps * 32) {
            let summed = start..part.summed.end.min(start + plan.steps * 32);
            let (low, shared_low) = (plan.steps * TILE, plan.shared_steps * TILE);
            let packed = Packed::new(space, parts, low);
            let behind = (start - part.summed.start) / 32 * TILE;
            // SAFETY: the plan has seen to room for the strip of rows, and of columns where a task packs them.
            let (a, b) = unsafe {
                let a = match part.shared_rows {
                    Some(shared) => (shared.wrapping_add(behind), shared_low),
                    None => {
                        self.pack::<T>(&self.row_side(part.batch), Form::A, &part.rows, &summed, packed);
                        (space.cast_const(), low)
                    }
                };
                let b = match part.shared {
                    Some(shared) => (shared.wrapping_add(behind), shared_low),
                    None => {
                        let b = packed.add(plan.rows / 16 * parts.count() * low);
                        self.pack::<T>(&self.column_side(part.batch), Form::B, &part.columns, &summed, b);
                        (b.to.cast_const(), low)
                    }
                };
                (a, b)
            };
            steps.clear();
            for step in 0..summed.len().div_ceil(32) {
                steps.push(parts, step * TILE, step * TILE, [a.1, b.1]);
            }
            let add = part.add || start > part.summed.start;
            // SAFETY: as above.
            unsafe { self.blocks(tiles, part, a, b, steps.all(), add) };
        }
    }

    /// The blocks of sums of a part.
    #[inline(always)]
    unsafe fn blocks<T: Tiles>(
        &self,
        tiles: &mut T,
        part: &Part,
        (a, a_low): (*const u8, usize),
        (b, b_low): (*const u8, usize),
        steps: &[crate::amx::block::Step],
        add: bool,
    ) {
        let parts = self.plan.parts;
        let (a_tile, b_tile) = (parts.count() * a_low, parts.count() * b_low);
        let some = steps.len() / parts.products();
        for (index, column) in part.columns.clone().step_by(32).enumerate() {
            let shape = Shape::of(part, index, column);
            let b = b.wrapping_add(2 * index * b_tile);
            let chunks = (some * parts.count() * shape.wide * TILE).div_ceil(NEAR);
            for group in (0..shape.blocks).step_by(GROUP) {
                for chunk in 0..chunks {
                    let range = chunk * some / chunks * parts.products()..(chunk + 1) * some / chunks * parts.products();
                    for row in group..shape.blocks.min(group + GROUP) {
                        let first = row * shape.tall;
                        let block = Block {
                            rows: shape.tall.min(shape.tiles - first),
                            columns: shape.wide,
                            a: std::array::from_fn(|i| a.wrapping_add((first + i) * a_tile)),
                            b: std::array::from_fn(|i| b.wrapping_add(i * b_tile)),
                            a_row: 64,
                            sums: shape.sums(part, row),
                            sums_row: 64,
                            add: add || chunk > 0,
                        };
                        // SAFETY: the tiles lie inside packed operands and the sums.
                        unsafe { block.run(tiles, &steps[range.clone()]) };
                    }
                }
            }
        }
    }

    /// Stores the sums of a part.
    #[inline(always)]
    unsafe fn store<T: Tiles>(&self, part: &Part) {
        let spec = self.spec;
        let out = self.out.add(spec.batch.offset(OUT, part.batch));
        // Row by row: the columns of a strip lie together in most results.
        for row in part.rows.clone() {
            let at = row - part.rows.start;
            let (tile, line) = (at / 16, at % 16);
            let to = out.add(spec.m.offset(OUT, row));
            for (index, column) in part.columns.clone().step_by(32).enumerate() {
                let shape = Shape::of(part, index, column);
                for i in 0..shape.wide {
                    let sums = shape.sums(part, tile / shape.tall).wrapping_add((tile % shape.tall * shape.wide + i) * SUMS + line * 16);
                    let first = column + i * 16;
                    let count = (part.columns.end - first).min(16);
                    // SAFETY: rows and columns of the result are of this task alone.
                    unsafe { self.scatter::<T>(sums, to, first, count) };
                }
            }
        }
    }

    /// Stores up to 16 columns of a row.
    #[inline(always)]
    unsafe fn scatter<T: Tiles>(&self, from: *const f32, to: Place, first: usize, count: usize) {
        let stride = self.spec.n.inner(OUT);
        if self.spec.n.stride(OUT) == Some(1) {
            // SAFETY: passed on from the caller.
            return unsafe { to.add(first).copy::<T>(from, count) };
        }
        for (at, offset, length) in self.spec.n.runs(OUT, first, count) {
            // SAFETY: passed on from the caller.
            unsafe {
                if stride <= 1 {
                    to.add(offset).copy::<T>(from.add(at), length);
                } else {
                    for j in 0..length {
                        to.add(offset + j * stride).copy::<T>(from.add(at + j), 1);
                    }
                }
            }
        }
    }
}

/// How up to 32 columns of a part are made of blocks.
struct Shape {
    index: usize,
    /// Tiles of columns, tiles of rows of a block, tiles of rows in all, and blocks.
    wide: usize,
    tall: usize,
    tiles: usize,
    blocks: usize,
}

impl Shape {
    #[inline(always)]
    fn of(part: &Part, index: usize, column: usize) -> Shape {
        let wide = (part.columns.end - column).div_ceil(16).min(2);
        let tall = if wide == 1 { 4 } else { 2 };
        let tiles = part.rows.len().div_ceil(16);
        Shape { index, wide, tall, tiles, blocks: tiles.div_ceil(tall) }
    }

    /// Where the sums of a block lie.
    #[inline(always)]
    fn sums(&self, part: &Part, block: usize) -> *mut f32 {
        part.sums.wrapping_add((self.index * self.tiles.div_ceil(2) + block) * 4 * SUMS)
    }
}

/// Tasks that pack both operands for themselves.
struct Own<'a> {
    job: &'a Job<'a>,
    rows: usize,
    columns: usize,
}

impl TileKernel for Own<'_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(&self, tiles: &mut T, task: usize) {
        let (plan, spec) = (self.job.plan, self.job.spec);
        let (task, row) = (task / self.rows, task % self.rows);
        let (task, column) = (task / self.columns, task % self.columns);
        let (batch, chunk) = (task / plan.chunks, task % plan.chunks);
        let mut space = Stack::<{ SPACE / 4 }>::new();
        let mut sums = Stack::<KEPT>::new();
        let mut part = part_of(self.job, batch, row, column);
        // Whole steps, so that only the last chunk has an incomplete one.
        let steps = spec.k.size.div_ceil(32);
        let (start, stop) = (chunk * steps / plan.chunks, (chunk + 1) * steps / plan.chunks);
        part.summed = start * 32..spec.k.size.min(stop * 32);
        part.sums = if plan.chunks > 1 { partial(self.job, [self.rows, self.columns], [batch, row, column], chunk) } else { sums.start() };
        // SAFETY: these results, or this partial sum, are of this task alone.
        unsafe {
            self.job.multiply(tiles, &part, space.start().cast());
            if plan.chunks == 1 {
                self.job.store::<T>(&part);
            }
        }
    }
}

#[inline(always)]
fn part_of(job: &Job<'_>, batch: usize, row: usize, column: usize) -> Part {
    let (plan, spec) = (job.plan, job.spec);
    Part {
        batch,
        rows: row * plan.rows..spec.m.size.min((row + 1) * plan.rows),
        columns: column * plan.columns..spec.n.size.min((column + 1) * plan.columns),
        summed: 0..spec.k.size,
        shared_rows: None,
        shared: None,
        sums: std::ptr::null_mut(),
        add: false,
    }
}

/// Where a partial sum lies: [chunk][batch][column][row].
#[inline(always)]
fn partial(job: &Job<'_>, [rows, columns]: [usize; 2], [batch, row, column]: [usize; 3], chunk: usize) -> *mut f32 {
    let index = ((chunk * job.spec.batch.size + batch) * columns + column) * rows + row;
    job.scratch.cast::<f32>().wrapping_add(index * job.plan.sums())
}

/// Adds partial sums in order and stores them.
struct Reduce<'a> {
    job: &'a Job<'a>,
    rows: usize,
    columns: usize,
}

impl TileKernel for Reduce<'_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(&self, _: &mut T, task: usize) {
        let (task, row) = (task / self.rows, task % self.rows);
        let (batch, column) = (task / self.columns, task % self.columns);
        let size = [self.rows, self.columns];
        let first = partial(self.job, size, [batch, row, column], 0);
        // SAFETY: the partial sums of this strip are of this task alone now.
        unsafe {
            for chunk in 1..self.job.plan.chunks {
                let more = partial(self.job, size, [batch, row, column], chunk);
                for at in (0..self.job.plan.sums()).step_by(T::Lanes::LANES) {
                    T::Lanes::store(first.add(at), T::Lanes::add(T::Lanes::load(first.add(at)), T::Lanes::load(more.add(at))));
                }
            }
            let mut part = part_of(self.job, batch, row, column);
            part.sums = first;
            self.job.store::<T>(&part);
        }
    }
}

/// Columns, rows and a stretch of the sum that are packed once for all tasks.
struct Shared<'a> {
    job: &'a Job<'a>,
    batch: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    summed: Range<usize>,
}

impl Shared<'_> {
    fn run_all(&mut self, pool: &Pool, isa: Isa) {
        let plan = self.job.plan;
        let pack = PackShared { block: self, form: Form::B, outer: self.columns.clone(), to: self.job.scratch };
        launch_tiles(pool, isa, pack.tasks(), &pack);
        let (m, some) = (self.job.spec.m.size, if plan.shared_rows > 0 { plan.shared_rows } else { self.job.spec.m.size });
        for first in (0..m).step_by(some) {
            self.rows = first..m.min(first + some);
            if plan.shared_rows > 0 {
                let pack = PackShared { block: self, form: Form::A, outer: self.rows.clone(), to: self.packed_rows() };
                launch_tiles(pool, isa, pack.tasks(), &pack);
            }
            let tasks = self.rows.len().div_ceil(plan.rows) * self.columns.len().div_ceil(plan.columns);
            launch_tiles(pool, isa, tasks, self);
        }
    }

    /// Behind the packed columns; the sums lie behind the packed rows.
    #[inline(always)]
    fn packed_rows(&self) -> *mut u8 {
        let plan = self.job.plan;
        self.job.scratch.wrapping_add(plan.shared_columns / 16 * plan.tile_bytes())
    }
}

impl TileKernel for Shared<'_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(&self, tiles: &mut T, task: usize) {
        let (job, plan) = (self.job, self.job.plan);
        let strips = self.rows.len().div_ceil(plan.rows);
        let (column, row) = (task / strips, task % strips);
        let first = self.columns.start + column * plan.columns;
        let mut space = Stack::<{ SPACE / 4 }>::new();
        let mut sums = Stack::<KEPT>::new();
        let mut part = part_of(job, self.batch, self.rows.start / plan.rows + row, 0);
        part.columns = first..self.columns.end.min(first + plan.columns);
        part.summed = self.summed.clone();
        part.shared = Some(job.scratch.wrapping_add(column * (plan.columns / 16) * plan.tile_bytes()));
        if plan.shared_rows > 0 {
            part.shared_rows = Some(self.packed_rows().wrapping_add(row * (plan.rows / 16) * plan.tile_bytes()));
        }
        part.add = self.summed.start > 0;
        part.sums = if plan.passes(job.spec) > 1 {
            let [rows, _] = plan.strips(job.spec);
            let behind = self.packed_rows().wrapping_add(plan.shared_rows / 16 * plan.tile_bytes());
            let index = column * rows + self.rows.start / plan.rows + row;
            behind.cast::<f32>().wrapping_add(index * plan.sums())
        } else {
            sums.start()
        };
        // SAFETY: these results and sums are of this task alone.
        unsafe {
            job.multiply(tiles, &part, space.start().cast());
            if self.summed.end == job.spec.k.size {
                job.store::<T>(&part);
            }
        }
    }
}

/// Packs rows or columns for all: [tile of 16][part][step].
struct PackShared<'a> {
    block: &'a Shared<'a>,
    form: Form,
    outer: Range<usize>,
    to: *mut u8,
}
// SAFETY: every task writes its own tiles.
unsafe impl Sync for PackShared<'_> {}

impl PackShared<'_> {
    fn pieces(&self) -> usize {
        self.block.summed.len().div_ceil(32 * PACKED_STEPS)
    }

    fn tasks(&self) -> usize {
        self.outer.len().div_ceil(16 * PACKED_TILES) * self.pieces()
    }
}

impl TileKernel for PackShared<'_> {
    #[inline(always)]
    unsafe fn run<T: Tiles>(&self, _: &mut T, task: usize) {
        let (job, plan) = (self.block.job, self.block.job.plan);
        let (group, piece) = (task / self.pieces(), task % self.pieces());
        let (first, start) = (group * 16 * PACKED_TILES, piece * 32 * PACKED_STEPS);
        let outer = self.outer.start + first..self.outer.end.min(self.outer.start + first + 16 * PACKED_TILES);
        let summed = &self.block.summed;
        let summed = summed.start + start..summed.end.min(summed.start + start + 32 * PACKED_STEPS);
        let to = self.to.wrapping_add(first / 16 * plan.tile_bytes() + start / 32 * TILE);
        let to = Packed::new(to, plan.parts, plan.shared_steps * TILE);
        let side = if self.form == Form::A { job.row_side(self.block.batch) } else { job.column_side(self.block.batch) };
        // SAFETY: these rows or columns and steps are of this task alone.
        unsafe { job.pack::<T>(&side, self.form, &outer, &summed, to) };
    }
}
