//! Attention over any set of axes, and the rotation of pairs that rotary embeddings use.

use super::{Arguments, Builtin, Kind, optional, required};
use crate::{
    Elaborator, NamedTensor,
    fault::{Outcome, axes_text, fault},
    value::Value,
};
use pfm_ir::{Attrs, ValueId};

pub(super) static TABLE: &[Builtin] = &[
    Builtin {
        name: "attend",
        params: &[
            required("q", Kind::Tensor),
            required("k", Kind::Tensor),
            required("v", Kind::Tensor),
            required("over", Kind::Axes),
            optional("causal", Kind::Bool),
            optional("bias", Kind::Tensor),
            optional("mask", Kind::Tensor),
            optional("scale", Kind::Number),
        ],
        doc: "softmax(scale q k + bias) v over axes, for each entry of all others; the last axis is the features, scale 1 / sqrt of \
              their number. With `causal`, a query sees keys up to its own place. `bias` has the axes of the queries and, primed, of the \
              keys (`t t'`), and may have others such as heads; `mask` says which keys are visible.",
        run: attend,
    },
    Builtin {
        name: "rotate_pairs",
        params: &[required("x", Kind::Tensor), required("cos", Kind::Tensor), required("sin", Kind::Tensor)],
        doc: "Rotates pairs of adjacent entries of the last axis of x, as many as the last axis of cos and sin has; the rest stays.",
        run: rotate_pairs,
    },
];

/// How the axes of an attention fall into batch, heads, tokens and features.
struct Layout {
    batch: Vec<String>,
    heads: Vec<String>,
    over: Vec<String>,
    features: String,
}

impl Layout {
    fn order(&self) -> Vec<String> {
        let lists = self.batch.iter().chain(&self.heads).chain(&self.over);
        lists.chain([&self.features]).cloned().collect()
    }
}

fn attend(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (q, k, v) = (a.tensor(0).clone(), a.tensor(1).clone(), a.tensor(2).clone());
    let over = a.axes(3);
    for t in [&q, &k, &v] {
        e.positions(t, &over, a.span_of(3))?;
    }
    let features = q.axes.last().cloned().unwrap_or_default();
    let mut layout = Layout { batch: vec![], heads: vec![], over, features };
    let carried: Vec<String> = q.axes.iter().filter(|n| **n != layout.features && !layout.over.contains(n)).cloned().collect();
    let bias = a.has(5).then(|| a.tensor(5).clone());
    for (i, axis) in carried.iter().enumerate() {
        let head = match &bias {
            Some(b) => b.position(axis).is_some(),
            None => i + 1 == carried.len() && carried.len() > 1,
        };
        if head { &mut layout.heads } else { &mut layout.batch }.push(axis.clone());
    }
    let (tq, tk) = (count(e, &q, &layout.over), count(e, &k, &layout.over));
    let mut operands = vec![];
    for (t, at) in [(&q, 0), (&k, 1), (&v, 2)] {
        operands.push(flat(e, t, &layout, a, at)?);
    }
    let heads = e.builder.shape(operands[0])[1];
    if let Some(bias) = &bias {
        operands.push(bias_operand(e, bias, &layout, &q, &k, [heads, tq, tk], a)?);
    }
    if a.has(6) {
        operands.push(mask_operand(e, a.tensor(6), &layout, &k, tk, a)?);
    }
    let scale = a.number_or(7, 1.0 / (e.size(&q, &layout.features) as f64).sqrt());
    let attrs = Attrs::new().float("scale", scale).bool("causal", a.flag(4, false));
    let attrs = attrs.bool("bias", bias.is_some()).bool("mask", a.has(6));
    let out = e.nodes(&pfm_ops::ATTEND, &operands, attrs, a.span)?[0];
    let order = layout.order();
    let mut shape: Vec<usize> = order.iter().map(|n| e.size(&q, n)).collect();
    *shape.last_mut().expect("features are an axis") = *e.sizes(&v).last().expect("features are an axis");
    let value = e.reshape(out, &shape);
    Ok(Value::Tensor(e.ordered(&NamedTensor { value, axes: order }, &q.axes)))
}

fn count(e: &Elaborator, t: &NamedTensor, axes: &[String]) -> usize {
    axes.iter().map(|n| e.size(t, n)).product()
}

