//! `attend`: scaled dot-product attention, with what its backward pass needs.
//!
//! ## Meaning
//! s = scale q k^T (+ bias), p = softmax of s over the visible keys, out = p v, lse = log of the sum of exp(s) over the visible
//! keys. With `causal`, query i sees keys j <= i; with `mask`, of those where the mask is true. A query that sees no
//! key gives out 0 and lse -1e30.
//! ## Shapes
//! R1 q is [n, heads, tq, d], k [n, heads, tk, d], v [n, heads, tk, dv], all of one float type.
//! R2 `bias` is f32 [heads, tq, tk]. R3 `mask` is bool [n, tk].
//! The results are f32: out [n, heads, tq, dv] and lse [n, heads, tq].
//! ## Gradient
//! `attend_grad` for q, k, v and bias. lse is not differentiated through.
//! ## References
//! Vaswani et al., Attention is all you need, 2017; Dao, FlashAttention-2, 2023.

use crate::{build::*, cost, doc, rules::*};
use pfm_ir::{AttrKind, AttrSpec, Attrs, Builder, Class, DType, Gradient, Meaning, Op, Sample, TensorType, ValueId};

/// lse of a query that sees no key, and the score that stands for "not visible" in the maximum.
const NOTHING: f64 = -1e30;

pub(crate) const ATTRS: &[AttrSpec] = &[
    attr("bias", AttrKind::Bool, "there is a bias operand"),
    attr("causal", AttrKind::Bool, "query i sees keys j <= i"),
    attr("mask", AttrKind::Bool, "there is a mask operand"),
    attr("scale", AttrKind::Float, "factor of q k^T"),
];

/// Checks R1 to R3 for q, k, v and the optional operands that follow at `extra`.
pub(crate) fn check(t: &[&TensorType], extra: usize, attrs: &Attrs) -> Result<(), pfm_ir::ShapeError> {
    let [q, k, v] = [t[0], t[1], t[2]];
    float(q, "R1")?;
    for x in [q, k, v] {
        rank(x, 4, "R1")?;
        require(x.dtype == q.dtype && x.shape[..2] == q.shape[..2], "R1", || format!("{q} and {x}"))?;
    }
    require(q.shape[3] == k.shape[3], "R1", || format!("{q} and {k} differ in width"))?;
    require(k.shape[2] == v.shape[2] && k.shape[2] > 0, "R1", || format!("{k} and {v} differ in keys, or have none"))?;
    let mut next = extra;
    if attrs.get_bool("bias") {
        let ty = TensorType::f32(&[q.shape[1], q.shape[2], k.shape[2]]);
        same(t[next], &ty, "R2")?;
        next += 1;
    }
    if attrs.get_bool("mask") {
        let ty = TensorType::new(DType::Bool, &[q.shape[0], k.shape[2]]);
        same(t[next], &ty, "R3")?;
    }
    Ok(())
}

/// The scores [n, heads, tq, tk] and where they are visible (None: everywhere).
pub(crate) fn scores(b: &mut Builder, (q, k): (ValueId, ValueId), extra: &[ValueId], attrs: &Attrs) -> (ValueId, Option<ValueId>) {
    let product = contract(b, q, k, &[0, 1, 2, 4], &[0, 1, 3, 4], &[0, 1, 2, 3]);
    let mut s = scale(b, product, attrs.get_float("scale"));
    let shape = b.shape(s).to_vec();
    let mut extra = extra.iter();
    if attrs.get_bool("bias") {
        let bias = broadcast(b, *extra.next().expect("the bias is there"), &shape, &[1, 2, 3]);
        s = add(b, s, bias);
    }
    let causal = attrs.get_bool("causal").then(|| {
        let (i, j) = (iota(b, 2, &shape, DType::I32), iota(b, 3, &shape, DType::I32));
        less_equal(b, j, i)
    });
    let masked = attrs.get_bool("mask").then(|| {
        let mask = *extra.next().expect("the mask is there");
        broadcast(b, mask, &shape, &[0, 3])
    });
    let visible = match (causal, masked) {
        (Some(x), Some(y)) => Some(and(b, x, y)),
        (x, y) => x.or(y),
    };
    (s, visible)
}

/// `x` where visible, `value` elsewhere.
pub(crate) fn where_visible(b: &mut Builder, visible: Option<ValueId>, x: ValueId, value: f64) -> ValueId {
    match visible {
        Some(seen) => {
            let other = constant_like(b, x, value);
            select(b, seen, x, other)
        }
        None => x,
    }
}

