//! Contractions and convolutions by axis name.

use super::{Arguments, Builtin, Kind, optional, required};
use crate::{
    Elaborator, NamedTensor,
    fault::{Outcome, axes_text, fault},
    value::Value,
};
use pfm_ir::{Attrs, ValueId};

pub(super) static TABLE: &[Builtin] = &[
    Builtin {
        name: "contract",
        params: &[required("x", Kind::Tensor), required("y", Kind::Tensor), required("over", Kind::Axes)],
        doc: "Sum of products over axes that both have. Other axes of one name go together; the rest of x, then of y, is kept.",
        run: contract,
    },
    Builtin {
        name: "map_axis",
        params: &[
            required("x", Kind::Tensor),
            required("matrix", Kind::Value),
            required("along", Kind::Axis),
            optional("transposed", Kind::Bool),
        ],
        doc: "Applies a matrix [new old] along one axis, which keeps its name and place. With `transposed` the matrix is [old new].",
        run: map_axis,
    },
    Builtin {
        name: "convolve",
        params: &[
            required("x", Kind::Tensor),
            required("weight", Kind::Tensor),
            required("over", Kind::Axes),
            optional("stride", Kind::Counts),
            optional("low", Kind::Counts),
            optional("high", Kind::Counts),
        ],
        doc: "Cross-correlation over axes with a weight [out in kernel ..], zeros `low` before and `high` after each axis. \
              The last axis of x is the channels; others are carried.",
        run: convolve,
    },
];

fn contract(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (x, y, over) = (a.tensor(0).clone(), a.tensor(1).clone(), a.axes(2));
    for axis in &over {
        e.axis(&x, axis, a.span_of(2))?;
        e.axis(&y, axis, a.span_of(2))?;
    }
    product(e, &x, &y, &over, None, a).map(Value::Tensor)
}

/// `order` is that of the result's axes: by default the rest of x, then of y.
fn product(
    e: &mut Elaborator,
    x: &NamedTensor,
    y: &NamedTensor,
    over: &[String],
    order: Option<Vec<String>>,
    a: &Arguments,
) -> Outcome<NamedTensor> {
    for axis in x.axes.iter().filter(|n| y.position(n).is_some()) {
        let (one, other) = (e.size(x, axis), e.size(y, axis));
        if one != other {
            return Err(e.sizes_differ(axis, one, other, a.span));
        }
    }
    let mut names = x.axes.clone();
    names.extend(y.axes.iter().filter(|n| x.position(n).is_none()).cloned());
    let label = |n: &String| names.iter().position(|m| m == n).expect("an axis of either side") as i64;
    let axes = order.unwrap_or_else(|| names.iter().filter(|n| !over.contains(n)).cloned().collect());
    let labels = |list: &[String]| list.iter().map(label).collect::<Vec<i64>>();
    let attrs = Attrs::new().ints("x", &labels(&x.axes)).ints("y", &labels(&y.axes)).ints("out", &labels(&axes));
    let value = e.node(&pfm_ops::CONTRACT, &[x.value, y.value], attrs, a.span)?;
    Ok(NamedTensor { value, axes })
}

fn map_axis(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (x, along) = (a.tensor(0).clone(), a.axis(2));
    e.axis(&x, &along, a.span_of(2))?;
    if let Value::Table(t) = a.value(1)
        && is_identity(&t.tensor)
    {
        return Ok(Value::Tensor(x));
    }
    let matrix = e.tensor(a.value(1), a.span_of(1))?;
    if matrix.axes.len() != 2 {
        return Err(fault("E1013", format!("`map_axis` takes a matrix, found {}", axes_text(&matrix.axes)), a.span_of(1), "not a matrix"));
    }
    // A name that no axis of x has; the old one is x's.
    let new = "new~".to_string();
    let axes = if a.flag(3, false) { vec![along.clone(), new.clone()] } else { vec![new.clone(), along.clone()] };
    let matrix = NamedTensor { value: matrix.value, axes };
    let order = x.axes.iter().map(|n| if *n == along { new.clone() } else { n.clone() }).collect();
    let result = product(e, &x, &matrix, std::slice::from_ref(&along), Some(order), a)?;
    Ok(Value::Tensor(NamedTensor { value: result.value, axes: x.axes }))
}

