//! Each labelled shape rule has a case that breaks it and nothing else, and each case breaks the rule that it names.
//! The labels come from the operations' own pages, so a new rule without a case fails.

use pfm_ir::{Attrs, DType, TensorType};
use std::collections::BTreeSet;

type Case = (&'static str, &'static str, Vec<TensorType>, Attrs);

fn f(shape: &[usize]) -> TensorType {
    TensorType::f32(shape)
}
fn i(shape: &[usize]) -> TensorType {
    TensorType::new(DType::I32, shape)
}
fn p(shape: &[usize]) -> TensorType {
    TensorType::new(DType::Bool, shape)
}

fn axes(list: &[i64]) -> Attrs {
    Attrs::new().ints("axes", list)
}
fn axis(v: i64) -> Attrs {
    Attrs::new().int("axis", v)
}
fn source(shape: &[i64], dtype: &str) -> Attrs {
    Attrs::new().ints("shape", shape).text("dtype", dtype)
}
fn labels(x: &[i64], y: &[i64], out: &[i64]) -> Attrs {
    Attrs::new().ints("x", x).ints("y", y).ints("out", out)
}
fn window(stride: &[i64], low: &[i64], high: &[i64]) -> Attrs {
    Attrs::new().ints("stride", stride).ints("low", low).ints("high", high)
}
fn plain() -> Attrs {
    window(&[1, 1], &[0, 0], &[0, 0])
}
fn box_of(start: &[i64], stop: &[i64], step: &[i64]) -> Attrs {
    Attrs::new().ints("start", start).ints("stop", stop).ints("step", step)
}
fn padding(low: &[i64], high: &[i64], interior: &[i64]) -> Attrs {
    Attrs::new().ints("low", low).ints("high", high).ints("interior", interior).float("value", 0.0)
}
fn norm(list: &[i64], eps: f64) -> Attrs {
    axes(list).float("eps", eps).bool("centre", true)
}
fn attention(bias: bool, mask: bool) -> Attrs {
    let attrs = Attrs::new().float("scale", 1.0).bool("causal", false);
    attrs.bool("bias", bias).bool("mask", mask)
}
fn noise(kind: &str, shape: &[i64], stream: i64, rate: f64) -> Attrs {
    let attrs = Attrs::new().text("kind", kind).ints("shape", shape);
    attrs.int("stream", stream).float("rate", rate)
}