/// [batch, heads, tokens, features] of one operand.
fn flat(e: &mut Elaborator, t: &NamedTensor, layout: &Layout, a: &Arguments, at: usize) -> Outcome<ValueId> {
    let order = layout.order();
    let mut sorted = (order.clone(), t.axes.clone());
    sorted.0.sort();
    sorted.1.sort();
    if sorted.0 != sorted.1 || t.axes.last() != Some(&layout.features) {
        let d = fault(
            "E1013",
            format!(
                "queries, keys and values have the same axes, features last: {} and {}",
                axes_text(&a.tensor(0).axes),
                axes_text(&t.axes)
            ),
            a.span_of(at),
            axes_text(&t.axes),
        );
        return Err(d);
    }
    let t = e.ordered(t, &order);
    let shape = [
        count(e, &t, &layout.batch),
        count(e, &t, &layout.heads),
        count(e, &t, &layout.over),
        *e.sizes(&t).last().expect("features are an axis"),
    ];
    Ok(e.reshape(t.value, &shape))
}

/// [heads, queries, keys]; keys go by the primed names of `over`.
fn bias_operand(
    e: &mut Elaborator,
    bias: &NamedTensor,
    layout: &Layout,
    q: &NamedTensor,
    k: &NamedTensor,
    shape: [usize; 3],
    a: &Arguments,
) -> Outcome<ValueId> {
    let keys: Vec<String> = layout.over.iter().map(|n| format!("{n}'")).collect();
    let order: Vec<String> = layout.heads.iter().chain(&layout.over).chain(&keys).cloned().collect();
    if let Some(stray) = bias.axes.iter().find(|n| !order.contains(n)) {
        let d = fault("E1008", format!("axis `{stray}` of the bias is neither a query's nor a key's"), a.span_of(5), axes_text(&bias.axes));
        return Err(Box::new(d.help(format!("queries are {}, keys {}", axes_text(&layout.over), axes_text(&keys)))));
    }
    let mut sizes: Vec<usize> = layout.heads.iter().chain(&layout.over).map(|n| e.size(q, n)).collect();
    sizes.extend(layout.over.iter().map(|n| e.size(k, n)));
    let bias = e.spread(bias, &order, &sizes, a.span_of(5))?;
    Ok(e.reshape(bias.value, &shape))
}

/// [batch, keys].
fn mask_operand(e: &mut Elaborator, mask: &NamedTensor, layout: &Layout, k: &NamedTensor, tk: usize, a: &Arguments) -> Outcome<ValueId> {
    let order: Vec<String> = layout.batch.iter().chain(&layout.over).cloned().collect();
    if let Some(stray) = mask.axes.iter().find(|n| !order.contains(n)) {
        return Err(fault("E1008", format!("axis `{stray}` of the mask is no key's"), a.span_of(6), axes_text(&mask.axes)));
    }
    let sizes: Vec<usize> = order.iter().map(|n| e.size(k, n)).collect();
    let mask = e.spread(mask, &order, &sizes, a.span_of(6))?;
    let batch = count(e, k, &layout.batch);
    Ok(e.reshape(mask.value, &[batch, tk]))
}

fn rotate_pairs(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let x = a.tensor(0).clone();
    let mut operands = vec![x.value];
    for at in [1, 2] {
        let t = a.tensor(at).clone();
        let pair = t.axes.last().cloned().unwrap_or_default();
        let mut axes = x.axes.clone();
        let mut sizes = e.sizes(&x);
        if axes.pop().is_none() || t.axes.is_empty() || axes.contains(&pair) {
            return Err(fault("E1013", "`rotate_pairs` needs angles whose last axis counts the pairs", a.span_of(at), axes_text(&t.axes)));
        }
        *sizes.last_mut().expect("x has an axis") = e.size(&t, &pair);
        axes.push(pair);
        if let Some(stray) = t.axes.iter().find(|n| !axes.contains(n)) {
            return Err(fault(
                "E1008",
                format!("axis `{stray}` of the angles is not in {}", axes_text(&x.axes)),
                a.span_of(at),
                axes_text(&t.axes),
            ));
        }
        operands.push(e.spread(&t, &axes, &sizes, a.span_of(at))?.value);
    }
    let value = e.node(&pfm_ops::ROTATE_PAIRS, &operands, Attrs::new(), a.span)?;
    Ok(Value::Tensor(NamedTensor { value, axes: x.axes }))
}
