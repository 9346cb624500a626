//! Convolution and its input gradient over channels-last pixels, without a copy of the windows.
//! Weights are packed once per call; a tile holds a strip of pixels times a panel of channels and sums over taps that are inside.

pub(crate) mod narrow;
pub(crate) mod tiles;
pub(crate) mod walk;
pub(crate) mod weight;
mod weight_tiles;
mod winograd;

use crate::amx::block::Parts;
use crate::amx::conv_plan::ConvPlan;
use crate::amx::weight_plan::WeightPlan;
use crate::block::{Panel, padded, panel, panels};
use crate::conv::narrow::{Narrow, PackNarrow};
use crate::conv::tiles::{PackTaps, Winograd};
use crate::conv::walk::{AxisTap, AxisWalk};
use crate::isa::{Isa, Kernel, Shared, launch};
use crate::simd::{Simd, columns};
use crate::tile::{Tap, Tile};
use pfm_device::Pool;

/// Shapes of a convolution x [batch, s.., ci] * w [co, ci, k..] -> y [batch, o.., co], made once.
#[derive(Clone, Debug)]
pub struct ConvSpec {
    pub(crate) batch: usize,
    pub(crate) ci: usize,
    pub(crate) co: usize,
    pub(crate) input: [usize; 3],
    pub(crate) output: [usize; 3],
    pub(crate) kernel: [usize; 3],
    pub(crate) forward: Walk,
    pub(crate) backward: Vec<Walk>,
    /// The ways by tiles, forward and input gradient: of bf16 and of split f32.
    pub(crate) by_tiles: [[Option<ConvPlan>; 2]; 2],
    pub(crate) weight_by_tiles: [Option<WeightPlan>; 2],
}

/// One set of visited pixels: a walk along each of three axes.
pub(crate) type Walk = [AxisWalk; 3];

impl ConvSpec {
    /// `input`, `kernel`, `stride`, `low` and `high` have one entry for each of 1 to 3 spatial axes; `low` and `high`
    /// zeros are added at the ends of an axis. Panics where the kernel is larger than the padded input.
    #[allow(clippy::too_many_arguments)] // these are the attributes of the op
    pub fn new(
        batch: usize,
        input: &[usize],
        ci: usize,
        co: usize,
        kernel: &[usize],
        stride: &[usize],
        low: &[usize],
        high: &[usize],
    ) -> ConvSpec {
        let rank = input.len();
        assert!((1..=3).contains(&rank), "a convolution has 1 to 3 spatial axes");
        let lift = |values: &[usize], fill: usize| {
            assert_eq!(values.len(), rank, "one entry per spatial axis");
            let mut all = [fill; 3];
            all[3 - rank..].copy_from_slice(values);
            all
        };
        let (input, kernel, stride) = (lift(input, 1), lift(kernel, 1), lift(stride, 1));
        let (low, high) = (lift(low, 0), lift(high, 0));
        let output = std::array::from_fn(|i| {
            let padded = input[i] + low[i] + high[i];
            assert!(padded >= kernel[i], "the kernel fits into the padded input");
            (padded - kernel[i]) / stride[i] + 1
        });
        let forward = std::array::from_fn(|i| AxisWalk::forward(input[i], output[i], kernel[i], stride[i], low[i]));
        let [t, h, w] = std::array::from_fn(|i| AxisWalk::backward(input[i], output[i], kernel[i], stride[i], low[i]));
        let mut backward = Vec::new();
        for t in &t {
            for h in &h {
                for w in &w {
                    backward.push([t.clone(), h.clone(), w.clone()]);
                }
            }
        }
        let (source, result) = (Pixels { size: input, channels: ci }, Pixels { size: output, channels: co });
        let some = batch * source.values() * result.values() > 0;
        let ways = |walks: &[Walk], source: &Pixels, result: &Pixels| {
            [false, true].map(|split| some.then(|| ConvPlan::new(Parts { split }, batch, kernel, walks, source, result)).flatten())
        };
        let by_tiles = [ways(std::slice::from_ref(&forward), &source, &result), ways(&backward, &result, &source)];
        let weight_by_tiles =
            [false, true].map(|split| some.then(|| WeightPlan::new(Parts { split }, batch, kernel, &forward, &source, &result)).flatten());
        ConvSpec { batch, ci, co, input, output, kernel, forward, backward, by_tiles, weight_by_tiles }
    }

