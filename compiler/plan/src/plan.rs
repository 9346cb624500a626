//! What a plan is: buffers with their places, and groups of work in the order they run.
//! Loops and reductions are written in a small language without tensors: a body of scalar expressions over an index space,
//! whose loads and stores are affine accesses into dense buffers. Views, shapes and fusion are gone by then.

use pfm_ir::{Attrs, Cost, DType, OpRef, Precision, Role, Scalar, TensorType};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u32);

/// An expression of a body, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub u32);

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub name: String,
    /// How kernels multiply f32 operands; bf16 ones say it by their type.
    pub precision: Precision,
    pub buffers: Vec<Buffer>,
    /// In the order they run.
    pub groups: Vec<Group>,
    pub inputs: Vec<Slot>,
    pub outputs: Vec<OutputSlot>,
    /// Contents of the buffers whose place is `Constant`.
    pub constants: Vec<Constant>,
    /// Bytes of the arena: the largest sum of what lives at one time, as the allocator placed it.
    pub arena_bytes: usize,
}

impl Plan {
    /// Arithmetic and memory traffic of one run.
    pub fn cost(&self) -> Cost {
        let sum = |part: fn(&Group) -> f64| self.groups.iter().map(part).sum();
        Cost { flops: sum(|g| g.flops), bytes: sum(|g| g.bytes) }
    }
}

/// An input of the program: its name, role, type and buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    pub name: String,
    pub role: Role,
    pub ty: TensorType,
    pub buffer: BufferId,
}

/// An output of the program. With `into`, its value ends in the storage of that input; without, in a buffer of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputSlot {
    pub name: String,
    pub ty: TensorType,
    pub into: Option<usize>,
    pub buffer: BufferId,
}

/// Data of a `literal`, already rounded to its element type: one 32-bit word per element, or per two of bf16, the first in the low half.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    pub words: Vec<u32>,
}

/// Memory of one materialised value (dense, row-major).
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    pub dtype: DType,
    pub elements: usize,
    pub place: Place,
    /// First and last group that touches it, both included.
    pub live: (usize, usize),
}

impl Buffer {
    pub fn bytes(&self) -> usize {
        self.elements * self.dtype.size()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Byte offset in the arena, a multiple of 64.
    Arena(usize),
    /// Storage of the input of this index.
    Input(usize),
    /// Storage of the output of this rank among those without `into`.
    Output(usize),
    /// Index into the plan's constants.
    Constant(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub work: Work,
    /// Buffers that the work names by position.
    pub buffers: Vec<BufferId>,
    /// Working memory that lives for this group only.
    pub scratch: Option<BufferId>,
    pub flops: f64,
    pub bytes: f64,
    /// Path of the last node in it, for reports.
    pub path: Arc<str>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    Loop(Loop),
    Reduce(Reduce),
    Kernel(Kernel),
}

/// Evaluates the body at every index of the space and stores.
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    pub space: Vec<usize>,
    pub body: Vec<Expr>,
    pub stores: Vec<Store>,
}

/// Evaluates the body at every index of the space and folds it over the reduced axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduce {
    pub space: Vec<usize>,
    pub reduced: Vec<bool>,
    pub fold: Fold,
    pub body: Vec<Expr>,
    /// Strides are zero along reduced axes.
    pub stores: Vec<Store>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fold {
    Sum,
    Max,
}

/// One node run by a kernel. Its buffers are the operands, then the results.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    pub op: OpRef,
    pub attrs: Attrs,
    pub operands: Vec<TensorType>,
    pub results: Vec<TensorType>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Position in the group's buffers.
    pub buffer: usize,
    pub access: Access,
    pub value: ExprId,
}

/// `offset + sum of strides[i] * index[i]`, in elements, over the axes of the group's space.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Access {
    pub offset: i64,
    pub strides: Vec<i64>,
}

/// A scalar expression; arguments come earlier in the body.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Load {
        buffer: usize,
        access: Access,
        dtype: DType,
    },
    Constant {
        value: f64,
        dtype: DType,
    },
    /// The value of an affine form of the index.
    Index {
        access: Access,
        dtype: DType,
    },
    Apply {
        scalar: Scalar,
        dtype: DType,
        args: Vec<ExprId>,
    },
}

impl Expr {
    pub fn dtype(&self) -> DType {
        match self {
            Expr::Load { dtype, .. } | Expr::Constant { dtype, .. } | Expr::Index { dtype, .. } | Expr::Apply { dtype, .. } => *dtype,
        }
    }
}

impl Work {
    /// Expressions of a loop or a reduction.
    pub fn body(&self) -> &[Expr] {
        match self {
            Work::Loop(l) => &l.body,
            Work::Reduce(r) => &r.body,
            Work::Kernel(_) => &[],
        }
    }

    pub fn stores(&self) -> &[Store] {
        match self {
            Work::Loop(l) => &l.stores,
            Work::Reduce(r) => &r.stores,
            Work::Kernel(_) => &[],
        }
    }
}

impl Group {
    /// Buffers that it reads, each position once or more.
    pub fn reads(&self) -> Vec<BufferId> {
        match &self.work {
            Work::Kernel(k) => self.buffers[..k.operands.len()].to_vec(),
            work => work
                .body()
                .iter()
                .filter_map(|e| match e {
                    Expr::Load { buffer, .. } => Some(self.buffers[*buffer]),
                    _ => None,
                })
                .collect(),
        }
    }

    /// Buffers that it writes.
    pub fn writes(&self) -> Vec<BufferId> {
        match &self.work {
            Work::Kernel(k) => self.buffers[k.operands.len()..].to_vec(),
            work => work.stores().iter().map(|s| self.buffers[s.buffer]).collect(),
        }
    }
}
