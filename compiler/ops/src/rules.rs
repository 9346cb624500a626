//! The vocabulary of shape rules and samples: each function checks one thing and names the rule that it breaks.

use pfm_ir::{AttrKind, AttrSpec, Attrs, DType, Sample, ShapeError, TensorType};

pub(crate) type Inferred = Result<Vec<TensorType>, ShapeError>;

/// Fails with the rule's label unless `ok`.
pub(crate) fn require(ok: bool, rule: &'static str, message: impl FnOnce() -> String) -> Result<(), ShapeError> {
    if ok { Ok(()) } else { Err(ShapeError::new(rule, message())) }
}

/// A list of non-negative integers.
pub(crate) fn sizes(attrs: &Attrs, name: &str, rule: &'static str) -> Result<Vec<usize>, ShapeError> {
    attrs
        .get_ints(name)
        .iter()
        .map(|&v| usize::try_from(v).map_err(|_| ShapeError::new(rule, format!("`{name}` holds {v}, below zero"))))
        .collect()
}

/// A list of `count` non-negative integers.
pub(crate) fn sizes_per_axis(attrs: &Attrs, name: &str, count: usize, rule: &'static str) -> Result<Vec<usize>, ShapeError> {
    let list = sizes(attrs, name, rule)?;
    require(list.len() == count, rule, || format!("`{name}` has {} entries for {count} axes", list.len()))?;
    Ok(list)
}

/// Distinct axes of a tensor of the given rank.
pub(crate) fn axes(attrs: &Attrs, name: &str, rank: usize, rule: &'static str) -> Result<Vec<usize>, ShapeError> {
    let list = sizes(attrs, name, rule)?;
    for (i, &a) in list.iter().enumerate() {
        require(a < rank, rule, || format!("axis {a} of a tensor with {rank} axes"))?;
        require(!list[..i].contains(&a), rule, || format!("axis {a} is listed twice"))?;
    }
    Ok(list)
}

/// One axis of a tensor of the given rank.
pub(crate) fn axis(attrs: &Attrs, name: &str, rank: usize, rule: &'static str) -> Result<usize, ShapeError> {
    let v = attrs.get_int(name);
    usize::try_from(v).ok().filter(|&a| a < rank).ok_or_else(|| ShapeError::new(rule, format!("axis {v} of a tensor with {rank} axes")))
}

/// The element type named by the attribute `dtype`.
pub(crate) fn dtype(attrs: &Attrs, rule: &'static str) -> Result<DType, ShapeError> {
    let name = attrs.get_text("dtype");
    named_dtype(name).ok_or_else(|| ShapeError::new(rule, format!("`{name}` is not an element type")))
}

pub(crate) fn named_dtype(name: &str) -> Option<DType> {
    DType::ALL.into_iter().find(|d| d.name() == name)
}

pub(crate) fn float(ty: &TensorType, rule: &'static str) -> Result<(), ShapeError> {
    require(ty.dtype.is_float(), rule, || format!("{ty} is not a tensor of floats"))
}

/// Floats or i32: what can be added and compared.
pub(crate) fn numeric(ty: &TensorType, rule: &'static str) -> Result<(), ShapeError> {
    require(ty.dtype != DType::Bool, rule, || format!("{ty} does not hold numbers"))
}

pub(crate) fn of(ty: &TensorType, dtype: DType, rule: &'static str) -> Result<(), ShapeError> {
    require(ty.dtype == dtype, rule, || format!("{ty} does not hold {}", dtype.name()))
}

pub(crate) fn same(a: &TensorType, b: &TensorType, rule: &'static str) -> Result<(), ShapeError> {
    require(a == b, rule, || format!("{a} and {b} differ"))
}

pub(crate) fn rank(ty: &TensorType, rank: usize, rule: &'static str) -> Result<(), ShapeError> {
    require(ty.rank() == rank, rule, || format!("{ty} has {} axes, not {rank}", ty.rank()))
}

/// The shape without the listed axes.
pub(crate) fn without(shape: &[usize], axes: &[usize]) -> Vec<usize> {
    (0..shape.len()).filter(|a| !axes.contains(a)).map(|a| shape[a]).collect()
}

pub(crate) const fn attr(name: &'static str, kind: AttrKind, doc: &'static str) -> AttrSpec {
    AttrSpec { name, kind, doc }
}

pub(crate) fn f32s(shape: &[usize]) -> TensorType {
    TensorType::f32(shape)
}
pub(crate) fn i32s(shape: &[usize]) -> TensorType {
    TensorType::new(DType::I32, shape)
}
pub(crate) fn bools(shape: &[usize]) -> TensorType {
    TensorType::new(DType::Bool, shape)
}

/// A sample with operands from -1 to 1.
pub(crate) fn sample(operands: &[TensorType], attrs: Attrs) -> Sample {
    sample_from(operands, attrs, -1.0, 1.0)
}

pub(crate) fn sample_from(operands: &[TensorType], attrs: Attrs, low: f64, high: f64) -> Sample {
    Sample { operands: operands.to_vec(), attrs, low, high }
}
