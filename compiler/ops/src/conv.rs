//! `conv`: cross-correlation over two or three spatial axes, channels last, zeros outside.
//!
//! ## Meaning
//! y[b, o.., co] = sum over k.., ci of x[b, o * stride + k - low, ci] w[co, ci, k..]. Time is just the first spatial
//! axis: a causal convolution pads it only before (`low`).
//! ## Shapes
//! R1 x is [b, s.., ci] with two or three spatial axes. R2 w is [co, ci, k..] with as many. R3 both have one float type and
//! one `ci`. R4 `stride`, `low` and `high` have one entry per spatial axis, none negative, each stride at least 1.
//! R5 the kernel fits into the padded input. The result is f32 and has (s + low + high - k) / stride + 1 elements per axis, rounded down.
//! ## Gradient
//! `conv_input_grad` and `conv_weight_grad`.
//! ## References
//! StableHLO, `convolution`.

use crate::{build, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Sample, ShapeError, Tensor, TensorType};

/// Sizes of a convolution. Two spatial axes are three with a first one of size 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub batch: usize,
    pub channels_in: usize,
    pub channels_out: usize,
    pub input: Vec<usize>,
    pub kernel: Vec<usize>,
    pub output: Vec<usize>,
    pub stride: Vec<usize>,
    pub low: Vec<usize>,
    pub high: Vec<usize>,
}

impl Geometry {
    /// Checks rules R1 to R5 for x [b, s.., ci] and w [co, ci, k..].
    pub fn of(x: &TensorType, w: &TensorType, attrs: &Attrs) -> Result<Geometry, ShapeError> {
        require(x.rank() == 4 || x.rank() == 5, "R1", || format!("{x} is not [b, s.., c] with two or three spatial axes"))?;
        let n = x.rank() - 2;
        require(w.rank() == n + 2, "R2", || format!("{w} is not [co, ci, k..] with {n} spatial axes"))?;
        float(x, "R3")?;
        require(x.dtype == w.dtype && x.shape[n + 1] == w.shape[1], "R3", || format!("{x} and {w} differ in type or channels"))?;
        let stride = sizes_per_axis(attrs, "stride", n, "R4")?;
        let low = sizes_per_axis(attrs, "low", n, "R4")?;
        let high = sizes_per_axis(attrs, "high", n, "R4")?;
        require(stride.iter().all(|&s| s >= 1), "R4", || format!("stride {stride:?}"))?;
        let (input, kernel) = (x.shape[1..=n].to_vec(), w.shape[2..].to_vec());
        let mut output = Vec::with_capacity(n);
        for a in 0..n {
            let padded = input[a] + low[a] + high[a];
            require(kernel[a] >= 1 && kernel[a] <= padded, "R5", || format!("a kernel of {} in {padded} elements of axis {a}", kernel[a]))?;
            output.push((padded - kernel[a]) / stride[a] + 1);
        }
        Ok(Geometry { batch: x.shape[0], channels_in: w.shape[1], channels_out: w.shape[0], input, kernel, output, stride, low, high })
    }

    pub fn input_shape(&self) -> Vec<usize> {
        [&[self.batch], &self.input[..], &[self.channels_in]].concat()
    }

    pub fn output_shape(&self) -> Vec<usize> {
        [&[self.batch], &self.output[..], &[self.channels_out]].concat()
    }

    pub fn weight_shape(&self) -> Vec<usize> {
        [&[self.channels_out, self.channels_in], &self.kernel[..]].concat()
    }

    pub fn flops(&self) -> f64 {
        let sizes = self.output_shape();
        let taps: usize = self.kernel.iter().product();
        2.0 * (sizes.iter().product::<usize>() * taps * self.channels_in) as f64
    }

    /// The same with three spatial axes.
    fn padded_to_three(&self) -> Geometry {
        let mut g = self.clone();
        if g.input.len() == 2 {
            for sizes in [&mut g.input, &mut g.kernel, &mut g.output, &mut g.stride] {
                sizes.insert(0, 1);
            }
            g.low.insert(0, 0);
            g.high.insert(0, 0);
        }
        g
    }

    /// Calls `visit` with (input position, output position, tap) for every product of the sum, as row-major numbers
    /// of [b, s..], [b, o..] and [k..].
    pub(crate) fn each_tap(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let g = self.padded_to_three();
        let inside = |o: usize, k: usize, a: usize| (o * g.stride[a] + k).checked_sub(g.low[a]).filter(|&i| i < g.input[a]);
        let mut to = 0;
        for b in 0..g.batch {
            for o0 in 0..g.output[0] {
                for o1 in 0..g.output[1] {
                    for o2 in 0..g.output[2] {
                        for k0 in 0..g.kernel[0] {
                            let Some(i0) = inside(o0, k0, 0) else {
                                continue;
                            };
                            for k1 in 0..g.kernel[1] {
                                let Some(i1) = inside(o1, k1, 1) else {
                                    continue;
                                };
                                for k2 in 0..g.kernel[2] {
                                    let Some(i2) = inside(o2, k2, 2) else {
                                        continue;
                                    };
                                    let row = (b * g.input[0] + i0) * g.input[1] + i1;
                                    let tap = (k0 * g.kernel[1] + k1) * g.kernel[2] + k2;
                                    visit(row * g.input[2] + i2, to, tap);
                                }
                            }
                        }
                        to += 1;
                    }
                }
            }
        }
    }

