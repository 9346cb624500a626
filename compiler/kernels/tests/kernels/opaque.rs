//! Fourier transforms, eigenvectors, QR, order, indexing and random numbers.

use crate::{Values, everywhere, near, scratch};
use pfm_device::Pool;
use pfm_kernels::{Draw, FftSpec, IndexSpec, Isa, QrSpec, RandomSpec, argsort, eigh, fft, gather, philox, qr, random, scatter_add};

/// The transform of one axis of [outer, length, inner] complex values, by its definition.
fn transform(x: &[f64], outer: usize, length: usize, inner: usize, inverse: bool) -> Vec<f64> {
    let mut out = vec![0.0; x.len()];
    let sign = if inverse { 1.0 } else { -1.0 };
    for o in 0..outer {
        for i in 0..inner {
            for f in 0..length {
                for t in 0..length {
                    let angle = sign * std::f64::consts::TAU * (f * t % length) as f64 / length as f64;
                    let from = 2 * ((o * length + t) * inner + i);
                    let to = 2 * ((o * length + f) * inner + i);
                    out[to] += x[from] * angle.cos() - x[from + 1] * angle.sin();
                    out[to + 1] += x[from] * angle.sin() + x[from + 1] * angle.cos();
                }
            }
        }
    }
    out
}

#[test]
fn fourier_transforms() {
    let shape = [3, 12, 7, 10, 2];
    let x = Values(5).vec(shape.iter().product());
    for inverse in [false, true] {
        for axes in [&[1][..], &[1, 2], &[3, 0], &[]] {
            let mut expected: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
            for &a in axes {
                let outer = shape[..a].iter().product();
                let inner = shape[a + 1..4].iter().product();
                expected = transform(&expected, outer, shape[a], inner, inverse);
            }
            let spec = FftSpec::new(&shape, axes, inverse);
            everywhere(&format!("fft {axes:?}"), &expected, 1, |pool, _| {
                let (mut out, mut space) = (vec![0.0; x.len()], scratch(spec.scratch()));
                fft(pool, &spec, &x, &mut out, &mut space);
                out
            });
        }
    }
}

#[test]
fn eigenvectors() {
    for n in [1, 2, 5, 20] {
        let b = Values(9).vec(n * n);
        let at = |i: usize, j: usize| f64::from(b[i * n + j]) + f64::from(b[j * n + i]);
        let a: Vec<f32> = (0..n * n).map(|i| at(i / n, i % n) as f32).collect();
        let (mut values, mut vectors) = (vec![0.0; n], vec![0.0; n * n]);
        assert!(eigh(n, &a, &mut values, &mut vectors));
        assert!(values.windows(2).all(|w| w[0] >= w[1]));
        let (mut left, mut right, mut square) = (vec![], vec![], vec![]);
        for i in 0..n {
            for j in 0..n {
                left.push((0..n).map(|k| a[i * n + k] * vectors[k * n + j]).sum::<f32>());
                right.push(f64::from(vectors[i * n + j]) * f64::from(values[j]));
                square.push((0..n).map(|k| vectors[k * n + i] * vectors[k * n + j]).sum::<f32>());
            }
        }
        near("a v = v lambda", &left, &right, n);
        near("v' v = 1", &square, &identity(n), n);
    }
    let (mut values, mut vectors) = ([0.0; 2], [0.0; 4]);
    assert!(!eigh(2, &[1.0, f32::NAN, 0.0, 1.0], &mut values, &mut vectors));
    assert!(eigh(2, &[0.0; 4], &mut values, &mut vectors));
}

fn identity(n: usize) -> Vec<f64> {
    (0..n * n).map(|i| f64::from(u8::from(i / n == i % n))).collect()
}

