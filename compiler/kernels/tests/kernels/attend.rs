//! Attention and its gradient: bias, mask, causal order, tiny and long sequences, wide heads, queries that see nothing.

use crate::{Values, everywhere};
use pfm_device::Pool;
use pfm_kernels::{AttendGradInputs, AttendGradOutputs, AttendInputs, AttendSpec, Isa, attend, attend_grad};

pub struct Operands {
    pub q: Vec<f32>,
    pub k: Vec<f32>,
    pub v: Vec<f32>,
    pub dout: Vec<f32>,
    pub bias: Option<Vec<f32>>,
    pub mask: Option<Vec<u8>>,
}

#[derive(Default)]
pub struct Results {
    pub out: Vec<f64>,
    pub lse: Vec<f64>,
    pub dq: Vec<f64>,
    pub dk: Vec<f64>,
    pub dv: Vec<f64>,
    pub dbias: Vec<f64>,
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

pub fn reference(spec: &AttendSpec, x: &Operands) -> Results {
    let AttendSpec { samples, heads, tq, tk, d, dv, .. } = *spec;
    let mut r = Results { dk: vec![0.0; x.k.len()], dv: vec![0.0; x.v.len()], dbias: vec![0.0; heads * tq * tk], ..Results::default() };
    for row in 0..samples * heads * tq {
        let (head, i) = (row / tq, row % tq);
        let sees = |j: usize| {
            let hidden = x.mask.as_ref().is_some_and(|m| m[head / heads * tk + j] == 0);
            !(hidden || spec.causal && j > i)
        };
        let at = |j: usize| (head % heads * tq + i) * tk + j;
        let (q, dout) = (&x.q[row * d..][..d], &x.dout[row * dv..][..dv]);
        let score = |j: usize| {
            let bias = x.bias.as_ref().map_or(0.0, |b| f64::from(b[at(j)]));
            dot(q, &x.k[(head * tk + j) * d..][..d]) * f64::from(spec.scale) + bias
        };
        let seen: Vec<usize> = (0..tk).filter(|&j| sees(j)).collect();
        let top = seen.iter().map(|&j| score(j)).fold(-1e30, f64::max);
        let sum: f64 = seen.iter().map(|&j| (score(j) - top).exp()).sum();
        r.lse.push(if seen.is_empty() { -1e30 } else { top + sum.ln() });
        let value = |j: usize| &x.v[(head * tk + j) * dv..][..dv];
        let weight = |j: usize| (score(j) - top).exp() / sum;
        let mut out = vec![0.0; dv];
        for &j in &seen {
            for (o, &v) in out.iter_mut().zip(value(j)) {
                *o += weight(j) * f64::from(v);
            }
        }
        let delta: f64 = out.iter().zip(dout).map(|(o, &g)| o * f64::from(g)).sum();
        let mut dq = vec![0.0; d];
        for &j in &seen {
            let slope = weight(j) * (dot(dout, value(j)) - delta);
            r.dbias[at(j)] += slope;
            for c in 0..d {
                dq[c] += slope * f64::from(spec.scale) * f64::from(x.k[(head * tk + j) * d + c]);
                r.dk[(head * tk + j) * d + c] += slope * f64::from(spec.scale) * f64::from(q[c]);
            }
            for (c, &g) in dout.iter().enumerate() {
                r.dv[(head * tk + j) * dv + c] += weight(j) * f64::from(g);
            }
        }
        r.out.extend(out);
        r.dq.extend(dq);
    }
    r
}

fn run(pool: &Pool, isa: Isa, spec: &AttendSpec, x: &Operands) -> [Vec<f32>; 6] {
    let inputs = AttendInputs { q: &x.q, k: &x.k, v: &x.v, bias: x.bias.as_deref(), mask: x.mask.as_deref() };
    let rows = spec.samples * spec.heads * spec.tq;
    let nan = |size: usize| vec![f32::NAN; size];
    let (mut out, mut lse) = (nan(rows * spec.dv), nan(rows));
    attend(pool, isa, spec, inputs, &mut out, &mut lse);
    let (mut dq, mut dk, mut dv) = (nan(x.q.len()), nan(x.k.len()), nan(x.v.len()));
    let mut dbias = nan(x.bias.as_ref().map_or(0, Vec::len));
    let mut scratch = nan(spec.grad_scratch(x.bias.is_some()));
    let outputs = AttendGradOutputs { dq: &mut dq, dk: &mut dk, dv: &mut dv, dbias: x.bias.is_some().then_some(&mut dbias[..]) };
    let inputs = AttendGradInputs { inputs, out: &out, lse: &lse, dout: &x.dout };
    attend_grad(pool, isa, spec, inputs, outputs, &mut scratch);
    [out, lse, dq, dk, dv, dbias]
}

fn check(spec: AttendSpec, bias: bool, mask: bool) {
    let AttendSpec { samples, heads, tq, tk, d, dv, .. } = spec;
    let mut values = Values(11);
    let rows = samples * heads;
    let mut x = Operands {
        q: values.vec(rows * tq * d),
        k: values.vec(rows * tk * d),
        v: values.vec(rows * tk * dv),
        dout: values.vec(rows * tq * dv),
        bias: bias.then(|| values.vec(heads * tq * tk)),
        mask: mask.then(|| (0..samples * tk).map(|_| u8::from(values.next() > -0.4)).collect()),
    };
    if let (Some(mask), true) = (&mut x.mask, samples > 1) {
        mask[..tk].fill(0);
    }
    let mut r = reference(&spec, &x);
    // A query that sees nothing has lse -1e30, which would hide errors of the others.
    for lse in &mut r.lse {
        *lse = lse.max(-100.0);
    }
    let names = ["out", "lse", "dq", "dk", "dv", "dbias"];
    let dbias = if bias { r.dbias } else { vec![] };
    let expected = [r.out, r.lse, r.dq, r.dk, r.dv, dbias];
    for (i, name) in names.into_iter().enumerate() {
        let what = format!("{name} of {spec:?} bias {bias} mask {mask}");
        everywhere(&what, &expected[i], tk + d, |pool, isa| {
            let mut found = run(pool, isa, &spec, &x)[i].clone();
            if name == "lse" {
                found.iter_mut().for_each(|x| *x = x.max(-100.0));
            }
            found
        });
    }
}

#[test]
fn small_sequences() {
    for (samples, heads, tq, tk, d, dv) in
        [(40, 3, 5, 5, 32, 32), (7, 2, 3, 9, 18, 5), (1, 1, 1, 1, 1, 1), (70, 2, 9, 4, 20, 7), (21, 2, 16, 16, 3, 64)]
    {
        for causal in [false, true] {
            for (bias, mask) in [(false, false), (true, false), (false, true), (true, true)] {
                let spec = AttendSpec { samples, heads, tq, tk, d, dv, scale: 0.3, causal };
                check(spec, bias, mask);
            }
        }
    }
}

#[test]
fn long_sequences() {
    let spec = AttendSpec { samples: 2, heads: 2, tq: 150, tk: 133, d: 24, dv: 40, scale: 0.9, causal: false };
    check(spec, true, true);
    check(AttendSpec { tk: 150, causal: true, ..spec }, false, false);
    check(AttendSpec { samples: 1, heads: 1, tq: 600, tk: 70, ..spec }, false, true);
    check(AttendSpec { samples: 1, heads: 1, tq: 70, tk: 70, d: 300, dv: 129, ..spec }, true, false);
}

#[test]
fn large_scores_do_not_overflow() {
    let spec = AttendSpec { samples: 2, heads: 1, tq: 20, tk: 90, d: 8, dv: 8, scale: 60.0, causal: true };
    check(spec, false, false);
}
