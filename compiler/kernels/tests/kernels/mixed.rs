//! Contractions and convolutions with products of bf16 and of split f32, and with tensors stored as bf16, on every instruction
//! set and on emulated tiles, against f64 sums of the operands as they are stored and rounded.

use crate::contract::einsum;
use crate::conv::Case;
use crate::{Values, scratch};
use pfm_device::Pool;
use pfm_kernels::{
    ContractSpec, Isa, Operand, Output, Products, Storage, contract_mixed, conv_input_grad_mixed, conv_mixed, conv_weight_grad_mixed,
    from_bf16, to_bf16,
};

/// All that a mixed kernel can be asked for.
pub const MODES: [(Products, Storage); 5] = [
    (Products::Bf16, Storage::F32),
    (Products::Bf16, Storage::Bf16),
    (Products::Split, Storage::F32),
    (Products::Split, Storage::Bf16),
    (Products::F32, Storage::Bf16),
];

/// A tensor in the storage of a test.
pub enum Tensor {
    F32(Vec<f32>),
    Bf16(Vec<u16>),
}

impl Tensor {
    pub fn new(values: &[f32], stored: Storage) -> Tensor {
        match stored {
            Storage::F32 => Tensor::F32(values.to_vec()),
            Storage::Bf16 => Tensor::Bf16(values.iter().map(|x| to_bf16(*x)).collect()),
        }
    }

    pub fn nan(count: usize, stored: Storage) -> Tensor {
        Tensor::new(&vec![f32::NAN; count], stored)
    }

    pub fn read(&self) -> Operand<'_> {
        match self {
            Tensor::F32(x) => Operand::F32(x),
            Tensor::Bf16(x) => Operand::Bf16(x),
        }
    }

    pub fn write(&mut self) -> Output<'_> {
        match self {
            Tensor::F32(x) => Output::F32(x),
            Tensor::Bf16(x) => Output::Bf16(x),
        }
    }

    pub fn values(&self) -> Vec<f32> {
        match self {
            Tensor::F32(x) => x.clone(),
            Tensor::Bf16(x) => x.iter().map(|x| from_bf16(*x)).collect(),
        }
    }
}

/// What a kernel multiplies instead of `values`.
pub fn seen(values: Vec<f32>, (products, stored): (Products, Storage)) -> Vec<f32> {
    if products == Products::Bf16 || stored == Storage::Bf16 {
        return values.into_iter().map(|x| from_bf16(to_bf16(x))).collect();
    }
    values
}

/// Every instruction set and the emulated tiles: results must not depend on threads and be near `expected`: within
/// 1e-5 sqrt(terms) of its largest entry, and half a unit in the last place of bf16 where results are stored so.
pub fn everywhere(what: &str, mode: (Products, Storage), expected: &[f64], terms: usize, run: impl Fn(&Pool, Isa) -> Vec<f32>) {
    for isa in Isa::available().into_iter().chain([Isa::AmxEmulated]) {
        let first = run(&Pool::new(1), isa);
        near(&format!("{what} {mode:?} on {isa:?}"), mode.1, &first, expected, terms);
        let other = run(&Pool::new(3), isa);
        let same = first.iter().zip(&other).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{what} {mode:?} on {isa:?}: 3 threads give other bits");
    }
}

pub fn near(what: &str, stored: Storage, found: &[f32], expected: &[f64], terms: usize) {
    assert_eq!(found.len(), expected.len(), "{what}: size");
    let largest = expected.iter().fold(1e-30f64, |m, x| m.max(x.abs()));
    let limit = 1e-5 * (terms.max(1) as f64).sqrt() * largest;
    let unit = if stored == Storage::Bf16 { 1.0 / 256.0 } else { 0.0 };
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*a) - b).abs();
        assert!(error <= limit + unit * b.abs(), "{what}: entry {i} is {a}, expected {b}, largest {largest}");
    }
}

fn contraction(text: &str, x_shape: &[usize], y_shape: &[usize]) {
    let letters = |s: &str| -> Vec<i64> { s.bytes().map(i64::from).collect() };
    let (operands, out) = text.split_once("->").unwrap();
    let (x, y) = operands.split_once(',').unwrap();
    let (x, y, out) = (letters(x), letters(y), letters(out));
    let spec = ContractSpec::new(x_shape, &x, y_shape, &y, &out);
    for mode in MODES {
        let mut values = Values(7);
        let x_data = seen(values.vec(x_shape.iter().product()), mode);
        let y_data = seen(values.vec(y_shape.iter().product()), mode);
        let expected = einsum((x_shape, &x, &x_data), (y_shape, &y, &y_data), &out);
        let terms = spec.operations() / 2 / expected.len().max(1);
        let (x_data, y_data) = (Tensor::new(&x_data, mode.1), Tensor::new(&y_data, mode.1));
        everywhere(&format!("{text} {x_shape:?} {y_shape:?}"), mode, &expected, terms, |pool, isa| {
            let mut found = Tensor::nan(expected.len(), mode.1);
            let mut space = scratch(spec.mixed_scratch(isa, mode.0, mode.1));
            contract_mixed(pool, isa, &spec, mode.0, x_data.read(), y_data.read(), found.write(), &mut space);
            found.values()
        });
    }
}

