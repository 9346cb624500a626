//! What is compared: every sample of the op table that this back end runs, and shapes that reach every way of cutting loops,
//! reductions and products, even and odd.

use super::Case;
use super::values::Random;
use pfm_ir::{Attr, Builder, Class, DType, Op, Role, Sample, TensorType, ValueId};
use pfm_ops as ops;

/// Differences of f32 sums in another order, and of bf16 values.
const F32: f64 = 4e-5;
const BF16: f64 = 2e-2;

pub fn cases() -> Vec<Case> {
    let mut all = vec![];
    for op in ops::table() {
        all.extend((op.samples)().into_iter().enumerate().filter_map(|(n, s)| of_sample(op, n, &s)));
    }
    all.extend(loops());
    all.extend(norms());
    all.extend(products());
    all.extend(kernels());
    all.extend(factors());
    all
}

fn family(op: &Op) -> &'static str {
    match op.class {
        Class::Kernel => op.name,
        Class::ReduceSum | Class::ReduceMax => "reductions",
        _ => "loops",
    }
}

fn of_sample(op: &'static Op, n: usize, sample: &Sample) -> Option<Case> {
    let bf16 = sample.operands.iter().any(|t| t.dtype == DType::Bf16);
    // Signs and bases of eigenvectors are free. The operands of `attend_grad` that belong together are drawn apart in its samples, and
    // a kernel may work them out again.
    let free = matches!(op.name, "eigh" | "attend_grad");
    if bf16 || free || sample.attrs.get("dtype") == Some(&Attr::Text("bf16".into())) {
        return None;
    }
    let make = |b: &mut Builder, x: &[ValueId]| b.op_multi(op, x, sample.attrs.clone());
    Some(case(family(op), &format!("{} sample {n}", op.name), &sample.operands, (sample.low, sample.high), &make))
}

type Make<'m> = &'m dyn Fn(&mut Builder, &[ValueId]) -> Vec<ValueId>;

fn case(family: &str, name: &str, types: &[TensorType], (low, high): (f64, f64), make: Make) -> Case {
    let mut b = Builder::new(name);
    let inputs: Vec<ValueId> = types.iter().enumerate().map(|(i, ty)| b.input(&format!("x{i}"), Role::Data, ty.clone())).collect();
    for (i, v) in make(&mut b, &inputs).into_iter().enumerate() {
        b.output(&format!("y{i}"), v);
    }
    let mut random = Random::new(name.len() as u64 + types.iter().map(|t| t.elements() as u64).sum::<u64>());
    let data = types.iter().map(|ty| random.tensor(ty, low, high)).collect();
    let bf16 = b.graph.values.iter().any(|v| v.ty.dtype == DType::Bf16);
    Case { family: family.into(), name: name.into(), graph: b.graph, inputs: data, tolerance: if bf16 { BF16 } else { F32 } }
}

/// A point-wise chain, its sums and maxima over every set of axes, and its transposes.
fn loops() -> Vec<Case> {
    let shapes: [&[usize]; 11] = [
        &[300_007],
        &[2, 50_001],
        &[3, 20_000, 3],
        &[100, 33, 17],
        &[64, 64, 64],
        &[1, 262_144],
        &[30_000, 5],
        &[6, 40, 8, 16],
        &[2, 3, 128, 18],
        &[4, 1088, 3],
        &[700, 2, 4],
    ];
    let of = |shape: &&[usize]| {
        let rank = shape.len();
        let make = |b: &mut Builder, x: &[ValueId]| {
            let s = ops::sigmoid(b, x[0]);
            let silu = ops::mul(b, x[0], s);
            let mut all = vec![silu];
            for set in 1..1 << rank {
                let over: Vec<usize> = (0..rank).filter(|a| set >> a & 1 == 1).collect();
                all.push(ops::reduce_sum(b, silu, &over));
                all.push(ops::reduce_max(b, x[0], &over));
            }
            for turn in 1..rank {
                let axes: Vec<usize> = (0..rank).map(|a| (a + turn) % rank).collect();
                let turned = ops::permute(b, x[0], &axes);
                all.push(ops::exp(b, turned));
            }
            all
        };
        case("loops", &format!("loops over {shape:?}"), &[TensorType::f32(shape)], (-2.0, 2.0), &make)
    };
    shapes.iter().map(of).collect()
}

/// Norms over groups of channels and softmax: reductions and the loops between them.
fn norms() -> Vec<Case> {
    let shapes = [[6, 400, 24], [3, 5, 7], [12, 900, 64], [40, 70, 16]];
    let of = |shape: &[usize; 3]| {
        let make = |b: &mut Builder, x: &[ValueId]| {
            let mut all: Vec<ValueId> = (0..3).map(|a| ops::normalise(b, x[0], &[a], 1e-5, true)).collect();
            all.extend((0..3).map(|a| ops::softmax(b, x[0], a)));
            if shape[2].is_multiple_of(4) {
                let grouped = ops::reshape(b, x[0], &[shape[0], shape[1], shape[2] / 4, 4]);
                all.push(ops::normalise(b, grouped, &[1, 3], 1e-5, true));
            }
            all
        };
        case("reductions", &format!("norms over {shape:?}"), &[TensorType::f32(shape)], (-3.0, 5.0), &make)
    };
    shapes.iter().map(of).collect()
}

