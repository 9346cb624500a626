//! Operators. Between numbers they are computed now; between constant tables now, in f64; with a tensor they become nodes, after
//! both sides are repeated along the axes that they lack.

use crate::{
    Elaborator, NamedTensor, Setting,
    fault::{Outcome, fault},
    frame::Frame,
    interpret::small,
    value::{Table, Value},
};
use pfm_diag::Span;
use pfm_ir::{Attrs, DType, Op, Tensor};
use pfm_syntax::ast::{BinaryOp, Comparison, Expr, ExprKind};

/// Constant tables larger than this are put into the graph and computed there.
const LARGEST_TABLE: usize = 4096;

/// A pointwise operation of two operands: its node and what it does to numbers.
pub(crate) struct Pointwise {
    pub op: &'static Op,
    pub number: fn(f64, f64) -> f64,
    pub boolean: bool,
}

const fn pointwise(op: &'static Op, number: fn(f64, f64) -> f64) -> Pointwise {
    Pointwise { op, number, boolean: false }
}

const fn test(op: &'static Op, number: fn(f64, f64) -> f64) -> Pointwise {
    Pointwise { op, number, boolean: true }
}

static ADD: Pointwise = pointwise(&pfm_ops::ADD, |a, b| a + b);
static SUB: Pointwise = pointwise(&pfm_ops::SUB, |a, b| a - b);
static MUL: Pointwise = pointwise(&pfm_ops::MUL, |a, b| a * b);
static DIV: Pointwise = pointwise(&pfm_ops::DIV, |a, b| a / b);
static POW: Pointwise = pointwise(&pfm_ops::POW, f64::powf);
static AND: Pointwise = test(&pfm_ops::AND, |a, b| a * b);
static OR: Pointwise = test(&pfm_ops::OR, f64::max);
static LESS: Pointwise = test(&pfm_ops::LESS, |a, b| f64::from(a < b));
static LESS_EQUAL: Pointwise = test(&pfm_ops::LESS_EQUAL, |a, b| f64::from(a <= b));
static EQUAL: Pointwise = test(&pfm_ops::EQUAL, |a, b| f64::from(a == b));
pub(crate) static MAX: Pointwise = pointwise(&pfm_ops::MAX, f64::max);
pub(crate) static MIN: Pointwise = pointwise(&pfm_ops::MIN, f64::min);

impl<'a> Elaborator<'a> {
    pub(crate) fn binary(&mut self, frame: &mut Frame<'a>, op: BinaryOp, left: &Expr, right: &Expr, span: Span) -> Outcome<Value> {
        if let BinaryOp::Compare(Comparison::Equal | Comparison::NotEqual) = op {
            let (a, b) = self.compared(frame, left, right)?;
            if let Some(same) = same_setting(&a, &b) {
                return Ok(Value::boolean(same == (op == BinaryOp::Compare(Comparison::Equal))));
            }
            return self.apply(op, &a, &b, span);
        }
        let a = self.eval(frame, left)?;
        // `and` and `or` leave their right side alone where the left decides.
        match (op, &a) {
            (BinaryOp::And, Value::Setting(Setting::Bool(false))) => return Ok(a),
            (BinaryOp::Or, Value::Setting(Setting::Bool(true))) => return Ok(a),
            _ => {}
        }
        let b = self.eval(frame, right)?;
        self.apply(op, &a, &b, span)
    }

    /// Both sides of `==`: a bare name beside a setting stands for itself, as in `order == space_time`.
    fn compared(&mut self, frame: &mut Frame<'a>, left: &Expr, right: &Expr) -> Outcome<(Value, Value)> {
        let bare = |e: &Expr| matches!(&e.kind, ExprKind::Path(p) if p.segments.len() == 1 && frame.lookup(&p.segments[0].text).is_none());
        match (bare(left), bare(right)) {
            (false, true) => {
                let a = self.eval(frame, left)?;
                Ok((a, self.eval_name(frame, right)?))
            }
            (true, false) => {
                let b = self.eval(frame, right)?;
                Ok((self.eval_name(frame, left)?, b))
            }
            _ => Ok((self.eval(frame, left)?, self.eval(frame, right)?)),
        }
    }