    pub(crate) fn source(&self) -> Pixels {
        Pixels { size: self.input, channels: self.ci }
    }

    pub(crate) fn result(&self) -> Pixels {
        Pixels { size: self.output, channels: self.co }
    }

    /// Spatial sizes of the result, with leading ones up to three axes.
    pub fn output(&self) -> [usize; 3] {
        self.output
    }

    /// Floats of scratch of `conv`.
    pub fn scratch(&self) -> usize {
        self.packed(std::slice::from_ref(&self.forward), self.ci, self.co)
    }

    /// Floats of scratch of `conv_input_grad`.
    pub fn input_grad_scratch(&self) -> usize {
        self.packed(&self.backward, self.co, self.ci)
    }

    /// Floats of the packed weights of a convolution along these walks.
    fn packed(&self, walks: &[Walk], source: usize, result: usize) -> usize {
        match self.tiled(walks, source, result) {
            Some(_) => tiles::packed(self.taps(), source, result),
            None => self.taps() * source * padded(result),
        }
    }

    /// Values of x, w and y.
    pub fn lengths(&self) -> [usize; 3] {
        [
            self.batch * self.input.iter().product::<usize>() * self.ci,
            self.co * self.ci * self.taps(),
            self.batch * self.output.iter().product::<usize>() * self.co,
        ]
    }

    /// Multiplications and additions of one call, borders counted as inside.
    pub fn operations(&self) -> usize {
        2 * self.lengths()[2] * self.ci * self.taps()
    }

    pub(crate) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }
}

/// y = conv(x, w). `scratch` has at least `spec.scratch()` values.
pub fn conv(pool: &Pool, isa: Isa, spec: &ConvSpec, x: &[f32], w: &[f32], y: &mut [f32], scratch: &mut [f32]) {
    let lengths = [x.len(), w.len(), y.len()];
    assert_eq!(lengths, spec.lengths(), "operands have the sizes of the specification");
    assert!(scratch.len() >= spec.scratch(), "scratch is large enough");
    let job = Job {
        kernel: spec.kernel,
        batch: spec.batch,
        source: Pixels { size: spec.input, channels: spec.ci },
        result: Pixels { size: spec.output, channels: spec.co },
        weight_strides: [spec.taps(), spec.ci * spec.taps()],
        from: x.as_ptr(),
        weights: w.as_ptr(),
        to: Shared::of(y),
        packed: Shared::of(scratch),
    };
    job.run(pool, isa, spec, std::slice::from_ref(&spec.forward));
}

/// dx of y = conv(x, w) from dy. `scratch` has at least `spec.input_grad_scratch()` values.
pub fn conv_input_grad(pool: &Pool, isa: Isa, spec: &ConvSpec, dy: &[f32], w: &[f32], dx: &mut [f32], scratch: &mut [f32]) {
    let lengths = [dx.len(), w.len(), dy.len()];
    assert_eq!(lengths, spec.lengths(), "operands have the sizes of the specification");
    assert!(scratch.len() >= spec.input_grad_scratch(), "scratch is large enough");
    let job = Job {
        kernel: spec.kernel,
        batch: spec.batch,
        source: Pixels { size: spec.output, channels: spec.co },
        result: Pixels { size: spec.input, channels: spec.ci },
        weight_strides: [spec.ci * spec.taps(), spec.taps()],
        from: dy.as_ptr(),
        weights: w.as_ptr(),
        to: Shared::of(dx),
        packed: Shared::of(scratch),
    };
    job.run(pool, isa, spec, &spec.backward);
}

/// The pixels of one sample of x or of y.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pixels {
    pub size: [usize; 3],
    pub channels: usize,
}

