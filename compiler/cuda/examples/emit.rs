//! Writes the heavy kernels of the largest benchmark as files, for measuring them on a device without the rest of the compiler:
//! `emit FOLDER [SM]` leaves one .cu file for each function and `cases.json`, which `scripts/gpu_kernels.py` reads.

use pfm_cuda::{PRELUDE, Step, Target};
use pfm_ir::{Attr, Attrs, DType, OpRef, TensorType};
use pfm_plan::Kernel;
use serde_json::{Value, json};
use std::path::Path;

fn main() {
    let folder = std::env::args().nth(1).expect("usage: emit FOLDER [SM]");
    let sm = std::env::args().nth(2).map_or(90, |sm| sm.parse().expect("a compute capability such as 80"));
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let cases: Vec<Value> = kernels().iter().map(|(name, kernel)| written(folder, name, kernel, Target::of(sm))).collect();
    std::fs::write(folder.join("cases.json"), serde_json::to_string_pretty(&cases).expect("JSON")).expect("the list can be written");
}

fn written(folder: &Path, name: &str, kernel: &Kernel, target: Target) -> Value {
    let draft = pfm_cuda::kernels::draft(kernel, &target).expect("there is a kernel for it");
    let launches: Vec<Value> = draft
        .steps
        .iter()
        .map(|step| {
            let Step::Launch(l) = step else { panic!("{name}: a library's matrix product") };
            let file = folder.join(format!("{}.cu", l.entry));
            std::fs::write(file, format!("{PRELUDE}\n{}", l.source)).expect("the text can be written");
            json!({"entry": l.entry, "grid": l.grid, "block": l.block, "shared": l.shared_bytes, "arguments": l.arguments})
        })
        .collect();
    let types = |types: &[TensorType]| -> Vec<Value> { types.iter().map(|t| json!({"dtype": t.dtype.name(), "shape": t.shape})).collect() };
    let attrs: serde_json::Map<String, Value> = kernel.attrs.iter().map(|(name, a)| (name.to_string(), value(a))).collect();
    json!({
        "name": name, "sm": target.sm, "architecture": target.architecture(), "op": kernel.op.name, "attrs": attrs, "operands": types(&kernel.operands), "results": types(&kernel.results),
        "scratch": draft.scratch_bytes, "launches": launches,
    })
}

fn value(attr: &Attr) -> Value {
    match attr {
        Attr::Int(x) => json!(x),
        Attr::Float(x) => json!(x),
        Attr::Bool(x) => json!(x),
        Attr::Text(x) => json!(x),
        Attr::Ints(x) => json!(x),
        Attr::Floats(x) => json!(x),
    }
}

fn kernel(op: &str, operands: &[TensorType], attrs: Attrs) -> Kernel {
    let op = pfm_ops::lookup(op).expect("the operation is in the table");
    let types: Vec<&TensorType> = operands.iter().collect();
    let results = (op.shape)(&types, &attrs).expect("the shape rule holds");
    Kernel { op: OpRef(op), attrs, operands: operands.to_vec(), results }
}

/// A convolution with its two gradients: the input's sizes, channels in and out, kernel, stride.
fn convolutions(dtype: DType, input: [usize; 4], channels: (usize, usize), taps: [usize; 3], stride: [usize; 3]) -> Vec<(String, Kernel)> {
    let (ci, co) = channels;
    let dense = stride == [1; 3];
    let low = [taps[0] - 1, usize::from(dense && taps[1] == 3), usize::from(dense && taps[2] == 3)];
    let high = [0, low[1], low[2]];
    let output: Vec<usize> = (0..3).map(|a| (input[a + 1] + low[a] + high[a] - taps[a]) / stride[a] + 1).collect();
    let ty = |shape: &[usize]| TensorType::new(dtype, shape);
    let x = ty(&[&input[..], &[ci]].concat());
    let y = ty(&[&input[..1], &output, &[co]].concat());
    let w = ty(&[&[co, ci], &taps[..]].concat());
    let attrs = || Attrs::new().ints("stride", &stride).ints("low", &low).ints("high", &high);
    let name = |op: &str| format!("{op} {ci}->{co} {}x{} by {} {}", input[1], input[2], taps.map(|k| k.to_string()).join(""), dtype.name());
    let mut all = vec![(name("dw"), kernel("conv_weight_grad", &[x.clone(), y.clone()], attrs().ints("kernel", &taps)))];
    let forward = kernel("conv", &[x, w.clone()], attrs());
    let backward = kernel("conv_input_grad", &[y, w], attrs().ints("size", &input[1..]));
    for (op, mut kernel) in [("fwd", forward), ("dx", backward)] {
        all.push((name(op), kernel.clone()));
        if dtype == DType::Bf16 {
            kernel.results[0].dtype = dtype;
            all.push((format!("{} to bf16", name(op)), kernel));
        }
    }
    all
}

/// Attention of a head's width and its gradient; that over time is causal and has a bias.
fn attention(what: &str, shape: [usize; 4], time: bool) -> Vec<(String, Kernel)> {
    let [n, heads, tokens, width] = shape;
    let x = TensorType::new(DType::Bf16, &shape);
    let bias = if time { vec![TensorType::f32(&[heads, tokens, tokens])] } else { vec![] };
    let attrs = || Attrs::new().float("scale", 1.0 / (width as f64).sqrt()).bool("causal", time).bool("bias", time).bool("mask", false);
    let forward = kernel("attend", &[vec![x.clone(); 3], bias.clone()].concat(), attrs());
    let lse = TensorType::f32(&[n, heads, tokens]);
    let backward = kernel("attend_grad", &[vec![x.clone(); 4], vec![lse, x], bias].concat(), attrs());
    vec![(format!("attend {what}"), forward), (format!("attend_grad {what}"), backward)]
}

fn kernels() -> Vec<(String, Kernel)> {
    let (dense, one) = ([3, 3, 3], [1, 1, 1]);
    let mut all = vec![];
    for (size, channels) in [
        ([2, 9, 512, 512], (16, 16)),
        ([2, 9, 512, 512], (5, 16)),
        ([2, 9, 512, 512], (16, 5)),
        ([2, 9, 256, 256], (16, 32)),
        ([2, 9, 256, 256], (32, 32)),
        ([2, 9, 256, 256], (16, 64)),
        ([2, 5, 128, 128], (32, 64)),
        ([2, 5, 128, 128], (64, 64)),
        ([2, 5, 128, 128], (32, 256)),
        ([2, 3, 64, 64], (18, 64)),
        ([2, 3, 64, 64], (64, 512)),
    ] {
        all.extend(convolutions(DType::Bf16, size, channels, dense, one));
    }
    all.extend(convolutions(DType::F32, [2, 9, 512, 512], (16, 16), dense, one));
    all.extend(convolutions(DType::F32, [2, 5, 128, 128], (64, 64), dense, one));
    all.extend(attention("space", [6, 16, 4096, 68], false));
    all.extend(attention("time3", [8192, 16, 3, 68], true));
    all.extend(attention("time9", [8192, 16, 9, 68], true));
    all.extend(convolutions(DType::Bf16, [2, 9, 512, 512], (16, 16), [1, 2, 2], [1, 2, 2]));
    all.extend(convolutions(DType::Bf16, [2, 9, 256, 256], (32, 32), [3, 2, 2], [2, 2, 2]));
    all.extend(convolutions(DType::Bf16, [2, 5, 128, 128], (64, 64), [3, 2, 2], [2, 2, 2]));
    all
}
