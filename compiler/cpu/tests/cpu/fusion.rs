//! Random graphs of pointwise operations, views and reductions: whatever fusion makes of them, values stay those of the
//! interpreter, and bits those of one thread.

use crate::support::{Random, build, values};
use pfm_ir::{Builder, DType, Role, TensorType, ValueId};
use pfm_ops as ops;

/// Adds one random node over existing f32 values. Values stay within a few units, so that errors stay small.
fn grow(b: &mut Builder, pool: &[ValueId], random: &mut Random) -> ValueId {
    let x = pool[random.below(pool.len())];
    let shape = b.shape(x).to_vec();
    let rank = shape.len();
    let same: Vec<ValueId> = pool.iter().copied().filter(|v| b.shape(*v) == shape).collect();
    let y = same[random.below(same.len())];
    let axis = random.below(rank.max(1));
    match random.below(19) {
        0 => ops::tanh(b, x),
        1 => ops::sin(b, x),
        2 => ops::sigmoid(b, x),
        3 => {
            let s = ops::add(b, x, y);
            ops::scale(b, s, 0.5)
        }
        4 => ops::max(b, x, y),
        5 => ops::sub(b, x, y),
        6 => {
            let t = ops::tanh(b, y);
            ops::mul(b, x, t)
        }
        7 => ops::neg(b, x),
        8 if rank > 1 => {
            let mut axes: Vec<usize> = (0..rank).collect();
            axes.rotate_left(1 + random.below(rank - 1));
            ops::permute(b, x, &axes)
        }
        9 if rank > 0 => ops::flip(b, x, &[axis]),
        10 if rank > 0 && shape[axis] > 1 => {
            let start = random.below(shape[axis] - 1);
            ops::slice_axis(b, x, axis, start, shape[axis])
        }
        11 if rank > 0 => {
            let mean = ops::mean(b, x, &[axis]);
            ops::broadcast_like(b, mean, &[axis], &shape)
        }
        12 if rank > 0 => {
            let top = ops::reduce_max(b, x, &[axis]);
            ops::broadcast_like(b, top, &[axis], &shape)
        }
        13 if rank > 0 => ops::concat(b, &[x, y], axis),
        14 if rank > 0 => {
            let (mut low, mut high) = (vec![0; rank], vec![0; rank]);
            low[axis] = 1 + random.below(3);
            high[axis] = random.below(2);
            ops::pad(b, x, &low, &high, &vec![random.below(2); rank], 0.25)
        }
        15 => {
            let n: usize = shape.iter().product();
            let flat = ops::reshape(b, x, &[n]);
            let halves = [2, 3, 5].into_iter().find(|d| n.is_multiple_of(*d)).unwrap_or(1);
            ops::reshape(b, flat, &[halves, n / halves])
        }
        16 => {
            let zero = ops::constant_like(b, x, 0.0);
            let small = ops::less(b, x, zero);
            let equal = ops::equal(b, y, zero);
            let either = ops::or(b, small, equal);
            ops::select(b, either, x, y)
        }
        17 if rank > 0 => {
            let place = ops::iota(b, axis, &shape, DType::F32);
            let place = ops::scale(b, place, 0.05);
            let top = ops::min(b, place, x);
            ops::floor(b, top)
        }
        18 => {
            let ten = ops::scale(b, x, 10.0);
            let whole = ops::cast(b, ten, DType::I32);
            let sum = if rank > 0 { ops::reduce_sum(b, whole, &[axis]) } else { whole };
            let back = ops::cast(b, sum, DType::F32);
            let wave = ops::sin(b, back);
            if rank > 0 { ops::broadcast_like(b, wave, &[axis], &shape) } else { wave }
        }
        _ => ops::abs(b, x),
    }
}

fn random_graph(seed: u64, nodes: usize) -> (Builder, Vec<TensorType>) {
    let mut random = Random::new(seed);
    let mut b = Builder::new("random");
    let sizes = [1, 2, 3, 4, 5, 7, 8, 16, 19];
    let mut types = vec![];
    let mut pool = vec![];
    for i in 0..1 + random.below(3) {
        let shape: Vec<usize> = (0..random.below(4)).map(|_| sizes[random.below(sizes.len())]).collect();
        types.push(TensorType::new(DType::F32, &shape));
        pool.push(b.input(&format!("x{i}"), Role::Data, types[i].clone()));
    }
    for _ in 0..nodes {
        let recent = &pool[pool.len().saturating_sub(8)..].to_vec();
        let v = grow(&mut b, recent, &mut random);
        if b.ty(v).elements() <= 1 << 14 {
            pool.push(v);
        }
    }
    let outputs: Vec<ValueId> = pool.iter().rev().take(3).copied().collect();
    for (i, v) in outputs.into_iter().enumerate() {
        b.output(&format!("y{i}"), v);
    }
    (b, types)
}

