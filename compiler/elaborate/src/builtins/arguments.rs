//! Arguments of built-ins: matched with the row's parameters, evaluated by kind, then read by position.

use super::{Builtin, Kind, Need};
use crate::{
    Elaborator, NamedTensor, Setting,
    call::{Given, GivenValue},
    fault::{Fault, Outcome, fault},
    frame::Frame,
    library::closest,
    value::Value,
};
use pfm_diag::Span;

/// Checked arguments: a list of values per parameter, empty where it is left out.
pub(crate) struct Arguments {
    values: Vec<Vec<(Value, Span)>>,
    pub span: Span,
}

/// Calls a built-in with its arguments as written.
pub(crate) fn call<'a>(
    e: &mut Elaborator<'a>,
    frame: &mut Frame<'a>,
    builtin: &'static Builtin,
    given: Vec<Given>,
    span: Span,
) -> Outcome<Value> {
    let mut values: Vec<Vec<(Value, Span)>> = builtin.params.iter().map(|_| vec![]).collect();
    let mut next = 0;
    for g in given {
        let at = match &g.name {
            Some(name) => builtin.params.iter().position(|p| p.name == name).ok_or_else(|| unknown(builtin, name, g.span))?,
            None => {
                while next < values.len() && !values[next].is_empty() && builtin.params[next].need != Need::Many {
                    next += 1;
                }
                next
            }
        };
        let Some(param) = builtin.params.get(at) else {
            let d = fault("E1005", format!("`{}` takes {} arguments", builtin.name, builtin.params.len()), g.span, "one too many");
            return Err(Box::new(d.help(format!("it is {}", builtin.signature()))));
        };
        let at_span = g.span;
        let value = match g.value {
            GivenValue::Ready(v) => v,
            GivenValue::Expr(x) => match param.kind {
                Kind::Axes => Value::Axes(e.axes(frame, x)?),
                Kind::Axis => Value::Axes(vec![e.one_axis(frame, x)?]),
                Kind::Name => e.eval_name(frame, x)?,
                _ => e.eval(frame, x)?,
            },
        };
        let value = check(e, builtin, param.name, param.kind, value, at_span)?;
        values[at].push((value, at_span));
    }
    for (param, found) in builtin.params.iter().zip(&values) {
        if param.need == Need::Required && found.is_empty() {
            let d = fault("E1005", format!("`{}` needs `{}`", builtin.name, param.name), span, "in this call");
            return Err(Box::new(d.help(format!("it is {}", builtin.signature()))));
        }
    }
    (builtin.run)(e, &Arguments { values, span })
}

fn unknown(builtin: &Builtin, name: &str, span: Span) -> Fault {
    let known: Vec<&str> = builtin.params.iter().map(|p| p.name).collect();
    let d = fault("E1005", format!("`{}` has no argument `{name}`", builtin.name), span, "not one of its arguments");
    Box::new(match closest(name, &known) {
        Some(near) => d.help(format!("did you mean `{near}`?")),
        None => d.help(format!("it is {}", builtin.signature())),
    })
}

fn check(e: &mut Elaborator, builtin: &Builtin, name: &str, kind: Kind, value: Value, span: Span) -> Outcome<Value> {
    let count = |v: &Value| v.as_number().is_some_and(|n| n.fract() == 0.0 && (0.0..1e12).contains(&n));
    let fits = match (kind, &value) {
        (Kind::Value, _) => true,
        (Kind::Tensor, Value::Tensor(_)) => true,
        (Kind::Tensor, Value::Table(_)) => return Ok(Value::Tensor(e.tensor(&value, span)?)),
        (Kind::Number, v) => v.as_number().is_some(),
        (Kind::Count, v) => count(v),
        (Kind::Counts, v) => v.items().is_some_and(|items| items.iter().all(count)),
        (Kind::Bool, Value::Setting(s)) => matches!(s.closed(), Setting::Bool(_)),
        (Kind::Name, Value::Setting(s)) => matches!(s.closed(), Setting::Name(_)),
        (Kind::Axis, Value::Axes(axes)) => axes.len() == 1,
        (Kind::Axes, Value::Axes(_)) => true,
        _ => false,
    };
    if fits {
        return Ok(value);
    }
    let wanted = match kind {
        Kind::Value => "a value",
        Kind::Tensor => "a tensor",
        Kind::Number => "a number",
        Kind::Count => "a whole number of at least 0",
        Kind::Counts => "a list of whole numbers",
        Kind::Bool => "true or false",
        Kind::Name => "a name",
        Kind::Axis => "an axis",
        Kind::Axes => "axes",
    };
    let found = match value.as_number() {
        Some(n) => format!("the number {n}"),
        None => value.kind(),
    };
    let d = fault("E1006", format!("`{name}` of `{}` is {wanted}, found {found}", builtin.name), span, found);
    Err(Box::new(d.help(format!("it is {}", builtin.signature()))))
}

impl Arguments {
    fn get(&self, at: usize) -> Option<&Value> {
        self.values[at].first().map(|(v, _)| v)
    }

    pub fn has(&self, at: usize) -> bool {
        !self.values[at].is_empty()
    }

    /// Place of an argument, for errors about it.
    pub fn span_of(&self, at: usize) -> Span {
        self.values[at].first().map_or(self.span, |(_, s)| *s)
    }

    pub fn value(&self, at: usize) -> &Value {
        self.get(at).expect("a required argument is there")
    }

    pub fn all(&self, at: usize) -> Vec<&Value> {
        self.values[at].iter().map(|(v, _)| v).collect()
    }

    pub fn tensor(&self, at: usize) -> &NamedTensor {
        match self.get(at) {
            Some(Value::Tensor(t)) => t,
            _ => panic!("argument {at} was checked to be a tensor"),
        }
    }

    pub fn number(&self, at: usize) -> f64 {
        self.value(at).as_number().expect("the argument was checked to be a number")
    }

    pub fn number_or(&self, at: usize, default: f64) -> f64 {
        self.get(at).and_then(Value::as_number).unwrap_or(default)
    }

    pub fn count(&self, at: usize) -> usize {
        self.number(at) as usize
    }

    pub fn counts(&self, at: usize) -> Vec<usize> {
        let items = self.get(at).and_then(Value::items).unwrap_or_default();
        items.iter().map(|v| v.as_number().expect("items were checked to be numbers") as usize).collect()
    }

    pub fn flag(&self, at: usize, default: bool) -> bool {
        match self.get(at) {
            Some(Value::Setting(s)) => s.closed() == &Setting::Bool(true),
            _ => default,
        }
    }

    /// A word, such as `pinv`.
    pub fn name(&self, at: usize) -> Option<&str> {
        match self.get(at) {
            Some(Value::Setting(s)) => match s.closed() {
                Setting::Name(n) => Some(n),
                _ => None,
            },
            _ => None,
        }
    }

    pub fn axes(&self, at: usize) -> Vec<String> {
        match self.get(at) {
            Some(Value::Axes(axes)) => axes.clone(),
            _ => vec![],
        }
    }

    pub fn axis(&self, at: usize) -> String {
        self.axes(at).into_iter().next().expect("the argument was checked to be an axis")
    }
}
