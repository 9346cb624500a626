//! Fourier power over named axes, for spectral metrics and losses.

use super::{Arguments, Builtin, Kind, required};
use crate::{Elaborator, NamedTensor, fault::Outcome, value::Value};
use pfm_ir::Attrs;

pub(super) static TABLE: &[Builtin] = &[Builtin {
    name: "power_spectrum",
    params: &[required("x", Kind::Tensor), required("over", Kind::Axes)],
    doc: "|F|^2 of the unscaled discrete Fourier transform over axes, which now count modes (see `frequency`).",
    run: power_spectrum,
}];

fn power_spectrum(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let x = a.tensor(0).clone();
    let mut axes = e.positions(&x, &a.axes(1), a.span_of(1))?;
    axes.sort_unstable();
    let rank = x.axes.len();
    let mut shape = e.sizes(&x);
    shape.push(1);
    let real = e.reshape(x.value, &shape);
    let zero = vec![0; rank + 1];
    let mut high = zero.clone();
    high[rank] = 1;
    let complex = pfm_ops::pad(&mut e.builder, real, &zero, &high, &zero, 0.0);
    let attrs = Attrs::new().ints("axes", &axes).bool("inverse", false);
    let modes = e.node(&pfm_ops::FFT, &[complex], attrs, a.span)?;
    let square = pfm_ops::mul(&mut e.builder, modes, modes);
    let value = pfm_ops::reduce_sum(&mut e.builder, square, &[rank]);
    Ok(Value::Tensor(NamedTensor { value, axes: x.axes }))
}
