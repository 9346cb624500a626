//! The tables of kernels: which are measured, at which shapes, by which small programs. `place` says where a kernel of a plan lies.

use super::micro::{Micro, Run, input};
use super::table::Table;
use pfm_ir::{Builder, Role, TensorType, ValueId};
use pfm_ops as ops;
use std::collections::BTreeMap;

/// A micro-program of more FLOPs is left out.
const LARGEST: f64 = 4e9;

/// Measures all tables; `told` hears of each before it is begun.
pub fn tables(micro: &Micro, told: &mut dyn FnMut(&str)) -> BTreeMap<String, Table> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, axes: &[&[usize]], make: &dyn Fn(&[usize]) -> Run, flops: &dyn Fn(&[usize]) -> f64| {
        told(name);
        let table = Table::fill(axes, |p| {
            if flops(p) > LARGEST {
                return None;
            }
            let run = make(p);
            Some(run.work / run.seconds)
        });
        all.insert(name.to_string(), table);
    };
    for form in [Form::Tiles, Form::Point, Form::Strided] {
        let (wide, grid): (&[usize], &[usize]) = (&[4, 16, 32, 64, 256], &[16, 32, 64, 128, 224]);
        let pixels: Vec<usize> = grid.iter().map(|n| FRAMES * n * n).collect();
        let axes = [wide, wide, &pixels];
        let flops = |p: &[usize]| 2.0 * (p[0] * p[1] * p[2] * form.taps()) as f64;
        for (name, make) in CONVOLUTIONS {
            add(&format!("{name} {}", form.name()), &axes, &|p| micro.run(|b| make(b, form, p[0], p[1], side(p[2]))), &flops);
        }
    }
    let sizes: &[usize] = &[4, 32, 256, 2048];
    for (name, x, y) in
        [("contract kk", [0, 1], [2, 1]), ("contract ko", [0, 1], [1, 2]), ("contract oo", [1, 0], [1, 2]), ("contract ok", [1, 0], [2, 1])]
    {
        let make = |p: &[usize]| micro.run(|b| vec![product(b, p, x, y)]);
        add(name, &[sizes, sizes, sizes], &make, &|p| 2.0 * (p[0] * p[1] * p[2]) as f64);
    }
    let (tokens, widths): (&[usize], &[usize]) = (&[4, 16, 64, 256, 1024, 4096], &[16, 32, 64, 128]);
    let work = |p: &[usize]| 4.0 * (heads(p) * p[0] * p[0] * p[1]) as f64;
    add("attend", &[tokens, widths], &|p| micro.run(|b| attention(b, p, false)), &work);
    add("attend_grad", &[tokens, widths], &|p| micro.run(|b| attention(b, p, true)), &|p| 2.5 * work(p));
    let none = |_: &[usize]| 0.0;
    let side: &[usize] = &[4, 32, 128, 512];
    add(
        "qr",
        &[side],
        &|p| {
            micro.run(|b| {
                let a = input(b, "a", &[p[0], p[0]]);
                vec![ops::qr(b, a).0]
            })
        },
        &none,
    );
    add(
        "eigh",
        &[&side[..3]],
        &|p| {
            micro.run(|b| {
                let a = symmetric(b, p[0]);
                vec![ops::eigh(b, a).1]
            })
        },
        &none,
    );
    others(&mut |name, make| add(name, &[&[1 << 10, 1 << 20]], &|p| micro.run(|b| vec![make(b, p[0])]), &none));
    all
}

/// Writes a micro-program of one kernel over so many values.
type Write<'a> = &'a dyn Fn(&mut Builder, usize) -> ValueId;

/// Kernels that move memory, by the values that they write.
fn others(add: &mut dyn FnMut(&str, Write)) {
    let whole = |b: &mut Builder, name: &str, n: usize| b.input(name, Role::Data, TensorType::new(pfm_ir::DType::I32, &[n]));
    add("gather", &|b, n| {
        let (x, index) = (input(b, "x", &[n]), whole(b, "index", n));
        ops::gather(b, x, index, 0)
    });
    add("scatter_add", &|b, n| {
        let (x, index, updates) = (input(b, "x", &[n]), whole(b, "index", n), input(b, "updates", &[n]));
        ops::scatter_add(b, x, index, updates, 0)
    });
    add("argsort", &|b, n| {
        let x = input(b, "x", &[n]);
        ops::argsort(b, x, true)
    });
    add("fft", &|b, n| {
        let x = input(b, "x", &[n / 64, 32, 2]);
        ops::fft(b, x, &[1], false)
    });
    add("random", &|b, n| {
        let key = whole(b, "key", 4);
        ops::random_normal(b, key, &[n], 0)
    });
}

/// Forms that convolutions are apart by.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Tiles,
    Point,
    Strided,
}

/// Of every measured video.
const FRAMES: usize = 5;