#[test]
fn orthogonal_factors() {
    for (m, n, zeros) in [(1, 1, 0), (5, 5, 0), (40, 17, 0), (130, 100, 3), (6, 4, 4), (70, 1, 0)] {
        let mut a = Values(2).vec(m * n);
        for row in a.chunks_mut(n) {
            row[..zeros].fill(0.0);
        }
        let spec = QrSpec::new(m, n);
        let factors = |pool: &Pool, isa| {
            let (mut q, mut r) = (vec![f32::NAN; m * n], vec![f32::NAN; n * n]);
            qr(pool, isa, &spec, &a, &mut q, &mut r, &mut scratch(spec.scratch()));
            (q, r)
        };
        let expected: Vec<f64> = a.iter().map(|&v| f64::from(v)).collect();
        everywhere("q r", &expected, m, |pool, isa| {
            let (q, r) = factors(pool, isa);
            let entry = |i: usize| (0..n).map(|k| q[i / n * n + k] * r[k * n + i % n]).sum();
            (0..m * n).map(entry).collect()
        });
        everywhere("q' q", &identity(n), m, |pool, isa| {
            let (q, r) = factors(pool, isa);
            assert!((0..n * n).all(|i| i / n <= i % n || r[i] == 0.0));
            // The first column is reflected away from itself.
            assert!(r[0] * a[0] <= 0.0);
            let entry = |i: usize| (0..m).map(|k| q[k * n + i / n] * q[k * n + i % n]).sum();
            (0..n * n).map(entry).collect()
        });
    }
}

#[test]
fn order_is_stable_both_ways() {
    let x = [2.0, -0.0, f32::NAN, 0.0, 5.0, 2.0, -1.0];
    let mut index = [0; 7];
    argsort(&x, false, &mut index);
    assert_eq!(index, [6, 1, 3, 0, 5, 4, 2]);
    argsort(&x, true, &mut index);
    assert_eq!(index, [2, 4, 0, 5, 1, 3, 6]);
}

#[test]
fn picking_and_adding() {
    let (outer, length, inner) = (3, 5, 37);
    let index = [4, 0, 4, 2, 4, 1];
    let mut values = Values(1);
    let x = values.vec(outer * length * inner);
    let updates = values.vec(outer * index.len() * inner);
    let spec = IndexSpec::new(&[outer, length, inner], 1, index.len());
    let (mut picked, mut added) = (vec![], x.iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
    for o in 0..outer {
        for (j, &to) in index.iter().enumerate() {
            for i in 0..inner {
                let at = (o * length + to as usize) * inner + i;
                picked.push(f64::from(x[at]));
                added[at] += f64::from(updates[(o * index.len() + j) * inner + i]);
            }
        }
    }
    everywhere("gather", &picked, 1, |pool, _| {
        let mut out = vec![0.0; picked.len()];
        gather(pool, &spec, &x, &index, &mut out);
        out
    });
    everywhere("scatter_add", &added, 1, |pool, _| {
        let mut out = vec![0.0; x.len()];
        scatter_add(pool, &spec, &x, &index, &updates, &mut out);
        out
    });
}

/// The test vectors of the Random123 library.
#[test]
fn philox_has_the_published_bits() {
    assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    assert_eq!(philox([0xffffffff; 4], [0xffffffff; 2]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
    assert_eq!(
        philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
        [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
    );
}

#[test]
fn random_numbers_depend_on_their_place_only() {
    let (samples, each, stream) = (3, 50, 4_000_000_000);
    let key = [17, 2, 900, -1];
    for draw in [Draw::Uniform, Draw::Normal, Draw::Bernoulli { rate: 0.25 }] {
        let mut expected = vec![];
        for sample in 0..samples as u32 {
            for element in 0..each as u32 {
                let counter = [900, u32::MAX.wrapping_add(sample), stream, element];
                let words = philox(counter, [17, 2]);
                let [u, v] = [words[0] >> 8, words[1] >> 8].map(f64::from);
                expected.push(match draw {
                    Draw::Uniform => u / 16_777_216.0,
                    Draw::Normal => {
                        let radius = (-2.0 * ((u + 1.0) / 16_777_216.0).ln()).sqrt();
                        radius * (std::f64::consts::TAU * v / 16_777_216.0).cos()
                    }
                    Draw::Bernoulli { rate } => f64::from(u8::from(u / 16_777_216.0 < rate)),
                });
            }
        }
        let spec = RandomSpec { samples, each, stream, draw };
        everywhere(&format!("{draw:?}"), &expected, 1, |pool, isa| {
            let mut out = vec![0.0; samples * each];
            random(pool, isa, &spec, key, &mut out);
            out
        });
    }
    let spec = RandomSpec { samples: 1, each: 1, stream: 0, draw: Draw::Uniform };
    let mut out = [0.0];
    random(&Pool::new(1), Isa::Portable, &spec, [0; 4], &mut out);
    assert_eq!(out[0], (0x6627e8d5u32 >> 8) as f32 / 16_777_216.0);
}
