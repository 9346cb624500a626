//! The weight gradient of a convolution: for each tap a product of source channels by result channels, summed over pixels.
//! Pixels are cut into chunks by shape alone; each chunk has its own partial sum, and these are added in order at the end.

use crate::block::{panel, panels, strips};
use crate::conv::ConvSpec;
use crate::conv::walk::AxisTap;
use crate::conv::weight_tiles;
use crate::isa::{Isa, Kernel, Shared, launch};
use crate::simd::{Simd, store_columns};
use crate::tile::{Tap, Tile};
use pfm_device::Pool;

/// Floats that the partial sums may take unless one alone takes more.
const PARTIALS: usize = 1 << 22;
/// Rows of pixels that one call of a tile sums over.
const ROWS: usize = 16;
/// Channels in vector lanes of a task.
const COLUMNS: usize = 64;
/// Channels by rows and in lanes of one task of the final sum.
const REDUCED: usize = 8;
const LANES: usize = 16;

impl ConvSpec {
    /// Floats of scratch of `conv_weight_grad`.
    pub fn weight_grad_scratch(&self) -> usize {
        if weight_tiles::serves(self) { weight_tiles::scratch(self) } else { self.chunks() * self.lengths()[1] }
    }

    fn chunks(&self) -> usize {
        let most = (PARTIALS / self.lengths()[1].max(1)).clamp(1, 16);
        most.min(self.pixel_rows().div_ceil(ROWS)).max(1)
    }

    /// Rows of result pixels: batch, t and h.
    fn pixel_rows(&self) -> usize {
        self.batch * self.output[0] * self.output[1]
    }
}

/// dw of y = conv(x, w) from x and dy. `scratch` has at least `spec.weight_grad_scratch()` values.
pub fn conv_weight_grad(pool: &Pool, isa: Isa, spec: &ConvSpec, x: &[f32], dy: &[f32], dw: &mut [f32], scratch: &mut [f32]) {
    let lengths = [x.len(), dw.len(), dy.len()];
    assert_eq!(lengths, spec.lengths(), "operands have the sizes of the specification");
    assert!(scratch.len() >= spec.weight_grad_scratch(), "scratch is large enough");
    if dw.is_empty() {
        return;
    }
    if weight_tiles::serves(spec) {
        weight_tiles::run(pool, isa, spec, x, dy, dw, scratch);
        return;
    }
    let source = Operand { start: x.as_ptr(), channels: spec.ci, step: spec.forward[2].source_step, dw_stride: spec.taps() };
    let result = Operand { start: dy.as_ptr(), channels: spec.co, step: 1, dw_stride: spec.ci * spec.taps() };
    let swapped = spec.co < spec.ci && spec.co < LANES;
    let (rows, lanes) = if swapped { (result, source) } else { (source, result) };
    let job = Job {
        spec,
        swapped,
        chunks: spec.chunks(),
        groups: lanes.channels.div_ceil(COLUMNS),
        rows,
        lanes,
        dw: Shared::of(dw),
        partial: Shared::of(scratch),
    };
    // One task per chunk, group of channels and plane of taps.
    let tasks = job.chunks * job.groups * spec.kernel[0];
    launch(pool, isa, tasks, &Multiply(&job));
    let tasks = lanes.channels.div_ceil(LANES) * rows.channels.div_ceil(REDUCED);
    launch(pool, isa, tasks, &Reduce(&job));
}

struct Job<'a> {
    spec: &'a ConvSpec,
    chunks: usize,
    groups: usize,
    /// x by rows and dy in vector lanes, or the other way round where dy would leave most lanes empty.
    rows: Operand,
    lanes: Operand,
    swapped: bool,
    dw: Shared,
    /// [chunk][tap][channel of rows][channel of lanes]
    partial: Shared,
}

/// x or dy.
#[derive(Clone, Copy)]
struct Operand {
    start: *const f32,
    channels: usize,
    /// Pixels from one result pixel to the next.
    step: usize,
    /// Stride of its channels in dw.
    dw_stride: usize,
}
// SAFETY: x and dy are only read, and every task writes its own part of the partial sums and of dw.
unsafe impl Sync for Job<'_> {}

struct Multiply<'a>(&'a Job<'a>);

impl Kernel for Multiply<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let job = self.0;
        let spec = job.spec;
        let (task, group) = (task / job.groups, task % job.groups);
        let (chunk, plane) = (task / spec.kernel[0], task % spec.kernel[0]);
        let rows = spec.pixel_rows();
        let (start, stop) = (chunk * rows / job.chunks, (chunk + 1) * rows / job.chunks);
        let first = group * COLUMNS;
        let columns = COLUMNS.min(job.lanes.channels - first);
        let t_tap = &spec.forward[0].taps[plane];
        // SAFETY: the partial sums of this chunk, plane and group are of this task alone.
        unsafe {
            let partial = job.partial.0.add(chunk * spec.lengths()[1] + first);
            job.clear::<S>(partial, plane, columns);
            for row in (start..stop).step_by(ROWS) {
                let rows = row..stop.min(row + ROWS);
                for h_tap in &spec.forward[1].taps {
                    let mut list = [Tap { a: 0, b: 0 }; ROWS];
                    let count = job.list(rows.clone(), t_tap, h_tap, &mut list);
                    if count > 0 {
                        for w_tap in &spec.forward[2].taps {
                            let taps = [t_tap, h_tap, w_tap];
                            job.add::<S>(&list[..count], taps, (first, columns), partial);
                        }
                    }
                }
            }
        }
    }
}