fn meaning(b: &mut Builder, x: &[ValueId], attrs: &Attrs) -> Vec<ValueId> {
    let (s, visible) = scores(b, (x[0], x[1]), &x[3..], attrs);
    let s = where_visible(b, visible, s, NOTHING);
    let shape = b.shape(s).to_vec();
    let top = reduce_max(b, s, &[3]);
    let spread = broadcast_like(b, top, &[3], &shape);
    let below = sub(b, s, spread);
    let e = exp(b, below);
    let e = where_visible(b, visible, e, 0.0);
    let sum = reduce_sum(b, e, &[3]);
    // At least exp(0) = 1 where anything is visible, so this changes only queries that see nothing.
    let one = constant_like(b, sum, 1.0);
    let sum = max(b, sum, one);
    let values = as_type(b, x[2], DType::F32);
    let unscaled = contract(b, e, values, &[0, 1, 2, 3], &[0, 1, 3, 4], &[0, 1, 2, 4]);
    let out_shape = b.shape(unscaled).to_vec();
    let divisor = broadcast_like(b, sum, &[3], &out_shape);
    let out = div(b, unscaled, divisor);
    let rest = log(b, sum);
    vec![out, add(b, top, rest)]
}

/// Operand types and attributes: every combination of causal, bias and mask.
pub(crate) fn cases() -> Vec<(Vec<TensorType>, Vec<TensorType>, Attrs)> {
    let case = |n: usize, h: usize, tq: usize, tk: usize, causal, bias, mask| {
        let qkv = vec![f32s(&[n, h, tq, 3]), f32s(&[n, h, tk, 3]), f32s(&[n, h, tk, 2])];
        let mut extra = vec![];
        if bias {
            extra.push(f32s(&[h, tq, tk]));
        }
        if mask {
            extra.push(bools(&[n, tk]));
        }
        let attrs = Attrs::new().float("scale", 0.7).bool("causal", causal);
        (qkv, extra, attrs.bool("bias", bias).bool("mask", mask))
    };
    vec![
        case(1, 2, 3, 4, false, false, false),
        case(2, 1, 3, 3, true, false, false),
        case(1, 2, 2, 3, false, true, false),
        case(2, 1, 3, 4, false, false, true),
        case(1, 2, 4, 4, true, true, false),
        case(2, 1, 3, 3, true, false, true),
        case(2, 1, 2, 3, false, true, true),
        case(2, 2, 4, 3, true, true, true),
    ]
}

pub static ATTEND: Op = Op {
    name: "attend",
    doc: doc::header(include_str!("attend.rs")),
    operands: &["q", "k", "v", "bias", "mask"],
    variadic: false,
    attrs: ATTRS,
    shape: |t, attrs| {
        check(t, 3, attrs)?;
        let rows = &t[0].shape[..3];
        let out = [rows, &t[2].shape[3..]].concat();
        Ok(vec![TensorType::f32(&out), TensorType::f32(rows)])
    },
    meaning: Meaning::Composite(meaning),
    gradient: Gradient::Rule(|b, c| {
        let mut gradients = vec![None; c.operands.len()];
        let Some(dout) = c.upstream[0] else {
            return gradients;
        };
        let dtype = b.ty(c.operands[0]).dtype;
        let (out, dout) = (as_type(b, c.results[0], dtype), as_type(b, dout, dtype));
        let operands = [&c.operands[..3], &[out, c.results[1], dout], &c.operands[3..]].concat();
        let parts = b.op_multi(&crate::ATTEND_GRAD, &operands, c.attrs.clone());
        for ((slot, part), operand) in gradients.iter_mut().zip(parts).zip(c.operands) {
            let dtype = b.ty(*operand).dtype;
            *slot = Some(as_type(b, part, dtype));
        }
        gradients
    }),
    cost: |t, results, _| {
        let scores = t[0].elements() * t[1].shape[2];
        let values = results[0].elements() * t[1].shape[2];
        cost::counted(t, results, 2.0 * (scores + values) as f64)
    },
    class: Class::Kernel,
    samples: || {
        let of = |(qkv, extra, attrs): (Vec<TensorType>, Vec<TensorType>, Attrs)| -> Sample { sample(&[qkv, extra].concat(), attrs) };
        cases().into_iter().map(of).collect()
    },
};
