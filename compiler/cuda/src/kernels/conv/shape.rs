//! The sizes of a convolution as its kernels see them: always three spatial axes, and the input gradient of a convolution with
//! stride 1 as a convolution of its own.

use crate::function::Function;
use pfm_ir::TensorType;
use pfm_plan::Kernel;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub batch: usize,
    pub channels_in: usize,
    pub channels_out: usize,
    pub input: [usize; 3],
    pub output: [usize; 3],
    pub kernel: [usize; 3],
    pub stride: [usize; 3],
    pub low: [usize; 3],
}

impl Shape {
    /// The convolution that the node is, or is a gradient of.
    pub fn of(kernel: &Kernel) -> Shape {
        let (a, b, c) = (&kernel.operands[0], &kernel.operands[1], &kernel.results[0]);
        let (x, y, w) = match kernel.op.name {
            "conv" => (a, c, b),
            "conv_input_grad" => (c, a, b),
            "conv_weight_grad" => (a, b, c),
            name => panic!("`{name}` is not a convolution"),
        };
        let inner = |t: &TensorType| three(&t.shape[1..t.rank() - 1], 1);
        Shape {
            batch: x.shape[0],
            channels_in: w.shape[1],
            channels_out: w.shape[0],
            input: inner(x),
            output: inner(y),
            kernel: three(&w.shape[2..], 1),
            stride: three(&kernel.attrs.get_sizes("stride"), 1),
            low: three(&kernel.attrs.get_sizes("low"), 0),
        }
    }

    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    pub fn is_dense(&self) -> bool {
        self.stride == [1; 3]
    }

    /// The convolution that computes the input gradient: taps turned round, channels changed over. With a stride its channels are
    /// those of all pixels between two steps. None when there are more zeros before than the kernel reaches.
    pub fn adjoint(&self) -> Option<(Shape, Scatter)> {
        let (mut kernel, mut low, mut output, mut lead) = ([0; 3], [0; 3], [0; 3], [0; 3]);
        for a in 0..3 {
            let step = self.stride[a];
            // The first pixel lies `lead` pixels after a step.
            let skipped = self.low[a] / step;
            kernel[a] = self.kernel[a].div_ceil(step);
            lead[a] = self.low[a] % step;
            low[a] = (kernel[a] - 1).checked_sub(skipped)?;
            output[a] = (self.input[a] - 1 + self.low[a]) / step - skipped + 1;
        }
        let phases: usize = self.stride.iter().product();
        let shape = Shape {
            batch: self.batch,
            channels_in: self.channels_out,
            channels_out: phases * self.channels_in,
            input: self.output,
            output,
            kernel,
            stride: [1; 3],
            low,
        };
        let scatter = Scatter { channels: self.channels_in, step: self.stride, lead, size: self.input, kernel: self.kernel };
        Some((shape, scatter))
    }

    /// The sizes as constants of a function.
    pub fn constants(&self, f: Function) -> Function {
        let f = f.constant("N", self.batch).constant("CI", self.channels_in).constant("CO", self.channels_out);
        let lists = [("I", self.input), ("O", self.output), ("K", self.kernel), ("S", self.stride), ("L", self.low)];
        axes(f, &lists)
    }
}

/// Where results go whose channels are those of several pixels, and which weights they have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scatter {
    /// Channels of one pixel.
    pub channels: usize,
    /// Pixels of the result between two of the convolution.
    pub step: [usize; 3],
    /// Pixels before the first of the result.
    pub lead: [usize; 3],
    pub size: [usize; 3],
    /// The kernel of the convolution whose gradient it is.
    pub kernel: [usize; 3],
}

impl Scatter {
    /// Each pixel to its own place.
    pub fn none(s: &Shape) -> Scatter {
        Scatter { channels: s.channels_out, step: [1; 3], lead: [0; 3], size: s.output, kernel: s.kernel }
    }

    pub fn constants(&self, f: Function) -> Function {
        let lists = [("F", self.step), ("M", self.lead), ("J", self.size), ("T", self.kernel)];
        axes(f, &lists).constant("CR", self.channels)
    }
}

/// Constants such as I0, I1 and I2.
fn axes(mut f: Function, lists: &[(&str, [usize; 3])]) -> Function {
    for (name, sizes) in lists {
        for (axis, size) in sizes.iter().enumerate() {
            f = f.constant(&format!("{name}{axis}"), *size);
        }
    }
    f
}

fn three(sizes: &[usize], rest: usize) -> [usize; 3] {
    let missing = 3 - sizes.len();
    std::array::from_fn(|axis| if axis < missing { rest } else { sizes[axis - missing] })
}
