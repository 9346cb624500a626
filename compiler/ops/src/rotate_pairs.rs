//! `rotate_pairs`: rotates adjacent pairs of channels, as rotary position embeddings do.
//!
//! ## Meaning
//! With p pairs, for i < p: (x0, x1) at (2 i, 2 i + 1) of the last axis becomes (x0 cos - x1 sin, x1 cos + x0 sin) with the
//! cosine and sine at i. Channels from 2 p on are unchanged.
//! ## Shapes
//! R1 `cos` and `sin` have one type, with at least one pair. R2 x has their element type, of floats, and their leading axes.
//! R3 the pairs fit into the last axis of x.
//! ## Gradient
//! g rotated back for x; products with x for `cos` and `sin`.
//! ## References
//! Su et al., RoFormer, 2021.

use crate::{build::*, cost, doc, rules::*};
use pfm_ir::{Attrs, Builder, Class, Gradient, Meaning, Op, ValueId};

/// The first and the second of each pair, each [.., p].
fn pairs(b: &mut Builder, x: ValueId, p: usize) -> (ValueId, ValueId) {
    let last = b.shape(x).len() - 1;
    let mut shape = b.shape(x).to_vec();
    shape[last] = p;
    let rotated = slice_axis(b, x, last, 0, 2 * p);
    let split = [&shape[..], &[2]].concat();
    let rotated = reshape(b, rotated, &split);
    let mut half = |i| {
        let half = slice_axis(b, rotated, last + 1, i, i + 1);
        reshape(b, half, &shape)
    };
    (half(0), half(1))
}

pub static ROTATE_PAIRS: Op = Op {
    name: "rotate_pairs",
    doc: doc::header(include_str!("rotate_pairs.rs")),
    operands: &["x", "cos", "sin"],
    variadic: false,
    attrs: &[],
    shape: |t, _| {
        same(t[1], t[2], "R1")?;
        let p = t[1].shape.last().copied().unwrap_or(0);
        require(p > 0, "R1", || format!("{} has no pairs", t[1]))?;
        float(t[0], "R2")?;
        let n = t[0].rank();
        let leading = n == t[1].rank() && t[0].shape[..n - 1] == t[1].shape[..n - 1];
        require(leading && t[0].dtype == t[1].dtype, "R2", || format!("{} and {}", t[0], t[1]))?;
        require(2 * p <= t[0].shape[n - 1], "R3", || format!("{p} pairs in {}", t[0]))?;
        Ok(vec![t[0].clone()])
    },
    meaning: Meaning::Composite(|b, x, _| {
        let (cos, sin) = (x[1], x[2]);
        let shape = b.shape(cos).to_vec();
        let (last, p) = (shape.len() - 1, shape[shape.len() - 1]);
        let width = b.shape(x[0])[last];
        let (x0, x1) = pairs(b, x[0], p);
        let (x0c, x1s) = (mul(b, x0, cos), mul(b, x1, sin));
        let (x1c, x0s) = (mul(b, x1, cos), mul(b, x0, sin));
        let split = [&shape[..], &[1]].concat();
        let y0 = sub(b, x0c, x1s);
        let y1 = add(b, x1c, x0s);
        let (y0, y1) = (reshape(b, y0, &split), reshape(b, y1, &split));
        let y = concat(b, &[y0, y1], last + 1);
        let joined = [&shape[..last], &[2 * p]].concat();
        let y = reshape(b, y, &joined);
        if width == 2 * p {
            return vec![y];
        }
        let rest = slice_axis(b, x[0], last, 2 * p, width);
        vec![concat(b, &[y, rest], last)]
    }),
    gradient: Gradient::Rule(|b, c| {
        let Some(g) = c.upstream[0] else {
            return vec![None; 3];
        };
        let (x, cos, sin) = (c.operands[0], c.operands[1], c.operands[2]);
        let dx = c.wanted[0].then(|| {
            let back = neg(b, sin);
            rotate_pairs(b, g, cos, back)
        });
        if !c.wanted[1] && !c.wanted[2] {
            return vec![dx, None, None];
        }
        let p = b.shape(cos)[b.shape(cos).len() - 1];
        let (x0, x1) = pairs(b, x, p);
        let (g0, g1) = pairs(b, g, p);
        let (g0x0, g1x1) = (mul(b, g0, x0), mul(b, g1, x1));
        let (g0x1, g1x0) = (mul(b, g0, x1), mul(b, g1, x0));
        vec![dx, Some(add(b, g0x0, g1x1)), Some(sub(b, g1x0, g0x1))]
    }),
    cost: |t, results, _| cost::counted(t, results, 6.0 * t[1].elements() as f64),
    class: Class::Composite,
    samples: || {
        let of = |x: &[usize], angles: &[usize]| sample(&[f32s(x), f32s(angles), f32s(angles)], Attrs::new());
        vec![of(&[4], &[2]), of(&[2, 7], &[2, 3]), of(&[2, 3, 4], &[2, 3, 1])]
    },
};
