//! Rearranging by axis name: splitting, merging, slicing, joining, picking and renaming. None of it computes anything.

use super::{Arguments, Builtin, Kind, many, optional, required};
use crate::{
    Elaborator, NamedTensor, Setting,
    fault::{Outcome, axes_text, fault},
    value::Value,
};
use pfm_ir::{Attrs, DType};

const MOST_ZEROS: usize = 1_000_000;

pub(super) static TABLE: &[Builtin] = &[
    Builtin {
        name: "split",
        params: &[required("x", Kind::Tensor), required("sizes", Kind::Counts), required("along", Kind::Axis)],
        doc: "Cuts an axis into parts of these sizes: as many tensors.",
        run: split,
    },
    Builtin {
        name: "unstack",
        params: &[required("x", Kind::Tensor), required("along", Kind::Axis)],
        doc: "One tensor for each entry of an axis, without that axis.",
        run: unstack,
    },
    Builtin {
        name: "concat",
        params: &[many("parts", Kind::Value), required("along", Kind::Axis)],
        doc: "Joins tensors (or lists of them) along an axis that each has; they are repeated along the other axes that they lack. `none` is skipped.",
        run: concat,
    },
    Builtin {
        name: "stack",
        params: &[many("parts", Kind::Value), required("along", Kind::Axis)],
        doc: "Joins tensors (or lists of them) along a new last axis.",
        run: stack,
    },
    Builtin {
        name: "split_axis",
        params: &[required("x", Kind::Tensor), required("axis", Kind::Axis), required("into", Kind::Axes), required("sizes", Kind::Counts)],
        doc: "Makes one axis several, the last varying fastest.",
        run: split_axis,
    },
    Builtin {
        name: "merge_axes",
        params: &[
            required("x", Kind::Tensor),
            optional("axes", Kind::Axes),
            optional("into", Kind::Axis),
            optional("each", Kind::Axes),
            optional("with", Kind::Axes),
        ],
        doc: "Makes several axes one, the last varying fastest, at the place of the first and with its name, or that of `into`. \
              With `each: [t *s], with: [a *s']`, every axis of `each` takes in its partner of `with` as its faster part.",
        run: merge_axes,
    },
    Builtin {
        name: "rename",
        params: &[required("x", Kind::Tensor), required("axis", Kind::Axis), required("to", Kind::Axis)],
        doc: "The same tensor with one axis of another name.",
        run: |e, a| {
            let x = a.tensor(0);
            let at = e.axis(x, &a.axis(1), a.span_of(1))?;
            let mut axes = x.axes.clone();
            axes[at] = a.axis(2);
            distinct(&axes, a)?;
            Ok(Value::Tensor(NamedTensor { value: x.value, axes }))
        },
    },
    Builtin {
        name: "order",
        params: &[required("x", Kind::Tensor), required("axes", Kind::Axes)],
        doc: "The same tensor with its axes in this order.",
        run: |e, a| {
            let (x, axes) = (a.tensor(0).clone(), a.axes(1));
            let mut sorted = (x.axes.clone(), axes.clone());
            sorted.0.sort();
            sorted.1.sort();
            if sorted.0 != sorted.1 {
                return Err(fault(
                    "E1008",
                    format!("{} is no order of {}", axes_text(&axes), axes_text(&x.axes)),
                    a.span_of(1),
                    "name every axis once",
                ));
            }
            Ok(Value::Tensor(e.ordered(&x, &axes)))
        },
    },
    Builtin {
        name: "take",
        params: &[required("x", Kind::Tensor), required("count", Kind::Count), required("along", Kind::Axis)],
        doc: "The first entries of an axis.",
        run: |e, a| slice(e, a, 2, |n| (0, a.count(1).min(n), 1)),
    },
    Builtin {
        name: "drop_first",
        params: &[required("x", Kind::Tensor), required("count", Kind::Count), required("along", Kind::Axis)],
        doc: "All but the first entries of an axis.",
        run: |e, a| slice(e, a, 2, |n| (a.count(1), n, 1)),
    },
    Builtin {
        name: "last",
        params: &[required("x", Kind::Tensor), required("count", Kind::Count), required("along", Kind::Axis)],
        doc: "The last entries of an axis.",
        run: |e, a| slice(e, a, 2, |n| (n.saturating_sub(a.count(1)), n, 1)),
    },
    Builtin {
        name: "every",
        params: &[
            required("x", Kind::Tensor),
            required("step", Kind::Count),
            optional("first", Kind::Count),
            required("along", Kind::Axis),
        ],
        doc: "Every step-th entry of an axis, from entry `first` (0 if left out).",
        run: |e, a| slice(e, a, 3, |n| (a.number_or(2, 0.0) as usize, n, a.count(1))),
    },
    Builtin {
        name: "gather",
        params: &[required("x", Kind::Tensor), required("index", Kind::Counts), required("along", Kind::Axis)],
        doc: "The entries of an axis with these indices, in their order.",
        run: gather,
    },
    Builtin {
        name: "pad",
        params: &[required("x", Kind::Tensor), optional("low", Kind::Count), optional("high", Kind::Count), required("along", Kind::Axis)],
        doc: "Zeros before and after an axis.",
        run: |e, a| {
            let x = a.tensor(0).clone();
            let at = e.axis(&x, &a.axis(3), a.span_of(3))?;
            let zero = vec![0; x.axes.len()];
            let (mut low, mut high) = (zero.clone(), zero.clone());
            (low[at], high[at]) = (a.number_or(1, 0.0) as usize, a.number_or(2, 0.0) as usize);
            if low[at].max(high[at]) > MOST_ZEROS {
                return Err(fault("E1017", format!("more than {MOST_ZEROS} zeros around an axis"), a.span, "asked for here"));
            }
            let value = pfm_ops::pad(&mut e.builder, x.value, &low, &high, &zero, 0.0);
            Ok(Value::Tensor(NamedTensor { value, axes: x.axes }))
        },
    },
];

