//! Loops and reductions: every way of cutting them, at sizes that leave rests.

use crate::shim;
use crate::support::{Case, Words, meant, random, ty};
use pfm_cuda::Target;
use pfm_ir::{Attrs, Builder, DType, OpRef, Role, TensorType};
use pfm_plan::Kernel;

/// One operation, planned alone, so that the plan makes a loop or a reduction of it.
fn alone(name: &str, op: &str, operands: &[TensorType], attrs: Attrs, tolerance: f64) -> Case {
    let op = pfm_ops::lookup(op).expect("the operation is in the table");
    let mut b = Builder::new(name);
    let inputs: Vec<_> = operands.iter().enumerate().map(|(i, t)| b.input(&format!("x{i}"), Role::Data, t.clone())).collect();
    let results = b.op_multi(op, &inputs, attrs.clone());
    for (i, v) in results.iter().enumerate() {
        b.output(&format!("y{i}"), *v);
    }
    let types = results.iter().map(|v| b.ty(*v).clone()).collect();
    let target = Target::of(80);
    let plan = pfm_plan::plan(&b.graph, &|work| pfm_cuda::scratch_bytes(work, &target));
    let [group] = &plan.groups[..] else { panic!("{name}: one operation is one group") };
    let draft = pfm_cuda::draft(&group.work, group.buffers.len(), &target).expect("loops have no kernel to lack");
    let kernel = Kernel { op: OpRef(op), attrs, operands: operands.to_vec(), results: types };
    let mut words = Words::new(name.len() as u64);
    let operands: Vec<_> = kernel.operands.iter().map(|t| random(t, &mut words)).collect();
    let expected = meant(&kernel, &operands);
    Case { name: name.to_string(), kernel, draft, operands, expected, tolerance }
}

fn tolerance(dtype: DType) -> f64 {
    if dtype == DType::Bf16 { 1e-2 } else { 2e-5 }
}

#[test]
fn reductions_over_every_set_of_axes() {
    let shapes: [&[usize]; 6] = [&[3000, 5], &[9000], &[2, 300, 4, 4], &[40, 17, 12], &[3, 7, 1100], &[5, 2, 68]];
    let mut cases = vec![];
    for shape in shapes {
        for set in 1..1usize << shape.len() {
            let axes: Vec<usize> = (0..shape.len()).filter(|a| set >> a & 1 == 1).collect();
            for (op, dtype) in [("reduce_sum", DType::F32), ("reduce_max", DType::F32), ("reduce_sum", DType::Bf16)] {
                let name = format!("{op} {} {shape:?} over {axes:?}", dtype.name());
                cases.push(alone(&name, op, &[ty(dtype, shape)], Attrs::new().ints("axes", &axes), tolerance(dtype)));
            }
        }
    }
    shim::check("reductions", &cases);
}

#[test]
fn loops_of_every_width_and_direction() {
    let mut cases = vec![];
    for dtype in [DType::F32, DType::Bf16] {
        for shape in [&[70, 50][..], &[3, 40, 13], &[1100], &[1027], &[2, 3, 16, 18]] {
            let name = format!("{} {shape:?}", dtype.name());
            let (x, rank) = (ty(dtype, shape), shape.len());
            cases.push(alone(&format!("add {name}"), "add", &[x.clone(), x.clone()], Attrs::new(), tolerance(dtype)));
            cases.push(alone(&format!("sigmoid {name}"), "sigmoid", std::slice::from_ref(&x), Attrs::new(), tolerance(dtype)));
            let flip = Attrs::new().ints("axes", &[rank - 1]);
            cases.push(alone(&format!("flip {name}"), "flip", std::slice::from_ref(&x), flip, 0.0));
            for turn in 1..rank {
                let axes: Vec<usize> = (0..rank).map(|a| (a + turn) % rank).collect();
                cases.push(alone(
                    &format!("permute {name} {axes:?}"),
                    "permute",
                    std::slice::from_ref(&x),
                    Attrs::new().ints("axes", &axes),
                    0.0,
                ));
            }
        }
    }
    shim::check("loops", &cases);
}

/// A sum over rows, one over columns, and a transpose.
pub fn with_barriers() -> Vec<Case> {
    let sum = |shape: &[usize], axis: usize| {
        let attrs = Attrs::new().ints("axes", &[axis]);
        alone(&format!("sum of {shape:?} over {axis}"), "reduce_sum", &[ty(DType::F32, shape)], attrs, tolerance(DType::F32))
    };
    let turned = alone("transpose", "permute", &[ty(DType::F32, &[70, 50])], Attrs::new().ints("axes", &[1, 0]), 0.0);
    vec![sum(&[3000, 5], 0), sum(&[5, 9000], 1), turned]
}
