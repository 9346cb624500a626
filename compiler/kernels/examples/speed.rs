//! Speed of the kernels at the shapes that models use, beside the multiply-add peak of the machine.
//! Run it as `cargo run --release -p pfm-kernels --example speed -- [threads] [word]`; `word` picks lines that contain it.
//! Lines that begin with bf16 have tensors and products of bf16, those with split f32 tensors and split products.

#![allow(unsafe_code)]

use pfm_device::{Buffer, Pool};
use pfm_kernels::*;
use std::time::Instant;

struct Bench {
    pool: Pool,
    isa: Isa,
    word: String,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let threads = arguments.first().and_then(|t| t.parse().ok()).unwrap_or(2);
    let bench = Bench { pool: Pool::new(threads), isa: Isa::detect(), word: arguments.get(1).cloned().unwrap_or_default() };
    println!("{:?}, {threads} threads", bench.isa);
    bench.peak();
    bench.mixed();
    bench.convolutions();
    bench.contractions();
    bench.attention();
    bench.opaque();
}

impl Bench {
    /// The best wall time of several runs, GFLOP/s by it, and GFLOP/s of one core by their mean processor time, which
    /// other programs on the machine disturb less.
    fn line(&self, what: &str, operations: usize, mut run: impl FnMut()) {
        if !what.contains(&self.word) {
            return;
        }
        run();
        let mut best = f64::MAX;
        let (begin, used) = (Instant::now(), processor_time());
        let mut runs = 0;
        while runs < 50 && (runs < 2 || begin.elapsed().as_secs_f64() < 0.2) {
            let start = Instant::now();
            run();
            best = best.min(start.elapsed().as_secs_f64());
            runs += 1;
        }
        let used = (processor_time() - used) / f64::from(runs);
        let rate = |seconds: f64| operations as f64 / seconds * 1e-9;
        let (all, one) = (rate(best), rate(used));
        println!("{what:56} {:9.3} ms {all:7.1} GFLOP/s {one:7.1} per core", best * 1e3);
    }

    /// Multiply-adds on registers alone: what no kernel can exceed.
    fn peak(&self) {
        let tasks = self.pool.threads();
        let (rounds, sums) = (1 << 18, 24);
        let lanes = if matches!(self.isa, Isa::Avx512 | Isa::Amx) { 16 } else { 8 };
        if self.isa == Isa::Portable {
            return;
        }
        self.line("peak", 2 * tasks * rounds * sums * lanes, || {
            self.pool.run(tasks, &|_| {
                // SAFETY: the instruction set was detected.
                let sum = unsafe { if lanes == 16 { peak::wide(rounds) } else { peak::narrow(rounds) } };
                std::hint::black_box(sum);
            });
        });
    }