    fn apply(&mut self, op: BinaryOp, a: &Value, b: &Value, span: Span) -> Outcome<Value> {
        if let (Some(x), Some(y)) = (a.as_number(), b.as_number()) {
            return numbers(op, x, y, span);
        }
        if let (Value::Setting(Setting::Bool(x)), Value::Setting(Setting::Bool(y))) = (a, b) {
            match op {
                BinaryOp::And => return Ok(Value::boolean(*x && *y)),
                BinaryOp::Or => return Ok(Value::boolean(*x || *y)),
                _ => {}
            }
        }
        if op == BinaryOp::Add
            && let (Some(mut x), Some(y)) = (listed(a), listed(b))
        {
            x.extend(y);
            return small(Value::list(x), span);
        }
        match op {
            BinaryOp::Add if b.as_number() == Some(0.0) => Ok(a.clone()),
            BinaryOp::Add => self.pointwise(&ADD, a, b, span),
            BinaryOp::Sub => self.pointwise(&SUB, a, b, span),
            BinaryOp::Mul if b.as_number() == Some(1.0) => Ok(a.clone()),
            BinaryOp::Mul if a.as_number() == Some(1.0) => Ok(b.clone()),
            BinaryOp::Mul => self.pointwise(&MUL, a, b, span),
            BinaryOp::Div => self.pointwise(&DIV, a, b, span),
            BinaryOp::Pow => self.power(a, b, span),
            BinaryOp::And => self.pointwise(&AND, a, b, span),
            BinaryOp::Or => self.pointwise(&OR, a, b, span),
            BinaryOp::Compare(c) => self.compare(c, a, b, span),
            BinaryOp::IntDiv | BinaryOp::Rem => Err(fault(
                "E1006",
                format!("whole-number division is for numbers, found {} and {}", a.kind(), b.kind()),
                span,
                "not between tensors",
            )),
        }
    }

    fn compare(&mut self, c: Comparison, a: &Value, b: &Value, span: Span) -> Outcome<Value> {
        match c {
            Comparison::Less => self.pointwise(&LESS, a, b, span),
            Comparison::LessEqual => self.pointwise(&LESS_EQUAL, a, b, span),
            Comparison::Greater => self.pointwise(&LESS, b, a, span),
            Comparison::GreaterEqual => self.pointwise(&LESS_EQUAL, b, a, span),
            Comparison::Equal => self.pointwise(&EQUAL, a, b, span),
            Comparison::NotEqual => {
                let equal = self.pointwise(&EQUAL, a, b, span)?;
                self.invert(&equal, span)
            }
        }
    }

    /// `x ^ 2` and other exponents that have a cheaper form than `pow`.
    fn power(&mut self, a: &Value, b: &Value, span: Span) -> Outcome<Value> {
        if let (Value::Tensor(t), Some(exponent)) = (a, b.as_number()) {
            let unary = |this: &mut Self, op| {
                let value = this.node(op, &[t.value], Attrs::new(), span)?;
                Ok(Value::Tensor(NamedTensor { value, axes: t.axes.clone() }))
            };
            if exponent == 1.0 {
                return Ok(a.clone());
            } else if exponent == 2.0 {
                return self.pointwise(&MUL, a, a, span);
            } else if exponent == 0.5 {
                return unary(self, &pfm_ops::SQRT);
            } else if exponent == -1.0 {
                return unary(self, &pfm_ops::RECIPROCAL);
            }
        }
        self.pointwise(&POW, a, b, span)
    }

    /// A pointwise operation between any two of numbers, tables and tensors.
    pub(crate) fn pointwise(&mut self, p: &Pointwise, a: &Value, b: &Value, span: Span) -> Outcome<Value> {
        if let (Some(x), Some(y)) = (a.as_number(), b.as_number()) {
            let v = (p.number)(x, y);
            return Ok(if p.boolean { Value::boolean(v != 0.0) } else { Value::number(v) });
        }
        if let (Some(x), Some(y)) = (table(a), table(b))
            && let Some(folded) = fold(p, &x, &y)
        {
            return Ok(Value::Table(folded));
        }
        // A number beside a tensor is a constant of its shape.
        if let (Value::Tensor(t), Some(v)) = (a, b.as_number()) {
            let (shape, dtype) = (self.sizes(t), self.dtype(t));
            let other = self.constant(v, &shape, dtype);
            return self.pointwise_node(p, t.value, other, t.axes.clone(), span);
        }
        if let (Some(v), Value::Tensor(t)) = (a.as_number(), b) {
            let (shape, dtype) = (self.sizes(t), self.dtype(t));
            let other = self.constant(v, &shape, dtype);
            return self.pointwise_node(p, other, t.value, t.axes.clone(), span);
        }
        let (x, y) = (self.tensor(a, span)?, self.tensor(b, span)?);
        let (axes, sizes) = self.union(&[&x, &y]);
        let (x, y) = (self.spread(&x, &axes, &sizes, span)?, self.spread(&y, &axes, &sizes, span)?);
        self.pointwise_node(p, x.value, y.value, axes, span)
    }

    fn pointwise_node(&mut self, p: &Pointwise, a: pfm_ir::ValueId, b: pfm_ir::ValueId, axes: Vec<String>, span: Span) -> Outcome<Value> {
        let value = self.node(p.op, &[a, b], Attrs::new(), span)?;
        Ok(Value::Tensor(NamedTensor { value, axes }))
    }