#[test]
fn matrices_in_every_orientation() {
    for (m, k, n) in [(1, 1, 1), (7, 5, 3), (37, 41, 67), (97, 130, 70), (200, 18, 64), (13, 300, 129), (64, 64, 32)] {
        contraction("mk,kn->mn", &[m, k], &[k, n]);
        contraction("km,kn->mn", &[k, m], &[k, n]);
        contraction("mk,nk->mn", &[m, k], &[n, k]);
        contraction("km,nk->mn", &[k, m], &[n, k]);
        contraction("mk,kn->nm", &[m, k], &[k, n]);
    }
}

#[test]
fn large_products_long_sums_and_groups() {
    contraction("mk,kn->mn", &[200, 530], &[530, 600]);
    contraction("mk,nk->mn", &[310, 300], &[1100, 300]);
    contraction("bmk,kn->bmn", &[3, 90, 70], &[70, 90]);
    contraction("km,kn->mn", &[3001, 18], &[3001, 33]);
    contraction("bkm,bkn->bmn", &[2, 2500, 20], &[2, 2500, 20]);
    contraction("bmk,bkn->bmn", &[5, 40, 70], &[5, 70, 31]);
    contraction("bthd,bshd->bhts", &[2, 40, 3, 36], &[2, 35, 3, 36]);
    contraction("bhts,bshd->bthd", &[2, 3, 36, 35], &[2, 35, 3, 38]);
    contraction("btc,chd->bhtd", &[2, 50, 38], &[38, 3, 20]);
    contraction("bhtd,chd->btc", &[2, 3, 50, 20], &[38, 3, 20]);
    contraction("bhtd,btc->chd", &[2, 3, 50, 20], &[2, 50, 38]);
    contraction("abc,dcb->ad", &[70, 12, 13], &[80, 13, 12]);
    contraction("abcd,becf->fdae", &[3, 4, 5, 6], &[4, 7, 5, 8]);
}

#[test]
fn vectors_and_empty_sums() {
    contraction("mk,k->m", &[300, 70], &[70]);
    contraction("m,n->mn", &[30], &[40]);
    contraction("k,k->", &[500], &[500]);
    contraction("mk,kn->mn", &[5, 0], &[0, 4]);
    contraction("mk,kn->mn", &[0, 5], &[5, 4]);
}

fn convolution(case: &Case<'_>, modes: &[(Products, Storage)]) {
    let (ci, co) = case.channels;
    let spec = case.spec();
    let taps: usize = case.kernel.iter().product();
    let what = format!("{:?} {ci}->{co} kernel {:?} stride {:?}", case.input, case.kernel, case.stride);
    let [x_size, w_size, y_size] = spec.lengths();
    let products = case.products(&spec.output()[3 - case.input.len()..]);
    for &mode in modes {
        let mut values = Values(3);
        let [x, w, dy] = [x_size, w_size, y_size].map(|n| seen(values.vec(n), mode));
        let (mut y, mut dx, mut dw) = (vec![0.0; y_size], vec![0.0; x_size], vec![0.0; w_size]);
        for &[i, k, o] in &products {
            let [a, b, c] = [x[i], w[k], dy[o]].map(f64::from);
            y[o] += a * b;
            dx[i] += c * b;
            dw[k] += a * c;
        }
        let [x, w, dy] = [x, w, dy].map(|v| Tensor::new(&v, mode.1));
        everywhere(&format!("conv {what}"), mode, &y, taps * ci, |pool, isa| {
            let mut found = Tensor::nan(y_size, mode.1);
            let mut space = scratch(spec.mixed_scratch(isa, mode.0, mode.1));
            conv_mixed(pool, isa, &spec, mode.0, x.read(), w.read(), found.write(), &mut space);
            found.values()
        });
        everywhere(&format!("input gradient {what}"), mode, &dx, taps * co, |pool, isa| {
            let mut found = Tensor::nan(x_size, mode.1);
            let mut space = scratch(spec.input_grad_mixed_scratch(isa, mode.0, mode.1));
            conv_input_grad_mixed(pool, isa, &spec, mode.0, dy.read(), w.read(), found.write(), &mut space);
            found.values()
        });
        everywhere(&format!("weight gradient {what}"), mode, &dw, y_size / co, |pool, isa| {
            let mut found = Tensor::nan(w_size, mode.1);
            let mut space = scratch(spec.weight_grad_mixed_scratch(isa, mode.0, mode.1));
            conv_weight_grad_mixed(pool, isa, &spec, mode.0, x.read(), dy.read(), found.write(), &mut space);
            found.values()
        });
    }
}

