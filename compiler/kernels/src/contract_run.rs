//! Running a contraction: packing of panels, tiles over rows and columns, and the three ways to cut the work.
//! The order in which products are added depends on the specification only, never on threads.

use crate::block::{Panel, Stack, panel, panels, strips};
use crate::contract::{COLUMNS, ContractSpec, Cut, OUT, ROWS, X, Y};
use crate::isa::{Isa, Kernel, Shared, launch};
use crate::simd::{Simd, columns};
use crate::tile::{Tile, WHOLE};
use pfm_device::Pool;

/// Steps of the sum that one packed panel holds.
const STEPS: usize = 256;
/// With this many rows or fewer, y is read where it lies.
const FEW: usize = 12;
/// Columns that a task packs at a time for itself.
const OWN_COLUMNS: usize = 128;

/// out = einsum(x, y) as `spec` says, all dense and row-major. `scratch` has at least `spec.scratch()` values.
pub fn contract(pool: &Pool, isa: Isa, spec: &ContractSpec, x: &[f32], y: &[f32], out: &mut [f32], scratch: &mut [f32]) {
    assert_eq!([x.len(), y.len(), out.len()], spec.lengths, "operands have the sizes of the specification");
    assert!(scratch.len() >= spec.scratch(), "scratch is large enough");
    if out.is_empty() {
        return;
    }
    if spec.k.size == 0 {
        out.fill(0.0);
        return;
    }
    let (x, y) = if spec.swapped { (y, x) } else { (x, y) };
    let job = Job { spec, x: x.as_ptr(), y: y.as_ptr(), out: Shared::of(out), scratch: Shared::of(scratch) };
    let (batch, m, n, k) = (spec.batch.size, spec.m.size, spec.n.size, spec.k.size);
    match spec.cut {
        Cut::Dots { some } => {
            launch(pool, isa, (batch * n).div_ceil(some), &Dots { job, some });
        }
        Cut::Batches { batches, rows } => {
            let tasks = batch.div_ceil(batches) * m.div_ceil(rows);
            launch(pool, isa, tasks, &Batches { job, batches, rows });
        }
        Cut::Sums { chunks } => {
            launch(pool, isa, batch * chunks, &Sums { job, chunks });
            let tasks = (batch * m * n).div_ceil(REDUCED);
            launch(pool, isa, tasks, &Reduce { job, chunks });
        }
        Cut::Blocks { columns, sums } => {
            for index in 0..batch {
                for n0 in (0..n).step_by(columns) {
                    for k0 in (0..k).step_by(sums) {
                        let block = Block { job, batch: index, columns: n0..n.min(n0 + columns), steps: k0..k.min(k0 + sums) };
                        if job.unpacked(m).is_none() {
                            let tasks = block.steps.len().div_ceil(STEPS) * block.groups();
                            launch(pool, isa, tasks, &PackBlock(&block));
                        }
                        let tasks = m.div_ceil(ROWS) * block.groups();
                        launch(pool, isa, tasks, &MultiplyBlock(&block));
                    }
                }
            }
        }
    }
}

/// Results that one task of the final sum adds up.
const REDUCED: usize = 4096;

#[derive(Clone, Copy)]
struct Job<'a> {
    spec: &'a ContractSpec,
    x: *const f32,
    y: *const f32,
    out: Shared,
    scratch: Shared,
}
// SAFETY: x and y are only read, and every task writes its own part of out and scratch.
unsafe impl Sync for Job<'_> {}

/// Where products go: dense rows of columns, or scattered as the groups of the specification say.
#[derive(Clone, Copy)]
enum Target {
    Dense { start: *mut f32, row: usize },
    Scattered { start: *mut f32 },
}

/// A range of rows, columns or steps as (first, count).
type Span = (usize, usize);