fn distinct(axes: &[String], a: &Arguments) -> Outcome<()> {
    match axes.iter().enumerate().find(|(i, n)| axes[..*i].contains(n)) {
        Some((_, twice)) => Err(fault("E1008", format!("two axes would be called `{twice}`"), a.span, axes_text(axes))),
        None => Ok(()),
    }
}

/// `range` gives (start, stop, step) for an axis of a size.
fn slice(e: &mut Elaborator, a: &Arguments, along: usize, range: impl Fn(usize) -> (usize, usize, usize)) -> Outcome<Value> {
    let x = a.tensor(0).clone();
    let at = e.axis(&x, &a.axis(along), a.span_of(along))?;
    let mut stop = e.sizes(&x);
    let mut start = vec![0; stop.len()];
    let mut step = vec![1; stop.len()];
    let size = stop[at];
    (start[at], stop[at], step[at]) = range(size);
    if start[at] >= stop[at] || step[at] == 0 {
        return Err(fault(
            "E1015",
            format!("nothing is left of axis `{}`, which has {size} entries", x.axes[at]),
            a.span,
            "takes all of it away",
        ));
    }
    if (start[at], stop[at], step[at]) == (0, size, 1) {
        return Ok(Value::Tensor(x));
    }
    let value = pfm_ops::slice(&mut e.builder, x.value, &start, &stop, &step);
    Ok(Value::Tensor(NamedTensor { value, axes: x.axes }))
}

fn split(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (x, sizes) = (a.tensor(0).clone(), a.counts(1));
    let at = e.axis(&x, &a.axis(2), a.span_of(2))?;
    let found = e.sizes(&x)[at];
    if sizes.iter().sum::<usize>() != found || sizes.contains(&0) {
        let text: Vec<String> = sizes.iter().map(usize::to_string).collect();
        return Err(fault(
            "E0402",
            format!("axis `{}` has {found} entries, the parts {} do not fill it", x.axes[at], text.join(" + ")),
            a.span_of(1),
            "these parts",
        ));
    }
    let mut parts = vec![];
    let mut start = 0;
    for size in sizes {
        let value = pfm_ops::slice_axis(&mut e.builder, x.value, at, start, start + size);
        parts.push(Value::Tensor(NamedTensor { value, axes: x.axes.clone() }));
        start += size;
    }
    Ok(Value::Group(parts))
}

fn unstack(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let x = a.tensor(0).clone();
    let at = e.axis(&x, &a.axis(1), a.span_of(1))?;
    let mut shape = e.sizes(&x);
    let count = shape.remove(at);
    let mut axes = x.axes.clone();
    axes.remove(at);
    let mut parts = vec![];
    for i in 0..count {
        let value = pfm_ops::slice_axis(&mut e.builder, x.value, at, i, i + 1);
        parts.push(Value::Tensor(NamedTensor { value: e.reshape(value, &shape), axes: axes.clone() }));
    }
    Ok(Value::Group(parts))
}

/// Tensors of the arguments: lists are opened, `none` is left out.
fn parts(e: &mut Elaborator, a: &Arguments) -> Outcome<Vec<NamedTensor>> {
    let mut out = vec![];
    for value in a.all(0) {
        match value {
            Value::Setting(Setting::None) => {}
            Value::Group(items) => {
                for item in items {
                    out.push(e.tensor(item, a.span)?);
                }
            }
            other => out.push(e.tensor(other, a.span)?),
        }
    }
    if out.is_empty() {
        return Err(fault("E1005", "nothing to join", a.span, "no tensors are given"));
    }
    Ok(out)
}