fn pointwise() -> Vec<Case> {
    let none = Attrs::new;
    let mut cases = vec![("not", "R1", vec![f(&[2])], none())];
    for op in ["neg", "abs", "sign", "exp", "log", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tanh", "erf", "sigmoid", "floor", "square"]
    {
        cases.push((op, "R1", vec![i(&[2])], none()));
    }
    for op in ["add", "sub", "mul", "max", "min", "less", "less_equal", "equal"] {
        cases.push((op, "R1", vec![f(&[2]), f(&[3])], none()));
        cases.push((op, "R2", vec![p(&[2]), p(&[2])], none()));
    }
    for op in ["div", "pow"] {
        cases.push((op, "R1", vec![f(&[2]), i(&[2])], none()));
        cases.push((op, "R2", vec![i(&[2]), i(&[2])], none()));
    }
    for op in ["and", "or"] {
        cases.push((op, "R1", vec![p(&[2]), p(&[3])], none()));
        cases.push((op, "R2", vec![f(&[2]), f(&[2])], none()));
    }
    cases.push(("select", "R1", vec![p(&[2]), f(&[2]), i(&[2])], none()));
    cases.push(("select", "R2", vec![f(&[2]), f(&[2]), f(&[2])], none()));
    cases.push(("cast", "R1", vec![f(&[2])], none().text("dtype", "f64")));
    cases
}

fn sources_and_views() -> Vec<Case> {
    let broadcast = |shape: &[i64], to: &[i64]| axes(to).ints("shape", shape);
    vec![
        ("constant", "R1", vec![], source(&[-1], "f32").float("value", 0.0)),
        ("constant", "R2", vec![], source(&[1], "real").float("value", 0.0)),
        ("constant", "R3", vec![], source(&[1], "bool").float("value", 2.0)),
        ("constant", "R3", vec![], source(&[1], "i32").float("value", 0.5)),
        ("literal", "R1", vec![], source(&[-1], "f32").floats("data", &[])),
        ("literal", "R2", vec![], source(&[1], "real").floats("data", &[1.0])),
        ("literal", "R3", vec![], source(&[2], "f32").floats("data", &[1.0])),
        ("iota", "R1", vec![], source(&[-1], "f32").int("axis", 0)),
        ("iota", "R2", vec![], source(&[2], "f32").int("axis", 1)),
        ("iota", "R2", vec![], source(&[2], "f32").int("axis", -1)),
        ("iota", "R3", vec![], source(&[2], "bool").int("axis", 0)),
        ("reshape", "R1", vec![f(&[2])], Attrs::new().ints("shape", &[-2i64])),
        ("reshape", "R2", vec![f(&[2])], Attrs::new().ints("shape", &[3i64])),
        ("permute", "R1", vec![f(&[2, 3])], axes(&[0, 0])),
        ("permute", "R2", vec![f(&[2, 3])], axes(&[1])),
        ("broadcast", "R1", vec![f(&[2])], broadcast(&[2, -1], &[0])),
        ("broadcast", "R2", vec![f(&[2, 2])], broadcast(&[2, 2], &[1, 0])),
        ("broadcast", "R2", vec![f(&[2])], broadcast(&[2, 2], &[])),
        ("broadcast", "R3", vec![f(&[1])], broadcast(&[2, 3], &[1])),
        ("slice", "R1", vec![f(&[4])], box_of(&[0, 0], &[2], &[1])),
        ("slice", "R1", vec![f(&[4])], box_of(&[-1], &[2], &[1])),
        ("slice", "R2", vec![f(&[4])], box_of(&[0], &[2], &[0])),
        ("slice", "R3", vec![f(&[4])], box_of(&[2], &[2], &[1])),
        ("slice", "R3", vec![f(&[4])], box_of(&[2], &[5], &[1])),
        ("pad", "R1", vec![f(&[4])], padding(&[-1], &[0], &[0])),
        ("pad", "R2", vec![f(&[0])], padding(&[1], &[0], &[0])),
        ("flip", "R1", vec![f(&[2])], axes(&[1])),
        ("concat", "R1", vec![f(&[2])], axis(1)),
        ("concat", "R2", vec![f(&[2, 3]), f(&[2, 2])], axis(0)),
        ("concat", "R2", vec![f(&[2]), i(&[2])], axis(0)),
        ("concat", "R2", vec![f(&[2, 3]), f(&[2])], axis(0)),
    ]
}

fn reductions_and_composites() -> Vec<Case> {
    vec![
        ("reduce_sum", "R1", vec![f(&[2])], axes(&[0, 0])),
        ("reduce_sum", "R2", vec![p(&[2])], axes(&[0])),
        ("reduce_max", "R1", vec![f(&[2, 0])], axes(&[1])),
        ("reduce_max", "R2", vec![p(&[2])], axes(&[0])),
        ("mean", "R1", vec![f(&[2])], axes(&[-1])),
        ("mean", "R2", vec![i(&[2])], axes(&[0])),
        ("softmax", "R1", vec![f(&[2])], axis(1)),
        ("softmax", "R2", vec![i(&[2])], axis(0)),
        ("normalise", "R1", vec![f(&[2])], norm(&[1], 0.0)),
        ("normalise", "R2", vec![i(&[2])], norm(&[0], 0.0)),
        ("normalise", "R3", vec![f(&[2])], norm(&[0], -1.0)),
        ("rotate_pairs", "R1", vec![f(&[4]), f(&[2]), f(&[1])], Attrs::new()),
        ("rotate_pairs", "R2", vec![f(&[3, 4]), f(&[2, 2]), f(&[2, 2])], Attrs::new()),
        ("rotate_pairs", "R3", vec![f(&[3]), f(&[2]), f(&[2])], Attrs::new()),
        ("contract", "R1", vec![f(&[2, 3]), f(&[3])], labels(&[0], &[1], &[0])),
        ("contract", "R2", vec![f(&[2, 3]), f(&[4])], labels(&[0, 1], &[1], &[0])),
        ("contract", "R3", vec![f(&[2, 3]), f(&[3])], labels(&[0, 1], &[1], &[0, 5])),
        ("contract", "R3", vec![f(&[2, 3]), f(&[3])], labels(&[0, 1], &[1], &[0, 0])),
        ("contract", "R4", vec![f(&[2, 3]), f(&[3])], labels(&[0, 1], &[1], &[])),
        ("contract", "R5", vec![i(&[3]), i(&[3])], labels(&[0], &[0], &[])),
        ("all_reduce", "R1", vec![f(&[2])], Attrs::new().text("kind", "max")),
        ("all_reduce", "R2", vec![i(&[2])], Attrs::new().text("kind", "sum")),
        ("reduce_scatter", "R1", vec![f(&[2])], axis(1)),
        ("reduce_scatter", "R2", vec![i(&[2])], axis(0)),
        ("all_gather", "R1", vec![f(&[2])], axis(1)),
        ("all_gather", "R2", vec![i(&[2])], axis(0)),
        ("gather", "R1", vec![f(&[2]), i(&[3])], axis(1)),
        ("gather", "R2", vec![f(&[2]), f(&[3])], axis(0)),
        ("scatter_add", "R1", vec![f(&[2]), i(&[3]), f(&[3])], axis(1)),
        ("scatter_add", "R2", vec![f(&[2]), i(&[1, 3]), f(&[3])], axis(0)),
        ("scatter_add", "R3", vec![f(&[2]), i(&[3]), f(&[2])], axis(0)),
        ("fft", "R1", vec![f(&[4, 3])], axes(&[0]).bool("inverse", false)),
        ("fft", "R2", vec![f(&[4, 2])], axes(&[1]).bool("inverse", false)),
        ("fft", "R3", vec![i(&[4, 2])], axes(&[0]).bool("inverse", false)),
        ("eigh", "R1", vec![f(&[2, 3])], Attrs::new()),
        ("qr", "R1", vec![f(&[2, 3])], Attrs::new()),
        ("argsort", "R1", vec![f(&[2, 3])], Attrs::new().bool("descending", true)),
        ("argsort", "R2", vec![p(&[2])], Attrs::new().bool("descending", true)),
        ("random", "R1", vec![i(&[3])], noise("uniform", &[2], 0, 0.0)),
        ("random", "R2", vec![i(&[4])], noise("uniform", &[], 0, 0.0)),
        ("random", "R3", vec![i(&[4])], noise("cauchy", &[2], 0, 0.0)),
        ("random", "R4", vec![i(&[4])], noise("uniform", &[2], -1, 0.0)),
        ("random", "R5", vec![i(&[4])], noise("bernoulli", &[2], 0, 1.5)),
    ]
}

fn convolutions() -> Vec<Case> {
    let (x, w) = (f(&[1, 4, 4, 2]), f(&[3, 2, 2, 2]));
    let dy = f(&[1, 3, 3, 3]);
    let size = |attrs: Attrs, list: &[i64]| attrs.ints("size", list);
    let kernel = |attrs: Attrs, list: &[i64]| attrs.ints("kernel", list);
    let zero_stride = || window(&[0, 1], &[0, 0], &[0, 0]);
    vec![
        ("conv", "R1", vec![f(&[1, 4, 2]), w.clone()], plain()),
        ("conv", "R2", vec![x.clone(), f(&[3, 2, 2])], plain()),
        ("conv", "R3", vec![x.clone(), f(&[3, 5, 2, 2])], plain()),
        ("conv", "R4", vec![x.clone(), w.clone()], zero_stride()),
        ("conv", "R5", vec![x.clone(), f(&[3, 2, 5, 2])], plain()),
        ("conv_input_grad", "R1", vec![dy.clone(), w.clone()], size(plain(), &[4])),
        ("conv_input_grad", "R2", vec![dy.clone(), f(&[3, 2, 2])], size(plain(), &[4, 4])),
        ("conv_input_grad", "R3", vec![i(&[1, 3, 3, 3]), w.clone()], size(plain(), &[4, 4])),
        ("conv_input_grad", "R4", vec![dy.clone(), w.clone()], size(zero_stride(), &[4, 4])),
        ("conv_input_grad", "R5", vec![dy.clone(), w.clone()], size(plain(), &[1, 4])),
        ("conv_input_grad", "R6", vec![dy.clone(), w], size(plain(), &[5, 4])),
        ("conv_weight_grad", "R1", vec![f(&[4, 2]), dy.clone()], kernel(plain(), &[2, 2])),
        ("conv_weight_grad", "R2", vec![x.clone(), dy.clone()], kernel(plain(), &[2])),
        ("conv_weight_grad", "R3", vec![x.clone(), i(&[1, 3, 3, 3])], kernel(plain(), &[2, 2])),
        ("conv_weight_grad", "R4", vec![x.clone(), dy.clone()], kernel(zero_stride(), &[2, 2])),
        ("conv_weight_grad", "R5", vec![x.clone(), dy.clone()], kernel(plain(), &[5, 2])),
        ("conv_weight_grad", "R6", vec![x, dy], kernel(plain(), &[3, 2])),
    ]
}

fn attentions() -> Vec<Case> {
    let qkv = || vec![f(&[2, 1, 3, 4]), f(&[2, 1, 5, 4]), f(&[2, 1, 5, 6])];
    let rest = || vec![f(&[2, 1, 3, 6]), f(&[2, 1, 3]), f(&[2, 1, 3, 6])];
    let mut narrow = qkv();
    narrow[1] = f(&[2, 1, 5, 3]);
    let join = |parts: &[Vec<TensorType>]| parts.concat();
    let mut late = rest();
    late[1] = f(&[2, 1, 5]);
    vec![
        ("attend", "R1", narrow.clone(), attention(false, false)),
        ("attend", "R2", join(&[qkv(), vec![f(&[3, 5])]]), attention(true, false)),
        ("attend", "R3", join(&[qkv(), vec![f(&[2, 5])]]), attention(false, true)),
        ("attend_grad", "R1", join(&[narrow, rest()]), attention(false, false)),
        ("attend_grad", "R2", join(&[qkv(), rest(), vec![f(&[3, 5])]]), attention(true, false)),
        ("attend_grad", "R3", join(&[qkv(), rest(), vec![p(&[5])]]), attention(false, true)),
        ("attend_grad", "R4", join(&[qkv(), late]), attention(false, false)),
    ]
}

fn cases() -> Vec<Case> {
    [pointwise(), sources_and_views(), reductions_and_composites(), convolutions(), attentions()].concat()
}

/// The labels that an operation's page mentions under Shapes.
fn labels_of(page: &str) -> BTreeSet<String> {
    let shapes = page.split("## Shapes").nth(1).expect("a page has shapes");
    let shapes = shapes.split("## ").next().expect("there is text");
    let words = shapes.split(|c: char| !c.is_ascii_alphanumeric());
    let label = |w: &&str| w.len() == 2 && w.starts_with('R') && w.as_bytes()[1].is_ascii_digit();
    words.filter(label).map(str::to_string).collect()
}

#[test]
fn each_case_breaks_the_rule_it_names() {
    for (name, rule, operands, attrs) in cases() {
        let op = pfm_ops::lookup(name).unwrap_or_else(|| panic!("there is `{name}`"));
        let types: Vec<&TensorType> = operands.iter().collect();
        let error = op.infer(&types, &attrs).expect_err(&format!("`{name}` rejects {rule}"));
        assert_eq!(error.rule, rule, "`{name}`: {}", error.message);
        assert!(!error.message.is_empty());
    }
}

#[test]
fn each_rule_has_a_case() {
    let cases = cases();
    for op in pfm_ops::table() {
        let tested = cases.iter().filter(|c| c.0 == op.name);
        let tested: BTreeSet<String> = tested.map(|c| c.1.to_string()).collect();
        assert_eq!(tested, labels_of(&pfm_ops::page(op)), "`{}`", op.name);
    }
}

#[test]
fn operands_and_attributes_are_counted() {
    let op = &pfm_ops::ADD;
    let x = f(&[2]);
    let rule = |types: &[&TensorType], attrs: Attrs| op.infer(types, &attrs).unwrap_err().rule;
    assert_eq!(rule(&[&x], Attrs::new()), "R0");
    assert_eq!(rule(&[&x, &x, &x], Attrs::new()), "R0");
    assert_eq!(rule(&[&x, &x], Attrs::new().int("axis", 0)), "R0");
    let softmax = |attrs: Attrs| pfm_ops::SOFTMAX.infer(&[&x], &attrs).unwrap_err().rule;
    assert_eq!(softmax(Attrs::new()), "R0");
    assert_eq!(softmax(Attrs::new().float("axis", 0.0)), "R0");
    // Without the bias and the mask, attention takes three operands.
    let q = f(&[1, 1, 2, 2]);
    let short = pfm_ops::ATTEND.infer(&[&q, &q, &q], &attention(true, false));
    assert_eq!(short.unwrap_err().rule, "R0");
    assert!(pfm_ops::ATTEND.infer(&[&q, &q, &q], &attention(false, false)).is_ok());
}

#[test]
fn names_are_unique_and_found() {
    let names: BTreeSet<&str> = pfm_ops::table().iter().map(|op| op.name).collect();
    assert_eq!(names.len(), pfm_ops::table().len());
    for op in pfm_ops::table() {
        let found = pfm_ops::lookup(op.name).expect("each row is found by name");
        assert!(std::ptr::eq(found, *op));
    }
    assert!(pfm_ops::lookup("matmul").is_none());
}
