//! Convolutions with so few result channels that they would leave most vector lanes empty: the taps along the last axis
//! share the lanes. Each source pixel is multiplied once for all of them, then shifted results are added.

use crate::block::{Panel, Stack, panel, panels, strips};
use crate::conv::{Job, Walk, inside};
use crate::isa::Kernel;
use crate::simd::Simd;
use crate::tile::{Tap, Tile};

/// Most lanes that taps and channels may take together, and most taps along the last axis.
const LANES: usize = 64;
const TAPS: usize = 16;
/// Result pixels of a row that are handled at a time.
const PIXELS: usize = 64;
/// Taps along the other axes of one call of a tile; longer lists are cut.
const PLANES: usize = 32;

/// The walk of a narrow convolution.
#[derive(Clone, Copy)]
pub(crate) struct Narrow<'a> {
    pub job: &'a Job,
    pub walk: &'a Walk,
}

impl<'a> Narrow<'a> {
    /// If sharing lanes pays: neighbours along the last axis read neighbours, and 16 lanes hold several taps.
    pub(crate) fn new(job: &'a Job, walks: &'a [Walk]) -> Option<Narrow<'a>> {
        let [walk] = walks else {
            return None;
        };
        let (taps, channels) = (walk[2].taps.len(), job.result.channels);
        let fits = taps <= TAPS && taps * channels <= LANES;
        let pays = (taps * channels).div_ceil(16) < taps * channels.div_ceil(16);
        let dense = walk[2].source_step == 1 && walk[2].step == 1;
        (fits && pays && dense).then_some(Narrow { job, walk })
    }

    /// Lanes in use: [tap along the last axis][result channel].
    #[inline(always)]
    fn columns(&self) -> usize {
        self.walk[2].taps.len() * self.job.result.channels
    }

    /// One task per row of result pixels.
    pub(crate) fn tasks(&self) -> usize {
        self.job.batch * self.walk[0].count * self.walk[1].count
    }

    /// Result pixels `first .. last` of a row, from the source rows of the listed taps, whose `b` counts taps along t and h.
    #[inline(always)]
    unsafe fn pixels<S: Simd>(&self, list: &[Tap], (first, last): (usize, usize), source: *const f32, result: *mut f32, add: bool) {
        let (walk, channels) = (&self.walk[2], self.job.result.channels);
        let offsets = || walk.taps.iter().map(|tap| tap.offset);
        let lowest = offsets().min().unwrap_or(0) + first as isize;
        let highest = offsets().max().unwrap_or(0) + last as isize;
        let size = self.job.source.size[2] as isize;
        let start = lowest.clamp(0, size);
        let count = highest.clamp(start, size) - start;
        let mut space = Stack::<{ (PIXELS + 64) * LANES }>::new();
        let products = space.start();
        let columns = self.columns();
        let pixels = source.wrapping_offset(start * self.job.source.channels as isize);
        let mut scaled = [Tap { a: 0, b: 0 }; PLANES];
        // SAFETY: source pixels start .. start + count exist, and the space holds as many rows of lanes.
        unsafe {
            for i in 0..panels::<S>(columns) {
                let panel = panel::<S>(columns, i);
                let step = (panel.vectors * S::LANES * self.job.source.channels) as isize;
                for (scaled, tap) in scaled.iter_mut().zip(list) {
                    *scaled = Tap { a: tap.a, b: tap.b * step };
                }
                let tile = self.tile::<S>(panel, &scaled[..list.len()], pixels, products);
                strips::<S>(&tile, count as usize, panel.vectors);
            }
            for pixel in first..last {
                let to = result.add(pixel * channels);
                for c in (0..channels).step_by(S::LANES) {
                    let some = S::LANES.min(channels - c);
                    let mut sum = if add { S::load_first(to.add(c), some) } else { S::splat(0.0) };
                    for (i, tap) in walk.taps.iter().enumerate() {
                        if (tap.start..tap.stop).contains(&pixel) {
                            let row = (pixel as isize + tap.offset - start) as usize;
                            let from = products.add(row * LANES + i * channels + c);
                            sum = S::add(sum, S::load_first(from, some));
                        }
                    }
                    S::store_first(to.add(c), sum, some);
                }
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd>(&self, panel: Panel, list: &[Tap], source: *const f32, products: *mut f32) -> Tile {
        let channels = self.job.source.channels;
        let [t, h, _] = self.job.kernel;
        Tile {
            a: source,
            a_row: channels as isize,
            a_step: 1,
            b: self.job.packed.0.wrapping_add(panel.first * t * h * channels),
            b_step: (panel.vectors * S::LANES) as isize,
            c: products.wrapping_add(panel.first),
            c_row: LANES as isize,
            taps: list.as_ptr(),
            tap_count: list.len(),
            steps: channels,
            last: panel.last,
            add: false,
        }
    }
}

impl Kernel for Narrow<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, task: usize) {
        let job = self.job;
        let [walk_t, walk_h, walk_w] = self.walk;
        let (task, h) = (task / walk_h.count, task % walk_h.count);
        let (batch, t) = (task / walk_t.count, task % walk_t.count);
        let [_, height, width] = job.result.size;
        let row = (walk_t.first + t * walk_t.step) * height + walk_h.first + h * walk_h.step;
        // SAFETY: the row of result pixels is of this task alone, and taps read rows inside the source.
        unsafe {
            let source = job.from.add(batch * job.source.values());
            let result = job.to.0.add(batch * job.result.values() + row * width * job.result.channels);
            for first in (0..walk_w.count).step_by(PIXELS) {
                let pixels = (first, walk_w.count.min(first + PIXELS));
                let mut list = [Tap { a: 0, b: 0 }; PLANES];
                let (mut count, mut add) = (0, false);
                for t_tap in walk_t.taps.iter().filter(|tap| inside(tap, t)) {
                    for h_tap in walk_h.taps.iter().filter(|tap| inside(tap, h)) {
                        if count == PLANES {
                            self.pixels::<S>(&list, pixels, source, result, add);
                            (count, add) = (0, true);
                        }
                        let taps = [t_tap, h_tap];
                        list[count] = Tap {
                            a: job.source_row(self.walk, [t, h], taps) * job.source.channels as isize,
                            b: (taps[0].index * job.kernel[1] + taps[1].index) as isize,
                        };
                        count += 1;
                    }
                }
                self.pixels::<S>(&list[..count], pixels, source, result, add);
            }
        }
    }
}

