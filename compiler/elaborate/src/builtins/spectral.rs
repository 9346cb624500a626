//! Fourier transforms over named axes. A complex tensor is a pair of real ones, so that code multiplies modes as it pleases.

use super::{Arguments, Builtin, Kind, required};
use crate::{
    Elaborator, NamedTensor,
    fault::{Outcome, axes_text, fault},
    value::Value,
};
use pfm_ir::{Attrs, ValueId};

pub(super) static TABLE: &[Builtin] = &[
    Builtin {
        name: "power_spectrum",
        params: &[required("x", Kind::Tensor), required("over", Kind::Axes)],
        doc: "|F|^2 of the unscaled discrete Fourier transform over axes, which now count modes (see `frequency`).",
        run: |e, a| {
            let x = a.tensor(0).clone();
            let modes = transformed(e, &x, None, a, 1)?;
            let square = pfm_ops::mul(&mut e.builder, modes, modes);
            let value = pfm_ops::reduce_sum(&mut e.builder, square, &[x.axes.len()]);
            Ok(Value::Tensor(NamedTensor { value, axes: x.axes }))
        },
    },
    Builtin {
        name: "fourier",
        params: &[required("x", Kind::Tensor), required("over", Kind::Axes)],
        doc: "Real and imaginary part of the unscaled discrete Fourier transform over axes, which now count modes (see `frequency`).",
        run: |e, a| {
            let x = a.tensor(0).clone();
            let modes = transformed(e, &x, None, a, 1)?;
            let parts = [0, 1].map(|i| Value::Tensor(part(e, modes, i, &x.axes)));
            Ok(Value::Group(parts.to_vec()))
        },
    },
    Builtin {
        name: "inverse_fourier",
        params: &[required("re", Kind::Tensor), required("im", Kind::Tensor), required("over", Kind::Axes)],
        doc: "Real part of the inverse transform of complex modes: `fourier` and this in turn give the tensor back.",
        run: inverse_fourier,
    },
];

/// The modes of x, or with `im` the inverse transform of x + i im; real and imaginary part are a new last axis.
fn transformed(e: &mut Elaborator, x: &NamedTensor, im: Option<&NamedTensor>, a: &Arguments, over: usize) -> Outcome<ValueId> {
    let mut axes = e.positions(x, &a.axes(over), a.span_of(over))?;
    axes.sort_unstable();
    let rank = x.axes.len();
    let mut shape = e.sizes(x);
    shape.push(1);
    let real = e.reshape(x.value, &shape);
    let complex = match im {
        Some(im) => {
            let im = e.reshape(im.value, &shape);
            e.node(&pfm_ops::CONCAT, &[real, im], Attrs::new().int("axis", rank as i64), a.span)?
        }
        None => {
            let zero = vec![0; rank + 1];
            let mut high = zero.clone();
            high[rank] = 1;
            pfm_ops::pad(&mut e.builder, real, &zero, &high, &zero, 0.0)
        }
    };
    let attrs = Attrs::new().ints("axes", &axes).bool("inverse", im.is_some());
    e.node(&pfm_ops::FFT, &[complex], attrs, a.span)
}

/// The real (0) or imaginary (1) part.
fn part(e: &mut Elaborator, complex: ValueId, index: usize, axes: &[String]) -> NamedTensor {
    let shape = e.builder.shape(complex)[..axes.len()].to_vec();
    let value = pfm_ops::slice_axis(&mut e.builder, complex, axes.len(), index, index + 1);
    NamedTensor { value: e.reshape(value, &shape), axes: axes.to_vec() }
}

fn inverse_fourier(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (re, im) = (a.tensor(0).clone(), a.tensor(1).clone());
    let mut sorted = (re.axes.clone(), im.axes.clone());
    sorted.0.sort();
    sorted.1.sort();
    if sorted.0 != sorted.1 {
        let text = format!("real and imaginary part have the same axes: {} and {}", axes_text(&re.axes), axes_text(&im.axes));
        return Err(fault("E1013", text, a.span_of(1), axes_text(&im.axes)));
    }
    let im = e.ordered(&im, &re.axes);
    let shape = e.sizes(&re);
    let im = e.spread(&im, &re.axes, &shape, a.span)?;
    let whole = transformed(e, &re, Some(&im), a, 2)?;
    let NamedTensor { value, axes } = part(e, whole, 0, &re.axes);
    let count: usize = a.axes(2).iter().map(|n| e.size(&re, n)).product();
    let value = pfm_ops::scale(&mut e.builder, value, 1.0 / count as f64);
    Ok(Value::Tensor(NamedTensor { value, axes }))
}
