//! Attention and its gradient.

use crate::shim;
use crate::support::{Case, Words, case, kernel, meant, random, rounded, ty};
use pfm_ir::{Attrs, DType, Tensor, TensorType};

#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    heads: usize,
    queries: usize,
    keys: usize,
    width: usize,
    value_width: usize,
    /// With causal order, bias and mask.
    options: (bool, bool, bool),
}

fn attrs(s: &Sizes) -> Attrs {
    let (causal, bias, mask) = s.options;
    Attrs::new().float("scale", 1.5 / (s.width as f64).sqrt()).bool("causal", causal).bool("bias", bias).bool("mask", mask)
}

fn operand_types(s: &Sizes, dtype: DType) -> (Vec<TensorType>, Vec<TensorType>) {
    let of = |rows: usize, width: usize| ty(dtype, &[s.batch, s.heads, rows, width]);
    let mut extra = vec![];
    if s.options.1 {
        extra.push(ty(DType::F32, &[s.heads, s.queries, s.keys]));
    }
    if s.options.2 {
        extra.push(ty(DType::Bool, &[s.batch, s.keys]));
    }
    (vec![of(s.queries, s.width), of(s.keys, s.width), of(s.keys, s.value_width)], extra)
}

fn forward(s: &Sizes, dtype: DType, sm: u32, tolerance: f64) -> Case {
    let (qkv, extra) = operand_types(s, dtype);
    let mut kernel = kernel("attend", &[qkv, extra].concat(), attrs(s));
    kernel.results[0].dtype = out_type(s, dtype);
    case(&format!("attend {}", described(s, dtype)), kernel, None, tolerance, sm)
}

/// Results are f32, or rounded on their way to memory: here for an even number of keys.
fn out_type(s: &Sizes, dtype: DType) -> DType {
    if s.keys.is_multiple_of(2) { dtype } else { DType::F32 }
}

/// The gradient, at the outputs that the forward pass gives: rounded like those in memory, unless the kernel has no use for them.
fn backward(s: &Sizes, dtype: DType, reads_out: bool, sm: u32, tolerance: f64) -> Case {
    let (qkv, extra) = operand_types(s, dtype);
    let mut words = Words::new(s.queries as u64 + 5);
    let mut tensors: Vec<Tensor> = qkv.iter().chain(&extra).map(|t| random(t, &mut words)).collect();
    let forward = kernel("attend", &[qkv.clone(), extra.clone()].concat(), attrs(s));
    let mut results = meant(&forward, &tensors);
    let out = ty(dtype, &forward.results[0].shape);
    if reads_out {
        results[0].data.iter_mut().for_each(|x| *x = rounded(*x, dtype));
    }
    let dout = random(&out, &mut words);
    let rest = tensors.split_off(3);
    let operands = [tensors, results, vec![dout], rest].concat();
    let types = [qkv, vec![out.clone(), forward.results[1].clone(), out], extra].concat();
    let mut kernel = kernel("attend_grad", &types, attrs(s));
    kernel.results[..3].iter_mut().for_each(|result| result.dtype = out_type(s, dtype));
    case(&format!("attend_grad {}", described(s, dtype)), kernel, Some(operands), tolerance, sm)
}

fn described(s: &Sizes, dtype: DType) -> String {
    let Sizes { batch, heads, queries, keys, width, value_width, options } = s;
    format!("{batch}x{heads} {queries}x{keys} width {width} and {value_width} {options:?} {dtype:?}")
}

fn large() -> Vec<Sizes> {
    let none = (false, false, false);
    let of = |heads: (usize, usize), tokens: (usize, usize), widths: (usize, usize), options| Sizes {
        batch: heads.0,
        heads: heads.1,
        queries: tokens.0,
        keys: tokens.1,
        width: widths.0,
        value_width: widths.1,
        options,
    };
    vec![
        of((1, 1), (130, 70), (68, 68), none),
        of((1, 2), (33, 65), (64, 64), none),
        of((2, 1), (20, 20), (5, 13), (true, false, false)),
        of((2, 2), (17, 30), (34, 24), (false, true, true)),
        of((1, 1), (40, 33), (128, 96), (true, true, true)),
    ]
}

#[test]
fn forward_on_tensor_cores() {
    let cases: Vec<Case> = large().iter().map(|s| forward(s, DType::Bf16, 80, 1e-2)).collect();
    shim::check("attend_forward", &cases);
}

#[test]
fn gradient_on_tensor_cores() {
    let cases: Vec<Case> = large().iter().map(|s| backward(s, DType::Bf16, true, 80, 2e-2)).collect();
    shim::check("attend_gradient", &cases);
}

#[test]
fn straight_from_the_definition() {
    let some = || large().into_iter().skip(1).take(3);
    let forward = some().map(|s| forward(&s, DType::F32, 80, 1e-5));
    shim::check("attend_direct", &forward.chain(some().map(|s| backward(&s, DType::F32, true, 80, 1e-5))).collect::<Vec<Case>>());
}

fn for_groups() -> Vec<Sizes> {
    large().into_iter().filter(|s| s.width <= 80).collect()
}

#[test]
fn forward_on_groups_of_warps() {
    let cases: Vec<Case> = for_groups().iter().map(|s| forward(s, DType::Bf16, 90, 1e-2)).collect();
    shim::check("attend_groups", &cases);
}

#[test]
fn gradient_on_groups_of_warps() {
    let cases: Vec<Case> = for_groups().iter().map(|s| backward(s, DType::Bf16, true, 90, 2e-2)).collect();
    shim::check("attend_groups_gradient", &cases);
}

fn few() -> Vec<Sizes> {
    let of = |batch, heads, queries, keys, width, options| Sizes { batch, heads, queries, keys, width, value_width: width, options };
    vec![
        of(70, 2, 3, 3, 68, (true, true, false)),
        of(9, 2, 9, 9, 68, (true, true, false)),
        of(5, 1, 4, 7, 13, (false, false, true)),
        of(3, 2, 1, 10, 128, (false, true, true)),
        of(3, 1, 5, 3, 6, (false, false, false)),
    ]
}

#[test]
fn forward_over_few_tokens() {
    let bf16 = few().into_iter().map(|s| forward(&s, DType::Bf16, 90, 5e-3));
    let f32 = few().into_iter().map(|s| forward(&s, DType::F32, 90, 1e-5));
    shim::check("attend_few", &bf16.chain(f32).collect::<Vec<Case>>());
}

#[test]
fn gradient_over_few_tokens() {
    let bf16 = few().into_iter().map(|s| backward(&s, DType::Bf16, false, 90, 5e-3));
    let f32 = few().into_iter().map(|s| backward(&s, DType::F32, false, 90, 1e-5));
    shim::check("attend_few_gradient", &bf16.chain(f32).collect::<Vec<Case>>());
}

/// Over more keys than a tile has, and over few.
pub fn with_barriers() -> Vec<Case> {
    let (large, few) = (large(), few());
    let on_warps = [forward(&large[0], DType::Bf16, 80, 1e-2), backward(&large[0], DType::Bf16, true, 80, 2e-2)];
    let on_groups = [forward(&large[0], DType::Bf16, 90, 1e-2), backward(&large[0], DType::Bf16, true, 90, 2e-2)];
    on_warps.into_iter().chain(on_groups).chain([backward(&few[0], DType::F32, false, 90, 1e-5)]).collect()
}