    fn convolutions(&self) {
        let shapes: [(usize, [usize; 3], usize, usize, _, _); 15] = [
            (4, [9, 64, 64], 5, 16, [3; 3], [1; 3]),
            (4, [9, 64, 64], 16, 16, [3; 3], [1; 3]),
            (4, [9, 64, 64], 16, 5, [3; 3], [1; 3]),
            (4, [5, 32, 32], 32, 32, [3; 3], [1; 3]),
            (1, [9, 128, 128], 32, 32, [3; 3], [1; 3]),
            (1, [5, 64, 64], 64, 64, [3; 3], [1; 3]),
            (4, [3, 16, 16], 64, 64, [3; 3], [1; 3]),
            (4, [3, 8, 8], 64, 64, [3; 3], [1; 3]),
            (4, [3, 8, 8], 18, 64, [3; 3], [1; 3]),
            (4, [3, 8, 8], 32, 1024, [3; 3], [1; 3]),
            (1, [3, 8, 8], 64, 2048, [3; 3], [1; 3]),
            (4, [9, 64, 64], 16, 32, [1; 3], [1; 3]),
            (4, [9, 64, 64], 16, 32, [2, 4, 4], [2, 4, 4]),
            (4, [9, 64, 64], 16, 32, [1, 2, 2], [1, 2, 2]),
            (4, [5, 32, 32], 32, 64, [3, 3, 3], [1, 2, 2]),
        ];
        for (batch, input, ci, co, kernel, stride) in shapes {
            let (kernel, stride): ([usize; 3], [usize; 3]) = (kernel, stride);
            let low: Vec<usize> = kernel.iter().map(|&k| if k == 3 { 1 } else { 0 }).collect();
            let spec = ConvSpec::new(batch, &input, ci, co, &kernel, &stride, &low, &low);
            let [x, w, y] = spec.lengths();
            let [mut x, mut w, mut y] = [x, w, y].map(values);
            let mut scratch = values(spec.scratch().max(spec.input_grad_scratch()).max(spec.weight_grad_scratch()));
            let name = format!("{batch}x{input:?} {ci}->{co} {kernel:?}/{stride:?}").replace(", ", "x");
            let operations = spec.operations();
            let (pool, isa) = (&self.pool, self.isa);
            self.line(&format!("conv   {name}"), operations, || {
                conv(pool, isa, &spec, x.as_f32(), w.as_f32(), y.as_f32_mut(), scratch.as_f32_mut());
            });
            self.line(&format!("input  {name}"), operations, || {
                conv_input_grad(pool, isa, &spec, y.as_f32(), w.as_f32(), x.as_f32_mut(), scratch.as_f32_mut());
            });
            self.line(&format!("weight {name}"), operations, || {
                conv_weight_grad(pool, isa, &spec, x.as_f32(), y.as_f32(), w.as_f32_mut(), scratch.as_f32_mut());
            });
        }
    }

    fn contractions(&self) {
        let shapes = [
            (1024, 1024, 1024),
            (50_000, 18, 64),
            (36_864, 64, 64),
            (12_288, 64, 256),
            (2048, 1088, 1088),
            (768, 1088, 7616),
            (200, 1088, 7616),
            (200, 256, 1024),
        ];
        for (m, k, n) in shapes {
            for (text, x, y) in [("mk,kn", [m, k], [k, n]), ("mk,nk", [m, k], [n, k]), ("km,kn", [k, m], [k, n])] {
                self.product(text, m, k, n, &x, &y);
            }
        }
        for (m, k, n) in [(18, 50_000, 64), (64, 36_864, 64), (64, 12_288, 256), (1088, 768, 7616), (1088, 200, 7616)] {
            self.product("km,kn", m, k, n, &[k, m], &[k, n]);
        }
        for (m, k, n) in [(1, 1088, 7616), (4, 1088, 7616)] {
            self.product("mk,kn", m, k, n, &[m, k], &[k, n]);
            self.product("mk,nk", m, k, n, &[m, k], &[n, k]);
        }
    }

    fn product(&self, text: &str, m: usize, k: usize, n: usize, x: &[usize], y: &[usize]) {
        let letters = |s: &str| -> Vec<i64> { s.bytes().map(i64::from).collect() };
        let (a, b) = text.split_once(',').unwrap();
        let spec = ContractSpec::new(x, &letters(a), y, &letters(b), &letters("mn"));
        let (x, y, mut out) = (values(m * k), values(k * n), values(m * n));
        let mut scratch = values(spec.scratch());
        self.line(&format!("contract {text} {m} x {k} x {n}"), spec.operations(), || {
            contract(&self.pool, self.isa, &spec, x.as_f32(), y.as_f32(), out.as_f32_mut(), scratch.as_f32_mut());
        });
    }