impl Pixels {
    /// Values of one sample.
    pub(crate) fn values(&self) -> usize {
        self.size.iter().product::<usize>() * self.channels
    }
}

/// A convolution of source pixels to result pixels: forward, or from dy to dx.
pub(crate) struct Job {
    pub kernel: [usize; 3],
    pub batch: usize,
    pub source: Pixels,
    pub result: Pixels,
    /// Strides in w of a source channel and of a result channel; taps have stride 1.
    pub weight_strides: [usize; 2],
    pub from: *const f32,
    pub weights: *const f32,
    pub to: Shared,
    pub packed: Shared,
}
// SAFETY: source and weights are only read, and every task writes its own part of the result.
unsafe impl Sync for Job {}

/// Taps of one call of a tile; longer lists are cut.
const TAPS: usize = 64;
/// Multiply-adds that a task should have at least.
const WORK: usize = 1 << 19;
/// Source channels packed by one task.
const PACKED: usize = 16;

impl Job {
    fn run(&self, pool: &Pool, isa: Isa, spec: &ConvSpec, walks: &[Walk]) {
        if self.result.channels == 0 || self.source.channels == 0 {
            // No channel at one end: the sum is empty. There is nothing to write or only zeros.
            let count = self.batch * self.result.values();
            // SAFETY: the result has that many values.
            unsafe { std::slice::from_raw_parts_mut(self.to.0, count) }.fill(0.0);
            return;
        }
        if let Some(walk) = spec.tiled(walks, self.source.channels, self.result.channels) {
            let tiled = Winograd::new(self, walk);
            let pack = PackTaps(tiled);
            launch(pool, isa, pack.tasks(), &pack);
            launch(pool, isa, tiled.tasks(), &tiled);
            return;
        }
        if let Some(narrow) = Narrow::new(self, walks) {
            let pack = PackNarrow(narrow);
            launch(pool, isa, pack.tasks(), &pack);
            launch(pool, isa, narrow.tasks(), &narrow);
            return;
        }
        let groups = self.result.channels.div_ceil(COLUMNS);
        let tasks = groups * self.source.channels.div_ceil(PACKED);
        launch(pool, isa, tasks, &Pack(self));
        for walk in walks {
            let walk = Convolve::new(self, walk);
            launch(pool, isa, walk.tasks(), &walk);
        }
    }

    pub(crate) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Number of pixels before the source row that taps along t and h read from visited row `h` of plane `t`.
    #[inline(always)]
    pub(crate) fn source_row(&self, walk: &Walk, [t, h]: [usize; 2], taps: [&AxisTap; 2]) -> isize {
        let [_, height, width] = self.source.size;
        let t = (t * walk[0].source_step) as isize + taps[0].offset;
        let h = (h * walk[1].source_step) as isize + taps[1].offset;
        (t * height as isize + h) * width as isize
    }
}

/// Packs weights panel by panel: [panel][tap][source channel][column].
struct Pack<'a>(&'a Job);

impl Kernel for Pack<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let job = self.0;
        let (taps, channels) = (job.taps(), job.source.channels);
        let parts = channels.div_ceil(PACKED);
        let (group, part) = (task / parts, task % parts);
        let range = part * PACKED..channels.min((part + 1) * PACKED);
        for i in 0..panels::<S>(job.result.channels) {
            let panel = panel::<S>(job.result.channels, i);
            if panel.first / COLUMNS == group {
                // SAFETY: the panel's part of the packed weights is of this task alone.
                unsafe {
                    let to = job.packed.0.add(panel.first * taps * channels);
                    job.pack::<S>(panel, range.clone(), to);
                }
            }
        }
    }
}