fn concat(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (parts, along) = (parts(e, a)?, a.axis(1));
    for t in &parts {
        e.axis(t, &along, a.span_of(1))?;
    }
    if let [only] = parts.as_slice() {
        return Ok(Value::Tensor(only.clone()));
    }
    // The axis keeps its place, or is last where another tensor adds axes.
    let (mut axes, mut sizes) = e.union(&parts.iter().collect::<Vec<_>>());
    if parts.iter().all(|t| t.axes.last() == Some(&along)) {
        let at = axes.iter().position(|n| *n == along).expect("every part has the axis");
        let (name, size) = (axes.remove(at), sizes.remove(at));
        axes.push(name);
        sizes.push(size);
    }
    let at = axes.iter().position(|n| *n == along).expect("every part has the axis");
    let mut values = vec![];
    for t in &parts {
        sizes[at] = e.size(t, &along);
        values.push(e.spread(t, &axes, &sizes, a.span)?.value);
    }
    let value = e.node(&pfm_ops::CONCAT, &values, Attrs::new().int("axis", at as i64), a.span)?;
    Ok(Value::Tensor(NamedTensor { value, axes }))
}

fn stack(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (parts, along) = (parts(e, a)?, a.axis(1));
    let (mut axes, mut sizes) = e.union(&parts.iter().collect::<Vec<_>>());
    let mut values = vec![];
    let shape: Vec<usize> = sizes.iter().copied().chain([1]).collect();
    for t in &parts {
        let t = e.spread(t, &axes, &sizes, a.span)?;
        values.push(e.reshape(t.value, &shape));
    }
    let at = axes.len();
    axes.push(along);
    sizes.push(parts.len());
    distinct(&axes, a)?;
    let value = if values.len() == 1 { values[0] } else { e.node(&pfm_ops::CONCAT, &values, Attrs::new().int("axis", at as i64), a.span)? };
    Ok(Value::Tensor(NamedTensor { value, axes }))
}

fn split_axis(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (x, into, sizes) = (a.tensor(0).clone(), a.axes(2), a.counts(3));
    let at = e.axis(&x, &a.axis(1), a.span_of(1))?;
    let mut shape = e.sizes(&x);
    if into.len() != sizes.len() || sizes.iter().product::<usize>() != shape[at] {
        let text: Vec<String> = sizes.iter().map(usize::to_string).collect();
        let d = fault(
            "E0402",
            format!("axis `{}` has {} entries, which are not {}", x.axes[at], shape[at], text.join(" x ")),
            a.span_of(3),
            format!("sizes for {}", axes_text(&into)),
        );
        return Err(d);
    }
    let mut axes = x.axes.clone();
    axes.splice(at..=at, into);
    shape.splice(at..=at, sizes);
    distinct(&axes, a)?;
    let value = e.reshape(x.value, &shape);
    Ok(Value::Tensor(NamedTensor { value, axes }))
}

fn merge_axes(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let x = a.tensor(0).clone();
    let (each, with) = (a.axes(3), a.axes(4));
    if each.len() != with.len() {
        return Err(fault(
            "E1005",
            format!("{} axes and {} partners", each.len(), with.len()),
            a.span,
            "`each` and `with` are as long as each other",
        ));
    }
    let mut groups: Vec<(Vec<String>, String)> = each.iter().zip(&with).map(|(x, y)| (vec![x.clone(), y.clone()], x.clone())).collect();
    if let axes @ [first, ..] = a.axes(1).as_slice() {
        let name = if a.has(2) { a.axis(2) } else { first.clone() };
        groups.push((axes.to_vec(), name));
    }
    for (group, _) in &groups {
        e.positions(&x, group, a.span)?;
    }
    let (mut order, mut shape, mut axes) = (vec![], vec![], vec![]);
    for axis in &x.axes {
        match groups.iter().find(|(group, _)| group.contains(axis)) {
            None => {
                order.push(axis.clone());
                shape.push(e.size(&x, axis));
                axes.push(axis.clone());
            }
            Some((group, name)) if group[0] == *axis => {
                order.extend(group.iter().cloned());
                shape.push(group.iter().map(|n| e.size(&x, n)).product());
                axes.push(name.clone());
            }
            Some(_) => {}
        }
    }
    if order.len() != x.axes.len() {
        return Err(fault("E1008", "an axis is merged twice", a.span, axes_text(&order)));
    }
    distinct(&axes, a)?;
    let ordered = e.ordered(&x, &order);
    let value = e.reshape(ordered.value, &shape);
    Ok(Value::Tensor(NamedTensor { value, axes }))
}

fn gather(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (x, index) = (a.tensor(0).clone(), a.counts(1));
    let at = e.axis(&x, &a.axis(2), a.span_of(2))?;
    let size = e.sizes(&x)[at];
    if let Some(beyond) = index.iter().find(|i| **i >= size) {
        return Err(fault(
            "E1015",
            format!("index {beyond} of axis `{}`, which has {size} entries", x.axes[at]),
            a.span_of(1),
            "beyond its end",
        ));
    }
    if index.iter().copied().eq(0..size) {
        return Ok(Value::Tensor(x));
    }
    let data: Vec<f64> = index.iter().map(|i| *i as f64).collect();
    let index = pfm_ops::literal_of(&mut e.builder, &data, &[data.len()], DType::I32);
    let value = e.node(&pfm_ops::GATHER, &[x.value, index], Attrs::new().int("axis", at as i64), a.span)?;
    Ok(Value::Tensor(NamedTensor { value, axes: x.axes }))
}
