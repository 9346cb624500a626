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

    /// The convolution that computes the input gradient: taps turned round, channels changed over. None with a stride, or with
    /// more zeros before than the kernel reaches.
    pub fn adjoint(&self) -> Option<Shape> {
        let mut low = [0; 3];
        for (axis, low) in low.iter_mut().enumerate() {
            *low = (self.kernel[axis] - 1).checked_sub(self.low[axis])?;
        }
        self.is_dense().then(|| Shape {
            channels_in: self.channels_out,
            channels_out: self.channels_in,
            input: self.output,
            output: self.input,
            low,
            ..self.clone()
        })
    }

    /// The sizes as constants of a function.
    pub fn constants(&self, f: Function) -> Function {
        let mut f = f.constant("N", self.batch).constant("CI", self.channels_in).constant("CO", self.channels_out);
        let lists = [("I", self.input), ("O", self.output), ("K", self.kernel), ("S", self.stride), ("L", self.low)];
        for (name, sizes) in lists {
            for (axis, size) in sizes.iter().enumerate() {
                f = f.constant(&format!("{name}{axis}"), *size);
            }
        }
        f
    }
}

fn three(sizes: &[usize], rest: usize) -> [usize; 3] {
    let missing = 3 - sizes.len();
    std::array::from_fn(|axis| if axis < missing { rest } else { sizes[axis - missing] })
}