fn is_identity(t: &pfm_ir::Tensor) -> bool {
    t.shape.len() == 2
        && t.shape[0] == t.shape[1]
        && t.data.iter().enumerate().all(|(i, v)| *v == f64::from(i / t.shape[1] == i % t.shape[1]))
}

fn convolve(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (x, weight, over) = (a.tensor(0).clone(), a.tensor(1).clone(), a.axes(2));
    let n = over.len();
    let channels = x.axes.last().cloned().unwrap_or_default();
    if over.contains(&channels) || weight.axes.len() != n + 2 {
        let d = fault(
            "E1013",
            format!("a convolution over {} needs a weight [out in + {n} axes] and channels last", axes_text(&over)),
            a.span_of(1),
            format!("the weight is {}, x is {}", axes_text(&weight.axes), axes_text(&x.axes)),
        );
        return Err(d);
    }
    let carried: Vec<String> = x.axes.iter().filter(|n| **n != channels && !over.contains(n)).cloned().collect();
    e.positions(&x, &over, a.span_of(2))?;
    let out = &weight.axes[0];
    if carried.contains(out) || over.contains(out) {
        let d = fault("E1008", format!("two axes of the result would be called `{out}`"), a.span_of(1), "the first axis of the weight");
        return Err(Box::new(d.help(format!("rename it: `rename(weight, {out}, to: {out}')`"))));
    }
    let list = |at: usize, default: usize| if a.has(at) { a.counts(at) } else { vec![default; n] };
    let (stride, low, high) = (list(3, 1), list(4, 0), list(5, 0));
    for (at, l) in [(3, &stride), (4, &low), (5, &high)] {
        if l.len() != n {
            return Err(fault("E1005", format!("{} numbers for {n} axes", l.len()), a.span_of(at), "one for each axis of `over`"));
        }
    }
    let order: Vec<String> = carried.iter().chain(&over).chain([&channels]).cloned().collect();
    let flat = e.ordered(&x, &order);
    let sizes = e.sizes(&flat);
    let batch: usize = sizes[..carried.len()].iter().product();
    let shape: Vec<usize> = [batch].into_iter().chain(sizes[carried.len()..].iter().copied()).collect();
    let flat = e.reshape(flat.value, &shape);
    let y = pointwise_or_conv(e, flat, weight.value, [&stride, &low, &high], a)?;
    let found = e.builder.shape(y).to_vec();
    let shape: Vec<usize> = sizes[..carried.len()].iter().chain(&found[1..]).copied().collect();
    let value = e.reshape(y, &shape);
    let mut axes = order;
    *axes.last_mut().expect("channels are an axis") = weight.axes[0].clone();
    let order: Vec<String> = x.axes.iter().map(|n| if *n == channels { weight.axes[0].clone() } else { n.clone() }).collect();
    Ok(Value::Tensor(e.ordered(&NamedTensor { value, axes }, &order)))
}

/// A kernel of one tap at stride 1 is a contraction over the channels.
fn pointwise_or_conv(e: &mut Elaborator, x: ValueId, w: ValueId, window: [&Vec<usize>; 3], a: &Arguments) -> Outcome<ValueId> {
    let kernel = e.builder.shape(w).to_vec();
    let (xs, [stride, low, high]) = (e.builder.shape(x).to_vec(), window);
    let plain = kernel[2..].iter().chain(stride).all(|k| *k == 1) && low.iter().chain(high).all(|p| *p == 0);
    if plain && xs.last() == Some(&kernel[1]) {
        let matrix = e.reshape(w, &kernel[..2]);
        let last = xs.len() as i64 - 1;
        let carried: Vec<i64> = (0..last).collect();
        let labels = |end: i64| carried.iter().copied().chain([end]).collect::<Vec<i64>>();
        let attrs = Attrs::new().ints("x", &labels(last)).ints("y", &[last + 1, last]).ints("out", &labels(last + 1));
        return e.node(&pfm_ops::CONTRACT, &[x, matrix], attrs, a.span);
    }
    let attrs = Attrs::new().ints("stride", stride).ints("low", low).ints("high", high);
    e.node(&pfm_ops::CONV, &[x, w], attrs, a.span)
}