impl Job<'_> {
    #[inline(always)]
    fn target(&self, batch: usize) -> Target {
        let spec = self.spec;
        // SAFETY: the offset of a batch lies inside the result.
        let start = unsafe { self.out.0.add(spec.batch.offset(OUT, batch)) };
        match (spec.m.stride(OUT), spec.n.stride(OUT)) {
            (Some(row), Some(0 | 1)) => Target::Dense { start, row },
            _ => Target::Scattered { start },
        }
    }

    /// Writes panel `panel` (columns counted from `n0`) of y for the steps, row by row of the sum.
    #[inline(always)]
    unsafe fn pack<S: Simd>(&self, y: *const f32, n0: usize, panel: Panel, steps: Span, to: *mut f32) {
        let (n, k) = (&self.spec.n, &self.spec.k);
        let (n_stride, k_stride) = (n.inner(Y), k.inner(Y));
        let width = panel.vectors * S::LANES;
        for (i, k_offset, k_length) in k.runs(Y, steps.0, steps.1) {
            for (j, n_offset, n_length) in n.runs(Y, n0 + panel.first, panel.columns) {
                // SAFETY: offsets of the specification lie inside y, and the panel has `width` columns per step.
                unsafe {
                    let from = (y.add(k_offset + n_offset), n_stride, k_stride);
                    let to = (to.add(i * width + j), width);
                    lay::<S>(from, (n_length, k_length), to);
                }
            }
        }
    }

    /// Copies rows of x so that one stride serves rows and one serves steps; gives those strides.
    #[inline(always)]
    unsafe fn pack_rows<S: Simd>(&self, x: *const f32, rows: Span, steps: Span, to: *mut f32) -> (isize, isize) {
        let (m, k) = (&self.spec.m, &self.spec.k);
        let (m_stride, k_stride) = (m.inner(X), k.inner(X));
        let (row, step) = if m_stride == 1 { (1, rows.1) } else { (steps.1, 1) };
        for (i, m_offset, m_length) in m.runs(X, rows.0, rows.1) {
            for (s, k_offset, k_length) in k.runs(X, steps.0, steps.1) {
                // SAFETY: offsets of the specification lie inside x; the block has rows times steps places.
                unsafe {
                    let from = x.add(m_offset + k_offset);
                    let to = to.add(i * row + s * step);
                    if m_stride == 1 {
                        lay::<S>((from, 1, k_stride), (m_length, k_length), (to, step));
                    } else {
                        lay::<S>((from, k_stride, m_stride), (k_length, m_length), (to, row));
                    }
                }
            }
        }
        (row as isize, step as isize)
    }

    /// The rows of x as strides in place, or packed into `space` where groups have several axes or reuse pays for it.
    #[inline(always)]
    unsafe fn rows<S: Simd>(&self, x: *const f32, rows: Span, steps: Span, reuse: bool, space: *mut f32) -> (*const f32, isize, isize) {
        let (m, k) = (&self.spec.m, &self.spec.k);
        if let (Some(row), Some(step)) = (m.stride(X), k.stride(X))
            && !(reuse && step > 1)
        {
            // SAFETY: the first row and step lie inside x.
            let start = unsafe { x.add(rows.0 * row + steps.0 * step) };
            return (start, row as isize, step as isize);
        }
        // SAFETY: passed on from the caller.
        let (row, step) = unsafe { self.pack_rows::<S>(x, rows, steps, space) };
        (space, row, step)
    }

    /// Multiplies rows by a panel of columns `n0 + panel.first ..`. `a` is (start, row stride, step stride) and `b` is
    /// (start, step stride).
    #[allow(clippy::too_many_arguments)] // the parts of one product
    #[inline(always)]
    unsafe fn multiply<S: Simd>(
        &self,
        a: (*const f32, isize, isize),
        rows: Span,
        b: (*const f32, usize),
        n0: usize,
        panel: Panel,
        steps: usize,
        target: Target,
        add: bool,
    ) {
        let mut tile = Tile {
            a: a.0,
            a_row: a.1,
            a_step: a.2,
            b: b.0,
            b_step: b.1 as isize,
            c: std::ptr::null_mut(),
            c_row: 0,
            taps: WHOLE.as_ptr(),
            tap_count: 1,
            steps,
            last: panel.last,
            add,
        };
        let first = n0 + panel.first;
        // SAFETY: rows and columns lie inside x, the panel and the target.
        unsafe {
            match target {
                Target::Dense { start, row } => {
                    tile.c = start.add(rows.0 * row + first);
                    tile.c_row = row as isize;
                    strips::<S>(&tile, rows.1, panel.vectors);
                }
                Target::Scattered { start } => {
                    let mut space = Stack::<{ 24 * 64 }>::new();
                    tile.c = space.start();
                    tile.c_row = (panel.vectors * S::LANES) as isize;
                    tile.add = false;
                    let tallest = S::MAX_ROWS[panel.vectors];
                    for i in (0..rows.1).step_by(tallest) {
                        let count = tallest.min(rows.1 - i);
                        tile.a = a.0.offset(i as isize * a.1);
                        S::tile(count, panel.vectors)(&tile);
                        for r in 0..count {
                            let from = tile.c.offset(r as isize * tile.c_row);
                            let to = start.add(self.spec.m.offset(OUT, rows.0 + i + r));
                            self.scatter(from, to, (first, panel.columns), add);
                        }
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn scatter(&self, from: *const f32, to: *mut f32, columns: Span, add: bool) {
        let n = &self.spec.n;
        let stride = n.inner(OUT);
        for (i, offset, length) in n.runs(OUT, columns.0, columns.1) {
            for j in 0..length {
                // SAFETY: the offset of a column lies inside the result.
                unsafe {
                    let place = to.add(offset + j * stride);
                    let old = if add { *place } else { 0.0 };
                    *place = old + *from.add(i + j);
                }
            }
        }
    }

    /// y as it lies, if its columns lie together and few rows or a short stride make packing not worth it.
    #[inline(always)]
    fn unpacked(&self, rows: usize) -> Option<usize> {
        let step = self.spec.k.stride(Y)?;
        let together = self.spec.n.stride(Y)? == 1;
        (together && (step <= 128 || rows <= FEW)).then_some(step)
    }

    /// A product by one task alone: packs both sides on its stack.
    #[inline(always)]
    unsafe fn alone<S: Simd>(&self, batch: usize, rows: Span, steps: Span, target: Target) {
        let spec = self.spec;
        let mut packed_b = Stack::<{ STEPS * OWN_COLUMNS }>::new();
        let mut packed_a = Stack::<{ STEPS * ROWS }>::new();
        // SAFETY: batches, rows and steps lie inside the operands.
        unsafe {
            let x = self.x.add(spec.batch.offset(X, batch));
            let y = self.y.add(spec.batch.offset(Y, batch));
            for n0 in (0..spec.n.size).step_by(OWN_COLUMNS) {
                let columns = OWN_COLUMNS.min(spec.n.size - n0);
                for k0 in (0..steps.1).step_by(STEPS) {
                    let some = (steps.0 + k0, STEPS.min(steps.1 - k0));
                    let direct = self.unpacked(rows.1);
                    if direct.is_none() {
                        self.pack_all::<S>(y, (n0, columns), some, packed_b.start());
                    }
                    for r in (0..rows.1).step_by(ROWS) {
                        let strip = (rows.0 + r, ROWS.min(rows.1 - r));
                        let a = self.rows::<S>(x, strip, some, columns > 64, packed_a.start());
                        let mut b = packed_b.start();
                        for i in 0..panels::<S>(columns) {
                            let panel = panel::<S>(columns, i);
                            let width = panel.vectors * S::LANES;
                            let from = match direct {
                                Some(step) => (y.add(some.0 * step + n0 + panel.first), step),
                                None => (b.cast_const(), width),
                            };
                            self.multiply::<S>(a, strip, from, n0, panel, some.1, target, k0 > 0);
                            b = b.wrapping_add(width * some.1);
                        }
                    }
                }
            }
        }
    }

    /// Packs all panels of a range of columns.
    #[inline(always)]
    unsafe fn pack_all<S: Simd>(&self, y: *const f32, columns: Span, steps: Span, to: *mut f32) {
        let mut to = to;
        for i in 0..panels::<S>(columns.1) {
            let panel = panel::<S>(columns.1, i);
            // SAFETY: the caller vouches for columns, steps and room.
            unsafe {
                self.pack::<S>(y, columns.0, panel, steps, to);
                to = to.add(panel.vectors * S::LANES * steps.1);
            }
        }
    }
}

/// Sums over neighbours on both sides, for few rows: no packing, one column at a time.
struct Dots<'a> {
    job: Job<'a>,
    /// Columns of a task, counted through the batches.
    some: usize,
}

impl Kernel for Dots<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let spec = self.job.spec;
        let n = spec.n.size;
        let first = task * self.some;
        for column in first..(spec.batch.size * n).min(first + self.some) {
            let (batch, column) = (column / n, column % n);
            // SAFETY: rows and columns lie inside the operands; these results are of this task alone.
            unsafe {
                let x = self.job.x.add(spec.batch.offset(X, batch));
                let y = self.job.y.add(spec.batch.offset(Y, batch) + spec.n.offset(Y, column));
                let to = spec.batch.offset(OUT, batch) + spec.n.offset(OUT, column);
                for row in 0..spec.m.size {
                    let sum = dot::<S>(x.add(spec.m.offset(X, row)), y, spec.k.size);
                    *self.job.out.0.add(to + spec.m.offset(OUT, row)) = sum;
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn dot<S: Simd>(a: *const f32, b: *const f32, count: usize) -> f32 {
    // SAFETY: the caller vouches for `count` values.
    unsafe {
        let mut sums = [S::splat(0.0); 4];
        let whole = count / (4 * S::LANES) * (4 * S::LANES);
        for i in (0..whole).step_by(4 * S::LANES) {
            for (s, sum) in sums.iter_mut().enumerate() {
                let at = i + s * S::LANES;
                *sum = S::fma(S::load(a.add(at)), S::load(b.add(at)), *sum);
            }
        }
        for i in (whole..count).step_by(S::LANES) {
            let some = S::LANES.min(count - i);
            sums[0] = S::fma(S::load_first(a.add(i), some), S::load_first(b.add(i), some), sums[0]);
        }
        S::sum(S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])))
    }
}

struct Batches<'a> {
    job: Job<'a>,
    batches: usize,
    rows: usize,
}

impl Kernel for Batches<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let spec = self.job.spec;
        let strips = spec.m.size.div_ceil(self.rows);
        let (group, strip) = (task / strips, task % strips);
        let first = strip * self.rows;
        let rows = (first, self.rows.min(spec.m.size - first));
        let start = group * self.batches;
        for batch in start..spec.batch.size.min(start + self.batches) {
            // SAFETY: batch and rows are of this task alone.
            unsafe {
                let target = self.job.target(batch);
                self.job.alone::<S>(batch, rows, (0, spec.k.size), target);
            }
        }
    }
}

