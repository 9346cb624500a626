//! What an operation is: one record that carries its shape rule, meaning, gradient, cost and test samples.
//! The records themselves live in pfm-ops; this crate only knows their form.

use crate::{Attr, Attrs, Builder, Tensor, TensorType, ValueId};

/// An operation, by reference to its record. Two are equal when their names are.
#[derive(Clone, Copy)]
pub struct OpRef(pub &'static Op);

impl std::ops::Deref for OpRef {
    type Target = Op;
    fn deref(&self) -> &Op {
        self.0
    }
}
impl PartialEq for OpRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}
impl Eq for OpRef {}
impl std::fmt::Debug for OpRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name)
    }
}

pub struct Op {
    pub name: &'static str,
    /// The module documentation: headings Meaning, Shapes, Gradient, References.
    pub doc: &'static str,
    /// Operand names in order. With `variadic`, the last may be repeated (at least once).
    pub operands: &'static [&'static str],
    pub variadic: bool,
    pub attrs: &'static [AttrSpec],
    /// Result types from operand types, or the rule that is broken.
    pub shape: fn(&[&TensorType], &Attrs) -> Result<Vec<TensorType>, ShapeError>,
    pub meaning: Meaning,
    pub gradient: Gradient,
    pub cost: fn(&[&TensorType], &[TensorType], &Attrs) -> Cost,
    pub class: Class,
    /// Operand types and attributes that the generated tests run: every attribute variant at least once.
    pub samples: fn() -> Vec<Sample>,
}

impl Op {
    /// Result types, or the broken rule. `R0` stands for what every operation asks:
    /// the declared number of operands and exactly the declared attributes.
    pub fn infer(&self, operands: &[&TensorType], attrs: &Attrs) -> Result<Vec<TensorType>, ShapeError> {
        let expected = self.operands.len() - self.absent_operands(attrs);
        if operands.len() < expected || (operands.len() > expected && !self.variadic) {
            return Err(ShapeError::new("R0", format!("takes {expected} operands, found {}", operands.len())));
        }
        for spec in self.attrs {
            match attrs.get(spec.name) {
                Some(value) if value.kind() == spec.kind => {}
                Some(value) => {
                    return Err(ShapeError::new("R0", format!("`{}` is {:?}, found {:?}", spec.name, spec.kind, value.kind())));
                }
                None => {
                    return Err(ShapeError::new("R0", format!("`{}` is missing", spec.name)));
                }
            }
        }
        if let Some((name, _)) = attrs.iter().find(|(name, _)| self.attrs.iter().all(|spec| spec.name != *name)) {
            return Err(ShapeError::new("R0", format!("has no attribute `{name}`")));
        }
        (self.shape)(operands, attrs)
    }

    /// How many declared operands are absent: an operand with a Bool attribute of the same name is there
    /// when that attribute is true.
    fn absent_operands(&self, attrs: &Attrs) -> usize {
        self.operands.iter().filter(|name| matches!(attrs.get(name), Some(Attr::Bool(false)))).count()
    }
}

pub struct AttrSpec {
    pub name: &'static str,
    pub kind: AttrKind,
    pub doc: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttrKind {
    Int,
    Float,
    Bool,
    Text,
    Ints,
    Floats,
}

/// A broken shape rule: its label (`R1`) and a sentence with the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeError {
    pub rule: &'static str,
    pub message: String,
}

impl ShapeError {
    pub fn new(rule: &'static str, message: impl Into<String>) -> Self {
        ShapeError { rule, message: message.into() }
    }
}

pub enum Meaning {
    /// Its own reference in f64, written to be read.
    Reference(fn(&[&Tensor], &Attrs, &[TensorType]) -> Vec<Tensor>),
    /// A decomposition into simpler operations.
    Composite(fn(&mut Builder, &[ValueId], &Attrs) -> Vec<ValueId>),
}

pub enum Gradient {
    /// Adds the operand gradients to the graph. One entry per operand; None where there is none (integers).
    Rule(fn(&mut Builder, &GradCtx) -> Vec<Option<ValueId>>),
    /// Through the decomposition.
    FromMeaning,
    /// Zero by definition: comparisons, integers, random numbers, constants.
    Zero,
    /// Not differentiable; reaching it while differentiating is an error that names it.
    Undefined,
}

/// What a gradient rule may use.
pub struct GradCtx<'a> {
    pub operands: &'a [ValueId],
    pub results: &'a [ValueId],
    /// Upstream gradient of each result; None where nothing depends on it.
    pub upstream: &'a [Option<ValueId>],
    pub attrs: &'a Attrs,
    /// Which operands need a gradient; others may be None in the answer.
    pub wanted: &'a [bool],
}

/// Arithmetic and memory traffic when executed alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    pub flops: f64,
    pub bytes: f64,
}

/// How a back end treats it: the only thing that fusion and code generation look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Element by element, all operands and results of one shape (broadcasts are explicit).
    Pointwise(Scalar),
    /// A re-indexing of one operand (several for `concat`): fused into its reader as an index map.
    View(View),
    /// A value without operands: `constant`, `iota`, `literal`.
    Source,
    /// Sum or maximum over `axes` (kept out of the result's shape).
    ReduceSum,
    ReduceMax,
    /// Has a kernel in every back end; not fused into.
    Kernel,
    /// Only ever run after decomposition.
    Composite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    Neg,
    Abs,
    Sign,
    Exp,
    Log,
    Sqrt,
    Rsqrt,
    Reciprocal,
    Sin,
    Cos,
    Tanh,
    Erf,
    Sigmoid,
    Floor,
    Not,
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    Pow,
    Less,
    LessEqual,
    Equal,
    And,
    Or,
    Select,
    Cast,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    Reshape,
    Permute,
    Broadcast,
    Slice,
    Pad,
    Flip,
    Concat,
}

/// Operand types and attributes of one generated test.
pub struct Sample {
    pub operands: Vec<TensorType>,
    pub attrs: Attrs,
    /// Range that float operands are drawn from, away from kinks; integers are drawn from 0 up to `high`, exclusive.
    pub low: f64,
    pub high: f64,
}
