//! Every kernel against an obvious loop in f64, on every instruction set that this machine has, at awkward sizes,
//! and with 1, 2 and 3 threads, whose results must agree bit for bit.

mod attend;
mod contract;
mod conv;
mod mixed;
mod mixed_attend;
mod opaque;

use pfm_device::Pool;
use pfm_kernels::Isa;

/// Reproducible values in (-1, 1).
struct Values(u64);

impl Values {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn vec(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }
}

/// Runs a kernel on every instruction set; results must not depend on threads, and be near `expected`: within
/// 1e-5 sqrt(terms) of its largest entry.
fn everywhere(what: &str, expected: &[f64], terms: usize, run: impl Fn(&Pool, Isa) -> Vec<f32>) {
    for isa in Isa::available() {
        let first = run(&Pool::new(1), isa);
        near(&format!("{what} on {isa:?}"), &first, expected, terms);
        for threads in [2, 3] {
            let other = run(&Pool::new(threads), isa);
            let same = first.iter().zip(&other).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{what} on {isa:?}: {threads} threads give other bits");
        }
    }
}

fn near(what: &str, found: &[f32], expected: &[f64], terms: usize) {
    assert_eq!(found.len(), expected.len(), "{what}: size");
    let largest = expected.iter().fold(1e-30f64, |m, x| m.max(x.abs()));
    let limit = 1e-5 * (terms.max(1) as f64).sqrt() * largest;
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*a) - b).abs();
        assert!(error <= limit, "{what}: entry {i} is {a}, expected {b}, largest {largest}");
    }
}

/// Scratch with rubbish in it: no kernel may count on zeros.
fn scratch(size: usize) -> Vec<f32> {
    vec![f32::NAN; size]
}

/// Row-major counting through a shape.
fn places(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &size in shape {
        all = all.into_iter().flat_map(|p| (0..size).map(move |i| [&p[..], &[i]].concat())).collect();
    }
    all
}