struct Sums<'a> {
    job: Job<'a>,
    chunks: usize,
}

impl Kernel for Sums<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let spec = self.job.spec;
        let (batch, chunk) = (task / self.chunks, task % self.chunks);
        let k = spec.k.size;
        let first = chunk * k / self.chunks;
        let steps = (first, (chunk + 1) * k / self.chunks - first);
        let (m, n) = (spec.m.size, spec.n.size);
        // SAFETY: each task has its own part of the scratch.
        unsafe {
            let start = self.job.scratch.0.add((chunk * spec.batch.size + batch) * m * n);
            self.job.alone::<S>(batch, (0, m), steps, Target::Dense { start, row: n });
        }
    }
}

struct Reduce<'a> {
    job: Job<'a>,
    chunks: usize,
}

impl Kernel for Reduce<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let spec = self.job.spec;
        let (m, n) = (spec.m.size, spec.n.size);
        let total = spec.batch.size * m * n;
        let first = task * REDUCED;
        let last = total.min(first + REDUCED);
        let scratch = self.job.scratch.0;
        // SAFETY: results first .. last are of this task alone.
        unsafe {
            for i in (first..last).step_by(S::LANES) {
                let lanes = S::LANES.min(last - i);
                let mut sum = S::splat(0.0);
                for chunk in 0..self.chunks {
                    sum = S::add(sum, S::load_first(scratch.add(chunk * total + i), lanes));
                }
                S::store_first(scratch.add(i), sum, lanes);
            }
            let mut i = first;
            while i < last {
                let (batch, row, column) = (i / (m * n), i / n % m, i % n);
                let columns = (n - column).min(last - i);
                let to = self.job.out.0.add(spec.batch.offset(OUT, batch) + spec.m.offset(OUT, row));
                self.job.scatter(scratch.add(i), to, (column, columns), false);
                i += columns;
            }
        }
    }
}

