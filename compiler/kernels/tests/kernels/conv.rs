//! Convolution and both gradients: ranks 1 to 3, strides, uneven borders, kernels as large as the input, odd channels.

use crate::{Values, everywhere, places, scratch};
use pfm_kernels::{ConvSpec, conv, conv_input_grad, conv_weight_grad};

pub struct Case<'a> {
    pub batch: usize,
    pub input: &'a [usize],
    pub channels: (usize, usize),
    pub kernel: &'a [usize],
    pub stride: &'a [usize],
    pub low: &'a [usize],
    pub high: &'a [usize],
}

impl Case<'_> {
    /// Offsets in x, w and y of every product of the convolution.
    pub fn products(&self, output: &[usize]) -> Vec<[usize; 3]> {
        let (ci, co) = self.channels;
        let mut all = Vec::new();
        for b in 0..self.batch {
            for o in places(output) {
                'taps: for (tap, k) in places(self.kernel).into_iter().enumerate() {
                    let (mut source, mut result) = (b, b);
                    for a in 0..o.len() {
                        let i = o[a] * self.stride[a] + k[a];
                        if i < self.low[a] || i - self.low[a] >= self.input[a] {
                            continue 'taps;
                        }
                        source = source * self.input[a] + i - self.low[a];
                        result = result * output[a] + o[a];
                    }
                    let taps: usize = self.kernel.iter().product();
                    for i in 0..ci {
                        for o in 0..co {
                            all.push([source * ci + i, (o * ci + i) * taps + tap, result * co + o]);
                        }
                    }
                }
            }
        }
        all
    }

    pub fn spec(&self) -> ConvSpec {
        let (ci, co) = self.channels;
        ConvSpec::new(self.batch, self.input, ci, co, self.kernel, self.stride, self.low, self.high)
    }

    fn check(&self) {
        let (ci, co) = self.channels;
        let spec = self.spec();
        let rank = self.input.len();
        let what = format!("{:?} {ci}->{co} kernel {:?} stride {:?}", self.input, self.kernel, self.stride);
        let [x_size, w_size, y_size] = spec.lengths();
        let mut values = Values(3);
        let (x, w, dy) = (values.vec(x_size), values.vec(w_size), values.vec(y_size));
        let (mut y, mut dx, mut dw) = (vec![0.0; y_size], vec![0.0; x_size], vec![0.0; w_size]);
        for [i, k, o] in self.products(&spec.output()[3 - rank..]) {
            let [a, b, c] = [x[i], w[k], dy[o]].map(f64::from);
            y[o] += a * b;
            dx[i] += c * b;
            dw[k] += a * c;
        }
        let taps: usize = self.kernel.iter().product();
        everywhere(&format!("conv {what}"), &y, taps * ci, |pool, isa| {
            let (mut found, mut space) = (vec![f32::NAN; y_size], scratch(spec.scratch()));
            conv(pool, isa, &spec, &x, &w, &mut found, &mut space);
            found
        });
        everywhere(&format!("input gradient {what}"), &dx, taps * co, |pool, isa| {
            let (mut found, mut space) = (vec![f32::NAN; x_size], scratch(spec.input_grad_scratch()));
            conv_input_grad(pool, isa, &spec, &dy, &w, &mut found, &mut space);
            found
        });
        let pixels = y_size / co;
        everywhere(&format!("weight gradient {what}"), &dw, pixels, |pool, isa| {
            let (mut found, mut space) = (vec![f32::NAN; w_size], scratch(spec.weight_grad_scratch()));
            conv_weight_grad(pool, isa, &spec, &x, &dy, &mut found, &mut space);
            found
        });
    }
}

#[test]
fn three_by_three_by_three() {
    for channels in [(16, 16), (5, 16), (16, 5), (18, 64), (1, 1), (3, 150), (33, 40)] {
        Case { batch: 2, input: &[3, 5, 7], channels, kernel: &[3, 3, 3], stride: &[1, 1, 1], low: &[1, 1, 1], high: &[1, 1, 1] }.check();
    }
    Case { batch: 1, input: &[2, 3, 31], channels: (16, 32), kernel: &[3, 3, 3], stride: &[1, 1, 1], low: &[2, 1, 1], high: &[0, 1, 1] }
        .check();
}

