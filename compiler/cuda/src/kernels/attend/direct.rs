//! Attention straight from its definition, for any sizes: one thread for each query, key or element of the bias. Slow, and
//! what faster ones are measured against.

use crate::function::Function;
use crate::{Draft, Launch, Step};
use pfm_plan::Kernel;

const BLOCK: usize = 128;

pub fn draft(kernel: &Kernel) -> Draft {
    let (q, k) = (&kernel.operands[0].shape, &kernel.operands[1].shape);
    let (queries, keys) = (q[0] * q[1] * q[2], k[0] * k[1] * k[2]);
    let launch = |body: &str, items: usize, results: &[(&str, usize)]| step(kernel, body, items, results);
    let steps = if kernel.op.name == "attend" {
        vec![launch(include_str!("forward.cu"), queries, &[("out", 0), ("lse", 1)])]
    } else {
        let mut steps = vec![
            launch(include_str!("query_grad.cu"), queries, &[("dq", 0)]),
            launch(include_str!("key_grad.cu"), keys, &[("dk", 1)]),
            launch(include_str!("value_grad.cu"), keys, &[("dv", 2)]),
        ];
        if kernel.attrs.get_bool("bias") {
            steps.push(bias_grad(kernel));
        }
        steps
    };
    Draft { steps, scratch_bytes: 0 }
}

/// The step that sums the gradient of the bias over the batch.
pub fn bias_grad(kernel: &Kernel) -> Step {
    let bias = kernel.results[3].elements();
    step(kernel, include_str!("bias_grad.cu"), bias, &[("dbias", 3)])
}

fn step(kernel: &Kernel, body: &str, items: usize, results: &[(&str, usize)]) -> Step {
    let mut f = sized(kernel, "attend_direct", BLOCK);
    for (name, position) in results {
        f = f.writes(name, kernel.results[*position].dtype, kernel.operands.len() + position);
    }
    Step::Launch(per_item(f, body, items))
}

fn per_item(f: Function, body: &str, items: usize) -> Launch {
    let body = format!("{}{body}", include_str!("common.cu"));
    f.constant("ITEMS", items).launch(&body, [items.div_ceil(BLOCK), 1, 1], 0)
}

/// Sizes, options and operands by name. Operands that are absent are null.
pub fn sized(kernel: &Kernel, family: &'static str, block: usize) -> Function {
    let (q, v) = (&kernel.operands[0].shape, &kernel.operands[2].shape);
    let (bias, mask) = (kernel.attrs.get_bool("bias"), kernel.attrs.get_bool("mask"));
    let mut names = vec!["q", "k", "v"];
    if kernel.op.name == "attend_grad" {
        names.extend(["out", "lse", "dout"]);
    }
    if bias {
        names.push("bias");
    }
    if mask {
        names.push("mask");
    }
    let mut f = Function::new(family, block)
        .constant("N", q[0])
        .constant("H", q[1])
        .constant("TQ", q[2])
        .constant("TK", v[2])
        .constant("D", q[3])
        .constant("DV", v[3])
        .float("SCALE", kernel.attrs.get_float("scale"))
        .flag("CAUSAL", kernel.attrs.get_bool("causal"))
        .flag("BIAS", bias)
        .flag("MASK", mask);
    for (position, name) in names.iter().enumerate() {
        f = f.reads(name, kernel.operands[position].dtype, position);
    }
    if !bias {
        f = f.absent("bias", "float");
    }
    if !mask {
        f = f.absent("mask", "int");
    }
    f
}