#[test]
fn random_graphs_keep_their_values() {
    for seed in 0..400 {
        let (b, types) = random_graph(seed, 4 + seed as usize % 40);
        let mut random = Random::new(seed + 1000);
        let inputs: Vec<_> = types.iter().map(|t| values(t, -1.0, 1.0, &mut random)).collect();
        build(&b.graph).check(&inputs, 1e-4, &format!("seed {seed}"));
    }
}

/// Shapes beyond one task, so that ranges, tails and parts all occur.
#[test]
fn large_shapes_share_their_work() {
    let shapes: [&[usize]; 7] = [&[300_007], &[2, 150_001], &[3, 40_000, 3], &[400, 33, 17], &[64, 64, 64], &[1, 262_144], &[70_000, 5]];
    for shape in shapes {
        let mut b = Builder::new("large");
        let ty = TensorType::f32(shape);
        let x = b.input("x", Role::Data, ty.clone());
        let s = ops::sigmoid(&mut b, x);
        let silu = ops::mul(&mut b, x, s);
        b.output("silu", silu);
        let axes: Vec<usize> = (0..shape.len()).collect();
        for keep in 0..=shape.len() {
            let over: Vec<usize> = axes.iter().copied().filter(|a| *a != keep).collect();
            if over.is_empty() {
                continue;
            }
            let sum = ops::reduce_sum(&mut b, silu, &over);
            b.output(&format!("sum{keep}"), sum);
            let top = ops::reduce_max(&mut b, x, &over);
            b.output(&format!("max{keep}"), top);
        }
        let turned: Vec<usize> = axes.iter().rev().copied().collect();
        let t = ops::permute(&mut b, x, &turned);
        let t = ops::exp(&mut b, t);
        b.output("turned", t);
        let mut random = Random::new(5);
        let input = values(&ty, -2.0, 2.0, &mut random);
        build(&b.graph).check(&[input], 1e-5, &format!("{shape:?}"));
    }
}

#[test]
fn normalisation_and_softmax() {
    for shape in [[6, 40, 24], [3, 5, 7], [8, 300, 64]] {
        let mut b = Builder::new("norm");
        let ty = TensorType::f32(&shape);
        let x = b.input("x", Role::Data, ty.clone());
        for axis in 0..3 {
            let n = ops::normalise(&mut b, x, &[axis], 1e-5, true);
            b.output(&format!("n{axis}"), n);
            let s = ops::softmax(&mut b, x, axis);
            b.output(&format!("s{axis}"), s);
        }
        let mut random = Random::new(9);
        let input = values(&ty, -3.0, 5.0, &mut random);
        build(&b.graph).check(&[input], 1e-5, &format!("{shape:?}"));
    }
}

/// Rotary positions as attention reads them: joined values in joined ones, turned, in the memory of a product's operand.
#[test]
fn parts_of_parts_are_written_in_place() {
    for dtype in [DType::F32, DType::Bf16] {
        let mut b = Builder::new("rotary");
        let ty = TensorType::f32(&[3, 5, 4, 14]);
        let x = b.input("x", Role::Data, ty.clone());
        let half = |b: &mut Builder, from: usize| {
            let pairs = ops::slice_axis(b, x, 3, 0, 8);
            let pairs = ops::reshape(b, pairs, &[3, 5, 4, 4, 2]);
            ops::slice_axis(b, pairs, 4, from, from + 1)
        };
        let (even, odd) = (half(&mut b, 0), half(&mut b, 1));
        let (sum, difference) = (ops::add(&mut b, even, odd), ops::sub(&mut b, even, odd));
        let parts = [sum, difference].map(|v| ops::cast(&mut b, v, dtype));
        let turned = ops::concat(&mut b, &parts, 4);
        let turned = ops::reshape(&mut b, turned, &[3, 5, 4, 8]);
        let rest = ops::slice_axis(&mut b, x, 3, 8, 14);
        let rest = ops::cast(&mut b, rest, dtype);
        let whole = ops::concat(&mut b, &[turned, rest], 3);
        let heads = ops::permute(&mut b, whole, &[0, 2, 1, 3]);
        let rows = ops::reshape(&mut b, heads, &[12, 5, 14]);
        let product = ops::contract(&mut b, rows, rows, &[0, 1, 2], &[0, 3, 2], &[0, 1, 3]);
        b.output("product", product);
        let compiled = build(&b.graph);
        let loops = compiled.plan.groups.iter().filter(|g| matches!(g.work, pfm_plan::Work::Loop(_))).count();
        assert_eq!(loops, 3, "{}", pfm_plan::print(&compiled.plan));
        let mut random = Random::new(7);
        let tolerance = if dtype == DType::F32 { 1e-5 } else { 2e-2 };
        compiled.check(&[values(&ty, -1.0, 1.0, &mut random)], tolerance, dtype.name());
    }
}
