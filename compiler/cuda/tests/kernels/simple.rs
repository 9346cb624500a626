//! The simple kernels: transforms and small factorisations, sorting, gathering, random numbers.

use crate::shim;
use crate::support::{Case, Words, case, kernel, ty};
use pfm_ir::{Attrs, DType, Sample, Tensor, TensorType};

#[test]
fn transforms_and_factorisations() {
    let of = |op: &str, shape: &[usize], attrs: Attrs, tolerance| {
        let name = format!("{op} {shape:?} {:?}", attrs.get("axes").map(|_| attrs.get_ints("axes")));
        case(&name, kernel(op, &[ty(DType::F32, shape)], attrs), None, tolerance, 80)
    };
    let fft = |axes: &[usize], inverse| Attrs::new().ints("axes", axes).bool("inverse", inverse);
    let mut cases = vec![
        of("fft", &[3, 12, 10, 2], fft(&[1], false), 1e-5),
        of("fft", &[3, 12, 10, 2], fft(&[2, 1], true), 1e-5),
        of("fft", &[9, 5, 2], fft(&[], false), 0.0),
        of("qr", &[7, 7], Attrs::new(), 2e-5),
        of("qr", &[40, 13], Attrs::new(), 2e-5),
    ];
    cases.extend([2, 13, 40].map(eigenvectors));
    shim::check("simple", &cases);
}

/// Eigenvectors of a symmetric matrix with eigenvalues apart, so that only their signs are free.
pub fn eigenvectors(n: usize) -> Case {
    let mut words = Words::new(n as u64);
    let noise: Vec<f64> = (0..n * n).map(|_| words.number()).collect();
    let entry = |at: usize| {
        let (i, j) = (at / n, at % n);
        f64::from(((noise[i * n + j] + noise[j * n + i]) * 0.1 + if i == j { i as f64 } else { 0.0 }) as f32)
    };
    let matrix = Tensor::new(&[n, n], (0..n * n).map(entry).collect());
    let kernel = kernel("eigh", &[ty(DType::F32, &[n, n])], Attrs::new());
    case(&format!("eigh of {n}"), kernel, Some(vec![matrix]), 1e-4, 80)
}

/// Values between two numbers; integers from 0 up to the upper one.
fn between(ty: &TensorType, (low, high): (f64, f64), words: &mut Words) -> Tensor {
    Tensor::from_fn(&ty.shape, |_| {
        let part = 0.5 * (words.number() + 1.0);
        if ty.dtype.is_float() { f64::from((low + (high - low) * part) as f32) } else { (high * part).floor() }
    })
}

#[test]
fn samples_of_sorting_gathering_and_random_numbers() {
    let of = |op: &str, n: usize, sample: &Sample| {
        let mut words = Words::new(n as u64 + 3);
        let operands = sample.operands.iter().map(|ty| between(ty, (sample.low, sample.high), &mut words)).collect();
        case(&format!("{op} sample {n}"), kernel(op, &sample.operands, sample.attrs.clone()), Some(operands), 1e-5, 80)
    };
    let mut cases = vec![];
    for op in ["argsort", "gather", "scatter_add", "random"] {
        let samples = (pfm_ops::lookup(op).expect("the operation is in the table").samples)();
        cases.extend(samples.iter().enumerate().map(|(n, sample)| of(op, n, sample)));
    }
    let sorted = kernel("argsort", &[ty(DType::F32, &[300])], Attrs::new().bool("descending", true));
    cases.push(case("argsort of 300", sorted, None, 0.0, 80));
    shim::check("samples", &cases);
}
