//! How a convolution walks its pixels: for each axis, which result pixels are visited and which source pixel each tap reads.
//! The input gradient is a forward walk too: result pixels of one residue modulo the stride see a fixed set of taps of dy.

/// A tap along one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AxisTap {
    /// Place in the kernel.
    pub index: usize,
    /// Source coordinate of the first visited pixel; may be outside.
    pub offset: isize,
    /// Visited pixels `start .. stop` read inside the source.
    pub start: usize,
    pub stop: usize,
}

/// Visited pixels along one axis: result coordinates first, first + step, …, and source coordinates offset + j * source_step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AxisWalk {
    pub first: usize,
    pub step: usize,
    pub count: usize,
    pub source_step: usize,
    pub taps: Vec<AxisTap>,
    /// Pixels that every tap reads inside the source.
    pub inner_start: usize,
    pub inner_stop: usize,
}

impl AxisWalk {
    /// The walk of a forward convolution along one axis.
    pub(crate) fn forward(source: usize, result: usize, kernel: usize, stride: usize, low: usize) -> AxisWalk {
        let offsets = (0..kernel).map(|k| (k, k as isize - low as isize));
        AxisWalk::new(0, 1, result, stride, source, offsets)
    }

    /// The walks of an input gradient along one axis, one for each residue: x pixel i gets dy pixel o through tap k
    /// where i = o * stride - low + k.
    pub(crate) fn backward(result: usize, source: usize, kernel: usize, stride: usize, low: usize) -> Vec<AxisWalk> {
        (0..stride.min(result))
            .map(|first| {
                let residue = (first + low) % stride;
                let offsets = (residue..kernel).step_by(stride).map(|k| {
                    let offset = (first + low) as isize - k as isize;
                    (k, offset / stride as isize)
                });
                let count = (result - first).div_ceil(stride);
                AxisWalk::new(first, stride, count, 1, source, offsets)
            })
            .collect()
    }

    fn new(
        first: usize,
        step: usize,
        count: usize,
        source_step: usize,
        source: usize,
        offsets: impl Iterator<Item = (usize, isize)>,
    ) -> AxisWalk {
        let taps: Vec<AxisTap> = offsets
            .map(|(index, offset)| {
                let s = source_step as isize;
                let start = ((-offset).max(0) + s - 1) / s;
                let stop = (source as isize - offset + s - 1).max(0) / s;
                let start = (start as usize).min(count);
                AxisTap { index, offset, start, stop: (stop as usize).clamp(start, count) }
            })
            .collect();
        let inner_start = taps.iter().map(|t| t.start).max().unwrap_or(0);
        let inner_stop = taps.iter().map(|t| t.stop).min().unwrap_or(count);
        AxisWalk { first, step, count, source_step, inner_start, inner_stop: inner_stop.max(inner_start), taps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair (result, source, tap) of a walk, sorted.
    fn pairs(walks: &[AxisWalk]) -> Vec<(usize, usize, usize)> {
        let mut pairs = Vec::new();
        for walk in walks {
            for tap in &walk.taps {
                for j in tap.start..tap.stop {
                    let source = tap.offset + (j * walk.source_step) as isize;
                    pairs.push((walk.first + j * walk.step, source as usize, tap.index));
                }
            }
        }
        pairs.sort();
        pairs
    }

    #[test]
    fn walks_agree_with_the_definition() {
        for size in 1..8 {
            for (kernel, stride, low, high) in
                [(3, 1, 1, 1), (1, 1, 0, 0), (2, 2, 0, 0), (4, 2, 1, 1), (3, 2, 1, 0), (2, 3, 0, 1), (1, 2, 0, 0), (3, 1, 2, 0)]
            {
                if size + low + high < kernel {
                    continue;
                }
                let output = (size + low + high - kernel) / stride + 1;
                let (mut forward, mut backward) = (vec![], vec![]);
                for o in 0..output {
                    for k in 0..kernel {
                        let i = (o * stride + k) as isize - low as isize;
                        if (0..size as isize).contains(&i) {
                            forward.push((o, i as usize, k));
                            backward.push((i as usize, o, k));
                        }
                    }
                }
                backward.sort();
                let walk = AxisWalk::forward(size, output, kernel, stride, low);
                assert_eq!(pairs(&[walk]), forward);
                let walks = AxisWalk::backward(size, output, kernel, stride, low);
                assert_eq!(pairs(&walks), backward);
                assert_eq!(walks.iter().map(|w| w.count).sum::<usize>(), size);
            }
        }
    }
}
