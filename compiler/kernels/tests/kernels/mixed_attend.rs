//! Attention and its gradient with products of bf16 and of split f32, and with tensors stored as bf16. With bf16 the weights
//! are rounded too, which a reference in f64 does not know, so the limit is wider there.

use crate::Values;
use crate::attend::{Operands, reference};
use crate::mixed::{MODES, Tensor, seen};
use pfm_device::Pool;
use pfm_kernels::{
    AttendGradMixedInputs, AttendGradMixedOutputs, AttendMixedInputs, AttendSpec, Isa, Products, Storage, attend_grad_mixed, attend_mixed,
};

type Mode = (Products, Storage);

fn run(pool: &Pool, isa: Isa, spec: &AttendSpec, mode: Mode, x: &Operands) -> [Vec<f32>; 6] {
    let (products, stored) = mode;
    let [q, k, v, dout] = [&x.q, &x.k, &x.v, &x.dout].map(|x| Tensor::new(x, stored));
    let bias = x.bias.as_ref().map(|b| Tensor::new(b, stored));
    let inputs =
        AttendMixedInputs { q: q.read(), k: k.read(), v: v.read(), bias: bias.as_ref().map(Tensor::read), mask: x.mask.as_deref() };
    let rows = spec.samples * spec.heads * spec.tq;
    let (mut out, mut lse) = (Tensor::nan(rows * spec.dv, stored), vec![f32::NAN; rows]);
    let mut scratch = vec![f32::NAN; spec.mixed_scratch(isa, products, stored, bias.is_some())];
    attend_mixed(pool, isa, spec, products, inputs, out.write(), &mut lse, &mut scratch);
    let [mut dq, mut dk, mut dv] = [&x.q, &x.k, &x.v].map(|x| Tensor::nan(x.len(), stored));
    let mut dbias = x.bias.as_ref().map(|b| Tensor::nan(b.len(), stored));
    let outputs = AttendGradMixedOutputs { dq: dq.write(), dk: dk.write(), dv: dv.write(), dbias: dbias.as_mut().map(Tensor::write) };
    let mut scratch = vec![f32::NAN; spec.grad_mixed_scratch(isa, products, stored, bias.is_some())];
    let inputs = AttendGradMixedInputs { inputs, out: out.read(), lse: &lse, dout: dout.read() };
    attend_grad_mixed(pool, isa, spec, products, inputs, outputs, &mut scratch);
    let dbias = dbias.map_or(vec![], |b| b.values());
    [out.values(), lse, dq.values(), dk.values(), dv.values(), dbias]
}

fn check(spec: AttendSpec, bias: bool, mask: bool, modes: &[Mode]) {
    let AttendSpec { samples, heads, tq, tk, d, dv, .. } = spec;
    let rows = samples * heads;
    for &mode in modes {
        let mut values = Values(11);
        let mut x = Operands {
            q: seen(values.vec(rows * tq * d), mode),
            k: seen(values.vec(rows * tk * d), mode),
            v: seen(values.vec(rows * tk * dv), mode),
            dout: seen(values.vec(rows * tq * dv), mode),
            bias: bias.then(|| seen(values.vec(heads * tq * tk), (Products::F32, mode.1))),
            mask: mask.then(|| (0..samples * tk).map(|_| u8::from(values.next() > -0.4)).collect()),
        };
        if let (Some(mask), true) = (&mut x.mask, samples > 1) {
            mask[..tk].fill(0);
        }
        let r = reference(&spec, &x);
        let lse: Vec<f64> = r.lse.iter().map(|x| x.max(-100.0)).collect();
        let dbias = if bias { r.dbias } else { vec![] };
        let expected = [r.out, lse, r.dq, r.dk, r.dv, dbias];
        for isa in Isa::available().into_iter().chain([Isa::AmxEmulated]) {
            let what = format!("{spec:?} bias {bias} mask {mask} {mode:?} on {isa:?}");
            let found = run(&Pool::new(1), isa, &spec, mode, &x);
            let again = run(&Pool::new(3), isa, &spec, mode, &x);
            for (a, b) in found.iter().flatten().zip(again.iter().flatten()) {
                assert!(a.to_bits() == b.to_bits(), "{what}: 3 threads give other bits");
            }
            for (i, name) in ["out", "lse", "dq", "dk", "dv", "dbias"].into_iter().enumerate() {
                compare(&format!("{name} of {what}"), mode, &found[i], &expected[i], (tk + d) as f64 * f64::from(spec.scale.max(1.0)));
            }
        }
    }
}

/// Largest and mean error in units of the largest entry. Large scales make the weights as much more sensitive.
fn compare(what: &str, (products, stored): Mode, found: &[f32], expected: &[f64], terms: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: size");
    let largest = expected.iter().fold(1e-30f64, |m, x| m.max(x.abs()));
    let rounded = products == Products::Bf16 || stored == Storage::Bf16;
    let limit = if rounded { 2e-2 } else { 1e-5 * terms.sqrt() } * largest;
    let mut total = 0.0;
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(a.max(-100.0)) - b).abs();
        assert!(error <= limit, "{what}: entry {i} is {a}, expected {b}, largest {largest}");
        total += error;
    }
    assert!(total <= 0.25 * limit * found.len() as f64, "{what}: mean error {}, largest entry {largest}", total / found.len() as f64);
}

#[test]
fn short_and_long_sequences() {
    let spec = AttendSpec { samples: 9, heads: 2, tq: 5, tk: 7, d: 20, dv: 12, scale: 0.3, causal: false };
    check(spec, true, false, &MODES);
    let spec = AttendSpec { samples: 2, heads: 2, tq: 150, tk: 133, d: 24, dv: 40, scale: 0.9, causal: false };
    check(spec, true, true, &MODES);
    check(AttendSpec { tk: 150, causal: true, ..spec }, false, false, &MODES);
    check(AttendSpec { samples: 1, heads: 1, tq: 600, tk: 70, d: 68, dv: 68, ..spec }, false, true, &MODES);
    check(AttendSpec { samples: 1, heads: 1, tq: 70, tk: 300, d: 68, dv: 68, ..spec }, false, false, &MODES);
    check(AttendSpec { samples: 1, heads: 1, tq: 70, tk: 70, d: 300, dv: 129, ..spec }, true, false, &MODES[1..3]);
}

#[test]
fn large_scores_do_not_overflow() {
    let spec = AttendSpec { samples: 2, heads: 1, tq: 40, tk: 90, d: 8, dv: 8, scale: 60.0, causal: true };
    check(spec, false, false, &[(Products::Split, Storage::F32)]);
}
