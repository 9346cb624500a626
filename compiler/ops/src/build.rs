//! One function per operation, so that code that writes graphs reads like formulas. They panic where a shape rule is
//! broken; whoever turns user input into nodes asks `Builder::try_op` first.

use crate as ops;
use pfm_ir::{Attrs, Builder, DType, ValueId};

macro_rules! pointwise {
    ($($name:ident $record:ident ($($operand:ident),*);)*) => {
        $(pub fn $name(b: &mut Builder, $($operand: ValueId),*) -> ValueId {
            b.op(&ops::$record, &[$($operand),*], Attrs::new())
        })*
    };
}

pointwise! {
    neg NEG (x);
    abs ABS (x);
    sign SIGN (x);
    exp EXP (x);
    log LOG (x);
    sqrt SQRT (x);
    rsqrt RSQRT (x);
    reciprocal RECIPROCAL (x);
    sin SIN (x);
    cos COS (x);
    tanh TANH (x);
    erf ERF (x);
    sigmoid SIGMOID (x);
    floor FLOOR (x);
    not NOT (x);
    add ADD (x, y);
    sub SUB (x, y);
    mul MUL (x, y);
    div DIV (x, y);
    max MAX (x, y);
    min MIN (x, y);
    pow POW (x, y);
    less LESS (x, y);
    less_equal LESS_EQUAL (x, y);
    equal EQUAL (x, y);
    and AND (x, y);
    or OR (x, y);
    select SELECT (cond, x, y);
    square SQUARE (x);
    rotate_pairs ROTATE_PAIRS (x, cos, sin);
}

/// An f32 tensor with one value everywhere.
pub fn constant(b: &mut Builder, value: f64, shape: &[usize]) -> ValueId {
    constant_of(b, value, shape, DType::F32)
}

pub fn constant_of(b: &mut Builder, value: f64, shape: &[usize], dtype: DType) -> ValueId {
    let attrs = Attrs::new().float("value", value).ints("shape", shape);
    b.op(&ops::CONSTANT, &[], attrs.text("dtype", dtype.name()))
}

/// A constant of the type of `x`.
pub fn constant_like(b: &mut Builder, x: ValueId, value: f64) -> ValueId {
    let ty = b.ty(x).clone();
    constant_of(b, value, &ty.shape, ty.dtype)
}

/// x plus a number.
pub fn add_scalar(b: &mut Builder, x: ValueId, value: f64) -> ValueId {
    let c = constant_like(b, x, value);
    add(b, x, c)
}

/// x times a number.
pub fn scale(b: &mut Builder, x: ValueId, factor: f64) -> ValueId {
    let c = constant_like(b, x, factor);
    mul(b, x, c)
}

/// An f32 tensor written out in row-major order.
pub fn literal(b: &mut Builder, data: &[f64], shape: &[usize]) -> ValueId {
    literal_of(b, data, shape, DType::F32)
}

pub fn literal_of(b: &mut Builder, data: &[f64], shape: &[usize], dtype: DType) -> ValueId {
    let attrs = Attrs::new().floats("data", data).ints("shape", shape);
    b.op(&ops::LITERAL, &[], attrs.text("dtype", dtype.name()))
}

pub fn iota(b: &mut Builder, axis: usize, shape: &[usize], dtype: DType) -> ValueId {
    let attrs = Attrs::new().int("axis", axis as i64).ints("shape", shape);
    b.op(&ops::IOTA, &[], attrs.text("dtype", dtype.name()))
}

pub fn cast(b: &mut Builder, x: ValueId, dtype: DType) -> ValueId {
    b.op(&ops::CAST, &[x], Attrs::new().text("dtype", dtype.name()))
}

/// `x` in that element type: itself where it has it.
pub fn as_type(b: &mut Builder, x: ValueId, dtype: DType) -> ValueId {
    if b.ty(x).dtype == dtype { x } else { cast(b, x, dtype) }
}

pub fn reshape(b: &mut Builder, x: ValueId, shape: &[usize]) -> ValueId {
    b.op(&ops::RESHAPE, &[x], Attrs::new().ints("shape", shape))
}

/// Result axis i is axis `axes[i]` of x.
pub fn permute(b: &mut Builder, x: ValueId, axes: &[usize]) -> ValueId {
    b.op(&ops::PERMUTE, &[x], Attrs::new().ints("axes", axes))
}

/// Axis i of x becomes axis `axes[i]` of `shape`; the others are new.
pub fn broadcast(b: &mut Builder, x: ValueId, shape: &[usize], axes: &[usize]) -> ValueId {
    let attrs = Attrs::new().ints("shape", shape).ints("axes", axes);
    b.op(&ops::BROADCAST, &[x], attrs)
}

/// Undoes the shape change of a reduction: x has `shape` without the axes `dropped`.
pub fn broadcast_like(b: &mut Builder, x: ValueId, dropped: &[usize], shape: &[usize]) -> ValueId {
    let kept: Vec<usize> = (0..shape.len()).filter(|a| !dropped.contains(a)).collect();
    broadcast(b, x, shape, &kept)
}