    fn attention(&self) {
        let shapes = [
            (4, 8, 256, 64, false),
            (16, 4, 192, 32, false),
            (1, 16, 1024, 68, false),
            (1, 16, 4096, 68, false),
            (2, 8, 1024, 64, true),
            (2048, 4, 5, 32, true),
            (256, 8, 9, 64, true),
        ];
        for (samples, heads, t, d, causal) in shapes {
            let spec = AttendSpec { samples, heads, tq: t, tk: t, d, dv: d, scale: 0.1, causal };
            let rows = samples * heads * t;
            let [q, k, v, dout] = [0; 4].map(|_| values(rows * d));
            let [mut out, mut dq, mut dk, mut dv] = [0; 4].map(|_| values(rows * d));
            let mut lse = values(rows);
            let inputs = AttendInputs { q: q.as_f32(), k: k.as_f32(), v: v.as_f32(), bias: None, mask: None };
            let operations = 4 * rows * t * d / if causal && t > 64 { 2 } else { 1 };
            let name = format!("{samples} x {heads} heads, {t} tokens of {d}, causal {causal}");
            self.line(&format!("attend {name}"), operations, || {
                attend(&self.pool, self.isa, &spec, inputs, out.as_f32_mut(), lse.as_f32_mut());
            });
            self.line(&format!("attend_grad {name}"), operations * 5 / 2, || {
                let inputs = AttendGradInputs { inputs, out: out.as_f32(), lse: lse.as_f32(), dout: dout.as_f32() };
                let outputs = AttendGradOutputs { dq: dq.as_f32_mut(), dk: dk.as_f32_mut(), dv: dv.as_f32_mut(), dbias: None };
                attend_grad(&self.pool, self.isa, &spec, inputs, outputs, &mut []);
            });
        }
    }

    fn mixed(&self) {
        for (mode, products) in [("bf16 ", Products::Bf16), ("split ", Products::Split)] {
            if self.word.is_empty() || self.word.contains(mode.trim()) {
                self.mixed_convolutions(mode, products);
                self.mixed_contractions(mode, products);
                self.mixed_attention(mode, products);
            }
        }
    }

    fn mixed_convolutions(&self, mode: &str, products: Products) {
        let shapes: [(_, _, _, _, [usize; 3], [usize; 3]); 9] = [
            (1, [9, 256, 256], 16, 16, [3; 3], [1; 3]),
            (1, [9, 128, 128], 32, 32, [3; 3], [1; 3]),
            (1, [5, 64, 64], 64, 64, [3; 3], [1; 3]),
            (1, [5, 32, 32], 64, 512, [3; 3], [1; 3]),
            (4, [3, 8, 8], 64, 64, [3; 3], [1; 3]),
            (1, [3, 8, 8], 64, 2048, [3; 3], [1; 3]),
            (4, [9, 64, 64], 5, 16, [3; 3], [1; 3]),
            (4, [9, 64, 64], 16, 32, [2, 4, 4], [2, 4, 4]),
            (4, [9, 64, 64], 64, 64, [1; 3], [1; 3]),
        ];
        let (pool, isa) = (&self.pool, self.isa);
        for (batch, input, ci, co, kernel, stride) in shapes {
            let low = kernel.map(|k| if k == 3 { 1 } else { 0 });
            let spec = ConvSpec::new(batch, &input, ci, co, &kernel, &stride, &low, &low);
            let [mut x, mut w, mut y] = spec.lengths().map(|count| Tensor::new(count, products));
            let stored = x.stored;
            let sizes = [
                spec.mixed_scratch(isa, products, stored),
                spec.input_grad_mixed_scratch(isa, products, stored),
                spec.weight_grad_mixed_scratch(isa, products, stored),
            ];
            let mut scratch = values(sizes.into_iter().max().unwrap_or(0));
            let name = format!("{batch}x{input:?} {ci}->{co} {kernel:?}/{stride:?}").replace(", ", "x");
            let operations = spec.operations();
            self.line(&format!("{mode}conv   {name}"), operations, || {
                conv_mixed(pool, isa, &spec, products, x.read(), w.read(), y.write(), scratch.as_f32_mut());
            });
            self.line(&format!("{mode}input  {name}"), operations, || {
                conv_input_grad_mixed(pool, isa, &spec, products, y.read(), w.read(), x.write(), scratch.as_f32_mut());
            });
            self.line(&format!("{mode}weight {name}"), operations, || {
                conv_weight_grad_mixed(pool, isa, &spec, products, x.read(), y.read(), w.write(), scratch.as_f32_mut());
            });
        }
    }

