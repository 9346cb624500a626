//! Convolutions and their gradients.

use crate::shim;
use crate::support::{Case, case, kernel, ty};
use pfm_cuda::Step;
use pfm_ir::{Attrs, DType};

struct Sizes {
    input: [usize; 4],
    channels: (usize, usize),
    kernel: [usize; 3],
    stride: [usize; 3],
    low: [usize; 3],
    high: [usize; 3],
}

const CAUSAL: ([usize; 3], [usize; 3], [usize; 3], [usize; 3]) = ([3, 3, 3], [1, 1, 1], [2, 1, 1], [0, 1, 1]);

fn causal(input: [usize; 4], channels: (usize, usize)) -> Sizes {
    let (kernel, stride, low, high) = CAUSAL;
    Sizes { input, channels, kernel, stride, low, high }
}

fn convolution(op: &str, s: &Sizes, dtype: DType) -> Case {
    let (ci, co) = s.channels;
    let output: Vec<usize> = (0..3).map(|a| (s.input[a + 1] + s.low[a] + s.high[a] - s.kernel[a]) / s.stride[a] + 1).collect();
    let x = ty(dtype, &[&s.input[..], &[ci]].concat());
    let y = ty(dtype, &[&s.input[..1], &output, &[co]].concat());
    let w = ty(dtype, &[&[co, ci], &s.kernel[..]].concat());
    let attrs = Attrs::new().ints("stride", &s.stride).ints("low", &s.low).ints("high", &s.high);
    let mut kernel = match op {
        "conv" => kernel(op, &[x, w], attrs),
        "conv_input_grad" => kernel(op, &[y, w], attrs.ints("size", &s.input[1..])),
        _ => kernel(op, &[x, y], attrs.ints("kernel", &s.kernel)),
    };
    // Results are f32, or rounded on their way to memory: here for an even number of rows.
    if s.input[2].is_multiple_of(2) {
        kernel.results[0].dtype = dtype;
    }
    let tolerance = if kernel.results[0].dtype == DType::Bf16 { 5e-3 } else { 3e-6 };
    case(&format!("{op} {:?} {:?} {:?} {:?} {dtype:?}", s.input, s.channels, s.kernel, s.stride), kernel, None, tolerance, 90)
}

fn dense() -> Vec<Sizes> {
    vec![
        causal([1, 3, 5, 19], (16, 16)),
        causal([1, 2, 17, 9], (5, 16)),
        causal([2, 2, 6, 33], (16, 5)),
        causal([1, 2, 4, 7], (18, 24)),
        causal([1, 3, 5, 6], (64, 64)),
        causal([1, 1, 4, 5], (32, 136)),
        Sizes { input: [2, 3, 4, 6], channels: (24, 18), kernel: [1, 1, 1], stride: [1; 3], low: [0; 3], high: [0; 3] },
        Sizes { input: [1, 4, 5, 6], channels: (8, 8), kernel: [2, 1, 4], stride: [1; 3], low: [0, 0, 2], high: [1, 1, 1] },
    ]
}

fn strided() -> Vec<Sizes> {
    let of = |input, channels, kernel: [usize; 3], stride, low| Sizes { input, channels, kernel, stride, low, high: [0; 3] };
    vec![
        of([1, 3, 8, 10], (16, 16), [1, 2, 2], [1, 2, 2], [0; 3]),
        of([2, 5, 6, 70], (32, 24), [3, 2, 2], [2, 2, 2], [2, 0, 0]),
        of([1, 4, 9, 13], (5, 18), [3, 4, 4], [2, 4, 4], [2, 0, 0]),
        of([1, 5, 7, 9], (16, 32), [3, 3, 2], [1, 2, 3], [1, 1, 1]),
    ]
}

fn all() -> Vec<Sizes> {
    dense().into_iter().chain(strided()).collect()
}

#[test]
fn forward_on_tensor_cores() {
    let cases: Vec<Case> = all().iter().map(|s| convolution("conv", s, DType::Bf16)).collect();
    shim::check("conv_forward", &cases);
}

#[test]
fn input_gradient_on_tensor_cores() {
    let cases: Vec<Case> = all().iter().map(|s| convolution("conv_input_grad", s, DType::Bf16)).collect();
    shim::check("conv_input_grad", &cases);
}

#[test]
fn weight_gradient_on_tensor_cores() {
    let mut cases: Vec<Case> = all().iter().map(|s| convolution("conv_weight_grad", s, DType::Bf16)).collect();
    cases.push(convolution("conv_weight_grad", &causal([1, 2, 34, 33], (8, 8)), DType::Bf16));
    shim::check("conv_weight_grad", &cases);
}

/// f32 in parts, with errors at the level of f32.
#[test]
fn f32_in_parts_on_tensor_cores() {
    let sizes: Vec<Sizes> = dense().into_iter().take(3).chain(strided().into_iter().skip(1).take(2)).collect();
    let of = |op: &'static str| sizes.iter().map(move |s| convolution(op, s, DType::F32));
    let cases: Vec<Case> = of("conv").chain(of("conv_input_grad")).chain(of("conv_weight_grad")).collect();
    shim::check("conv_f32", &cases);
}

/// What has no tiles: kernels of many rows for the weights' gradient, and more zeros in front than the kernel reaches for the input's.
#[test]
fn straight_from_the_definition() {
    let wide = Sizes { input: [1, 2, 9, 8], channels: (5, 6), kernel: [1, 5, 3], stride: [1; 3], low: [0, 2, 1], high: [0, 2, 1] };
    let early = Sizes { input: [1, 4, 5, 6], channels: (3, 4), kernel: [1, 2, 2], stride: [1; 3], low: [3, 0, 0], high: [0; 3] };
    let cases = [
        convolution("conv_weight_grad", &wide, DType::Bf16),
        convolution("conv_weight_grad", &wide, DType::F32),
        convolution("conv_input_grad", &early, DType::F32),
    ];
    for case in &cases {
        let Step::Launch(launch) = &case.draft.steps[0] else { panic!("{} is no product for a library", case.name) };
        assert!(launch.entry.starts_with("conv_direct"), "{} is {}", case.name, launch.entry);
    }
    shim::check("conv_direct", &cases);
}

/// Frames in shared memory in stages and as a ring; weight gradients by several blocks, by several warps for a tap, and over several
/// tiles that each begin anew.
pub fn with_barriers() -> Vec<Case> {
    let (all, weights) = (dense(), "conv_weight_grad");
    let bf16 = [("conv", &all[4]), ("conv", &all[0]), (weights, &causal([1, 2, 34, 33], (8, 8))), (weights, &all[6])]
        .map(|(op, sizes)| convolution(op, sizes, DType::Bf16));
    let anew = Sizes { input: [1, 4, 5, 6], channels: (8, 8), kernel: [2, 1, 4], stride: [1; 3], low: [0, 0, 2], high: [0, 1, 1] };
    bf16.into_iter().chain([convolution(weights, &anew, DType::F32)]).collect()
}