impl Job<'_> {
    #[inline(always)]
    fn tap_index(&self, taps: [usize; 3]) -> usize {
        let [_, h, w] = self.spec.kernel;
        (taps[0] * h + taps[1]) * w + taps[2]
    }

    #[inline(always)]
    unsafe fn clear<S: Simd>(&self, partial: *mut f32, plane: usize, columns: usize) {
        let rows = self.spec.kernel[1] * self.spec.kernel[2] * self.rows.channels;
        let first = self.tap_index([plane, 0, 0]) * self.rows.channels;
        for row in first..first + rows {
            for c in (0..columns).step_by(S::LANES) {
                // SAFETY: tap, channel and column lie inside the partial sum.
                unsafe {
                    let to = partial.add(row * self.lanes.channels + c);
                    S::store_first(to, S::splat(0.0), S::LANES.min(columns - c));
                }
            }
        }
    }

    /// Offsets in x and dy of those rows of pixels whose taps are inside.
    #[inline(always)]
    fn list(&self, rows: std::ops::Range<usize>, t_tap: &AxisTap, h_tap: &AxisTap, list: &mut [Tap; ROWS]) -> usize {
        let spec = self.spec;
        let [frames, height, _] = spec.output;
        let [walk_t, walk_h, _] = &spec.forward;
        let mut count = 0;
        for row in rows {
            let (batch, t, h) = (row / (frames * height), row / height % frames, row % height);
            if t < t_tap.start || t >= t_tap.stop || h < h_tap.start || h >= h_tap.stop {
                continue;
            }
            let source_t = (t * walk_t.source_step) as isize + t_tap.offset;
            let source_h = (h * walk_h.source_step) as isize + h_tap.offset;
            let plane = (batch * spec.input[0]) as isize + source_t;
            let source_row = plane * spec.input[1] as isize + source_h;
            let a = source_row * (spec.input[2] * spec.ci) as isize;
            let b = (row * spec.output[2] * spec.co) as isize;
            list[count] = if self.swapped { Tap { a: b, b: a } } else { Tap { a, b } };
            count += 1;
        }
        count
    }

    /// Adds the products of the listed rows for one tap and a range of the channels in lanes.
    #[inline(always)]
    unsafe fn add<S: Simd>(&self, list: &[Tap], taps: [&AxisTap; 3], (first, columns): (usize, usize), partial: *mut f32) {
        let w_tap = taps[2];
        if w_tap.start == w_tap.stop {
            return;
        }
        let source = w_tap.offset + (w_tap.start * self.spec.forward[2].source_step) as isize;
        let result = w_tap.start as isize;
        let (a, b) = if self.swapped { (result, source) } else { (source, result) };
        let (rows, lanes) = (self.rows, self.lanes);
        let index = self.tap_index(taps.map(|t| t.index));
        for i in 0..panels::<S>(columns) {
            let panel = panel::<S>(columns, i);
            // SAFETY: the tap reads inside x from pixel `start` to `stop`; the panel lies inside the channels.
            unsafe {
                let start = lanes.start.wrapping_offset(b * lanes.channels as isize);
                let tile = Tile {
                    a: rows.start.wrapping_offset(a * rows.channels as isize),
                    a_row: 1,
                    a_step: (rows.step * rows.channels) as isize,
                    b: start.wrapping_add(first + panel.first),
                    b_step: (lanes.step * lanes.channels) as isize,
                    c: partial.add(index * rows.channels * lanes.channels + panel.first),
                    c_row: lanes.channels as isize,
                    taps: list.as_ptr(),
                    tap_count: list.len(),
                    steps: w_tap.stop - w_tap.start,
                    last: panel.last,
                    add: true,
                };
                strips::<S>(&tile, rows.channels, panel.vectors);
            }
        }
    }
}

/// Adds the partial sums in order and turns them into the layout of w.
struct Reduce<'a>(&'a Job<'a>);

impl Kernel for Reduce<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let job = self.0;
        let spec = job.spec;
        let (taps, total) = (spec.taps(), spec.lengths()[1]);
        let (rows, columns) = (job.rows, job.lanes);
        let parts = rows.channels.div_ceil(REDUCED);
        let (group, part) = (task / parts, task % parts);
        let first = group * LANES;
        let lanes = LANES.min(columns.channels - first);
        for row in part * REDUCED..rows.channels.min((part + 1) * REDUCED) {
            for c in (0..lanes).step_by(S::LANES) {
                let some = S::LANES.min(lanes - c);
                for at in (0..taps).step_by(S::LANES) {
                    let count = S::LANES.min(taps - at);
                    // SAFETY: taps and channels lie inside the partial sums and dw; these channels are of this task alone.
                    unsafe {
                        let mut square = [S::splat(0.0); 16];
                        for (i, sum) in square.iter_mut().enumerate().take(count) {
                            let from = ((at + i) * rows.channels + row) * columns.channels + first + c;
                            for chunk in 0..job.chunks {
                                *sum = S::add(*sum, S::load_first(job.partial.0.add(chunk * total + from), some));
                            }
                        }
                        let to = job.dw.0.add((first + c) * columns.dw_stride + row * rows.dw_stride + at);
                        store_columns::<S>(square, to, columns.dw_stride, some, count);
                    }
                }
            }
        }
    }
}