/// Contractions as they come: plain, transposed, batched, with axes that must be rearranged.
fn products() -> Vec<Case> {
    type Labels = (&'static [usize], &'static [i64], &'static [usize], &'static [i64], &'static [i64]);
    let list: [Labels; 9] = [
        (&[70, 33], &[0, 1], &[33, 41], &[1, 2], &[0, 2]),
        (&[70, 33], &[0, 1], &[70, 41], &[0, 2], &[1, 2]),
        (&[70, 33], &[0, 1], &[41, 33], &[2, 1], &[0, 2]),
        (&[70, 33], &[0, 1], &[41, 33], &[2, 1], &[2, 0]),
        (&[3, 20, 7], &[0, 1, 2], &[3, 7, 9], &[0, 2, 3], &[0, 1, 3]),
        (&[2, 20, 3, 8], &[0, 1, 2, 3], &[2, 25, 3, 8], &[0, 4, 2, 3], &[0, 2, 1, 4]),
        (&[8, 5, 6], &[0, 1, 2], &[8, 4, 6], &[0, 3, 2], &[1, 3]),
        (&[500], &[0], &[500], &[0], &[]),
        (&[60], &[0], &[60, 50], &[0, 1], &[1]),
    ];
    let of = |(x, lx, y, ly, out): &Labels| {
        let make = |b: &mut Builder, v: &[ValueId]| vec![ops::contract(b, v[0], v[1], lx, ly, out)];
        case(
            "contract",
            &format!("contract {x:?} {lx:?} {y:?} {ly:?} to {out:?}"),
            &[TensorType::f32(x), TensorType::f32(y)],
            (-1.0, 1.0),
            &make,
        )
    };
    list.iter().map(of).collect()
}

/// Convolutions and attention at the widths of the models.
fn kernels() -> Vec<Case> {
    let mut all = vec![];
    let convs: [([usize; 5], [usize; 5], [usize; 3], [usize; 3], [usize; 3]); 6] = [
        ([2, 4, 10, 18, 16], [16, 16, 3, 3, 3], [1, 1, 1], [2, 1, 1], [0, 1, 1]),
        ([1, 3, 9, 7, 32], [64, 32, 3, 3, 3], [1, 1, 1], [2, 1, 1], [0, 1, 1]),
        ([1, 5, 16, 16, 16], [32, 16, 2, 2, 2], [2, 2, 2], [1, 0, 0], [0, 0, 0]),
        ([2, 3, 8, 8, 18], [64, 18, 1, 1, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0]),
        ([1, 2, 12, 12, 5], [16, 5, 1, 4, 4], [1, 2, 2], [0, 1, 1], [0, 1, 1]),
        ([1, 3, 6, 6, 64], [64, 64, 3, 3, 3], [1, 1, 1], [2, 1, 1], [0, 1, 1]),
    ];
    for (x, w, stride, low, high) in convs {
        let make = |b: &mut Builder, v: &[ValueId]| {
            let y = ops::conv(b, v[0], v[1], &stride, &low, &high);
            let g = ops::sin(b, y);
            let dx = ops::conv_input_grad(b, g, v[1], &stride, &low, &high, &x[1..4]);
            vec![y, dx, ops::conv_weight_grad(b, v[0], g, &stride, &low, &high, &w[2..])]
        };
        all.push(case("conv", &format!("conv {x:?} {w:?}"), &[TensorType::f32(&x), TensorType::f32(&w)], (-0.5, 0.5), &make));
    }
    for (n, h, t, d, causal, bias) in [(2, 2, 70, 68, false, false), (5, 2, 9, 68, true, true), (1, 3, 33, 16, true, false)] {
        let qkv = TensorType::f32(&[n, h, t, d]);
        let types = [qkv.clone(), qkv.clone(), qkv.clone(), qkv, TensorType::f32(&[h, t, t])];
        let make = |b: &mut Builder, v: &[ValueId]| {
            let with = ops::Attention { scale: 0.1, causal, bias: bias.then_some(v[4]), mask: None };
            let (out, lse) = ops::attend(b, v[0], v[1], v[2], with);
            let mut all = ops::attend_grad(b, [v[0], v[1], v[2], out, lse, v[3]], with);
            all.extend([out, lse]);
            all
        };
        all.push(case("attend", &format!("attend {n} {h} {t} {d} causal {causal} bias {bias}"), &types, (-1.0, 1.0), &make));
    }
    all
}

/// Factorisations, by what does not depend on the signs and bases that are free.
fn factors() -> Vec<Case> {
    let eigh = [2, 3, 33, 64, 130].map(|n| {
        let make = |b: &mut Builder, x: &[ValueId]| {
            let turned = ops::permute(b, x[0], &[1, 0]);
            let a = ops::add(b, x[0], turned);
            let (values, vectors) = ops::eigh(b, a);
            let scales = ops::broadcast(b, values, &[n, n], &[1]);
            let scaled = ops::mul(b, vectors, scales);
            vec![values, ops::contract(b, scaled, vectors, &[0, 1], &[2, 1], &[0, 2])]
        };
        case("eigh", &format!("eigh of {n}"), &[TensorType::f32(&[n, n])], (-1.0, 1.0), &make)
    });
    let qr = [[5, 5], [70, 33], [200, 130]].map(|shape| {
        let make = |b: &mut Builder, x: &[ValueId]| <[ValueId; 2]>::from(ops::qr(b, x[0])).to_vec();
        case("qr", &format!("qr of {shape:?}"), &[TensorType::f32(&shape)], (-1.0, 1.0), &make)
    });
    eigh.into_iter().chain(qr).collect()
}