/// One block of y that is packed by all and then multiplied by all rows.
struct Block<'a> {
    job: Job<'a>,
    batch: usize,
    columns: std::ops::Range<usize>,
    steps: std::ops::Range<usize>,
}

impl Block<'_> {
    /// Groups of at most `COLUMNS` columns, each with its own part of the packed block.
    fn groups(&self) -> usize {
        self.columns.len().div_ceil(COLUMNS)
    }

    /// First column and number of columns of a group, and where its packed steps from `step` on start.
    #[inline(always)]
    unsafe fn group(&self, index: usize, step: usize) -> (usize, usize, *mut f32) {
        let first = index * COLUMNS;
        let columns = COLUMNS.min(self.columns.len() - first);
        let offset = first * self.steps.len() + step * crate::block::padded(columns);
        // SAFETY: the scratch holds all groups in full.
        let start = unsafe { self.job.scratch.0.add(offset) };
        (self.columns.start + first, columns, start)
    }
}

struct PackBlock<'a>(&'a Block<'a>);

impl Kernel for PackBlock<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let block = self.0;
        let (part, group) = (task / block.groups(), task % block.groups());
        let step = part * STEPS;
        let steps = (block.steps.start + step, STEPS.min(block.steps.len() - step));
        // SAFETY: each task packs its own group and steps.
        unsafe {
            let y = block.job.y.add(block.job.spec.batch.offset(Y, block.batch));
            let (n0, columns, to) = block.group(group, step);
            block.job.pack_all::<S>(y, (n0, columns), steps, to);
        }
    }
}

