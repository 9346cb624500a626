//! Writes the heavy kernels of the largest benchmark as files, for measuring them on a device without the rest of the compiler:
//! `emit FOLDER` leaves one .cu file for each function and `cases.json`, which `scripts/gpu_kernels.py` reads.

use pfm_cuda::kernels::conv::shape::Shape;
use pfm_cuda::kernels::conv::tiles::{self, Flow, Tiling, Types};
use pfm_cuda::kernels::conv::weight_tiles;
use pfm_cuda::{Draft, PRELUDE, Step, Target};
use pfm_ir::{Attr, Attrs, DType, OpRef, TensorType};
use pfm_plan::Kernel;
use serde_json::{Value, json};
use std::path::Path;

fn main() {
    let folder = std::env::args().nth(1).expect("usage: emit FOLDER");
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let mut cases: Vec<Value> = kernels().iter().map(|(name, kernel)| written(folder, name, kernel, None)).collect();
    for (name, kernel, draft) in variants() {
        cases.push(written(folder, &name, &kernel, Some(draft)));
    }
    std::fs::write(folder.join("cases.json"), serde_json::to_string_pretty(&cases).expect("JSON")).expect("the list can be written");
}

fn written(folder: &Path, name: &str, kernel: &Kernel, variant: Option<Draft>) -> Value {
    let is_variant = variant.is_some();
    let draft = variant.or_else(|| pfm_cuda::kernels::draft(kernel, &Target { sm: 90 })).expect("there is a kernel for it");
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
        "name": name, "op": kernel.op.name, "attrs": attrs, "operands": types(&kernel.operands), "results": types(&kernel.results),
        "variant": is_variant, "scratch": draft.scratch_bytes, "launches": launches,
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
fn convolutions(input: [usize; 4], channels: (usize, usize), taps: [usize; 3], stride: [usize; 3]) -> Vec<(String, Kernel)> {
    let (ci, co) = channels;
    let dense = stride == [1; 3];
    let low = [taps[0] - 1, usize::from(dense && taps[1] == 3), usize::from(dense && taps[2] == 3)];
    let high = [0, low[1], low[2]];
    let output: Vec<usize> = (0..3).map(|a| (input[a + 1] + low[a] + high[a] - taps[a]) / stride[a] + 1).collect();
    let ty = |shape: &[usize]| TensorType::new(DType::Bf16, shape);
    let x = ty(&[&input[..], &[ci]].concat());
    let y = ty(&[&input[..1], &output, &[co]].concat());
    let w = ty(&[&[co, ci], &taps[..]].concat());
    let attrs = || Attrs::new().ints("stride", &stride).ints("low", &low).ints("high", &high);
    let name = |op: &str| format!("{op} {ci}->{co} {}x{}x{}", input[1], input[2], taps.map(|k| k.to_string()).join(""));
    let mut weight = kernel("conv_weight_grad", &[x.clone(), y.clone()], attrs().ints("kernel", &taps));
    weight.results[0].dtype = DType::F32;
    vec![
        (name("fwd"), kernel("conv", &[x, w.clone()], attrs())),
        (name("dx"), kernel("conv_input_grad", &[y, w], attrs().ints("size", &input[1..]))),
        (name("dw"), weight),
    ]
}

/// Attention of a head's width and its gradient; that over time is causal and has a bias.
fn attention(what: &str, shape: [usize; 4], time: bool) -> Vec<(String, Kernel)> {
    let [n, heads, tokens, width] = shape;
    let x = TensorType::new(DType::Bf16, &shape);
    let bias = if time { vec![TensorType::new(DType::Bf16, &[heads, tokens, tokens])] } else { vec![] };
    let attrs = || Attrs::new().float("scale", 1.0 / (width as f64).sqrt()).bool("causal", time).bool("bias", time).bool("mask", false);
    let mut forward = kernel("attend", &[vec![x.clone(); 3], bias.clone()].concat(), attrs());
    forward.results[1].dtype = DType::F32;
    let lse = TensorType::new(DType::Bf16, &[n, heads, tokens]);
    let mut backward = kernel("attend_grad", &[vec![x.clone(); 4], vec![lse, x], bias].concat(), attrs());
    backward.operands[4].dtype = DType::F32;
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
        all.extend(convolutions(size, channels, dense, one));
    }
    all.extend(attention("space", [6, 16, 4096, 68], false));
    all.extend(attention("time3", [8192, 16, 3, 68], true));
    all.extend(attention("time9", [8192, 16, 9, 68], true));
    all.extend(convolutions([2, 9, 512, 512], (16, 16), [1, 2, 2], [1, 2, 2]));
    all.extend(convolutions([2, 9, 256, 256], (32, 32), [3, 2, 2], [2, 2, 2]));
    all.extend(convolutions([2, 5, 128, 128], (64, 64), [3, 2, 2], [2, 2, 2]));
    all
}

