//! The text of a few loops and reductions, to be read when it changes: `tests/golden/*.cu`. Set `PFMC_BLESS=1` to write them anew.

use pfm_cuda::{Launch, Step, Target};
use pfm_ir::{Builder, DType, Role, TensorType, ValueId};
use pfm_ops as ops;
use std::path::Path;

const TARGET: Target = Target { sm: 80, own: false };

/// All launches of a graph's plan, as text.
fn text(make: impl Fn(&mut Builder, ValueId) -> ValueId, input: TensorType) -> String {
    let mut b = Builder::new("golden");
    let x = b.input("x", Role::Data, input);
    let y = make(&mut b, x);
    b.output("y", y);
    let plan = pfm_plan::plan(&b.graph, &|work| pfm_cuda::scratch_bytes(work, &TARGET));
    let module = pfm_cuda::write(&plan, &TARGET).expect("every group has its text");
    let launches = module.groups.iter().flat_map(|g| &g.steps).map(|step| match step {
        Step::Launch(launch) => shown(launch),
        Step::Gemm(gemm) => format!("// {gemm:?}\n"),
    });
    launches.collect::<Vec<_>>().join("\n")
}

fn shown(l: &Launch) -> String {
    format!("// grid {:?}, {} bytes of shared memory, arguments {:?}\n{}", l.grid, l.shared_bytes, l.arguments, l.source)
}

fn compare(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("PFMC_BLESS").is_some() {
        std::fs::write(&path, found).expect("writable");
        return;
    }
    let expected = std::fs::read_to_string(&path).expect("a golden file");
    assert_eq!(found, expected, "{name} changed");
}

#[test]
fn a_loop_in_vectors() {
    let silu = |b: &mut Builder, x| {
        let s = ops::sigmoid(b, x);
        ops::mul(b, x, s)
    };
    compare("silu.cu", &text(silu, TensorType::new(DType::Bf16, &[4, 1024, 16])));
}

#[test]
fn a_transposed_loop() {
    compare("transpose.cu", &text(|b, x| ops::permute(b, x, &[0, 2, 1]), TensorType::f32(&[2, 100, 70])));
}

#[test]
fn a_sum_over_pixels_in_parts() {
    compare("sum_columns.cu", &text(|b, x| ops::reduce_sum(b, x, &[0, 1]), TensorType::new(DType::Bf16, &[512, 512, 16])));
}

#[test]
fn a_maximum_along_memory() {
    compare("max_rows.cu", &text(|b, x| ops::reduce_max(b, x, &[1]), TensorType::f32(&[100_000, 68])));
}

#[test]
fn equal_functions_are_one() {
    let twice = |b: &mut Builder, x| {
        let once = ops::permute(b, x, &[1, 0]);
        let sum = ops::reduce_sum(b, once, &[1]);
        let other = ops::reduce_sum(b, x, &[0]);
        ops::add(b, sum, other)
    };
    let all = text(twice, TensorType::f32(&[64, 64]));
    assert_eq!(all, text(twice, TensorType::f32(&[64, 64])), "writing is a pure function");
}