/// Enough pixels for the way by tiles: borders of every width, channels that are no multiple of a vector, few and many frames.
#[test]
fn tiles_of_four_by_four_results() {
    for channels in [(16, 16), (5, 16), (16, 5), (70, 6), (18, 20)] {
        Case { batch: 2, input: &[3, 14, 23], channels, kernel: &[3, 3, 3], stride: &[1; 3], low: &[2, 1, 1], high: &[0, 1, 1] }.check();
    }
    Case { batch: 3, input: &[1, 16, 17], channels: (17, 33), kernel: &[1, 3, 3], stride: &[1; 3], low: &[0, 0, 2], high: &[0, 2, 0] }
        .check();
    Case { batch: 1, input: &[4, 9, 33], channels: (6, 12), kernel: &[4, 3, 3], stride: &[1; 3], low: &[1, 1, 0], high: &[2, 1, 0] }
        .check();
    Case { batch: 1, input: &[40, 7, 9], channels: (12, 13), kernel: &[2, 3, 3], stride: &[1; 3], low: &[1, 1, 1], high: &[0, 1, 1] }
        .check();
    Case { batch: 4, input: &[15, 30], channels: (70, 14), kernel: &[3, 3], stride: &[1; 2], low: &[1; 2], high: &[1; 2] }.check();
    Case { batch: 1, input: &[2, 5, 300], channels: (9, 12), kernel: &[1, 3, 3], stride: &[1; 3], low: &[0, 1, 1], high: &[0, 1, 1] }
        .check();
    Case { batch: 2, input: &[3, 8, 12], channels: (64, 130), kernel: &[3, 3, 3], stride: &[1; 3], low: &[2, 1, 1], high: &[0, 1, 1] }
        .check();
}

#[test]
fn single_taps() {
    for channels in [(16, 32), (64, 5), (7, 9)] {
        Case { batch: 3, input: &[2, 4, 6], channels, kernel: &[1, 1, 1], stride: &[1, 1, 1], low: &[0; 3], high: &[0; 3] }.check();
    }
}

/// Few channels on one side and rows longer than any strip of pixels.
#[test]
fn few_channels_and_long_rows() {
    for channels in [(6, 4), (4, 6), (20, 1), (17, 10)] {
        Case { batch: 1, input: &[2, 3, 150], channels, kernel: &[2, 3, 4], stride: &[1, 2, 1], low: &[1, 1, 2], high: &[0, 1, 1] }.check();
    }
    Case { batch: 2, input: &[7, 7, 9], channels: (5, 2), kernel: &[6, 7, 3], stride: &[1, 1, 1], low: &[3, 3, 1], high: &[3, 3, 1] }
        .check();
}

#[test]
fn strides() {
    let cases: [[&[usize]; 4]; 6] = [
        [&[3, 4, 4], &[1, 2, 2], &[1, 1, 1], &[1, 1, 1]],
        [&[2, 3, 4], &[2, 3, 4], &[0, 0, 0], &[0, 0, 0]],
        [&[1, 2, 2], &[1, 2, 2], &[0, 0, 0], &[0, 0, 0]],
        [&[3, 3, 3], &[1, 2, 2], &[2, 1, 1], &[0, 0, 0]],
        [&[1, 1, 1], &[2, 2, 2], &[0, 0, 0], &[0, 0, 0]],
        [&[2, 2, 2], &[3, 3, 3], &[1, 0, 1], &[0, 1, 1]],
    ];
    for [kernel, stride, low, high] in cases {
        for channels in [(5, 16), (16, 20)] {
            Case { batch: 2, input: &[4, 6, 9], channels, kernel, stride, low, high }.check();
        }
    }
}

#[test]
fn lower_ranks_and_large_kernels() {
    Case { batch: 2, input: &[9, 11], channels: (4, 18), kernel: &[3, 5], stride: &[2, 1], low: &[1, 2], high: &[1, 2] }.check();
    Case { batch: 3, input: &[13], channels: (4, 3), kernel: &[4], stride: &[1], low: &[3], high: &[0] }.check();
    // More taps than one tile call takes, and taps that never see the input.
    Case { batch: 1, input: &[3, 6, 6], channels: (3, 17), kernel: &[3, 6, 6], stride: &[1, 1, 1], low: &[2, 3, 5], high: &[2, 2, 5] }
        .check();
    Case { batch: 1, input: &[1, 2, 2], channels: (2, 2), kernel: &[3, 3, 3], stride: &[1, 1, 1], low: &[3, 3, 3], high: &[3, 3, 3] }
        .check();
}
