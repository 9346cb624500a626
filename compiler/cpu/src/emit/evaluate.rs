//! Evaluates a nest's body at four neighbouring points: pointers that move with the loops, loads, operations, stores.
//! What does not change along a loop is evaluated once before it and handed in as known.

use super::lanes::Lanes;
use super::scalar::{Operand, Reg, Scalars};
use super::vector::{Vectors, memory};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F32, F32X4, I32, I32X4, I64};
use cranelift_codegen::ir::{InstBuilder, Value};
use pfm_ir::DType;
use pfm_plan::nest::Nest;
use pfm_plan::{Access, Expr, Store};

/// A nest with its distinct accesses, each of which has a pointer.
pub struct Shape<'n> {
    pub nest: &'n Nest,
    cursors: Vec<Cursor>,
    of_expr: Vec<usize>,
    of_store: Vec<usize>,
    /// The axis that lanes run along: the last.
    pub lane: usize,
}

/// A buffer, how it is accessed, and the bytes of one of its elements.
#[derive(PartialEq)]
struct Cursor {
    slot: usize,
    access: Access,
    size: i64,
}

/// A place in the nest: for each cursor the address with all axes so far added, and the index of those axes.
#[derive(Clone)]
pub struct At {
    pointers: Vec<Value>,
    index: Vec<Option<Value>>,
}

/// Values of expressions that are known, by expression.
pub type Known = Vec<Option<Value>>;

