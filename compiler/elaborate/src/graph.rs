//! Adding nodes by axis name: permutation, broadcast and reshape to named axes, constants, and the conversion of broken
//! shape rules into diagnostics. No-op views are never added.

use crate::{
    Elaborator, NamedTensor,
    fault::{Outcome, axes_text, fault},
    value::{Table, Value},
};
use pfm_diag::Span;
use pfm_ir::{Attrs, DType, Op, ValueId};

impl Elaborator<'_> {
    /// A node with all its results, or the diagnostic of the rule that it breaks.
    pub(crate) fn nodes(&mut self, op: &'static Op, operands: &[ValueId], attrs: Attrs, span: Span) -> Outcome<Vec<ValueId>> {
        self.builder.try_op(op, operands, attrs).map_err(|e| {
            let mut d = *fault("E1010", format!("`{}` can not work on these tensors: {}", op.name, e.message), span, "used here");
            d = d.note(format!("rule {} of `{}`", e.rule, op.name));
            Box::new(d)
        })
    }

    pub(crate) fn node(&mut self, op: &'static Op, operands: &[ValueId], attrs: Attrs, span: Span) -> Outcome<ValueId> {
        Ok(self.nodes(op, operands, attrs, span)?[0])
    }

    pub(crate) fn sizes(&self, t: &NamedTensor) -> Vec<usize> {
        self.builder.shape(t.value).to_vec()
    }

    /// Size of an axis of a tensor; a broken invariant where it has none of that name.
    pub(crate) fn size(&self, t: &NamedTensor, axis: &str) -> usize {
        let at = t.position(axis).unwrap_or_else(|| panic!("the tensor has an axis `{axis}`"));
        self.builder.shape(t.value)[at]
    }

    /// Position of an axis that the code names.
    pub(crate) fn axis(&self, t: &NamedTensor, axis: &str, span: Span) -> Outcome<usize> {
        t.position(axis).ok_or_else(|| {
            let d = fault(
                "E1008",
                format!("no axis `{axis}` in {}", axes_text(&t.axes)),
                span,
                format!("the tensor has {}", axes_text(&t.axes)),
            );
            Box::new(d.help("name one of its axes"))
        })
    }

    /// Positions of several axes, each different.
    pub(crate) fn positions(&self, t: &NamedTensor, axes: &[String], span: Span) -> Outcome<Vec<usize>> {
        if let Some(twice) = axes.iter().enumerate().find_map(|(i, a)| axes[..i].contains(a).then_some(a)) {
            let d = fault("E1008", format!("axis `{twice}` is named twice"), span, axes_text(axes));
            return Err(Box::new(d.help("name every axis once")));
        }
        axes.iter().map(|a| self.axis(t, a, span)).collect()
    }

    /// A tensor with one value everywhere. NaN is written as 0 / 0: a graph's text must read back equal.
    pub(crate) fn constant(&mut self, value: f64, shape: &[usize], dtype: DType) -> ValueId {
        let attrs = |v: f64| Attrs::new().float("value", v).ints("shape", shape).text("dtype", dtype.name());
        if value.is_nan() {
            let zero = self.builder.op(&pfm_ops::CONSTANT, &[], attrs(0.0));
            return self.builder.op(&pfm_ops::DIV, &[zero, zero], Attrs::new());
        }
        self.builder.op(&pfm_ops::CONSTANT, &[], attrs(value))
    }

    /// A literal with the elements of a table.
    pub(crate) fn literal(&mut self, table: &Table) -> NamedTensor {
        let dtype = if table.boolean { DType::Bool } else { DType::F32 };
        let first = table.tensor.data.first().copied().unwrap_or(0.0);
        if table.tensor.data.iter().all(|v| *v == first) {
            let value = self.constant(first, &table.tensor.shape, dtype);
            return NamedTensor { value, axes: table.axes.clone() };
        }
        let attrs = Attrs::new().floats("data", &table.tensor.data).ints("shape", &table.tensor.shape).text("dtype", dtype.name());
        let value = self.builder.op(&pfm_ops::LITERAL, &[], attrs);
        NamedTensor { value, axes: table.axes.clone() }
    }

    /// The value as a tensor of the graph: numbers become scalars, tables literals.
    pub(crate) fn tensor(&mut self, value: &Value, span: Span) -> Outcome<NamedTensor> {
        match value {
            Value::Tensor(t) => Ok(t.clone()),
            Value::Table(t) => Ok(self.literal(t)),
            other => match other.as_number() {
                Some(v) => Ok(NamedTensor { value: self.constant(v, &[], DType::F32), axes: vec![] }),
                None => Err(fault("E1006", format!("expected a tensor, found {}", other.kind()), span, other.kind())),
            },
        }
    }

    pub(crate) fn reshape(&mut self, value: ValueId, shape: &[usize]) -> ValueId {
        if self.builder.shape(value) == shape {
            return value;
        }
        self.builder.op(&pfm_ops::RESHAPE, &[value], Attrs::new().ints("shape", shape))
    }

    /// The same axes in another order.
    pub(crate) fn ordered(&mut self, t: &NamedTensor, order: &[String]) -> NamedTensor {
        let axes: Vec<usize> = order.iter().map(|a| t.position(a).unwrap_or_else(|| panic!("`{a}` is an axis of the tensor"))).collect();
        assert_eq!(axes.len(), t.axes.len(), "an order names every axis once");
        if axes.iter().enumerate().all(|(i, a)| i == *a) {
            return t.clone();
        }
        let value = self.builder.op(&pfm_ops::PERMUTE, &[t.value], Attrs::new().ints("axes", &axes));
        NamedTensor { value, axes: order.to_vec() }
    }

    /// The tensor over all of `axes`, of these sizes: it is repeated along those that it lacks.
    pub(crate) fn spread(&mut self, t: &NamedTensor, axes: &[String], sizes: &[usize], span: Span) -> Outcome<NamedTensor> {
        if let Some(twice) = axes.iter().enumerate().find_map(|(i, a)| axes[..i].contains(a).then_some(a)) {
            let d = fault("E1008", format!("two axes of a tensor are called `{twice}`"), span, axes_text(axes));
            return Err(Box::new(d.help(format!("rename one: `rename(x, {twice}, to: {twice}')`"))));
        }
        for (i, axis) in t.axes.iter().enumerate() {
            let found = self.builder.shape(t.value)[i];
            let at = axes.iter().position(|a| a == axis).expect("axes of the operand are among those of the result");
            if sizes[at] != found {
                return Err(self.sizes_differ(axis, sizes[at], found, span));
            }
        }
        let order: Vec<String> = axes.iter().filter(|a| t.position(a).is_some()).cloned().collect();
        let t = self.ordered(t, &order);
        if t.axes.len() == axes.len() {
            return Ok(t);
        }
        let into: Vec<usize> = order.iter().map(|a| axes.iter().position(|b| a == b).expect("an axis of the result")).collect();
        let attrs = Attrs::new().ints("shape", sizes).ints("axes", &into);
        let value = self.builder.op(&pfm_ops::BROADCAST, &[t.value], attrs);
        Ok(NamedTensor { value, axes: axes.to_vec() })
    }

    pub(crate) fn sizes_differ(&self, axis: &str, one: usize, other: usize, span: Span) -> crate::fault::Fault {
        let d = fault(
            "E0402",
            format!("axis `{axis}` has {one} entries in one tensor and {other} in another"),
            span,
            format!("{one} and {other} meet here"),
        );
        Box::new(d.help("axes of one name have one size: rename one (`h as h'`), or mend the layer that made it"))
    }

    /// Axes of several tensors together: the longest list first, then what others add. Sizes with them.
    pub(crate) fn union(&self, tensors: &[&NamedTensor]) -> (Vec<String>, Vec<usize>) {
        let longest = tensors.iter().enumerate().max_by_key(|(i, t)| (t.axes.len(), usize::MAX - i)).map_or(0, |(i, _)| i);
        let mut axes: Vec<String> = vec![];
        let mut sizes = vec![];
        for t in tensors[longest..=longest].iter().chain(tensors) {
            for (axis, size) in t.axes.iter().zip(self.builder.shape(t.value)) {
                if !axes.contains(axis) {
                    axes.push(axis.clone());
                    sizes.push(*size);
                }
            }
        }
        (axes, sizes)
    }
}