#[test]
fn three_by_three_by_three() {
    for channels in [(16, 16), (5, 16), (16, 5), (18, 64), (1, 1), (33, 40), (8, 70)] {
        let case = Case { batch: 2, input: &[3, 5, 7], channels, kernel: &[3; 3], stride: &[1; 3], low: &[1; 3], high: &[1; 3] };
        convolution(&case, &MODES);
    }
    for channels in [(16, 32), (32, 48)] {
        let case = Case { batch: 1, input: &[4, 6, 41], channels, kernel: &[3; 3], stride: &[1; 3], low: &[2, 1, 1], high: &[0, 1, 1] };
        convolution(&case, &MODES);
    }
    let many = Case { batch: 1, input: &[2, 4, 4], channels: (300, 40), kernel: &[3; 3], stride: &[1; 3], low: &[1; 3], high: &[1; 3] };
    convolution(&many, &MODES[..3]);
}

#[test]
fn strides_and_ranks() {
    let cases: [[&[usize]; 4]; 6] = [
        [&[3, 4, 4], &[1, 2, 2], &[1, 1, 1], &[1, 1, 1]],
        [&[2, 3, 4], &[2, 3, 4], &[0, 0, 0], &[0, 0, 0]],
        [&[1, 2, 2], &[1, 2, 2], &[0, 0, 0], &[0, 0, 0]],
        [&[3, 3, 3], &[1, 2, 2], &[2, 1, 1], &[0, 0, 0]],
        [&[1, 1, 1], &[2, 2, 2], &[0, 0, 0], &[0, 0, 0]],
        [&[2, 2, 2], &[3, 3, 3], &[1, 0, 1], &[0, 1, 1]],
    ];
    for [kernel, stride, low, high] in cases {
        for channels in [(5, 16), (16, 20), (36, 33)] {
            convolution(&Case { batch: 2, input: &[4, 6, 9], channels, kernel, stride, low, high }, &MODES[1..3]);
        }
    }
    let flat = Case { batch: 2, input: &[9, 11], channels: (4, 18), kernel: &[3, 5], stride: &[2, 1], low: &[1, 2], high: &[1, 2] };
    convolution(&flat, &MODES);
    let line = Case { batch: 3, input: &[13], channels: (4, 3), kernel: &[4], stride: &[1], low: &[3], high: &[0] };
    convolution(&line, &MODES);
    let outside = Case { batch: 1, input: &[1, 2, 2], channels: (2, 2), kernel: &[3; 3], stride: &[1; 3], low: &[3; 3], high: &[3; 3] };
    convolution(&outside, &MODES);
}

/// Where a well-known library gets the bf16 weight gradient wrong: sums of some entries against f64.
#[test]
fn weight_gradients_of_many_pixels() {
    let mut values = Values(17);
    for (ci, co, input) in [(32, 64, [5, 64, 64]), (64, 512, [3, 32, 32])] {
        let padded = [input[0] + 2, input[1], input[2]];
        let case =
            Case { batch: 2, input: &padded, channels: (ci, co), kernel: &[3; 3], stride: &[1; 3], low: &[0, 1, 1], high: &[0, 1, 1] };
        let spec = case.spec();
        let [x_size, w_size, y_size] = spec.lengths();
        let mode = (Products::Bf16, Storage::Bf16);
        let [x, dy] = [x_size, y_size].map(|n| seen(values.vec(n), mode));
        let (stored_x, stored_dy) = (Tensor::new(&x, mode.1), Tensor::new(&dy, mode.1));
        for isa in [Isa::detect(), Isa::AmxEmulated] {
            let (mut dw, mut space) = (vec![f32::NAN; w_size], scratch(spec.weight_grad_mixed_scratch(isa, mode.0, mode.1)));
            let pool = Pool::new(2);
            conv_weight_grad_mixed(&pool, isa, &spec, mode.0, stored_x.read(), stored_dy.read(), Output::F32(&mut dw), &mut space);
            let mut entries = vec![];
            for sample in 0..60 {
                let at = (sample * 7919 + 13) % w_size;
                let (o, i, tap) = (at / 27 / ci, at / 27 % ci, at % 27);
                entries.push((at, entry(&x, &dy, (ci, co), input, (o, i), [tap / 9, tap / 3 % 3, tap % 3])));
            }
            let (found, expected): (Vec<f32>, Vec<f64>) = entries.iter().map(|(at, sum)| (dw[*at], *sum)).unzip();
            near(&format!("weight gradient {ci}->{co} on {isa:?}"), Storage::F32, &found, &expected, y_size / co);
            assert!(dw.iter().all(|x| x.is_finite()));
        }
    }
}

/// One entry of the weight gradient of two samples.
fn entry(x: &[f32], dy: &[f32], (ci, co): (usize, usize), size: [usize; 3], (o, i): (usize, usize), tap: [usize; 3]) -> f64 {
    let [frames, height, width] = size;
    let mut sum = 0.0;
    for pixel in 0..2 * frames * height * width {
        let (row, w) = (pixel / width, pixel % width);
        let (plane, h) = (row / height, row % height);
        let (b, t) = (plane / frames, plane % frames);
        let (h, w) = (h + tap[1], w + tap[2]);
        if h >= 1 && h <= height && w >= 1 && w <= width {
            let source = ((b * (frames + 2) + t + tap[0]) * height + h - 1) * width + w - 1;
            sum += f64::from(x[source * ci + i]) * f64::from(dy[pixel * co + o]);
        }
    }
    sum
}
