//! A plan as text: one line per buffer, group and expression. Golden tests compare it, and a program's hash covers it.

use crate::plan::{Access, Expr, Fold, Group, Plan, Work};
use pfm_ir::{Attr, Precision};
use std::fmt::{Display, Write};

/// The whole plan. Equal plans print equally.
pub fn print(plan: &Plan) -> String {
    let mut s = String::new();
    let precision = if plan.precision == Precision::F32 { String::new() } else { format!("{} ", plan.precision.name()) };
    line(&mut s, format_args!("plan {} {precision}groups {} arena {}", plan.name, plan.groups.len(), plan.arena_bytes));
    for (i, slot) in plan.inputs.iter().enumerate() {
        line(&mut s, format_args!("input {i} {} {} b{}", slot.name, slot.ty, slot.buffer.0));
    }
    for (i, slot) in plan.outputs.iter().enumerate() {
        let into = slot.into.map_or(String::new(), |i| format!(" into input {i}"));
        line(&mut s, format_args!("output {i} {} {} b{}{into}", slot.name, slot.ty, slot.buffer.0));
    }
    for (i, c) in plan.constants.iter().enumerate() {
        let words: Vec<String> = c.words.iter().map(|w| format!("{w:x}")).collect();
        line(&mut s, format_args!("constant {i} {}", words.join(" ")));
    }
    for (i, b) in plan.buffers.iter().enumerate() {
        line(&mut s, format_args!("b{i} {}[{}] {:?} live {}..{}", b.dtype.name(), b.elements, b.place, b.live.0, b.live.1));
    }
    for (i, g) in plan.groups.iter().enumerate() {
        let names: Vec<String> = g.buffers.iter().map(|b| format!("b{}", b.0)).collect();
        let scratch = g.scratch.map_or(String::new(), |b| format!(" scratch b{}", b.0));
        line(&mut s, format_args!("group {i} ({}){scratch} flops {} bytes {}", names.join(" "), g.flops, g.bytes));
        s.push_str(&work(g));
    }
    s
}

/// The work of a group without its buffers and place: equal texts mean equal code.
pub fn work(group: &Group) -> String {
    let mut s = String::new();
    match &group.work {
        Work::Loop(l) => line(&mut s, format_args!("  loop {:?}", l.space)),
        Work::Reduce(r) => {
            let axes: Vec<String> = (0..r.space.len()).filter(|a| r.reduced[*a]).map(|a| a.to_string()).collect();
            let fold = match r.fold {
                Fold::Sum => "sum",
                Fold::Max => "max",
            };
            line(&mut s, format_args!("  reduce {fold} {:?} over [{}]", r.space, axes.join(", ")));
        }
        Work::Kernel(k) => {
            let types: Vec<String> = k.operands.iter().map(|t| t.to_string()).collect();
            let results: Vec<String> = k.results.iter().map(|t| t.to_string()).collect();
            let attrs: Vec<String> = k.attrs.iter().map(|(n, a)| format!("{n}={}", attr(a))).collect();
            line(&mut s, format_args!("  {} {} -> {} {}", k.op.name, types.join(" "), results.join(" "), attrs.join(" ")));
        }
    }
    for (i, e) in group.work.body().iter().enumerate() {
        line(&mut s, format_args!("    e{i} = {}", expr(e)));
    }
    for store in group.work.stores() {
        line(&mut s, format_args!("    store {} {} e{}", store.buffer, access(&store.access), store.value.0));
    }
    s
}

fn line(s: &mut String, text: impl Display) {
    writeln!(s, "{text}").expect("writing to a string does not fail");
}

fn expr(e: &Expr) -> String {
    match e {
        Expr::Load { buffer, access: a, dtype } => format!("load {} {buffer} {}", dtype.name(), access(a)),
        Expr::Constant { value, dtype } => format!("constant {} {value}", dtype.name()),
        Expr::Index { access: a, dtype } => format!("index {} {}", dtype.name(), access(a)),
        Expr::Apply { scalar, dtype, args } => {
            let args: Vec<String> = args.iter().map(|a| format!("e{}", a.0)).collect();
            format!("{scalar:?} {} {}", dtype.name(), args.join(" "))
        }
    }
}

fn access(a: &Access) -> String {
    let mut s = format!("[{}", a.offset);
    for (i, stride) in a.strides.iter().enumerate() {
        if *stride != 0 {
            write!(s, " {stride:+}*i{i}").expect("writing to a string does not fail");
        }
    }
    s + "]"
}

fn attr(a: &Attr) -> String {
    match a {
        Attr::Int(v) => v.to_string(),
        Attr::Float(v) => format!("{v:?}"),
        Attr::Bool(v) => v.to_string(),
        Attr::Text(v) => format!("{v:?}"),
        Attr::Ints(v) => format!("{v:?}"),
        Attr::Floats(v) => format!("{v:?}"),
    }
}