type Make = fn(&mut Builder, Form, usize, usize, usize) -> Vec<ValueId>;

const CONVOLUTIONS: [(&str, Make); 3] = [("conv", forward), ("conv_input_grad", input_grad), ("conv_weight_grad", weight_grad)];

impl Form {
    fn name(self) -> &'static str {
        match self {
            Form::Tiles => "3x3",
            Form::Point => "1x1",
            Form::Strided => "strided",
        }
    }

    fn taps(self) -> usize {
        self.kernel().iter().product()
    }

    fn kernel(self) -> [usize; 3] {
        match self {
            Form::Tiles => [3, 3, 3],
            Form::Point => [1, 1, 1],
            Form::Strided => [1, 2, 2],
        }
    }

    fn stride(self) -> [usize; 3] {
        if matches!(self, Form::Strided) { [1, 2, 2] } else { [1, 1, 1] }
    }

    /// Zeros before and after: frames only see earlier ones.
    fn padding(self) -> ([usize; 3], [usize; 3]) {
        if matches!(self, Form::Tiles) { ([2, 1, 1], [0, 1, 1]) } else { ([0; 3], [0; 3]) }
    }

    /// Grid of the input for a square result of this side.
    fn before(self, side: usize) -> [usize; 3] {
        let n = side * self.stride()[1];
        [FRAMES, n, n]
    }
}

/// Of a square video with so many pixels.
fn side(pixels: usize) -> usize {
    (pixels / FRAMES).isqrt()
}

fn shapes(form: Form, ci: usize, co: usize, side: usize) -> [Vec<usize>; 3] {
    let [t, h, w] = form.before(side);
    [vec![1, t, h, w, ci], [&[co, ci][..], &form.kernel()].concat(), vec![1, FRAMES, side, side, co]]
}

pub(super) fn forward(b: &mut Builder, form: Form, ci: usize, co: usize, side: usize) -> Vec<ValueId> {
    let [x, w, _] = shapes(form, ci, co, side);
    let (x, w) = (input(b, "x", &x), input(b, "w", &w));
    let (low, high) = form.padding();
    vec![ops::conv(b, x, w, &form.stride(), &low, &high)]
}

pub(super) fn input_grad(b: &mut Builder, form: Form, ci: usize, co: usize, side: usize) -> Vec<ValueId> {
    let [_, w, y] = shapes(form, ci, co, side);
    let (dy, w) = (input(b, "dy", &y), input(b, "w", &w));
    let (low, high) = form.padding();
    vec![ops::conv_input_grad(b, dy, w, &form.stride(), &low, &high, &form.before(side))]
}

pub(super) fn weight_grad(b: &mut Builder, form: Form, ci: usize, co: usize, side: usize) -> Vec<ValueId> {
    let [x, _, y] = shapes(form, ci, co, side);
    let (x, dy) = (input(b, "x", &x), input(b, "dy", &y));
    let (low, high) = form.padding();
    vec![ops::conv_weight_grad(b, x, dy, &form.stride(), &low, &high, &form.kernel())]
}

/// Of [rows, summed] and [summed, columns], each perhaps transposed: labels are 0, 1 and 2 for rows, summed and columns.
fn product(b: &mut Builder, p: &[usize], x: [i64; 2], y: [i64; 2]) -> ValueId {
    let size = |label: i64| [p[0], p[2], p[1]][label as usize];
    let left = input(b, "x", &x.map(size));
    let right = input(b, "y", &y.map(size));
    ops::contract(b, left, right, &x, &y, &[0, 2])
}

/// Heads, samples included, that make attention over few tokens worth sharing.
fn heads(p: &[usize]) -> usize {
    (16_384 / p[0]).max(8)
}

fn attention(b: &mut Builder, p: &[usize], grad: bool) -> Vec<ValueId> {
    let (samples, tokens, width) = (heads(p) / 8, p[0], p[1]);
    let shape = [samples, 8, tokens, width];
    let [q, k, v] = ["q", "k", "v"].map(|name| input(b, name, &shape));
    let with = ops::Attention { scale: 0.1, ..ops::Attention::default() };
    if !grad {
        return vec![ops::attend(b, q, k, v, with).0];
    }
    let (out, lse, dout) = (input(b, "out", &shape), input(b, "lse", &shape[..3]), input(b, "dout", &shape));
    ops::attend_grad(b, [q, k, v, out, lse, dout], with)
}

/// Rises along the diagonal, so that its eigenvalues lie apart.
fn symmetric(b: &mut Builder, n: usize) -> ValueId {
    let values: Vec<f64> =
        (0..n * n).map(|i| if i / n == i % n { (i % n) as f64 } else { 0.25 / (1.0 + (i / n + i % n) as f64) }).collect();
    ops::literal(b, &values, &[n, n])
}
