//! Every operation of the table, alone, against the f64 interpreter.

use crate::support::{Random, build, values};
use pfm_ir::{Builder, DType, Role};

#[test]
fn every_operation_agrees_with_the_interpreter() {
    let mut failures = vec![];
    for op in pfm_ops::table() {
        for (n, sample) in (op.samples)().into_iter().enumerate() {
            if sample.operands.iter().any(|t| t.dtype == DType::Bf16)
                || sample.attrs.get("dtype").is_some_and(|a| *a == pfm_ir::Attr::Text("bf16".into()))
            {
                continue;
            }
            let name = format!("{} sample {n}", op.name);
            let run = std::panic::catch_unwind(|| {
                let mut random = Random::new(n as u64 + 1);
                let mut b = Builder::new(op.name);
                let inputs: Vec<_> =
                    sample.operands.iter().enumerate().map(|(i, ty)| b.input(&format!("x{i}"), Role::Data, ty.clone())).collect();
                for (i, v) in b.op_multi(op, &inputs, sample.attrs.clone()).into_iter().enumerate() {
                    b.output(&format!("y{i}"), v);
                }
                let data: Vec<_> = sample.operands.iter().map(|ty| values(ty, sample.low, sample.high, &mut random)).collect();
                build(&b.graph).check(&data, 1e-5 * 8.0, &name);
            });
            if run.is_err() {
                failures.push(name);
            }
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}