/// Packs the weights: [panel][tap along t and h][source channel][lane].
pub(crate) struct PackNarrow<'a>(pub Narrow<'a>);

impl PackNarrow<'_> {
    /// One task per source channel.
    pub(crate) fn tasks(&self) -> usize {
        self.0.job.source.channels
    }
}

impl Kernel for PackNarrow<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, channel: usize) {
        let Narrow { job, walk } = self.0;
        let planes = job.kernel[0] * job.kernel[1];
        let [source_stride, result_stride] = job.weight_strides;
        for i in 0..panels::<S>(self.0.columns()) {
            let panel = panel::<S>(self.0.columns(), i);
            let width = panel.vectors * S::LANES;
            for plane in 0..planes {
                for lane in 0..panel.columns {
                    let (tap, result) = ((panel.first + lane) / job.result.channels, (panel.first + lane) % job.result.channels);
                    let tap = plane * job.kernel[2] + walk[2].taps[tap].index;
                    let to = panel.first * planes * job.source.channels;
                    let to = to + (plane * job.source.channels + channel) * width + lane;
                    // SAFETY: tap and channels lie inside w; this source channel is of this task alone.
                    unsafe {
                        let from = job.weights.add(channel * source_stride + result * result_stride + tap);
                        *job.packed.0.add(to) = *from;
                    }
                }
            }
        }
    }
}