/// A scalar repeated to a shape.
pub fn spread(b: &mut Builder, scalar: ValueId, shape: &[usize]) -> ValueId {
    broadcast(b, scalar, shape, &[])
}

pub fn slice(b: &mut Builder, x: ValueId, start: &[usize], stop: &[usize], step: &[usize]) -> ValueId {
    let attrs = Attrs::new().ints("start", start).ints("stop", stop);
    b.op(&ops::SLICE, &[x], attrs.ints("step", step))
}

/// `start..stop` of one axis, all of the others.
pub fn slice_axis(b: &mut Builder, x: ValueId, axis: usize, start: usize, stop: usize) -> ValueId {
    let mut stops = b.shape(x).to_vec();
    let mut starts = vec![0; stops.len()];
    let steps = vec![1; stops.len()];
    (starts[axis], stops[axis]) = (start, stop);
    slice(b, x, &starts, &stops, &steps)
}

pub fn pad(b: &mut Builder, x: ValueId, low: &[usize], high: &[usize], interior: &[usize], value: f64) -> ValueId {
    let attrs = Attrs::new().ints("low", low).ints("high", high);
    b.op(&ops::PAD, &[x], attrs.ints("interior", interior).float("value", value))
}

pub fn flip(b: &mut Builder, x: ValueId, axes: &[usize]) -> ValueId {
    b.op(&ops::FLIP, &[x], Attrs::new().ints("axes", axes))
}

pub fn concat(b: &mut Builder, parts: &[ValueId], axis: usize) -> ValueId {
    b.op(&ops::CONCAT, parts, Attrs::new().int("axis", axis as i64))
}

pub fn reduce_sum(b: &mut Builder, x: ValueId, axes: &[usize]) -> ValueId {
    b.op(&ops::REDUCE_SUM, &[x], Attrs::new().ints("axes", axes))
}

pub fn reduce_max(b: &mut Builder, x: ValueId, axes: &[usize]) -> ValueId {
    b.op(&ops::REDUCE_MAX, &[x], Attrs::new().ints("axes", axes))
}

pub fn mean(b: &mut Builder, x: ValueId, axes: &[usize]) -> ValueId {
    b.op(&ops::MEAN, &[x], Attrs::new().ints("axes", axes))
}

/// Einstein summation with integer labels, as in `contract(b, x, y, &[0, 1], &[1, 2], &[0, 2])` for a matrix product.
pub fn contract(b: &mut Builder, x: ValueId, y: ValueId, x_labels: &[i64], y_labels: &[i64], out: &[i64]) -> ValueId {
    let attrs = Attrs::new().ints("x", x_labels).ints("y", y_labels);
    b.op(&ops::CONTRACT, &[x, y], attrs.ints("out", out))
}

fn window(stride: &[usize], low: &[usize], high: &[usize]) -> Attrs {
    Attrs::new().ints("stride", stride).ints("low", low).ints("high", high)
}

/// x [b, s.., ci], w [co, ci, k..] to [b, o.., co].
pub fn conv(b: &mut Builder, x: ValueId, w: ValueId, stride: &[usize], low: &[usize], high: &[usize]) -> ValueId {
    b.op(&ops::CONV, &[x, w], window(stride, low, high))
}

/// dy [b, o.., co], w [co, ci, k..] to [b, size.., ci].
pub fn conv_input_grad(
    b: &mut Builder,
    dy: ValueId,
    w: ValueId,
    stride: &[usize],
    low: &[usize],
    high: &[usize],
    size: &[usize],
) -> ValueId {
    let attrs = window(stride, low, high).ints("size", size);
    b.op(&ops::CONV_INPUT_GRAD, &[dy, w], attrs)
}

/// x [b, s.., ci], dy [b, o.., co] to [co, ci, kernel..].
pub fn conv_weight_grad(
    b: &mut Builder,
    x: ValueId,
    dy: ValueId,
    stride: &[usize],
    low: &[usize],
    high: &[usize],
    kernel: &[usize],
) -> ValueId {
    let attrs = window(stride, low, high).ints("kernel", kernel);
    b.op(&ops::CONV_WEIGHT_GRAD, &[x, dy], attrs)
}

pub fn gather(b: &mut Builder, x: ValueId, index: ValueId, axis: usize) -> ValueId {
    b.op(&ops::GATHER, &[x, index], Attrs::new().int("axis", axis as i64))
}

pub fn scatter_add(b: &mut Builder, x: ValueId, index: ValueId, updates: ValueId, axis: usize) -> ValueId {
    let attrs = Attrs::new().int("axis", axis as i64);
    b.op(&ops::SCATTER_ADD, &[x, index, updates], attrs)
}