struct MultiplyBlock<'a>(&'a Block<'a>);

impl Kernel for MultiplyBlock<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let block = self.0;
        let spec = block.job.spec;
        let (group, strip) = (task % block.groups(), task / block.groups());
        let rows = (strip * ROWS, ROWS.min(spec.m.size - strip * ROWS));
        let mut space = Stack::<{ STEPS * ROWS }>::new();
        // SAFETY: each task writes its own rows and columns.
        unsafe {
            let x = block.job.x.add(spec.batch.offset(X, block.batch));
            let y = block.job.y.add(spec.batch.offset(Y, block.batch));
            let direct = block.job.unpacked(spec.m.size);
            let target = block.job.target(block.batch);
            for step in (0..block.steps.len()).step_by(STEPS) {
                let first = block.steps.start + step;
                let steps = (first, STEPS.min(block.steps.len() - step));
                let (n0, columns, mut b) = block.group(group, step);
                let a = block.job.rows::<S>(x, rows, steps, columns > 64, space.start());
                for i in 0..panels::<S>(columns) {
                    let panel = panel::<S>(columns, i);
                    let width = panel.vectors * S::LANES;
                    let from = match direct {
                        Some(step) => (y.add(steps.0 * step + n0 + panel.first), step),
                        None => (b.cast_const(), width),
                    };
                    let add = first > 0;
                    block.job.multiply::<S>(a, rows, from, n0, panel, steps.1, target, add);
                    b = b.wrapping_add(width * steps.1);
                }
            }
        }
    }
}

/// Copies a table of `inner` by `outer` values between any strides, given as (start, inner stride, outer stride).
/// The inner stride of the copy is 1.
#[inline(always)]
unsafe fn lay<S: Simd>(
    (from, from_inner, from_outer): (*const f32, usize, usize),
    (inner, outer): (usize, usize),
    (to, to_outer): (*mut f32, usize),
) {
    // SAFETY: the caller vouches for both tables.
    unsafe {
        if from_inner == 1 {
            for o in 0..outer {
                for i in (0..inner).step_by(S::LANES) {
                    let some = S::LANES.min(inner - i);
                    let v = S::load_first(from.add(o * from_outer + i), some);
                    S::store_first(to.add(o * to_outer + i), v, some);
                }
            }
        } else if from_outer == 1 {
            for i in (0..inner).step_by(S::LANES) {
                let some = S::LANES.min(inner - i);
                for o in (0..outer).step_by(S::LANES) {
                    let count = S::LANES.min(outer - o);
                    let columns = columns::<S>(from.add(i * from_inner + o), from_inner, some, count);
                    for (c, &column) in columns.iter().enumerate().take(count) {
                        S::store_first(to.add((o + c) * to_outer + i), column, some);
                    }
                }
            }
        } else {
            for o in 0..outer {
                for i in 0..inner {
                    *to.add(o * to_outer + i) = *from.add(i * from_inner + o * from_outer);
                }
            }
        }
    }
}
