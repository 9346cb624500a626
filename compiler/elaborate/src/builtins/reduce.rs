//! Reductions over named axes, and the normalisations. `over` left out means all axes.

use super::{Arguments, Builtin, Kind, optional, required};
use crate::{
    Elaborator, NamedTensor,
    arithmetic::{MAX, MIN, Pointwise},
    fault::{Outcome, axes_text, fault},
    value::Value,
};
use pfm_ir::{Attrs, Op, ValueId};

pub(super) static TABLE: &[Builtin] = &[
    Builtin {
        name: "sum",
        params: &[required("x", Kind::Value), optional("over", Kind::Axes)],
        doc: "Sum over axes, or of a list of numbers.",
        run: |e, a| match numbers(a) {
            Some(list) => Ok(Value::number(list.iter().sum())),
            None => reduce(e, a, 1, |e, x, axes| e.builder.op(&pfm_ops::REDUCE_SUM, &[x], over(axes))),
        },
    },
    Builtin {
        name: "mean",
        params: &[required("x", Kind::Value), optional("over", Kind::Axes)],
        doc: "Mean over axes.",
        run: |e, a| reduce(e, a, 1, |e, x, axes| e.builder.op(&pfm_ops::MEAN, &[x], over(axes))),
    },
    Builtin {
        name: "std",
        params: &[required("x", Kind::Value), optional("over", Kind::Axes)],
        doc: "Population standard deviation over axes.",
        run: |e, a| reduce(e, a, 1, deviation),
    },
    Builtin {
        name: "max",
        params: &[required("x", Kind::Value), optional("y", Kind::Value), optional("over", Kind::Axes)],
        doc: "The larger of two values, element by element; with one value, the largest over axes or of a list.",
        run: |e, a| extreme(e, a, &MAX, |e, x, axes| e.builder.op(&pfm_ops::REDUCE_MAX, &[x], over(axes))),
    },
    Builtin {
        name: "min",
        params: &[required("x", Kind::Value), optional("y", Kind::Value), optional("over", Kind::Axes)],
        doc: "The smaller of two values, element by element; with one value, the smallest over axes or of a list.",
        run: |e, a| {
            extreme(e, a, &MIN, |e, x, axes| {
                let low = pfm_ops::neg(&mut e.builder, x);
                let low = e.builder.op(&pfm_ops::REDUCE_MAX, &[low], over(axes));
                pfm_ops::neg(&mut e.builder, low)
            })
        },
    },
    Builtin {
        name: "normalise",
        params: &[required("x", Kind::Tensor), required("over", Kind::Axes), required("eps", Kind::Number), optional("centre", Kind::Bool)],
        doc: "(x - mean) / sqrt(variance + eps) over axes; with `centre: false`, x / sqrt(mean of x^2 + eps).",
        run: normalise,
    },
    Builtin {
        name: "softmax",
        params: &[required("x", Kind::Tensor), required("along", Kind::Axis)],
        doc: "exp(x) over its sum along an axis.",
        run: |e, a| {
            let (x, axis) = (a.tensor(0).clone(), a.axis(1));
            let at = e.axis(&x, &axis, a.span_of(1))?;
            let value = e.node(&pfm_ops::SOFTMAX, &[x.value], Attrs::new().int("axis", at as i64), a.span)?;
            Ok(Value::Tensor(NamedTensor { value, axes: x.axes }))
        },
    },
];

fn over(axes: &[usize]) -> Attrs {
    Attrs::new().ints("axes", axes)
}

fn numbers(a: &Arguments) -> Option<Vec<f64>> {
    a.value(0).items()?.iter().map(Value::as_number).collect()
}

fn extreme(e: &mut Elaborator, a: &Arguments, p: &'static Pointwise, f: Reduce) -> Outcome<Value> {
    if a.has(1) {
        return e.pointwise(p, a.value(0), a.value(1), a.span);
    }
    match numbers(a) {
        Some(list) if !list.is_empty() => Ok(Value::number(list.into_iter().reduce(p.number).expect("the list is not empty"))),
        _ => reduce(e, a, 2, f),
    }
}

/// Conditions are not numbers.
pub(super) fn numeric(e: &Elaborator, x: &NamedTensor, a: &Arguments) -> Outcome<()> {
    if e.builder.ty(x.value).dtype.is_float() {
        return Ok(());
    }
    let d = fault("E1006", format!("expected numbers, found conditions {}", axes_text(&x.axes)), a.span_of(0), "true or false by element");
    Err(Box::new(d.help("make numbers of them: `where(condition, 1, 0)`")))
}

type Reduce = for<'a> fn(&mut Elaborator<'a>, ValueId, &[usize]) -> ValueId;

fn reduce(e: &mut Elaborator, a: &Arguments, at: usize, f: Reduce) -> Outcome<Value> {
    let x = e.tensor(a.value(0), a.span_of(0))?;
    let names = if a.has(at) { a.axes(at) } else { x.axes.clone() };
    let mut axes = e.positions(&x, &names, a.span_of(at))?;
    axes.sort_unstable();
    axes.dedup();
    numeric(e, &x, a)?;
    if axes.is_empty() {
        return Ok(Value::Tensor(x));
    }
    let value = f(e, x.value, &axes);
    let axes = x.axes.iter().filter(|n| !names.contains(n)).cloned().collect();
    Ok(Value::Tensor(NamedTensor { value, axes }))
}

fn deviation(e: &mut Elaborator, x: ValueId, axes: &[usize]) -> ValueId {
    let shape = e.builder.shape(x).to_vec();
    let b = &mut e.builder;
    let mean: ValueId = b.op(&pfm_ops::MEAN as &'static Op, &[x], over(axes));
    let mean = pfm_ops::broadcast_like(b, mean, axes, &shape);
    let centred = pfm_ops::sub(b, x, mean);
    let square = pfm_ops::mul(b, centred, centred);
    let variance = b.op(&pfm_ops::MEAN, &[square], over(axes));
    pfm_ops::sqrt(b, variance)
}

fn normalise(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let x = a.tensor(0).clone();
    let mut axes = e.positions(&x, &a.axes(1), a.span_of(1))?;
    axes.sort_unstable();
    let attrs = over(&axes).float("eps", a.number(2)).bool("centre", a.flag(3, true));
    let value = e.node(&pfm_ops::NORMALISE, &[x.value], attrs, a.span)?;
    Ok(Value::Tensor(NamedTensor { value, axes: x.axes }))
}
