//! What code computes with: closed settings, tensors of the graph, constant tables that are still known while compiling,
//! lists of tensors, and lists of axes.

use crate::{Setting, fault::axes_text};
use pfm_ir::{Tensor, ValueId};

/// A tensor of the graph whose axes have names, in the order of its shape. Batch is `b`, time `t`, channels `c`,
/// space `h w` or `h w d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedTensor {
    pub value: ValueId,
    pub axes: Vec<String>,
}

impl NamedTensor {
    /// Axes as words: `b t h w c`. An empty text is a scalar.
    pub fn new(value: ValueId, axes: &str) -> Self {
        NamedTensor { value, axes: axes.split_whitespace().map(str::to_string).collect() }
    }

    /// Position of an axis.
    pub fn position(&self, axis: &str) -> Option<usize> {
        self.axes.iter().position(|a| a == axis)
    }
}

/// A tensor whose elements are known while compiling, in f64: frequencies, positions, resize matrices. It becomes a literal
/// where it meets a tensor of the graph.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub axes: Vec<String>,
    pub tensor: Tensor,
    /// True for the result of a comparison.
    pub boolean: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Setting(Setting),
    Tensor(NamedTensor),
    Table(Table),
    /// A list or tuple that holds tensors.
    Group(Vec<Value>),
    Axes(Vec<String>),
}

impl Value {
    pub fn number(v: f64) -> Value {
        Value::Setting(Setting::Number(v))
    }

    pub fn boolean(v: bool) -> Value {
        Value::Setting(Setting::Bool(v))
    }

    pub fn numbers(v: impl IntoIterator<Item = f64>) -> Value {
        Value::Setting(Setting::List(v.into_iter().map(Setting::Number).collect()))
    }

    /// The number that it is, with a choice closed.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Setting(s) => s.number(),
            _ => None,
        }
    }

    /// A list: of settings where all items are settings.
    pub fn list(items: Vec<Value>) -> Value {
        match items.iter().map(Value::as_setting).collect::<Option<Vec<_>>>() {
            Some(settings) => Value::Setting(Setting::List(settings)),
            None => Value::Group(items),
        }
    }

    pub fn as_setting(&self) -> Option<Setting> {
        match self {
            Value::Setting(s) => Some(s.clone()),
            _ => None,
        }
    }

    /// Items of a list, tuple, vocabulary or group.
    pub fn items(&self) -> Option<Vec<Value>> {
        match self {
            Value::Group(items) => Some(items.clone()),
            Value::Axes(axes) => Some(axes.iter().map(|a| Value::Axes(vec![a.clone()])).collect()),
            Value::Setting(s) => match s.closed() {
                Setting::List(items) | Setting::Tuple(items) => Some(items.iter().cloned().map(Value::Setting).collect()),
                Setting::Vocabulary(names) => Some(names.iter().map(|n| Value::Setting(Setting::Name(n.clone()))).collect()),
                _ => None,
            },
            _ => None,
        }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> String {
        match self {
            Value::Setting(s) => s.closed().kind().to_string(),
            Value::Tensor(t) => format!("a tensor {}", axes_text(&t.axes)),
            Value::Table(t) => format!("a constant tensor {}", axes_text(&t.axes)),
            Value::Group(items) => format!("a list of {} tensors", items.len()),
            Value::Axes(axes) => format!("the axes {}", axes_text(axes)),
        }
    }
}
