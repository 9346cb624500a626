//! `attend_grad`: the backward pass of `attend`, which rebuilds the weights from lse instead of keeping them.
//!
//! ## Meaning
//! p = exp(s - lse) over the visible keys, dp = dout v^T, ds = p (dp - sum(dout out)); dq = scale ds k, dk = scale ds^T q,
//! dv = p^T dout, dbias = ds summed over n. s, scale, visibility as for `attend`.
//! ## Shapes
//! R1 q, k, v as for `attend`. R2 `bias` and R3 `mask` too. R4 out and dout are [n, heads, tq, dv] of that type, lse is f32 [n, heads, tq].
//! The results are f32 and have the shapes of q, k, v and, if it is there, bias.
//! ## Gradient
//! Undefined: attention is differentiated once.
//! ## References
//! Dao, FlashAttention-2, 2023, section 3.1.

use crate::attend::{ATTRS, cases, check, scores, where_visible};
use crate::{build::*, cost, doc, rules::*};
use pfm_ir::{Attrs, Builder, Class, DType, Gradient, Meaning, Op, Sample, TensorType, ValueId};

fn meaning(b: &mut Builder, x: &[ValueId], attrs: &Attrs) -> Vec<ValueId> {
    let lse = x[4];
    let [q, k, v, out, dout] = [0, 1, 2, 3, 5].map(|i| as_type(b, x[i], DType::F32));
    let (s, visible) = scores(b, (q, k), &x[6..], attrs);
    let shape = b.shape(s).to_vec();
    let spread = broadcast_like(b, lse, &[3], &shape);
    let below = sub(b, s, spread);
    // Hidden scores may lie far above lse: they are lowered before exp, which must not overflow.
    let below = where_visible(b, visible, below, 0.0);
    let e = exp(b, below);
    let p = where_visible(b, visible, e, 0.0);
    let dv = contract(b, p, dout, &[0, 1, 2, 3], &[0, 1, 2, 4], &[0, 1, 3, 4]);
    let dp = contract(b, dout, v, &[0, 1, 2, 4], &[0, 1, 3, 4], &[0, 1, 2, 3]);
    let product = mul(b, dout, out);
    let delta = reduce_sum(b, product, &[3]);
    let delta = broadcast_like(b, delta, &[3], &shape);
    let rest = sub(b, dp, delta);
    let ds = mul(b, p, rest);
    let factor = attrs.get_float("scale");
    let dq = contract(b, ds, k, &[0, 1, 2, 3], &[0, 1, 3, 4], &[0, 1, 2, 4]);
    let dk = contract(b, ds, q, &[0, 1, 2, 3], &[0, 1, 2, 4], &[0, 1, 3, 4]);
    let mut results = vec![scale(b, dq, factor), scale(b, dk, factor), dv];
    if attrs.get_bool("bias") {
        results.push(reduce_sum(b, ds, &[0]));
    }
    results
}

pub static ATTEND_GRAD: Op = Op {
    name: "attend_grad",
    doc: doc::header(include_str!("attend_grad.rs")),
    operands: &["q", "k", "v", "out", "lse", "dout", "bias", "mask"],
    variadic: false,
    attrs: ATTRS,
    shape: |t, attrs| {
        check(t, 6, attrs)?;
        let rows = &t[0].shape[..3];
        let out = TensorType::new(t[0].dtype, &[rows, &t[2].shape[3..]].concat());
        same(t[3], &out, "R4")?;
        same(t[4], &TensorType::f32(rows), "R4")?;
        same(t[5], &out, "R4")?;
        let mut results: Vec<TensorType> = t[..3].iter().map(|ty| TensorType::f32(&ty.shape)).collect();
        if attrs.get_bool("bias") {
            results.push(t[6].clone());
        }
        Ok(results)
    },
    meaning: Meaning::Composite(meaning),
    gradient: Gradient::Undefined,
    cost: |t, results, _| {
        let scores = t[0].elements() * t[1].shape[2];
        let values = t[3].elements() * t[1].shape[2];
        cost::counted(t, results, 2.0 * (3 * scores + 2 * values) as f64)
    },
    class: Class::Kernel,
    samples: || {
        let of = |(qkv, extra, attrs): (Vec<TensorType>, Vec<TensorType>, Attrs)| -> Sample {
            let rows = &qkv[0].shape[..3];
            let out = f32s(&[rows, &qkv[2].shape[3..]].concat());
            let between = vec![out.clone(), f32s(rows), out];
            sample(&[qkv, between, extra].concat(), attrs)
        };
        cases().into_iter().map(of).collect()
    },
};
