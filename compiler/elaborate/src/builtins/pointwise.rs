//! Functions of one element: on numbers they are computed now, on constant tables now, on tensors they become nodes.

use super::{Arguments, Builtin, Kind, required};
use crate::{
    Elaborator, NamedTensor, Setting,
    fault::{Outcome, fault},
    value::{Table, Value},
};
use pfm_ir::{Attrs, Op, Tensor};

macro_rules! unary {
    ($($name:literal $record:ident $number:expr, $doc:literal;)*) => {
        &[$(Builtin {
            name: $name,
            params: &[required("x", Kind::Value)],
            doc: $doc,
            run: |e, a| unary(e, a, &pfm_ops::$record, $number),
        },)*
        Builtin {
            name: "where",
            params: &[required("condition", Kind::Value), required("a", Kind::Value), required("b", Kind::Value)],
            doc: "`a` where the condition holds, else `b`, element by element.",
            run: choose,
        }]
    };
}

pub(super) static TABLE: &[Builtin] = unary! {
    "abs" ABS f64::abs, "Absolute value.";
    "sign" SIGN sign, "-1, 0 or 1.";
    "exp" EXP f64::exp, "Exponential.";
    "log" LOG f64::ln, "Natural logarithm.";
    "sqrt" SQRT f64::sqrt, "Square root.";
    "rsqrt" RSQRT |x| 1.0 / x.sqrt(), "One over the square root.";
    "sin" SIN f64::sin, "Sine.";
    "cos" COS f64::cos, "Cosine.";
    "tanh" TANH f64::tanh, "Hyperbolic tangent.";
    "erf" ERF pfm_ops::erf_reference, "Error function.";
    "sigmoid" SIGMOID |x| 1.0 / (1.0 + (-x).exp()), "1 / (1 + exp(-x)).";
    "floor" FLOOR f64::floor, "The largest whole number that is not above.";
};

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

fn unary(e: &mut Elaborator, a: &Arguments, op: &'static Op, number: fn(f64) -> f64) -> Outcome<Value> {
    let x = a.value(0);
    if let Some(v) = x.as_number() {
        return Ok(Value::number(number(v)));
    }
    if let Value::Table(t) = x {
        let tensor = Tensor::new(&t.tensor.shape, t.tensor.data.iter().map(|v| number(*v)).collect());
        return Ok(Value::Table(Table { tensor, ..t.clone() }));
    }
    let t = e.tensor(x, a.span)?;
    let value = e.node(op, &[t.value], Attrs::new(), a.span)?;
    Ok(Value::Tensor(NamedTensor { value, axes: t.axes }))
}

fn choose(e: &mut Elaborator, a: &Arguments) -> Outcome<Value> {
    let condition = match a.value(0) {
        Value::Setting(Setting::Bool(b)) => return Ok(a.value(if *b { 1 } else { 2 }).clone()),
        Value::Setting(s) => return Err(fault("E1006", format!("a condition, found {}", s.kind()), a.span_of(0), s.kind())),
        other => e.tensor(other, a.span_of(0))?,
    };
    let (x, y) = (e.tensor(a.value(1), a.span_of(1))?, e.tensor(a.value(2), a.span_of(2))?);
    let (axes, sizes) = e.union(&[&condition, &x, &y]);
    let mut operands = vec![];
    for t in [condition, x, y] {
        operands.push(e.spread(&t, &axes, &sizes, a.span)?.value);
    }
    let value = e.node(&pfm_ops::SELECT, &operands, Attrs::new(), a.span)?;
    Ok(Value::Tensor(NamedTensor { value, axes }))
}