impl<'n> Shape<'n> {
    pub fn new(nest: &'n Nest) -> Shape<'n> {
        let mut cursors: Vec<Cursor> = vec![];
        let mut find = |slot: usize, access: &Access, dtype: DType| {
            let key = Cursor { slot, access: access.clone(), size: dtype.size() as i64 };
            cursors.iter().position(|c| *c == key).unwrap_or_else(|| {
                cursors.push(key);
                cursors.len() - 1
            })
        };
        let of_expr = nest
            .body
            .iter()
            .map(|e| match e {
                Expr::Load { buffer, access, dtype } => find(*buffer, access, *dtype),
                _ => usize::MAX,
            })
            .collect();
        let of_store = nest.stores.iter().map(|s| find(s.buffer, &s.access, nest.body[s.value.0 as usize].dtype())).collect();
        Shape { nest, cursors, of_expr, of_store, lane: nest.axes.len() - 1 }
    }

    pub fn size(&self, axis: usize) -> usize {
        self.nest.axes[axis].size
    }

    /// The place before any loop. `table` holds the address of each buffer.
    pub fn start(&self, v: &mut Vectors, table: Value) -> At {
        let slots = self.cursors.iter().map(|c| c.slot + 1).max().unwrap_or(0);
        let bases: Vec<Value> = (0..slots).map(|s| v.b.ins().load(I64, memory(), table, s as i32 * 8)).collect();
        let pointers = self.cursors.iter().map(|c| v.b.ins().iadd_imm_s(bases[c.slot], c.access.offset * c.size)).collect();
        At { pointers, index: vec![None; self.nest.axes.len()] }
    }

    /// The place with one more axis fixed.
    pub fn step(&self, v: &mut Vectors, at: &At, axis: usize, index: Value) -> At {
        let mut next = at.clone();
        for (pointer, c) in next.pointers.iter_mut().zip(&self.cursors) {
            *pointer = v.offset(*pointer, index, c.access.strides[axis] * c.size);
        }
        next.index[axis] = Some(index);
        next
    }

    /// By expression: does it change along the axis?
    pub fn varies(&self, axis: usize) -> Vec<bool> {
        let mut varies: Vec<bool> = Vec::with_capacity(self.nest.body.len());
        for e in &self.nest.body {
            varies.push(match e {
                Expr::Load { access, .. } | Expr::Index { access, .. } => access.strides[axis] != 0,
                Expr::Constant { .. } => false,
                Expr::Apply { args, .. } => args.iter().any(|a| varies[a.0 as usize]),
            });
        }
        varies
    }

    /// Evaluates what is unknown and `wanted`, at `j .. j + lanes` along the lane axis.
    pub fn evaluate(&self, v: &mut Vectors, at: &At, j: Value, lanes: usize, wanted: impl Fn(usize) -> bool, known: &mut Known) {
        for (i, e) in self.nest.body.iter().enumerate() {
            if known[i].is_some() || !wanted(i) {
                continue;
            }
            known[i] = Some(match e {
                Expr::Load { access, dtype, .. } => {
                    let stride = access.strides[self.lane];
                    let address = v.offset(at.pointers[self.of_expr[i]], j, stride * dtype.size() as i64);
                    v.load(address, stride, lanes, *dtype)
                }
                Expr::Constant { value, dtype } => plain(v.constant(*value, *dtype)),
                Expr::Index { access, dtype } => self.index(v, at, j, access, *dtype),
                Expr::Apply { scalar, dtype, args } => {
                    let operand = |a: &pfm_plan::ExprId| {
                        let argument = &self.nest.body[a.0 as usize];
                        let constant = match argument {
                            Expr::Constant { value, .. } => Some(*value),
                            _ => None,
                        };
                        let value = known[a.0 as usize].expect("arguments come first");
                        let dtype = argument.dtype();
                        let value = if dtype == DType::Bool { Reg::Mask(value) } else { Reg::Vector(value) };
                        Operand { value, dtype, constant }
                    };
                    let args: Vec<Operand<Vectors>> = args.iter().map(operand).collect();
                    plain(v.apply(*scalar, *dtype, &args))
                }
            });
        }
    }

    pub fn nothing_known(&self) -> Known {
        vec![None; self.nest.body.len()]
    }

    /// Whether the expressions before the loop are worth keeping: constants are made where they are used.
    pub fn keep(&self, expr: usize) -> bool {
        !matches!(self.nest.body[expr], Expr::Constant { .. })
    }

    fn index(&self, v: &mut Vectors, at: &At, j: Value, access: &Access, dtype: DType) -> Value {
        let mut sum = v.i64(access.offset);
        for (axis, &stride) in access.strides.iter().enumerate() {
            let index = if axis == self.lane { Some(j) } else { at.index[axis] };
            if stride != 0 {
                let index = index.expect("an axis that an index uses is fixed");
                let term = v.b.ins().imul_imm_s(index, stride);
                sum = v.b.ins().iadd(sum, term);
            }
        }
        let low = v.b.ins().ireduce(I32, sum);
        let first = v.b.ins().splat(I32X4, low);
        let stride = access.strides[self.lane] as i32;
        let ramp = v.words([0, stride, 2 * stride, 3 * stride].map(|w| w as u32), I32X4);
        let all = v.b.ins().iadd(first, ramp);
        match dtype {
            DType::F32 => v.b.ins().fcvt_from_sint(F32X4, all),
            DType::Bf16 => {
                let float = v.b.ins().fcvt_from_sint(F32X4, all);
                v.round_to_bf16(float)
            }
            DType::I32 | DType::Bool => all,
        }
    }

    /// Stores lanes of a value at `j` along the lane axis.
    pub fn store(&self, v: &mut Vectors, at: &At, store: usize, j: Value, lanes: usize, value: Value) {
        let Store { access, .. } = &self.nest.stores[store];
        let stride = access.strides[self.lane];
        let dtype = self.stored_type(store);
        let address = v.offset(at.pointers[self.of_store[store]], j, stride * dtype.size() as i64);
        v.store(address, stride, lanes, value, dtype);
    }

    pub fn stored_type(&self, store: usize) -> DType {
        self.nest.body[self.nest.stores[store].value.0 as usize].dtype()
    }
}

/// The register, which Cranelift tells apart by its type.
fn plain(value: Reg<Vectors>) -> Value {
    match value {
        Reg::Vector(v) | Reg::Mask(v) => v,
    }
}

impl Vectors<'_> {
    /// Lanes `address + k stride`, in elements. Lanes beyond the count hold anything.
    fn load(&mut self, address: Value, stride: i64, lanes: usize, dtype: DType) -> Value {
        if dtype == DType::Bf16 {
            return self.load_bf16(address, stride, lanes);
        }
        let (scalar, vector) = if dtype == DType::F32 { (F32, F32X4) } else { (I32, I32X4) };
        let value = if stride == 1 && lanes == 4 {
            self.b.ins().load(vector, memory(), address, 0)
        } else {
            let first = self.b.ins().load(scalar, memory(), address, 0);
            let mut all = self.b.ins().splat(vector, first);
            for k in 1..if stride == 0 { 1 } else { lanes } {
                let lane = self.b.ins().load(scalar, memory(), address, (k as i64 * stride * 4) as i32);
                all = self.b.ins().insertlane(all, lane, k as u8);
            }
            all
        };
        if dtype == DType::Bool {
            let zero = self.int(0);
            return self.b.ins().icmp(IntCC::NotEqual, value, zero);
        }
        value
    }

    fn store(&mut self, address: Value, stride: i64, lanes: usize, value: Value, dtype: DType) {
        if dtype == DType::Bf16 {
            return self.store_bf16(address, stride, lanes, value);
        }
        let value = if dtype == DType::Bool { self.b.ins().ushr_imm_s(value, 31) } else { value };
        if stride == 1 && lanes == 4 {
            self.b.ins().store(memory(), value, address, 0);
            return;
        }
        for k in 0..lanes {
            let lane = self.b.ins().extractlane(value, k as u8);
            self.b.ins().store(memory(), lane, address, (k as i64 * stride * 4) as i32);
        }
    }
}