    fn dtype(&self, t: &NamedTensor) -> DType {
        self.builder.ty(t.value).dtype
    }

    pub(crate) fn negative(&mut self, value: &Value, span: Span) -> Outcome<Value> {
        if let Some(v) = value.as_number() {
            return Ok(Value::number(-v));
        }
        if let Value::Table(t) = value {
            let tensor = Tensor::new(&t.tensor.shape, t.tensor.data.iter().map(|v| -v).collect());
            return Ok(Value::Table(Table { tensor, ..t.clone() }));
        }
        let t = self.tensor(value, span)?;
        let value = self.node(&pfm_ops::NEG, &[t.value], Attrs::new(), span)?;
        Ok(Value::Tensor(NamedTensor { value, axes: t.axes }))
    }

    pub(crate) fn not(&mut self, frame: &mut Frame<'a>, inner: &Expr) -> Outcome<Value> {
        let value = self.eval(frame, inner)?;
        self.invert(&value, inner.span)
    }

    fn invert(&mut self, value: &Value, span: Span) -> Outcome<Value> {
        if let Value::Setting(s) = value
            && let Setting::Bool(b) = s.closed()
        {
            return Ok(Value::boolean(!b));
        }
        let t = self.tensor(value, span)?;
        let value = self.node(&pfm_ops::NOT, &[t.value], Attrs::new(), span)?;
        Ok(Value::Tensor(NamedTensor { value, axes: t.axes }))
    }
}

fn numbers(op: BinaryOp, x: f64, y: f64, span: Span) -> Outcome<Value> {
    let by_zero = || {
        Box::new(
            fault("E1019", "division by zero", span, "the right side is 0").help("guard it, as in `a / max(b, 1)`, or choose with `if`"),
        )
    };
    Ok(match op {
        BinaryOp::Add => Value::number(x + y),
        BinaryOp::Sub => Value::number(x - y),
        BinaryOp::Mul => Value::number(x * y),
        BinaryOp::Div if y == 0.0 => return Err(by_zero()),
        BinaryOp::Div => Value::number(x / y),
        BinaryOp::IntDiv | BinaryOp::Rem if y == 0.0 => return Err(by_zero()),
        BinaryOp::IntDiv => Value::number((x / y).floor()),
        BinaryOp::Rem => Value::number(x.rem_euclid(y)),
        BinaryOp::Pow => Value::number(x.powf(y)),
        BinaryOp::Compare(c) => Value::boolean(match c {
            Comparison::Less => x < y,
            Comparison::LessEqual => x <= y,
            Comparison::Greater => x > y,
            Comparison::GreaterEqual => x >= y,
            Comparison::Equal => x == y,
            Comparison::NotEqual => x != y,
        }),
        BinaryOp::And | BinaryOp::Or => return Err(fault("E1006", "`and` and `or` join conditions, found numbers", span, "two numbers")),
    })
}

fn same_setting(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::Setting(a), Value::Setting(b)) => Some(a.closed() == b.closed()),
        (Value::Axes(a), Value::Axes(b)) => Some(a == b),
        // Nothing but `none` equals `none`.
        (Value::Setting(Setting::None), _) | (_, Value::Setting(Setting::None)) => Some(false),
        _ => None,
    }
}

fn listed(v: &Value) -> Option<Vec<Value>> {
    match v {
        Value::Setting(s) if matches!(s.closed(), Setting::List(_)) => v.items(),
        Value::Group(items) => Some(items.clone()),
        _ => None,
    }
}

fn table(v: &Value) -> Option<Table> {
    match v {
        Value::Table(t) => Some(t.clone()),
        other => other.as_number().map(|n| Table { axes: vec![], tensor: Tensor::scalar(n), boolean: false }),
    }
}

/// Both tables over the union of their axes, element by element. None: too large to be worth a literal, or of unequal sizes.
fn fold(p: &Pointwise, a: &Table, b: &Table) -> Option<Table> {
    let (mut axes, mut shape) = (a.axes.clone(), a.tensor.shape.clone());
    for (axis, size) in b.axes.iter().zip(&b.tensor.shape) {
        match axes.iter().position(|x| x == axis) {
            Some(at) if shape[at] != *size => return None,
            Some(_) => {}
            None => {
                axes.push(axis.clone());
                shape.push(*size);
            }
        }
    }
    if shape.iter().product::<usize>() > LARGEST_TABLE {
        return None;
    }
    let pick = |t: &Table, index: &[usize]| {
        let at: Vec<usize> = t.axes.iter().map(|x| index[axes.iter().position(|y| x == y).expect("an axis of the union")]).collect();
        t.tensor.at(&at)
    };
    let tensor = Tensor::from_fn(&shape, |i| (p.number)(pick(a, i), pick(b, i)));
    Some(Table { axes, tensor, boolean: p.boolean })
}
