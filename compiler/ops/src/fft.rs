//! `fft`: discrete Fourier transform of complex numbers over some axes.
//!
//! ## Meaning
//! The last axis holds (re, im). Along each of `axes`: y[f] = sum over i of x[i] exp(-2 pi sqrt(-1) f i / n), or with
//! exp(+...) if `inverse`. Neither direction is scaled: both in turn give n x.
//! ## Shapes
//! R1 the last axis has size 2. R2 `axes` are distinct axes of the operand, none empty and not the last. R3 it holds f32.
//! ## Gradient
//! The transform in the other direction of g, which is the adjoint.
//! ## References
//! Cooley and Tukey, 1965. The reference uses the crate rustfft.

use crate::{build, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, DType, Gradient, Meaning, Op, Tensor};
use rustfft::{FftPlanner, num_complex::Complex};

/// Transforms row-major complex numbers of `shape` along one axis.
fn along(data: Vec<Complex<f64>>, shape: &[usize], axis: usize, inverse: bool) -> Vec<Complex<f64>> {
    let mut planner = FftPlanner::new();
    let n = shape[axis];
    let plan = if inverse { planner.plan_fft_inverse(n) } else { planner.plan_fft_forward(n) };
    let inner: usize = shape[axis + 1..].iter().product();
    let mut data = data;
    let mut line = vec![Complex::default(); n];
    for block in data.chunks_exact_mut(n * inner) {
        for i in 0..inner {
            for (v, x) in line.iter_mut().zip(block[i..].iter().step_by(inner)) {
                *v = *x;
            }
            plan.process(&mut line);
            for (v, x) in line.iter().zip(block[i..].iter_mut().step_by(inner)) {
                *x = *v;
            }
        }
    }
    data
}

pub static FFT: Op = Op {
    name: "fft",
    doc: doc::header(include_str!("fft.rs")),
    operands: &["x"],
    variadic: false,
    attrs: &[attr("axes", AttrKind::Ints, "axes to transform"), attr("inverse", AttrKind::Bool, "sign of the exponent is plus")],
    shape: |t, attrs| {
        require(t[0].shape.last() == Some(&2), "R1", || format!("the last axis of {} is not (re, im)", t[0]))?;
        let over = axes(attrs, "axes", t[0].rank() - 1, "R2")?;
        require(over.iter().all(|&a| t[0].shape[a] > 0), "R2", || format!("an axis of {} is empty", t[0]))?;
        of(t[0], DType::F32, "R3")?;
        Ok(vec![t[0].clone()])
    },
    meaning: Meaning::Reference(|t, attrs, _| {
        let shape = &t[0].shape[..t[0].shape.len() - 1];
        let pairs = t[0].data.chunks_exact(2);
        let mut data: Vec<_> = pairs.map(|p| Complex::new(p[0], p[1])).collect();
        for a in attrs.get_sizes("axes") {
            data = along(data, shape, a, attrs.get_bool("inverse"));
        }
        let data = data.iter().flat_map(|v| [v.re, v.im]).collect();
        vec![Tensor::new(&t[0].shape, data)]
    }),
    gradient: Gradient::Rule(|b, c| {
        let axes = c.attrs.get_sizes("axes");
        let back = !c.attrs.get_bool("inverse");
        vec![c.upstream[0].map(|g| build::fft(b, g, &axes, back))]
    }),
    cost: |t, results, attrs| {
        // 5 n log2(n) for n complex points, the usual count.
        let over = attrs.get_sizes("axes");
        let n: f64 = over.iter().map(|&a| t[0].shape[a] as f64).product();
        cost::counted(t, results, 2.5 * t[0].elements() as f64 * n.log2())
    },
    class: Class::Kernel,
    samples: || {
        let of = |x: &[usize], axes: &[usize], inverse| {
            let attrs = Attrs::new().ints("axes", axes).bool("inverse", inverse);
            sample(&[f32s(x)], attrs)
        };
        vec![
            of(&[4, 2], &[0], false),
            of(&[2, 5, 2], &[1], true),
            of(&[3, 4, 2], &[0, 1], false),
            of(&[2, 3, 2, 2, 2], &[1, 2, 3], true),
            of(&[3, 2, 2], &[], false),
        ]
    },
};
