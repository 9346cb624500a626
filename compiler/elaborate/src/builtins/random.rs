//! Random draws. Each is keyed by the path of its place in the model, so that no other change of the graph changes it.

use super::{Arguments, Builtin, Kind, required};
use crate::{
    Elaborator, NamedTensor,
    fault::{Outcome, fault},
    kind_word,
    value::Value,
};
use pfm_syntax::ast::DefinitionKind;

pub(super) static TABLE: &[Builtin] = &[Builtin {
    name: "drop_path",
    params: &[required("x", Kind::Tensor), required("rate", Kind::Number)],
    doc: "In training, zero for a sample (an entry of the first axis) with probability `rate`, else x / (1 - rate); otherwise x.",
    run: drop_path,
}];

fn drop_path(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let (x, rate) = (a.tensor(0).clone(), a.number(1));
    if !(0.0..1.0).contains(&rate) {
        return Err(fault("E1006", format!("a rate is at least 0 and below 1, found {rate}"), a.span_of(1), "out of range"));
    }
    super::reduce::numeric(e, &x, a)?;
    if let Some(kind) = e.deterministic {
        let d = fault("E1021", format!("a random draw stands in {} {}", article(kind), kind_word(kind)), a.span, "draws here");
        return Err(Box::new(d.help("draw in a block of the tokeniser or processor")));
    }
    if rate == 0.0 || !e.options.training {
        return Ok(Value::Tensor(x));
    }
    let Some(key) = e.options.random_key else {
        return Err(fault("E1021", "a random draw in a graph without a key", a.span, "draws here"));
    };
    let keep = 1.0 - rate;
    let stream = e.stream();
    let sizes = e.sizes(&x);
    let drawn = pfm_ops::random_bernoulli(&mut e.builder, key, &sizes[..1], stream, keep);
    let factor = pfm_ops::scale(&mut e.builder, drawn, 1.0 / keep);
    let factor = pfm_ops::broadcast(&mut e.builder, factor, &sizes, &[0]);
    let value = pfm_ops::mul(&mut e.builder, x.value, factor);
    Ok(Value::Tensor(NamedTensor { value, axes: x.axes }))
}

fn article(kind: DefinitionKind) -> &'static str {
    if kind == DefinitionKind::Optimiser { "an" } else { "a" }
}

impl Elaborator<'_> {
    /// A number for the next draw at the current path: FNV-1a of the path and of how many draws it had before.
    pub(crate) fn stream(&mut self) -> u32 {
        let path = self.builder.path().to_string();
        let before = self.draws.entry(path.clone()).or_insert(0);
        let text = format!("{path}#{before}");
        *before += 1;
        text.bytes().fold(0x811c_9dc5, |h: u32, byte| (h ^ u32::from(byte)).wrapping_mul(0x0100_0193)) & 0x7fff_ffff
    }
}
