//! `random`: random numbers that depend on nothing but the key, the stream and the place in the tensor.
//!
//! ## Meaning
//! `key` is (seed, stage, step, index of the first sample). Axis 0 of `shape` counts samples; element e of sample s, counted
//! in row-major order within the sample, comes from Philox4x32-10 with key (seed, stage) and counter
//! (step, key[3] + s, stream, e). `uniform` lies in [0, 1), `normal` has mean 0 and variance 1, `bernoulli` is 1 with
//! probability `rate`, else 0. `rate` counts only there.
//! ## Shapes
//! R1 `key` is i32[4]. R2 `shape` has at least one axis, no negative size and less than 2^32 elements per sample.
//! R3 `kind` is uniform, normal or bernoulli. R4 `stream` is from 0 to 2^32 - 1. R5 `rate` is from 0 to 1. The result holds f32.
//! ## Gradient
//! Zero: it has no operand to differentiate.
//! ## References
//! Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011; Box and Muller, 1958.

use crate::{cost, doc, philox, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, Tensor, TensorType};

fn infer(t: &[&TensorType], attrs: &Attrs) -> Inferred {
    same(t[0], &i32s(&[4]), "R1")?;
    let shape = sizes(attrs, "shape", "R2")?;
    let each: usize = shape.iter().skip(1).product();
    require(!shape.is_empty() && u32::try_from(each).is_ok(), "R2", || format!("shape {shape:?}"))?;
    let kind = attrs.get_text("kind");
    require(["uniform", "normal", "bernoulli"].contains(&kind), "R3", || format!("`{kind}` is not a distribution"))?;
    let stream = attrs.get_int("stream");
    require(u32::try_from(stream).is_ok(), "R4", || format!("stream {stream}"))?;
    let rate = attrs.get_float("rate");
    require((0.0..=1.0).contains(&rate), "R5", || format!("rate {rate}"))?;
    Ok(vec![TensorType::f32(&shape)])
}

fn reference(t: &[&Tensor], attrs: &Attrs, results: &[TensorType]) -> Vec<Tensor> {
    // i32 values read as their 32 bits.
    let key: [u32; 4] = std::array::from_fn(|i| t[0].data[i] as i64 as u32);
    let stream = attrs.get_int("stream") as u32;
    let threshold = philox::bernoulli_threshold(attrs.get_float("rate"));
    let value: Box<dyn Fn([u32; 4]) -> f64> = match attrs.get_text("kind") {
        "uniform" => Box::new(|w| f64::from(philox::uniform(w))),
        "normal" => Box::new(philox::normal),
        _ => Box::new(move |w| f64::from(u8::from(w[0] >> 8 < threshold))),
    };
    let shape = &results[0].shape;
    let each: usize = shape[1..].iter().product();
    let mut data = Vec::with_capacity(results[0].elements());
    for sample in 0..shape[0] as u32 {
        for element in 0..each as u32 {
            data.push(value(philox::draw(key, sample, stream, element)));
        }
    }
    vec![Tensor::new(shape, data)]
}

pub static RANDOM: Op = Op {
    name: "random",
    doc: doc::header(include_str!("random.rs")),
    operands: &["key"],
    variadic: false,
    attrs: &[
        attr("kind", AttrKind::Text, "uniform, normal or bernoulli"),
        attr("rate", AttrKind::Float, "probability of 1, for bernoulli"),
        attr("shape", AttrKind::Ints, "shape of the result; axis 0 counts samples"),
        attr("stream", AttrKind::Int, "which of the step's random tensors it is"),
    ],
    shape: infer,
    meaning: Meaning::Reference(reference),
    gradient: Gradient::Zero,
    cost: |t, results, _| cost::counted(t, results, 60.0 * results[0].elements() as f64),
    class: Class::Kernel,
    samples: || {
        let of = |kind, shape: &[usize], stream, rate| {
            let attrs = Attrs::new().text("kind", kind).ints("shape", shape);
            let attrs = attrs.int("stream", stream).float("rate", rate);
            sample_from(&[i32s(&[4])], attrs, 0.0, 1000.0)
        };
        vec![of("uniform", &[2, 3], 1, 0.0), of("normal", &[3, 2, 2], 4_000_000_000, 0.0), of("bernoulli", &[64], 3, 0.25)]
    },
};
