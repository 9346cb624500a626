//! How a contraction on tiles is cut: strips of rows by strips of columns, whose sums stay in the cache of one core while
//! the sum goes on. Chosen from shapes alone.

use crate::amx::block::{Parts, SUMS, TILE};
use crate::amx::may_serve;
use crate::contract::ContractSpec;
use crate::isa::Isa;
use crate::precision::Products;

/// Bytes of packed operands of a task.
pub(crate) const SPACE: usize = 512 << 10;
/// Rows and columns of a task at most, and the floats of their sums.
const ROWS: usize = 256;
const COLUMNS: usize = 512;
pub(crate) const KEPT: usize = ROWS * COLUMNS;
/// Columns of a task that packs both operands for itself.
const OWN_COLUMNS: usize = 128;
/// Steps of 32 values of the sum that are packed at a time at most.
pub(crate) const STEPS: usize = 32;
/// Steps of the sum, and bytes, of what all tasks share at a time.
const SHARED_STEPS: usize = 128;
const SHARED: usize = 32 << 20;
/// Tasks that there should be, and multiply-adds that each should have at least.
const TASKS: usize = 32;
const WORK: usize = 1 << 21;
/// Partial sums at most.
const CHUNKS: usize = 16;

/// The cut of one contraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GemmPlan {
    pub parts: Parts,
    /// Each task packs columns for itself; else they are packed once, a block at a time, for all tasks.
    pub own: bool,
    /// Rows and columns of a task, multiples of 16 and 32.
    pub rows: usize,
    pub columns: usize,
    /// Steps that a task packs at a time.
    pub steps: usize,
    /// Stretches of the sum with partial results of their own.
    pub chunks: usize,
    /// Columns and steps that are packed for all at a time.
    pub shared_columns: usize,
    pub shared_steps: usize,
    /// Rows that are packed for all at a time; 0 if each task packs rows for itself, since no other needs them.
    pub shared_rows: usize,
}

impl GemmPlan {
    /// None where tiles would be mostly empty, or where the call may not go by tiles.
    pub(crate) fn new(isa: Isa, spec: &ContractSpec, products: Products) -> Option<GemmPlan> {
        let [batch, m, n, k] = [&spec.batch, &spec.m, &spec.n, &spec.k].map(|group| group.size);
        if !may_serve(isa, products) || m < 8 || n < 8 || k < 16 || batch == 0 {
            return None;
        }
        let parts = Parts { split: products == Products::Split };
        let work = batch * m * n * k;
        let wanted = (work / WORK).clamp(1, TASKS);
        let (mut rows, mut columns) = (m.next_multiple_of(16).min(ROWS), n.next_multiple_of(32).min(COLUMNS));
        let tasks = |rows: usize, columns: usize| batch * m.div_ceil(rows) * n.div_ceil(columns);
        let few = tasks(64.min(rows), 64.min(columns)) < 8 && k >= 1024;
        let own = few || batch >= 4 || n * k <= 1 << 15;
        if own {
            columns = columns.min(OWN_COLUMNS);
        }
        while !few && tasks(rows, columns) < wanted && rows * columns > 64 * 64 {
            if rows > columns { rows = half(rows, 16) } else { columns = half(columns, 32) }
        }
        // As even as whole tiles allow.
        rows = m.div_ceil(m.div_ceil(rows)).next_multiple_of(16);
        columns = n.div_ceil(n.div_ceil(columns)).next_multiple_of(32);
        let chunks = if few { (k / 512).clamp(2, CHUNKS) } else { 1 };
        let packed = if own { rows + columns } else { rows };
        let steps = (SPACE / (packed * 64 * parts.count())).min(STEPS);
        let all = k.div_ceil(32);
        let shared_steps = if all <= 2 * SHARED_STEPS { all } else { SHARED_STEPS };
        let most = SHARED / (shared_steps * 64 * parts.count()) / columns * columns;
        let shared_columns = n.next_multiple_of(columns).min(most.max(columns));
        let most = SHARED / 2 / (shared_steps * 64 * parts.count()) / rows * rows;
        let shared_rows = if own || n <= columns { 0 } else { m.next_multiple_of(rows).min(most.max(rows)) };
        Some(GemmPlan { parts, own, rows, columns, steps, chunks, shared_columns, shared_steps, shared_rows })
    }

    /// Floats of scratch.
    pub(crate) fn scratch(&self, spec: &ContractSpec) -> usize {
        let strips = self.strips(spec);
        let size = self.sums();
        16 + if self.chunks > 1 {
            self.chunks * spec.batch.size * strips[0] * strips[1] * size
        } else if self.own {
            0
        } else {
            let columns = self.shared_columns.min(spec.n.size.next_multiple_of(self.columns));
            let kept = if self.passes(spec) > 1 { strips[0] * (columns / self.columns) * size } else { 0 };
            (columns + self.shared_rows) / 16 * self.tile_bytes() / 4 + kept
        }
    }

    /// Strips of rows and of columns.
    pub(crate) fn strips(&self, spec: &ContractSpec) -> [usize; 2] {
        [spec.m.size.div_ceil(self.rows), spec.n.size.div_ceil(self.columns)]
    }

    /// How often columns are packed for all, one stretch of the sum after another.
    pub(crate) fn passes(&self, spec: &ContractSpec) -> usize {
        spec.k.size.div_ceil(32).div_ceil(self.shared_steps)
    }

    /// Floats of the sums of a task: blocks of two by two tiles.
    pub(crate) fn sums(&self) -> usize {
        (self.rows / 16).div_ceil(2) * (self.columns / 32) * 4 * SUMS
    }

    /// Bytes of 16 rows or columns that are packed for all.
    pub(crate) fn tile_bytes(&self) -> usize {
        self.shared_steps * self.parts.count() * TILE
    }
}

fn half(x: usize, unit: usize) -> usize {
    x.div_ceil(2).next_multiple_of(unit)
}
