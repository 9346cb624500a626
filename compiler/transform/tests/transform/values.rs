//! Values for tests: tensors of a type drawn from a range by counter, so that every run sees the same ones.

use pfm_ir::{DType, Tensor, TensorType};

/// Floats from `low` to `high`, integers from 0 up to `high`, bools of either kind.
pub fn draw(ty: &TensorType, low: f64, high: f64, stream: u32) -> Tensor {
    let data = (0..ty.elements() as u32)
        .map(|e| {
            let u = f64::from(pfm_ops::philox::uniform(pfm_ops::draw([7, 0, 0, 0], 0, stream, e)));
            match ty.dtype {
                DType::F32 | DType::Bf16 => low + (high - low) * u,
                DType::I32 => (high * u).floor(),
                DType::Bool => f64::from(u8::from(u < 0.6)),
            }
        })
        .collect();
    Tensor::new(&ty.shape, data)
}

/// The largest difference, relative to the largest entry of `b` unless that is zero.
pub fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.shape, b.shape);
    let largest = b.data.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let pairs = a.data.iter().zip(&b.data);
    // Two NaN are equal here.
    let difference = |(x, y): (&f64, &f64)| if x.is_nan() && y.is_nan() { 0.0 } else { (x - y).abs() };
    let most = pairs.map(difference).fold(0.0, |m: f64, d| if d.is_nan() { d } else { m.max(d) });
    if largest > 0.0 { most / largest } else { most }
}