    fn mixed_contractions(&self, mode: &str, products: Products) {
        let letters = |s: &str| -> Vec<i64> { s.bytes().map(i64::from).collect() };
        for (text, m, k, n) in [
            ("mk,kn", 1024, 1024, 1024),
            ("mk,kn", 4096, 1088, 7616),
            ("mk,nk", 4096, 1088, 7616),
            ("mk,kn", 4096, 1088, 1088),
            ("km,kn", 1088, 4096, 7616),
            ("km,kn", 1088, 4096, 1088),
            ("mk,kn", 36_864, 64, 64),
            ("km,kn", 64, 36_864, 64),
            ("mk,kn", 200, 256, 1024),
        ] {
            let (a, b) = text.split_once(',').unwrap();
            let x_shape = if a == "mk" { [m, k] } else { [k, m] };
            let y_shape = if b == "kn" { [k, n] } else { [n, k] };
            let spec = ContractSpec::new(&x_shape, &letters(a), &y_shape, &letters(b), &letters("mn"));
            let [x, y, mut out] = [m * k, k * n, m * n].map(|count| Tensor::new(count, products));
            let mut scratch = values(spec.mixed_scratch(self.isa, products, x.stored));
            self.line(&format!("{mode}contract {text} {m} x {k} x {n}"), spec.operations(), || {
                contract_mixed(&self.pool, self.isa, &spec, products, x.read(), y.read(), out.write(), scratch.as_f32_mut());
            });
        }
    }

    fn mixed_attention(&self, mode: &str, products: Products) {
        let (pool, isa) = (&self.pool, self.isa);
        for (samples, heads, t, d) in [(1, 16, 1024, 68), (1, 16, 4096, 68), (4, 8, 256, 64)] {
            let spec = AttendSpec { samples, heads, tq: t, tk: t, d, dv: d, scale: 0.1, causal: false };
            let rows = samples * heads * t;
            let [q, k, v, dout] = [0; 4].map(|_| Tensor::new(rows * d, products));
            let [mut out, mut dq, mut dk, mut dv] = [0; 4].map(|_| Tensor::new(rows * d, products));
            let mut lse = values(rows);
            let sizes = [spec.mixed_scratch(isa, products, q.stored, false), spec.grad_mixed_scratch(isa, products, q.stored, false)];
            let mut scratch = values(sizes[0].max(sizes[1]));
            let inputs = AttendMixedInputs { q: q.read(), k: k.read(), v: v.read(), bias: None, mask: None };
            let operations = 4 * rows * t * d;
            let name = format!("{samples} x {heads} heads, {t} tokens of {d}");
            self.line(&format!("{mode}attend {name}"), operations, || {
                attend_mixed(pool, isa, &spec, products, inputs, out.write(), lse.as_f32_mut(), scratch.as_f32_mut());
            });
            self.line(&format!("{mode}attend_grad {name}"), operations * 5 / 2, || {
                let inputs = AttendGradMixedInputs { inputs, out: out.read(), lse: lse.as_f32(), dout: dout.read() };
                let outputs = AttendGradMixedOutputs { dq: dq.write(), dk: dk.write(), dv: dv.write(), dbias: None };
                attend_grad_mixed(pool, isa, &spec, products, inputs, outputs, scratch.as_f32_mut());
            });
        }
    }

