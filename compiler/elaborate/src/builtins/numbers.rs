//! Questions about settings and shapes, answered while compiling.

use super::{Arguments, Builtin, Kind, many, optional, required};
use crate::{
    Elaborator, Setting,
    fault::{Outcome, fault},
    value::Value,
};

pub(super) static TABLE: &[Builtin] = &[
    Builtin {
        name: "size",
        params: &[required("x", Kind::Tensor), required("axis", Kind::Axis)],
        doc: "Entries of an axis.",
        run: |e, a| {
            let at = e.axis(a.tensor(0), &a.axis(1), a.span_of(1))?;
            Ok(Value::number(e.sizes(a.tensor(0))[at] as f64))
        },
    },
    Builtin {
        name: "sizes",
        params: &[required("x", Kind::Tensor), optional("axes", Kind::Axes)],
        doc: "List of the entries of several axes; of all axes if none are named.",
        run: |e, a| {
            let x = a.tensor(0);
            let at = if a.has(1) { e.positions(x, &a.axes(1), a.span_of(1))? } else { (0..x.axes.len()).collect() };
            let sizes = e.sizes(x);
            Ok(Value::numbers(at.into_iter().map(|i| sizes[i] as f64)))
        },
    },
    Builtin {
        name: "rank",
        params: &[required("axes", Kind::Axes)],
        doc: "How many axes a list of axes has: 2 or 3 for the spatial ones.",
        run: |_, a| Ok(Value::number(a.axes(0).len() as f64)),
    },
    Builtin {
        name: "is_space",
        params: &[required("axes", Kind::Axes)],
        doc: "True where all of the axes are directions of space: `h`, `w` or `d`, or `h'` inside of a patch.",
        run: |_, a| Ok(Value::Setting(Setting::Bool(a.axes(0).iter().all(|axis| matches!(axis.trim_end_matches('\''), "h" | "w" | "d"))))),
    },
    Builtin {
        name: "axes_of",
        params: &[required("x", Kind::Tensor), optional("skip", Kind::Count), optional("but", Kind::Axes)],
        doc: "The axes of a tensor, without the first few, or but for some.",
        run: |_, a| {
            let (skip, but) = (a.number_or(1, 0.0) as usize, a.axes(2));
            Ok(Value::Axes(a.tensor(0).axes.iter().skip(skip).filter(|n| !but.contains(n)).cloned().collect()))
        },
    },
    Builtin {
        name: "each",
        params: &[required("axes", Kind::Axes), required("value", Kind::Number)],
        doc: "A list with one number for each axis.",
        run: |_, a| Ok(Value::numbers(a.axes(0).iter().map(|_| a.number(1)))),
    },
    Builtin {
        name: "count",
        params: &[required("list", Kind::Value)],
        doc: "Items of a list, names of a vocabulary.",
        run: |_, a| match a.value(0).items() {
            Some(items) => Ok(Value::number(items.len() as f64)),
            None => Err(fault("E1006", format!("{} has no items to count", a.value(0).kind()), a.span_of(0), a.value(0).kind())),
        },
    },
    Builtin {
        name: "zip",
        params: &[many("lists", Kind::Value)],
        doc: "The items of several lists or axes of one length, taken together: `for a, n in zip([t *s], counts) { … }`.",
        run: zip,
    },
    Builtin {
        name: "product",
        params: &[required("list", Kind::Value)],
        doc: "Product of a list of numbers.",
        run: |_, a| {
            let items = a.value(0).items().and_then(|l| l.iter().map(Value::as_number).collect::<Option<Vec<_>>>());
            let items = items
                .ok_or_else(|| fault("E1006", format!("a list of numbers, found {}", a.value(0).kind()), a.span_of(0), "no numbers"))?;
            Ok(Value::number(items.iter().product()))
        },
    },
    Builtin {
        name: "largest",
        params: &[required("choice", Kind::Value)],
        doc: "The largest option of a choice; a plain number is its own.",
        run: |_, a| extreme(a, f64::max),
    },
    Builtin {
        name: "smallest",
        params: &[required("choice", Kind::Value)],
        doc: "The smallest option of a choice; a plain number is its own.",
        run: |_, a| extreme(a, f64::min),
    },
    Builtin {
        name: "options",
        params: &[required("choice", Kind::Value)],
        doc: "The options of a choice as a list; a plain value is a list of one.",
        run: |_, a| match a.value(0) {
            Value::Setting(Setting::Choice { options, .. }) => Ok(Value::Setting(Setting::List(options.clone()))),
            other => Ok(Value::list(vec![other.clone()])),
        },
    },
    Builtin {
        name: "between",
        params: &[required("range", Kind::Value), required("fraction", Kind::Number)],
        doc: "The number at a fraction of a range: its start at 0, its end at 1.",
        run: between,
    },
    Builtin {
        name: "round",
        params: &[required("x", Kind::Number)],
        doc: "The nearest whole number.",
        run: |_, a| Ok(Value::number(a.number(0).round())),
    },
];

fn zip(_: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let mut lists = vec![];
    for value in a.all(0) {
        let items = value.items();
        lists.push(items.ok_or_else(|| fault("E1006", format!("`zip` takes lists, found {}", value.kind()), a.span, value.kind()))?);
    }
    let lengths: Vec<usize> = lists.iter().map(Vec::len).collect();
    if lengths.windows(2).any(|w| w[0] != w[1]) {
        let text: Vec<String> = lengths.iter().map(usize::to_string).collect();
        return Err(fault("E1006", format!("`zip` takes lists of one length, found {}", text.join(" and ")), a.span, "of unequal lengths"));
    }
    let length = lengths.first().copied().unwrap_or(0);
    Ok(Value::list((0..length).map(|i| Value::list(lists.iter().map(|list| list[i].clone()).collect())).collect()))
}

fn extreme(a: &Arguments, pick: fn(f64, f64) -> f64) -> Outcome<Value> {
    let numbers: Option<Vec<f64>> = match a.value(0) {
        Value::Setting(Setting::Choice { options, .. }) => options.iter().map(Setting::number).collect(),
        other => other.as_number().map(|n| vec![n]),
    };
    match numbers.and_then(|n| n.into_iter().reduce(pick)) {
        Some(v) => Ok(Value::number(v)),
        None => Err(fault("E1006", format!("expected a choice of numbers, found {}", a.value(0).kind()), a.span_of(0), a.value(0).kind())),
    }
}

fn between(_: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    match a.value(0) {
        Value::Setting(s) => match s.closed() {
            Setting::Range(from, to) => Ok(Value::number(from + (to - from) * a.number(1))),
            Setting::Number(v) => Ok(Value::number(*v)),
            other => Err(fault("E1006", format!("expected a range, found {}", other.kind()), a.span_of(0), other.kind())),
        },
        other => Err(fault("E1006", format!("expected a range, found {}", other.kind()), a.span_of(0), other.kind())),
    }
}