impl Job {
    /// Packs one panel for a range of source channels.
    #[inline(always)]
    unsafe fn pack<S: Simd>(&self, panel: Panel, range: std::ops::Range<usize>, to: *mut f32) {
        let (taps, channels) = (self.taps(), self.source.channels);
        let [source_stride, result_stride] = self.weight_strides;
        let width = panel.vectors * S::LANES;
        for c in (0..panel.columns).step_by(S::LANES) {
            let some = S::LANES.min(panel.columns - c);
            // SAFETY: channel, column and tap lie inside w and inside the packed panels.
            unsafe {
                let from = self.weights.add((panel.first + c) * result_stride);
                if source_stride == taps {
                    // Taps of all source channels follow one another.
                    let (start, stop) = (range.start * taps, range.end * taps);
                    for at in (start..stop).step_by(S::LANES) {
                        let count = S::LANES.min(stop - at);
                        let columns = columns::<S>(from.add(at), result_stride, some, count);
                        for (i, &v) in columns.iter().enumerate().take(count) {
                            let (channel, tap) = ((at + i) / taps, (at + i) % taps);
                            S::store(to.add((tap * channels + channel) * width + c), v);
                        }
                    }
                } else {
                    for channel in range.clone() {
                        for at in (0..taps).step_by(S::LANES) {
                            let count = S::LANES.min(taps - at);
                            let from = from.add(channel * source_stride + at);
                            let columns = columns::<S>(from, result_stride, some, count);
                            for (i, &v) in columns.iter().enumerate().take(count) {
                                S::store(to.add(((at + i) * channels + channel) * width + c), v);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One walk over the pixels, cut into bands of rows.
struct Convolve<'a> {
    job: &'a Job,
    walk: &'a Walk,
    /// Rows of a band and bands of a plane.
    rows: usize,
    bands: usize,
    /// Result channels of a task and tasks side by side.
    columns: usize,
    groups: usize,
}

/// Result channels of a task: two panels of the widest kind.
pub(crate) const COLUMNS: usize = 128;

impl<'a> Convolve<'a> {
    fn new(job: &'a Job, walk: &'a Walk) -> Convolve<'a> {
        let columns = job.result.channels.min(COLUMNS);
        let taps: usize = walk.iter().map(|w| w.taps.len()).product();
        let row = walk[2].count * taps.max(1) * job.source.channels * columns;
        let rows = (WORK / row.max(1)).clamp(1, walk[1].count.max(1));
        Convolve { job, walk, rows, bands: walk[1].count.div_ceil(rows), columns, groups: job.result.channels.div_ceil(columns) }
    }

    fn tasks(&self) -> usize {
        self.job.batch * self.walk[0].count * self.bands * self.groups
    }

    /// One row of result pixels, visited row `h` of plane `t`, for one panel of result channels. `source` is the start
    /// of this sample, `result` the first visited pixel at the panel's first channel, `weights` the packed panel.
    #[inline(always)]
    unsafe fn row<S: Simd>(&self, [t, h]: [usize; 2], panel: Panel, source: *const f32, weights: *const f32, result: *mut f32) {
        let [walk_t, walk_h, walk_w] = self.walk;
        let channels = self.job.source.channels;
        let width = panel.vectors * S::LANES;
        let mut tile = Tile {
            a: source,
            a_row: (walk_w.source_step * channels) as isize,
            a_step: 1,
            b: weights,
            b_step: width as isize,
            c: result,
            c_row: (walk_w.step * self.job.result.channels) as isize,
            taps: std::ptr::null(),
            tap_count: 0,
            steps: channels,
            last: panel.last,
            add: false,
        };
        let strips = walk_w.count.div_ceil(S::MAX_ROWS[panel.vectors]);
        for i in 0..strips {
            let (start, stop) = (i * walk_w.count / strips, (i + 1) * walk_w.count / strips);
            let inner = start >= walk_w.inner_start && stop <= walk_w.inner_stop;
            let mut list = [Tap { a: 0, b: 0 }; TAPS];
            let mut count = 0;
            tile.add = !inner;
            // SAFETY: pixels start .. stop lie inside the result, and taps read only where they are inside the source.
            unsafe {
                if !inner {
                    clear::<S>(&tile, result, start, stop, panel.columns);
                }
                for w in &walk_w.taps {
                    let (first, last) = if inner { (start, stop) } else { (w.start.max(start), w.stop.min(stop)) };
                    if first >= last {
                        continue;
                    }
                    for t_tap in walk_t.taps.iter().filter(|tap| inside(tap, t)) {
                        for h_tap in walk_h.taps.iter().filter(|tap| inside(tap, h)) {
                            let source_row = self.job.source_row(self.walk, [t, h], [t_tap, h_tap]);
                            let index = self.tap_index([t_tap, h_tap, w]);
                            list[count] = Tap { a: (source_row + w.offset) * channels as isize, b: (index * channels * width) as isize };
                            count += 1;
                            if count == TAPS {
                                emit::<S>(&mut tile, &list, first, last, panel.vectors, source, result);
                                count = 0;
                            }
                        }
                    }
                    if !inner && count > 0 {
                        emit::<S>(&mut tile, &list[..count], first, last, panel.vectors, source, result);
                        count = 0;
                    }
                }
                if count > 0 {
                    emit::<S>(&mut tile, &list[..count], start, stop, panel.vectors, source, result);
                }
                if !tile.add {
                    clear::<S>(&tile, result, start, stop, panel.columns);
                }
            }
        }
    }

    #[inline(always)]
    fn tap_index(&self, taps: [&AxisTap; 3]) -> usize {
        let [_, h, w] = self.job.kernel;
        (taps[0].index * h + taps[1].index) * w + taps[2].index
    }
}

impl Kernel for Convolve<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let job = self.job;
        let [walk_t, walk_h, walk_w] = self.walk;
        // Channels vary slowest, so that a thread keeps the weights of its group in cache.
        let (task, band) = (task / self.bands, task % self.bands);
        let (task, t) = (task / walk_t.count, task % walk_t.count);
        let (group, batch) = (task / self.job.batch, task % self.job.batch);
        let first = group * self.columns;
        let last = job.result.channels.min(first + self.columns);
        let rows = band * self.rows..walk_h.count.min((band + 1) * self.rows);
        // SAFETY: rows and channels are of this task alone.
        unsafe {
            let source = job.from.add(batch * job.source.values());
            for i in 0..panels::<S>(job.result.channels) {
                let panel = panel::<S>(job.result.channels, i);
                if !(first..last).contains(&panel.first) {
                    continue;
                }
                let weights = job.packed.0.add(panel.first * job.taps() * job.source.channels);
                for h in rows.clone() {
                    let [_, height, width] = job.result.size;
                    let plane = walk_t.first + t * walk_t.step;
                    let row = plane * height + walk_h.first + h * walk_h.step;
                    let pixel = batch * job.result.size[0] * height * width + row * width + walk_w.first;
                    let result = job.to.0.add(pixel * job.result.channels + panel.first);
                    self.row::<S>([t, h], panel, source, weights, result);
                }
            }
        }
    }
}

#[inline(always)]
pub(crate) fn inside(tap: &AxisTap, at: usize) -> bool {
    (tap.start..tap.stop).contains(&at)
}

/// Runs the listed taps on pixels `first .. last`; from then on the tile adds.
#[inline(always)]
unsafe fn emit<S: Simd>(tile: &mut Tile, taps: &[Tap], first: usize, last: usize, vectors: usize, source: *const f32, result: *mut f32) {
    tile.a = source.wrapping_offset(first as isize * tile.a_row);
    tile.taps = taps.as_ptr();
    tile.tap_count = taps.len();
    // SAFETY: passed on from the caller.
    unsafe {
        tile.c = result.offset(first as isize * tile.c_row);
        S::tile(last - first, vectors)(tile);
    }
    tile.add = true;
}

/// Sets `columns` channels of pixels `start .. stop` to zero.
#[inline(always)]
unsafe fn clear<S: Simd>(tile: &Tile, result: *mut f32, start: usize, stop: usize, columns: usize) {
    for pixel in start..stop {
        // SAFETY: passed on from the caller.
        unsafe {
            let pixel = result.offset(pixel as isize * tile.c_row);
            for c in (0..columns).step_by(S::LANES) {
                S::store_first(pixel.add(c), S::splat(0.0), S::LANES.min(columns - c));
            }
        }
    }
}