/// What attention takes besides q, k and v.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attention {
    /// Factor of q k^T.
    pub scale: f64,
    /// Query i sees keys j <= i.
    pub causal: bool,
    /// [heads, tq, tk], added to the scores.
    pub bias: Option<ValueId>,
    /// bool [n, tk], true where a key is visible.
    pub mask: Option<ValueId>,
}

/// q [n, heads, tq, d], k [n, heads, tk, d], v [n, heads, tk, dv] to (out [n, heads, tq, dv], lse [n, heads, tq]).
pub fn attend(b: &mut Builder, q: ValueId, k: ValueId, v: ValueId, with: Attention) -> (ValueId, ValueId) {
    let mut operands = vec![q, k, v];
    operands.extend(with.bias);
    operands.extend(with.mask);
    let attrs = Attrs::new().float("scale", with.scale).bool("causal", with.causal);
    let attrs = attrs.bool("bias", with.bias.is_some()).bool("mask", with.mask.is_some());
    let results = b.op_multi(&ops::ATTEND, &operands, attrs);
    (results[0], results[1])
}

/// `operands` are q, k, v, out, lse, dout; the results dq, dk, dv and, with a bias, dbias.
pub fn attend_grad(b: &mut Builder, operands: [ValueId; 6], with: Attention) -> Vec<ValueId> {
    let mut operands = operands.to_vec();
    operands.extend(with.bias);
    operands.extend(with.mask);
    let attrs = Attrs::new().float("scale", with.scale).bool("causal", with.causal);
    let attrs = attrs.bool("bias", with.bias.is_some()).bool("mask", with.mask.is_some());
    b.op_multi(&ops::ATTEND_GRAD, &operands, attrs)
}

pub fn normalise(b: &mut Builder, x: ValueId, axes: &[usize], eps: f64, centre: bool) -> ValueId {
    let attrs = Attrs::new().ints("axes", axes).float("eps", eps);
    b.op(&ops::NORMALISE, &[x], attrs.bool("centre", centre))
}

pub fn softmax(b: &mut Builder, x: ValueId, axis: usize) -> ValueId {
    b.op(&ops::SOFTMAX, &[x], Attrs::new().int("axis", axis as i64))
}

/// x [.., 2] holds (re, im); unscaled in both directions.
pub fn fft(b: &mut Builder, x: ValueId, axes: &[usize], inverse: bool) -> ValueId {
    let attrs = Attrs::new().ints("axes", axes).bool("inverse", inverse);
    b.op(&ops::FFT, &[x], attrs)
}

/// (eigenvalues [n] descending, eigenvectors [n, n] in columns).
pub fn eigh(b: &mut Builder, a: ValueId) -> (ValueId, ValueId) {
    let results = b.op_multi(&ops::EIGH, &[a], Attrs::new());
    (results[0], results[1])
}

/// (q [m, n], r [n, n]).
pub fn qr(b: &mut Builder, a: ValueId) -> (ValueId, ValueId) {
    let results = b.op_multi(&ops::QR, &[a], Attrs::new());
    (results[0], results[1])
}

pub fn argsort(b: &mut Builder, x: ValueId, descending: bool) -> ValueId {
    b.op(&ops::ARGSORT, &[x], Attrs::new().bool("descending", descending))
}

/// Uniform numbers in [0, 1). `key` is i32[4]: (seed, stage, step, index of the first sample).
pub fn random_uniform(b: &mut Builder, key: ValueId, shape: &[usize], stream: u32) -> ValueId {
    random(b, key, "uniform", shape, stream, 0.0)
}

/// Standard normal numbers.
pub fn random_normal(b: &mut Builder, key: ValueId, shape: &[usize], stream: u32) -> ValueId {
    random(b, key, "normal", shape, stream, 0.0)
}

/// 1 with probability `rate`, else 0.
pub fn random_bernoulli(b: &mut Builder, key: ValueId, shape: &[usize], stream: u32, rate: f64) -> ValueId {
    random(b, key, "bernoulli", shape, stream, rate)
}

fn random(b: &mut Builder, key: ValueId, kind: &str, shape: &[usize], stream: u32, rate: f64) -> ValueId {
    let attrs = Attrs::new().text("kind", kind).ints("shape", shape);
    let attrs = attrs.int("stream", i64::from(stream)).float("rate", rate);
    b.op(&ops::RANDOM, &[key], attrs)
}

pub fn all_reduce(b: &mut Builder, x: ValueId) -> ValueId {
    b.op(&ops::ALL_REDUCE, &[x], Attrs::new().text("kind", "sum"))
}

pub fn reduce_scatter(b: &mut Builder, x: ValueId, axis: usize) -> ValueId {
    b.op(&ops::REDUCE_SCATTER, &[x], Attrs::new().int("axis", axis as i64))
}

pub fn all_gather(b: &mut Builder, x: ValueId, axis: usize) -> ValueId {
    b.op(&ops::ALL_GATHER, &[x], Attrs::new().int("axis", axis as i64))
}
