//! The references against independent values: published test vectors, defining equations, and loops written out.

use pfm_ir::{Attrs, Builder, Op, Role, Tensor, TensorType, interpret};
use pfm_ops::*;

fn counting(shape: &[usize], scale: f64) -> Tensor {
    let mut n = 0.0_f64;
    Tensor::from_fn(shape, |_| {
        n += 1.0;
        ((n * 0.7391 + 0.1).sin()) * scale
    })
}

fn run(op: &'static Op, operands: &[Tensor], attrs: Attrs) -> Vec<Tensor> {
    let mut b = Builder::new(op.name);
    let inputs: Vec<_> = operands.iter().map(|t| b.input("", Role::Data, TensorType::f32(&t.shape))).collect();
    for v in b.op_multi(op, &inputs, attrs) {
        b.output("", v);
    }
    interpret(&b.graph, operands)
}

fn close(a: &Tensor, b: &Tensor, tolerance: f64) {
    assert_eq!(a.shape, b.shape);
    for (x, y) in a.data.iter().zip(&b.data) {
        assert!((x - y).abs() <= tolerance, "{x} and {y}");
    }
}

#[test]
fn philox_gives_the_published_words() {
    // From the known-answer file of Random123.
    let all = u32::MAX;
    assert_eq!(philox::philox4x32_10([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    assert_eq!(philox::philox4x32_10([all; 4], [all; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    assert_eq!(
        philox::philox4x32_10([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    );
}

#[test]
fn draws_have_the_moments_of_their_distribution() {
    let n = 20_000;
    let sample = |f: &dyn Fn([u32; 4]) -> f64| -> (f64, f64) {
        let values: Vec<f64> = (0..n).map(|e| f(draw([1, 2, 3, 4], 0, 5, e))).collect();
        let mean = values.iter().sum::<f64>() / f64::from(n);
        let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / f64::from(n);
        (mean, square)
    };
    let (mean, variance) = sample(&|w| f64::from(philox::uniform(w)));
    assert!((mean - 0.5).abs() < 0.01 && (variance - 1.0 / 12.0).abs() < 0.002);
    let (mean, variance) = sample(&philox::normal);
    assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.03);
    let below = philox::bernoulli_threshold(0.3);
    let (mean, _) = sample(&|w| f64::from(u8::from(w[0] >> 8 < below)));
    assert!((mean - 0.3).abs() < 0.01);
    assert_eq!(philox::bernoulli_threshold(0.0), 0);
    assert_eq!(philox::bernoulli_threshold(1.0), 1 << 24);
}

#[test]
fn a_sample_draws_the_same_wherever_its_batch_starts() {
    let attrs = |n: usize| {
        let attrs = Attrs::new().text("kind", "normal").ints("shape", &[n, 3]);
        attrs.int("stream", 9).float("rate", 0.0)
    };
    let from = |first: f64, n| {
        let mut b = Builder::new("random");
        let key = b.input("key", Role::Data, TensorType::new(pfm_ir::DType::I32, &[4]));
        let v = b.op(&RANDOM, &[key], attrs(n));
        b.output("x", v);
        interpret(&b.graph, &[Tensor::new(&[4], vec![1.0, 2.0, 3.0, first])]).remove(0)
    };
    assert_eq!(from(10.0, 4).data[6..], from(12.0, 2).data[..]);
}

#[test]
fn erf_has_the_tabulated_values() {
    // Abramowitz and Stegun, table 7.1, and beyond.
    for (x, y) in [
        (0.0, 0.0),
        (0.5, 0.520_499_877_813_046_5),
        (1.0, 0.842_700_792_949_714_9),
        (2.0, 0.995_322_265_018_952_7),
        (3.0, 0.999_977_909_503_001_4),
        (2.5, 0.999_593_047_982_555),
        (5.0, 0.999_999_999_998_462_5),
        (7.0, 1.0),
    ] {
        assert!((erf_reference(x) - y).abs() < 3e-16, "erf({x}) = {}", erf_reference(x));
        assert_eq!(erf_reference(-x), -erf_reference(x));
    }
    assert!(erf_reference(f64::NAN).is_nan());
}

#[test]
fn maxima_keep_nan() {
    let t = |v: f64| Tensor::new(&[1], vec![v]);
    for op in [&MAX, &MIN] {
        for pair in [[f64::NAN, 1.0], [1.0, f64::NAN]] {
            assert!(run(op, &pair.map(t), Attrs::new())[0].data[0].is_nan(), "{}", op.name);
        }
    }
    let x = Tensor::new(&[3], vec![1.0, f64::NAN, 2.0]);
    assert!(run(&REDUCE_MAX, &[x], Attrs::new().ints("axes", &[0usize]))[0].data[0].is_nan());
}

#[test]
fn contract_is_einsum() {
    // "abcd,ecb->ade" with loops.
    let (x, y) = (counting(&[2, 3, 4, 5], 1.0), counting(&[6, 4, 3], 1.0));
    let attrs = Attrs::new().ints("x", &[0, 1, 2, 3]).ints("y", &[4, 2, 1]).ints("out", &[0, 3, 4]);
    let found = run(&CONTRACT, &[x.clone(), y.clone()], attrs).remove(0);
    let expected = Tensor::from_fn(&[2, 5, 6], |o| {
        let mut sum = 0.0;
        for b in 0..3 {
            for c in 0..4 {
                sum += x.at(&[o[0], b, c, o[1]]) * y.at(&[o[2], c, b]);
            }
        }
        sum
    });
    close(&found, &expected, 1e-13);
}

#[test]
fn conv_is_the_sum_over_taps() {
    let (x, w) = (counting(&[2, 3, 5, 6, 2], 1.0), counting(&[4, 2, 3, 2, 3], 1.0));
    let (stride, low) = ([1usize, 2, 3], [2usize, 0, 1]);
    let attrs = Attrs::new().ints("stride", &stride).ints("low", &low).ints("high", &[0, 1, 1]);
    let found = run(&CONV, &[x.clone(), w.clone()], attrs).remove(0);
    assert_eq!(found.shape, [2, 3, 3, 2, 4]);
    let expected = Tensor::from_fn(&found.shape, |o| {
        let mut sum = 0.0;
        for ci in 0..2 {
            for k in 0..3 * 2 * 3 {
                let k = [k / 6, k / 3 % 2, k % 3];
                let place: Vec<i64> = (0..3).map(|a| (o[a + 1] * stride[a] + k[a]) as i64 - low[a] as i64).collect();
                let inside = (0..3).all(|a| place[a] >= 0 && place[a] < x.shape[a + 1] as i64);
                if inside {
                    let i: Vec<usize> = place.iter().map(|&p| p as usize).collect();
                    sum += x.at(&[o[0], i[0], i[1], i[2], ci]) * w.at(&[o[4], ci, k[0], k[1], k[2]]);
                }
            }
        }
        sum
    });
    close(&found, &expected, 1e-13);
}

#[test]
fn views_move_elements_where_they_say() {
    let x = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let one = |op, attrs| run(op, std::slice::from_ref(&x), attrs).remove(0).data;
    let ints = |name, v: &[usize]| Attrs::new().ints(name, v);
    assert_eq!(one(&PERMUTE, ints("axes", &[1, 0])), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    assert_eq!(one(&FLIP, ints("axes", &[1])), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
    let part = ints("start", &[1, 0]).ints("stop", &[2, 3]).ints("step", &[1, 2]);
    assert_eq!(one(&SLICE, part), [4.0, 6.0]);
    let pad = ints("low", &[0, 1]).ints("high", &[0, 0]).ints("interior", &[0, 1]);
    let padded = one(&PAD, pad.float("value", 9.0));
    assert_eq!(padded, [9.0, 1.0, 9.0, 2.0, 9.0, 3.0, 9.0, 4.0, 9.0, 5.0, 9.0, 6.0]);
    let wide = one(&BROADCAST, ints("axes", &[0, 2]).ints("shape", &[2, 2, 3]));
    assert_eq!(wide[..6], [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
    let joined = run(&CONCAT, &[x.clone(), x.clone()], Attrs::new().int("axis", 1)).remove(0);
    assert_eq!(joined.data[..6], [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
}

#[test]
fn fft_there_and_back_is_n_times_x() {
    let x = counting(&[3, 4, 5, 2], 1.0);
    let attrs = |inverse| Attrs::new().ints("axes", &[0usize, 2]).bool("inverse", inverse);
    let there = run(&FFT, std::slice::from_ref(&x), attrs(false)).remove(0);
    let back = run(&FFT, std::slice::from_ref(&there), attrs(true)).remove(0);
    let expected = Tensor::new(&x.shape, x.data.iter().map(|v| 15.0 * v).collect());
    close(&back, &expected, 1e-12);
    // Element (1, ., 2) by its definition.
    let angle = |i: usize, j: usize| -std::f64::consts::TAU * (i as f64 / 3.0 + 2.0 * j as f64 / 5.0);
    let (mut re, mut im) = (0.0, 0.0);
    for i in 0..3 {
        for j in 0..5 {
            let (s, c) = angle(i, j).sin_cos();
            let (a, b) = (x.at(&[i, 3, j, 0]), x.at(&[i, 3, j, 1]));
            re += a * c - b * s;
            im += a * s + b * c;
        }
    }
    assert!((there.at(&[1, 3, 2, 0]) - re).abs() < 1e-13);
    assert!((there.at(&[1, 3, 2, 1]) - im).abs() < 1e-13);
}

fn product(x: &Tensor, y: &Tensor) -> Tensor {
    let attrs = Attrs::new().ints("x", &[0, 1]).ints("y", &[1, 2]).ints("out", &[0, 2]);
    run(&CONTRACT, &[x.clone(), y.clone()], attrs).remove(0)
}

fn transposed(x: &Tensor) -> Tensor {
    Tensor::from_fn(&[x.shape[1], x.shape[0]], |i| x.at(&[i[1], i[0]]))
}

fn identity(n: usize) -> Tensor {
    Tensor::from_fn(&[n, n], |i| f64::from(u8::from(i[0] == i[1])))
}

#[test]
fn eigh_solves_the_eigenproblem_in_descending_order() {
    let a = counting(&[6, 6], 2.0);
    let a = Tensor::from_fn(&[6, 6], |i| a.at(&[i[0], i[1]]) + a.at(&[i[1], i[0]]));
    let found = run(&EIGH, std::slice::from_ref(&a), Attrs::new());
    let (values, vectors) = (&found[0], &found[1]);
    assert!(values.data.windows(2).all(|w| w[0] >= w[1]));
    let scaled = Tensor::from_fn(&[6, 6], |i| vectors.at(i) * values.data[i[1]]);
    close(&product(&a, vectors), &scaled, 1e-12);
    close(&product(&transposed(vectors), vectors), &identity(6), 1e-12);
}

#[test]
fn qr_is_orthonormal_even_for_zero_and_repeated_columns() {
    let mut a = counting(&[5, 4], 1.0);
    for row in 0..5 {
        a.data[row * 4 + 1] = 0.0;
        a.data[row * 4 + 3] = a.data[row * 4];
    }
    for a in [a, Tensor::fill(&[5, 4], 0.0), counting(&[4, 4], 1.0)] {
        let found = run(&QR, std::slice::from_ref(&a), Attrs::new());
        close(&product(&found[0], &found[1]), &a, 1e-13);
        close(&product(&transposed(&found[0]), &found[0]), &identity(4), 1e-13);
        for i in 0..4 {
            for j in 0..i {
                assert_eq!(found[1].at(&[i, j]), 0.0);
            }
        }
    }
}

#[test]
fn argsort_is_stable_both_ways() {
    let x = Tensor::new(&[6], vec![2.0, 1.0, f64::NAN, 2.0, 1.0, 3.0]);
    let order = |descending| run(&ARGSORT, std::slice::from_ref(&x), Attrs::new().bool("descending", descending))[0].data.clone();
    assert_eq!(order(false), [1.0, 4.0, 0.0, 3.0, 5.0, 2.0]);
    assert_eq!(order(true), [2.0, 5.0, 0.0, 3.0, 1.0, 4.0]);
}

#[test]
fn attention_is_softmax_over_visible_keys() {
    let mut b = Builder::new("attention");
    let shapes: [&[usize]; 4] = [&[2, 1, 3, 4], &[2, 1, 3, 4], &[2, 1, 3, 2], &[1, 3, 3]];
    let v: Vec<_> = shapes.iter().map(|s| b.input("", Role::Data, TensorType::f32(s))).collect();
    let mask = b.input("", Role::Data, TensorType::new(pfm_ir::DType::Bool, &[2, 3]));
    let with = Attention { scale: 0.5, causal: true, bias: Some(v[3]), mask: Some(mask) };
    let (out, lse) = attend(&mut b, v[0], v[1], v[2], with);
    b.output("out", out);
    b.output("lse", lse);
    let mut values: Vec<Tensor> = shapes.iter().map(|s| counting(s, 1.5)).collect();
    // The first sample's first query sees nothing.
    values.push(Tensor::new(&[2, 3], vec![0.0, 1.0, 1.0, 1.0, 1.0, 0.0]));
    let found = interpret(&b.graph, &values);
    let (q, k, v, bias, mask) = (&values[0], &values[1], &values[2], &values[3], &values[4]);
    for n in 0..2 {
        for i in 0..3 {
            let seen: Vec<usize> = (0..=i).filter(|&j| mask.at(&[n, j]) != 0.0).collect();
            let score = |j: usize| {
                let dot: f64 = (0..4).map(|d| q.at(&[n, 0, i, d]) * k.at(&[n, 0, j, d])).sum();
                0.5 * dot + bias.at(&[0, i, j])
            };
            let total: f64 = seen.iter().map(|&j| score(j).exp()).sum();
            let log = if seen.is_empty() { -1e30 } else { total.ln() };
            assert!((found[1].at(&[n, 0, i]) - log).abs() < 1e-13);
            for e in 0..2 {
                let weighted: f64 = seen.iter().map(|&j| score(j).exp() * v.at(&[n, 0, j, e])).sum();
                let expected = if seen.is_empty() { 0.0 } else { weighted / total };
                assert!((found[0].at(&[n, 0, i, e]) - expected).abs() < 1e-13);
            }
        }
    }
}