    fn opaque(&self) {
        let spec = FftSpec::new(&[36, 64, 64, 2], &[1, 2], false);
        let (x, mut out, mut scratch) = (values(36 * 64 * 64 * 2), values(36 * 64 * 64 * 2), values(spec.scratch()));
        self.line("fft 36 x 64 x 64", 5 * 36 * 64 * 64 * 12, || {
            fft(&self.pool, &spec, x.as_f32(), out.as_f32_mut(), scratch.as_f32_mut());
        });
        for n in [128, 512] {
            let spec = QrSpec::new(n, n);
            let (a, mut q, mut r, mut scratch) = (values(n * n), values(n * n), values(n * n), values(spec.scratch()));
            self.line(&format!("qr {n}"), 8 * n * n * n / 3, || {
                qr(&self.pool, self.isa, &spec, a.as_f32(), q.as_f32_mut(), r.as_f32_mut(), scratch.as_f32_mut());
            });
            self.line(&format!("eigh {n}"), 9 * n * n * n, || {
                assert!(eigh(n, a.as_f32(), &mut r.as_f32_mut()[..n], q.as_f32_mut()));
            });
        }
        for (name, draw) in [("uniform", Draw::Uniform), ("normal", Draw::Normal)] {
            let spec = RandomSpec { samples: 16, each: 1 << 16, stream: 1, draw };
            let mut out = values(1 << 20);
            self.line(&format!("random {name}, a draw as one operation"), 1 << 20, || {
                random(&self.pool, self.isa, &spec, [1, 2, 3, 4], out.as_f32_mut());
            });
        }
    }
}

/// A tensor as its products want it: bf16, or f32.
struct Tensor {
    buffer: Buffer,
    count: usize,
    stored: Storage,
}

impl Tensor {
    fn new(count: usize, products: Products) -> Tensor {
        let buffer = values(count);
        let stored = if products == Products::Bf16 { Storage::Bf16 } else { Storage::F32 };
        let mut tensor = Tensor { buffer, count, stored };
        let rounded: Vec<u16> = tensor.buffer.as_f32().iter().map(|x| to_bf16(*x)).collect();
        if let Output::Bf16(to) = tensor.write() {
            to.copy_from_slice(&rounded);
        }
        tensor
    }

    fn read(&self) -> Operand<'_> {
        let all = self.buffer.as_f32();
        match self.stored {
            Storage::F32 => Operand::F32(all),
            // SAFETY: there is room for twice as many values, and any bits are a u16.
            Storage::Bf16 => Operand::Bf16(unsafe { std::slice::from_raw_parts(all.as_ptr().cast(), self.count) }),
        }
    }

    fn write(&mut self) -> Output<'_> {
        let all = self.buffer.as_f32_mut();
        match self.stored {
            Storage::F32 => Output::F32(all),
            // SAFETY: as above, and the borrow is exclusive.
            Storage::Bf16 => Output::Bf16(unsafe { std::slice::from_raw_parts_mut(all.as_mut_ptr().cast(), self.count) }),
        }
    }
}

/// Seconds of processor time of all threads of this program.
#[cfg(target_os = "linux")]
fn processor_time() -> f64 {
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
    }
    const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
    let mut time = [0; 2];
    // SAFETY: the C library fills seconds and nanoseconds, both 64 bits wide on the systems this runs on.
    unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time[0] as f64 + time[1] as f64 * 1e-9
}

#[cfg(not(target_os = "linux"))]
fn processor_time() -> f64 {
    f64::NAN
}

#[cfg(target_arch = "x86_64")]
mod peak {
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx512f")]
    pub unsafe fn wide(rounds: usize) -> f32 {
        let factor = _mm512_set1_ps(std::hint::black_box(0.5));
        let mut sums = [factor; 12];
        for _ in 0..2 * rounds {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, factor, factor);
            }
        }
        sums.iter().map(|&s| _mm512_reduce_add_ps(s)).sum()
    }

    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn narrow(rounds: usize) -> f32 {
        let factor = _mm256_set1_ps(std::hint::black_box(0.5));
        let mut sums = [factor; 12];
        for _ in 0..2 * rounds {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, factor, factor);
            }
        }
        sums.iter().map(|&s| _mm256_cvtss_f32(s)).sum()
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod peak {
    pub unsafe fn wide(_: usize) -> f32 {
        0.0
    }
    pub unsafe fn narrow(_: usize) -> f32 {
        0.0
    }
}

/// Reproducible values in (-1, 1).
fn values(count: usize) -> Buffer {
    let mut buffer = Buffer::of_values(count);
    let mut state = 1u64;
    for value in buffer.as_f32_mut() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *value = (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
    }
    buffer
}
