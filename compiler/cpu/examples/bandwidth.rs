//! Memory traffic of a fused chain, `residual + silu(x + bias)` on channels-last data, for arrays in and out of cache,
//! and of a few reductions and a transpose. Run with `cargo run --release -p pfm-cpu --example bandwidth [threads]`.

use pfm_cpu::{Isa, Options, compile, scratch_bytes};
use pfm_device::{Buffer, Pool};
use pfm_ir::{Builder, Precision, Role, TensorType, ValueId};
use pfm_ops as ops;
use std::time::Instant;

type Make = fn(&mut Builder, &[usize]) -> ValueId;

fn input(b: &mut Builder, name: &str, shape: &[usize]) -> ValueId {
    b.input(name, Role::Data, TensorType::f32(shape))
}

fn fused(b: &mut Builder, shape: &[usize]) -> ValueId {
    let (x, residual) = (input(b, "x", shape), input(b, "residual", shape));
    let bias = input(b, "bias", &shape[1..]);
    let bias = ops::broadcast(b, bias, shape, &[1]);
    let x = ops::add(b, x, bias);
    let s = ops::sigmoid(b, x);
    let silu = ops::mul(b, x, s);
    ops::add(b, residual, silu)
}

fn add(b: &mut Builder, shape: &[usize]) -> ValueId {
    let (x, y) = (input(b, "x", shape), input(b, "y", shape));
    ops::add(b, x, y)
}

fn rows(b: &mut Builder, shape: &[usize]) -> ValueId {
    let x = input(b, "x", shape);
    ops::reduce_sum(b, x, &[1])
}

fn columns(b: &mut Builder, shape: &[usize]) -> ValueId {
    let x = input(b, "x", shape);
    ops::reduce_sum(b, x, &[0])
}

fn transpose(b: &mut Builder, shape: &[usize]) -> ValueId {
    let x = input(b, "x", shape);
    let t = ops::permute(b, x, &[1, 0]);
    ops::scale(b, t, 2.0)
}

fn main() {
    let threads = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(1);
    let pool = Pool::new(threads);
    let cases: [(&str, Make); 5] = [("silu", fused), ("add", add), ("rows", rows), ("columns", columns), ("transpose", transpose)];
    for (name, make) in cases {
        for shape in [[1 << 10, 64], [1 << 17, 64]] {
            let mut b = Builder::new(name);
            let y = make(&mut b, &shape);
            b.output("y", y);
            report(name, &b, &shape, &pool);
        }
    }
}

fn report(name: &str, b: &Builder, shape: &[usize], pool: &Pool) {
    let plan = pfm_plan::plan(&b.graph, &|work| scratch_bytes(work, Precision::F32, Isa::detect()));
    let start = Instant::now();
    let program = compile(&plan, &Options::default()).unwrap_or_else(|e| panic!("{}", e.message));
    let compiled = start.elapsed();
    let mut arena = Buffer::new(program.arena_bytes());
    let mut inputs: Vec<Buffer> = plan.inputs.iter().map(|s| Buffer::from_f32(&vec![0.5; s.ty.elements()])).collect();
    let mut outputs: Vec<Buffer> = plan.outputs.iter().map(|s| Buffer::of_values(s.ty.elements())).collect();
    let mut inputs: Vec<&mut Buffer> = inputs.iter_mut().collect();
    let mut outputs: Vec<&mut Buffer> = outputs.iter_mut().collect();
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let start = Instant::now();
        program.run(pool, &mut arena, &mut inputs, &mut outputs);
        best = best.min(start.elapsed().as_secs_f64());
    }
    let bytes: f64 = plan.groups.iter().map(|g| g.bytes).sum();
    let elements: usize = shape.iter().product();
    println!(
        "{name:10} {shape:?}: {:8.2} us, {:6.2} GB/s, {:6.3} ns per element, compiled in {compiled:.1?}",
        best * 1e6,
        bytes / best / 1e9,
        best * 1e9 / elements as f64
    );
}