fn variants() -> Vec<(String, Kernel, Draft)> {
    let mut all = vec![];
    let ring = Flow::Ring;
    let st = Flow::Stages;
    // rows, warps, groups, chunk, flow, walk, residents
    for (name, kernel) in attention("space", [6, 16, 4096, 68], false) {
        if kernel.op.name == "attend" {
            for groups in [2] {
                all.push((format!("{name} {groups} groups"), kernel.clone(), pfm_cuda::kernels::attend::group::forward(&kernel, groups)));
            }
        }
    }
    let list: Vec<([usize; 4], (usize, usize), usize, (usize, (usize, usize), usize, usize, Flow, usize, usize))> = vec![
        ([2, 9, 256, 256], (32, 32), 0, (4, (4, 2), 4, 32, ring, 9, 1)),
        ([2, 9, 256, 256], (32, 32), 0, (8, (2, 2), 4, 32, ring, 9, 1)),
        ([2, 9, 256, 256], (32, 32), 0, (8, (4, 1), 4, 32, ring, 9, 1)),
        ([2, 9, 256, 256], (16, 64), 0, (4, (4, 1), 8, 16, ring, 9, 2)),
        ([2, 9, 256, 256], (16, 64), 1, (8, (2, 2), 2, 32, st(2), 1, 2)),
        ([2, 9, 256, 256], (16, 64), 1, (4, (4, 2), 2, 32, st(2), 1, 2)),
        ([2, 3, 64, 64], (64, 512), 1, (4, (2, 1), 4, 16, st(4), 1, 3)),
        ([2, 3, 64, 64], (64, 512), 1, (4, (1, 2), 4, 32, st(3), 1, 3)),
        ([2, 3, 64, 64], (64, 512), 1, (4, (2, 2), 4, 32, st(2), 1, 2)),
        ([2, 3, 64, 64], (64, 512), 1, (4, (2, 2), 4, 16, st(4), 1, 2)),
    ];
    for (size, channels, which, (rows, warps, groups, chunk, flow, walk, residents)) in list {
        let (name, kernel) = convolutions(size, channels, [3; 3], [1; 3]).swap_remove(which);
        let shape = Shape::of(&kernel);
        let (shape, scatter) = if which == 1 { shape.adjoint().map(|(s, p)| (s, Some(p))).unwrap() } else { (shape, None) };
        let t = Tiling { rows, warps, groups, chunk, flow, walk, residents };
        let types = Types { image: DType::Bf16, weights: DType::Bf16, result: DType::Bf16 };
        if t.shared_bytes(&shape) > 227 * 1024 {
            println!("too large: {name} {t:?}");
            continue;
        }
        let flow = match flow {
            Flow::Ring => 0,
            Flow::Stages(n) => n,
        };
        all.push((
            format!("{name} r{rows} w{warps:?} g{groups} c{chunk} s{flow} R{residents}"),
            kernel,
            tiles::draft(&shape, scatter.as_ref(), types, t),
        ));
    }
    // rows, across, out, in, parts, splits, residents
    let list: Vec<([usize; 4], (usize, usize), [usize; 7])> = vec![
        ([2, 9, 512, 512], (16, 16), [16, 2, 1, 2, 1, 528, 2]),
        ([2, 9, 256, 256], (32, 32), [16, 2, 1, 2, 1, 66, 2]),
        ([2, 9, 256, 256], (32, 32), [16, 2, 1, 4, 1, 128, 1]),
        ([2, 5, 128, 128], (64, 64), [16, 2, 2, 2, 1, 33, 1]),
        ([2, 5, 128, 128], (64, 64), [8, 2, 1, 4, 1, 33, 2]),
        ([2, 3, 64, 64], (64, 512), [8, 2, 2, 2, 1, 4, 2]),
    ];
    for (size, channels, [rows, across, out_groups, in_groups, parts, splits, residents]) in list {
        let (name, kernel) = convolutions(size, channels, [3; 3], [1; 3]).swap_remove(2);
        let shape = Shape::of(&kernel);
        let t = weight_tiles::Tiling { rows, across, out_groups, in_groups, frames: 3, parts, splits, residents };
        let types = Types { image: DType::Bf16, weights: DType::Bf16, result: DType::F32 };
        all.push((
            format!("{name} r{rows}x{across} o{out_groups} i{in_groups} p{parts} s{splits} R{residents}"),
            kernel,
            weight_tiles::draft(&shape, types, t),
        ));
    }
    all
}