    /// w [co, ci, taps] as [taps, ci, co], so that the inner loops run over neighbours.
    pub(crate) fn taps_first(&self, w: &[f64]) -> Vec<f64> {
        let taps = self.kernel.iter().product();
        let shape = [self.channels_out, self.channels_in, taps];
        crate::strided::permuted(w, &shape, &[2, 1, 0])
    }

    /// The inverse of `taps_first`.
    pub(crate) fn taps_last(&self, w: &[f64]) -> Vec<f64> {
        let taps = self.kernel.iter().product();
        let shape = [taps, self.channels_in, self.channels_out];
        crate::strided::permuted(w, &shape, &[2, 1, 0])
    }
}

/// Input and kernel shapes with strides and paddings that the three convolutions are tested on.
pub(crate) fn cases() -> Vec<(Vec<usize>, Vec<usize>, Attrs)> {
    let case = |x: &[usize], w: &[usize], stride: &[usize], low: &[usize], high: &[usize]| {
        let attrs = Attrs::new().ints("stride", stride).ints("low", low).ints("high", high);
        (x.to_vec(), w.to_vec(), attrs)
    };
    vec![
        case(&[2, 4, 3, 2], &[3, 2, 3, 3], &[1, 1], &[1, 1], &[1, 1]),
        case(&[1, 5, 6, 1], &[2, 1, 2, 3], &[2, 3], &[0, 1], &[0, 0]),
        case(&[1, 3, 3, 4, 2], &[2, 2, 3, 3, 3], &[1, 1, 1], &[2, 1, 1], &[0, 1, 1]),
        case(&[1, 3, 4, 4, 2], &[3, 2, 3, 2, 2], &[2, 2, 2], &[2, 0, 0], &[0, 0, 0]),
        case(&[2, 2, 2, 2, 2], &[1, 2, 1, 1, 1], &[1, 1, 1], &[0, 0, 0], &[0, 0, 0]),
        case(&[1, 4, 5, 1], &[1, 1, 3, 2], &[3, 2], &[0, 0], &[1, 2]),
    ]
}

pub static CONV: Op = Op {
    name: "conv",
    doc: doc::header(include_str!("conv.rs")),
    operands: &["x", "w"],
    variadic: false,
    attrs: &[
        attr("high", AttrKind::Ints, "zeros after, per spatial axis"),
        attr("low", AttrKind::Ints, "zeros before, per spatial axis"),
        attr("stride", AttrKind::Ints, "step of the output, per spatial axis"),
    ],
    shape: |t, attrs| {
        let shape = Geometry::of(t[0], t[1], attrs)?.output_shape();
        Ok(vec![TensorType::f32(&shape)])
    },
    meaning: Meaning::Reference(|t, attrs, results| {
        let (x, w) = (TensorType::f32(&t[0].shape), TensorType::f32(&t[1].shape));
        let g = Geometry::of(&x, &w, attrs).expect("the shape rule holds");
        let (ci, co) = (g.channels_in, g.channels_out);
        let w = g.taps_first(&t[1].data);
        let mut y = Tensor::fill(&results[0].shape, 0.0);
        g.each_tap(|from, to, tap| {
            let y = &mut y.data[to * co..][..co];
            let w = w[tap * ci * co..][..ci * co].chunks_exact(co);
            for (&x, w) in t[0].data[from * ci..][..ci].iter().zip(w) {
                for (y, &w) in y.iter_mut().zip(w) {
                    *y += x * w;
                }
            }
        });
        vec![y]
    }),
    gradient: Gradient::Rule(|b, c| {
        let Some(g) = c.upstream[0] else {
            return vec![None, None];
        };
        let (x, w) = (c.operands[0], c.operands[1]);
        let sizes = |name: &str| c.attrs.get_sizes(name);
        let (stride, low, high) = (sizes("stride"), sizes("low"), sizes("high"));
        let n = stride.len();
        let dtype = b.ty(x).dtype;
        let g = build::as_type(b, g, dtype);
        let dx = c.wanted[0].then(|| {
            let size = b.shape(x)[1..=n].to_vec();
            build::conv_input_grad(b, g, w, &stride, &low, &high, &size)
        });
        let dw = c.wanted[1].then(|| {
            let kernel = b.shape(w)[2..].to_vec();
            build::conv_weight_grad(b, x, g, &stride, &low, &high, &kernel)
        });
        [dx, dw].into_iter().map(|d| d.map(|d| build::as_type(b, d, dtype))).collect()
    }),
    cost: |t, results, attrs| {
        let flops = Geometry::of(t[0], t[1], attrs).expect("the shape rule holds").flops();
        cost::counted(t, results, flops)
    },
    class: Class::Kernel,
    samples: || {
        let of = |(x, w, attrs): (Vec<usize>, Vec<usize>, Attrs)| -> Sample { sample(&[f32s(&x), f32s(&w)], attrs) };
        cases().into_iter().map(of).collect()
    },
};
