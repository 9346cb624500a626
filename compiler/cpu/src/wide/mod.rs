//! Plain loop nests in AVX-512, for processors that have it: Cranelift's vectors have four lanes, these have sixteen. Three steps:
//! what a round of the innermost loop does is recorded (`record`), given registers (`lower`) and written as bytes (`assembler`).
//!
//! Lanes run along the nest's last axis. Where that is short, all of it is one round and the next axis outside is the innermost
//! loop; else the loop goes along it, with a partial last round. What does not change in the innermost loop is computed before it
//! and kept on the stack.

mod assembler;
mod lower;
mod memory;
mod record;

pub use memory::Executable;

use crate::emit::lanes::Lanes;
use crate::emit::scalar::{Operand, Reg, Scalars};
use assembler::{Assembler, Source, at};
use iced_x86::{Code, Instruction, MemoryOperand, Register};
use lower::{Constants, Context, TAIL, lower};
use pfm_ir::DType;
use pfm_plan::nest::Nest;
use pfm_plan::{Access, Expr};
use record::{Inst, Place, Record, V};

const LANES: usize = 16;
/// The longest last axis that is one round.
const SHORT: usize = 64;
/// Registers for pointers in the innermost loop. RAX and RDX are for the code of a round, RCX is the loop's index.
const POINTERS: [Register; 12] = [
    Register::RBX,
    Register::RBP,
    Register::RSI,
    Register::RDI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];
const SAVED: [Register; 6] = [Register::RBX, Register::RBP, Register::R12, Register::R13, Register::R14, Register::R15];

/// A function of (table of buffer addresses, first index, end) of axis 0, and where in its bytes it begins.
pub struct Function {
    pub bytes: Vec<u8>,
    pub entry: usize,
}

/// Code for a nest without reduction; `has_bf16` where the processor rounds to bfloat16. None where Cranelift's serves better: lanes that are far apart in memory, one value, or
/// more pointers than registers.
pub fn emit(nest: &Nest, has_bf16: bool) -> Option<Function> {
    let shape = Shape { has_bf16, ..Shape::of(nest)? };
    let before = shape.before();
    let (full, tail) = shape.rounds(&before);
    let all = before.record.insts.iter().chain(&full.insts).chain(tail.iter().flat_map(|t| &t.insts));
    let constants = Constants::of(all);
    let entry = constants.bytes.len();
    let asm = Assembler::new(constants.bytes.clone());
    let mut writer = Writer { asm, shape: &shape, constants: &constants, frame: Frame::of(&shape, before.kept.iter().flatten().count()) };
    writer.function(&before.record, &full, tail.as_ref())?;
    Some(Function { bytes: writer.asm.finish(), entry })
}

/// A nest with its loops chosen.
struct Shape<'n> {
    nest: &'n Nest,
    /// Distinct accesses but for their offsets: each has a pointer that moves with the loops.
    pointers: Vec<Pointer>,
    /// The axis of the innermost loop.
    inner: usize,
    lane: usize,
    has_bf16: bool,
}

#[derive(PartialEq)]
struct Pointer {
    slot: usize,
    strides: Vec<i64>,
    /// Bytes of an element.
    size: i64,
}

/// What is computed before the innermost loop.
struct Before {
    record: Record,
    /// By expression: the number under which it is kept.
    kept: Vec<Option<usize>>,
}

impl<'n> Shape<'n> {
    fn of(nest: &'n Nest) -> Option<Shape<'n>> {
        let lane = nest.axes.len() - 1;
        let size = nest.axes[lane].size;
        let reads = nest.body.iter().filter_map(|e| match e {
            Expr::Load { buffer, access, dtype } => Some((*buffer, access, *dtype)),
            _ => None,
        });
        let writes = nest.stores.iter().map(|s| (s.buffer, &s.access, nest.body[s.value.0 as usize].dtype()));
        if size < 4
            || reads.clone().any(|(_, a, _)| !matches!(a.strides[lane], 0 | 1))
            || writes.clone().any(|(_, a, _)| a.strides[lane] != 1)
        {
            return None;
        }
        // Offsets become displacements of 32 bits.
        let far = |access: &Access| access.offset.unsigned_abs() >= 1 << 28;
        if reads.clone().any(|(_, a, _)| far(a)) || writes.clone().any(|(_, a, _)| far(a)) {
            return None;
        }
        let mut pointers: Vec<Pointer> = vec![];
        for (slot, access, dtype) in reads.chain(writes) {
            let pointer = Pointer { slot, strides: access.strides.clone(), size: dtype.size() as i64 };
            if !pointers.contains(&pointer) {
                pointers.push(pointer);
            }
        }
        let one_round = size <= SHORT && lane > 0;
        let shape = Shape { nest, pointers, inner: if one_round { lane - 1 } else { lane }, lane, has_bf16: false };
        (shape.pointers.len() <= POINTERS.len()).then_some(shape)
    }

    fn record(&self) -> Record {
        Record::new(self.has_bf16)
    }

    fn one_round(&self) -> bool {
        self.inner < self.lane
    }

    fn size(&self, axis: usize) -> usize {
        self.nest.axes[axis].size
    }

    /// By expression: does it change in the innermost loop?
    fn varies(&self) -> Vec<bool> {
        let mut varies: Vec<bool> = Vec::with_capacity(self.nest.body.len());
        for e in &self.nest.body {
            varies.push(match e {
                Expr::Load { access, .. } | Expr::Index { access, .. } => access.strides[self.inner] != 0,
                Expr::Constant { .. } => false,
                Expr::Apply { args, .. } => args.iter().any(|a| varies[a.0 as usize]),
            });
        }
        varies
    }

    /// The lanes of a round: where each vector of them begins along the last axis, and whether it is a partial one.
    fn vectors(&self) -> Vec<(usize, bool)> {
        let size = if self.one_round() { self.size(self.lane) } else { LANES };
        (0..size.div_ceil(LANES)).map(|u| (u * LANES, (u + 1) * LANES > size)).collect()
    }

    /// Records what varying expressions read and the loop does not change. Masks are left to the loop.
    fn before(&self) -> Before {
        let varies = self.varies();
        let mut needed = vec![false; self.nest.body.len()];
        for (i, e) in self.nest.body.iter().enumerate() {
            if let Expr::Apply { args, dtype, .. } = e
                && (varies[i] || *dtype == DType::Bool)
            {
                args.iter().for_each(|a| needed[a.0 as usize] = true);
            }
        }
        self.nest.stores.iter().for_each(|s| needed[s.value.0 as usize] = true);
        let keeps = |i: usize| {
            let e = &self.nest.body[i];
            needed[i] && !varies[i] && e.dtype() != DType::Bool && !matches!(e, Expr::Constant { .. })
        };
        let vectors = self.vectors();
        let mut before = Before { record: self.record(), kept: vec![None; vectors.len() * self.nest.body.len()] };
        let mut number = 0;
        for (u, (start, partial)) in vectors.iter().enumerate() {
            let none = vec![None; self.nest.body.len()];
            let values = self.evaluate(&mut before.record, *start, *partial, &none, &|i| !varies[i]);
            for (i, value) in values.into_iter().enumerate() {
                if let (true, Some(Reg::Vector(v))) = (keeps(i), value) {
                    before.record.effect(Inst::Keep(number, v));
                    before.kept[u * self.nest.body.len() + i] = Some(number);
                    number += 1;
                }
            }
        }
        before
    }

    /// A full round of the innermost loop, and the partial one at the end of its axis if there may be one.
    fn rounds(&self, before: &Before) -> (Record, Option<Record>) {
        let full = self.round(before, false);
        let dynamic = self.inner == 0 && !self.one_round();
        let partial = !self.one_round() && (dynamic || !self.size(self.lane).is_multiple_of(LANES));
        (full, partial.then(|| self.round(before, true)))
    }

    fn round(&self, before: &Before, tail: bool) -> Record {
        let mut record = self.record();
        let count = self.nest.body.len();
        for (u, (start, partial)) in self.vectors().into_iter().enumerate() {
            let partial = partial || tail;
            let kept = &before.kept[u * count..][..count];
            let values = self.evaluate(&mut record, start, partial, kept, &|_| true);
            for store in &self.nest.stores {
                let dtype = self.nest.body[store.value.0 as usize].dtype();
                let place = self.place(store.buffer, &store.access, dtype, start, partial);
                match values[store.value.0 as usize] {
                    Some(Reg::Vector(v)) => record.store(place, v),
                    Some(Reg::Mask(m)) => record.effect(Inst::StoreMask(place, m)),
                    None => panic!("the body is evaluated"),
                }
            }
        }
        record
    }

    fn place(&self, buffer: usize, access: &Access, dtype: DType, start: usize, partial: bool) -> Place {
        let size = dtype.size() as i64;
        let stride = access.strides[self.lane];
        let found = self.pointers.iter().position(|p| p.slot == buffer && p.strides == access.strides && p.size == size);
        Place {
            pointer: found.expect("every access has a pointer"),
            bytes: (access.offset + stride * start as i64) * size,
            dtype,
            spread: stride == 0,
            partial: partial && stride != 0,
        }
    }

    /// Evaluates the wanted expressions on lanes from `start` on.
    fn evaluate(
        &self,
        record: &mut Record,
        start: usize,
        partial: bool,
        kept: &[Option<usize>],
        wanted: &dyn Fn(usize) -> bool,
    ) -> Vec<Option<Reg<Record>>> {
        let mut values: Vec<Option<Reg<Record>>> = Vec::with_capacity(self.nest.body.len());
        for (i, e) in self.nest.body.iter().enumerate() {
            if let Some(number) = kept[i] {
                values.push(Some(Reg::Vector(record.vector(Inst::Kept(number)))));
                continue;
            }
            if !wanted(i) {
                values.push(None);
                continue;
            }
            values.push(Some(match e {
                Expr::Load { buffer, access, dtype } => {
                    let place = self.place(*buffer, access, *dtype, start, partial);
                    match dtype {
                        DType::Bool => Reg::Mask(record.mask(Inst::LoadMask(place))),
                        _ => Reg::Vector(record.vector(Inst::Load(place))),
                    }
                }
                Expr::Constant { value, dtype } => record.constant(*value, *dtype),
                Expr::Index { access, dtype } => Reg::Vector(self.index(record, access, *dtype, start)),
                Expr::Apply { scalar, dtype, args } => {
                    let operand = |a: &pfm_plan::ExprId| {
                        let argument = &self.nest.body[a.0 as usize];
                        let constant = if let Expr::Constant { value, .. } = argument { Some(*value) } else { None };
                        let value = values[a.0 as usize].expect("arguments come first");
                        Operand { value, dtype: argument.dtype(), constant }
                    };
                    let args: Vec<Operand<Record>> = args.iter().map(operand).collect();
                    record.apply(*scalar, *dtype, &args)
                }
            }));
        }
        values
    }

    fn index(&self, record: &mut Record, access: &Access, dtype: DType, start: usize) -> V {
        let stride = access.strides[self.lane];
        let mut sum = record.int((access.offset + stride * start as i64) as i32);
        for axis in 0..=self.inner {
            let stride = access.strides[axis] as i32;
            if stride != 0 {
                let (index, stride) = (record.vector(Inst::Index(axis)), record.int(stride));
                let term = record.binary(crate::emit::lanes::Binary::IntMul, index, stride);
                sum = record.int_add(sum, term);
            }
        }
        if stride != 0 {
            let ramp = record.vector(Inst::Ramp(stride as i32));
            sum = record.int_add(sum, ramp);
        }
        match dtype {
            DType::F32 => record.int_to_float(sum),
            DType::Bf16 => {
                let float = record.int_to_float(sum);
                record.round_to_bf16(float)
            }
            DType::I32 | DType::Bool => sum,
        }
    }
}

/// The function's memory on the stack, aligned to 64 bytes: words, then vectors.
#[derive(Clone, Copy)]
struct Frame {
    axes: usize,
    pointers: usize,
    kept: usize,
}

/// Vectors that a round may send to the stack at one time.
const SPILLS: usize = 64;

impl Frame {
    fn of(shape: &Shape, kept: usize) -> Frame {
        Frame { axes: shape.inner + 1, pointers: shape.pointers.len(), kept }
    }

    fn word(n: usize) -> MemoryOperand {
        at(Register::RSP, 8 * n as i64)
    }

    /// Of the caller's stack.
    fn stack(self) -> MemoryOperand {
        Frame::word(0)
    }

    /// One past the last index of axis 0.
    fn end(self) -> MemoryOperand {
        Frame::word(1)
    }

    fn index(self, axis: usize) -> MemoryOperand {
        Frame::word(2 + axis)
    }

    /// A pointer as it stands in the loop over an axis.
    fn pointer(self, axis: usize, pointer: usize) -> MemoryOperand {
        Frame::word(2 + self.axes + axis * self.pointers + pointer)
    }

    fn vectors(self) -> usize {
        (8 * (2 + self.axes + self.axes * self.pointers)).next_multiple_of(64)
    }

    fn kept(self, n: usize) -> MemoryOperand {
        at(Register::RSP, (self.vectors() + 64 * n) as i64)
    }

    fn spill(self, n: usize) -> MemoryOperand {
        self.kept(self.kept + n)
    }

    fn bytes(self) -> usize {
        self.vectors() + 64 * (self.kept + SPILLS)
    }
}

struct Writer<'w> {
    asm: Assembler,
    shape: &'w Shape<'w>,
    constants: &'w Constants,
    frame: Frame,
}

impl Writer<'_> {
    fn function(&mut self, before: &Record, full: &Record, tail: Option<&Record>) -> Option<()> {
        let frame = self.frame;
        SAVED.iter().for_each(|r| self.asm.push(*r));
        self.asm.move_register(Register::RAX, Register::RSP);
        self.asm.raw(Instruction::with2(Code::Sub_rm64_imm32, Register::RSP, i32::try_from(frame.bytes()).ok()?));
        self.asm.raw(Instruction::with2(Code::And_rm64_imm32, Register::RSP, -64));
        self.asm.store(frame.stack(), Register::RAX);
        self.asm.store(frame.end(), Register::RDX);
        // RDI has the table, RSI the first index.
        self.asm.store(frame.index(0), Register::RSI);
        for (p, pointer) in self.shape.pointers.iter().enumerate() {
            self.asm.move_register(Register::RAX, Register::RSI);
            self.asm.multiply(Register::RAX, i32::try_from(pointer.strides[0] * pointer.size).ok()?);
            self.asm.load(Register::RCX, at(Register::RDI, 8 * pointer.slot as i64));
            self.asm.add_register(Register::RAX, Register::RCX);
            self.asm.store(frame.pointer(0, p), Register::RAX);
        }
        self.level(0, before, full, tail)?;
        self.asm.load(Register::RSP, frame.stack());
        SAVED.iter().rev().for_each(|r| self.asm.pop(*r));
        self.asm.op0(Code::VEX_Vzeroupper);
        self.asm.op0(Code::Retnq);
        Some(())
    }

    /// The loop over an axis and all inside it. Its index and pointers are set.
    fn level(&mut self, axis: usize, before: &Record, full: &Record, tail: Option<&Record>) -> Option<()> {
        if axis == self.shape.inner {
            return self.innermost(before, full, tail);
        }
        let frame = self.frame;
        let top = self.asm.here();
        self.asm.set(Register::RAX, 0);
        self.asm.store(frame.index(axis + 1), Register::RAX);
        for p in 0..self.shape.pointers.len() {
            self.asm.load(Register::RAX, frame.pointer(axis, p));
            self.asm.store(frame.pointer(axis + 1, p), Register::RAX);
        }
        self.level(axis + 1, before, full, tail)?;
        for (p, pointer) in self.shape.pointers.iter().enumerate() {
            let step = i32::try_from(pointer.strides[axis] * pointer.size).ok()?;
            if step != 0 {
                self.asm.add_to_memory(frame.pointer(axis, p), step);
            }
        }
        self.asm.load(Register::RCX, frame.index(axis));
        self.asm.add(Register::RCX, 1);
        self.asm.store(frame.index(axis), Register::RCX);
        self.jump_while_below_end(axis, top)
    }

    /// Jumps while RCX is below the end of the axis.
    fn jump_while_below_end(&mut self, axis: usize, top: u64) -> Option<()> {
        self.compare_with_end(axis)?;
        self.asm.jump_back(Code::Jl_rel32_64, top);
        Some(())
    }

    fn compare_with_end(&mut self, axis: usize) -> Option<()> {
        if axis == 0 {
            self.asm.compare_with_memory(Register::RCX, self.frame.end());
        } else {
            let size = i32::try_from(self.shape.size(axis)).ok()?;
            self.asm.raw(Instruction::with2(Code::Cmp_rm64_imm32, Register::RCX, size));
        }
        Some(())
    }

    fn innermost(&mut self, before: &Record, full: &Record, tail: Option<&Record>) -> Option<()> {
        let (frame, shape) = (self.frame, self.shape);
        if let Some((start, true)) = shape.vectors().last() {
            self.tail_mask(shape.size(shape.lane) - start);
        }
        self.code(before, false)?;
        for (p, register) in POINTERS.iter().enumerate().take(shape.pointers.len()) {
            self.asm.load(*register, frame.pointer(shape.inner, p));
        }
        self.asm.load(Register::RCX, frame.index(shape.inner));
        let uses_index = |r: &Record| r.insts.contains(&Inst::Index(shape.inner));
        let uses_index = uses_index(full) || tail.is_some_and(uses_index);
        if shape.one_round() {
            let top = self.asm.here();
            if uses_index {
                self.asm.store(frame.index(shape.inner), Register::RCX);
            }
            self.code(full, true)?;
            self.advance(1)?;
            return self.jump_while_below_end(shape.inner, top);
        }
        // RCX is the end of the next full round.
        self.asm.add(Register::RCX, LANES as i32);
        self.compare_with_end(shape.inner)?;
        let none = self.asm.jump_forward(Code::Jg_rel32_64);
        let top = self.asm.here();
        if uses_index {
            self.store_start(frame.index(shape.inner));
        }
        self.code(full, true)?;
        self.advance(LANES as i32)?;
        self.compare_with_end(shape.inner)?;
        self.asm.jump_back(Code::Jle_rel32_64, top);
        self.asm.land(none);
        let Some(tail) = tail else { return Some(()) };
        self.partial_round(tail, uses_index)
    }

    /// What is left of a long axis: fewer lanes than a vector has.
    fn partial_round(&mut self, tail: &Record, uses_index: bool) -> Option<()> {
        let inner = self.shape.inner;
        // RAX = end - start, where RCX is start + 16.
        if inner == 0 {
            self.asm.load(Register::RAX, self.frame.end());
        } else {
            self.asm.set(Register::RAX, self.shape.size(inner) as i64);
        }
        self.asm.raw(Instruction::with2(Code::Sub_r64_rm64, Register::RAX, Register::RCX));
        self.asm.add(Register::RAX, LANES as i32);
        self.asm.raw(Instruction::with2(Code::Cmp_rm64_imm32, Register::RAX, 0));
        let none = self.asm.jump_forward(Code::Jle_rel32_64);
        self.asm.set(Register::RDX, 0xffff);
        self.asm.raw(Instruction::with3(Code::VEX_Bzhi_r64_rm64_r64, Register::RDX, Register::RDX, Register::RAX));
        self.asm.vector2(Code::VEX_Kmovw_kr_r32, TAIL, Source::Register(Register::EDX));
        if uses_index {
            self.store_start(self.frame.index(inner));
        }
        self.code(tail, true)?;
        self.asm.land(none);
        Some(())
    }

    /// The first index of the round that ends at RCX.
    fn store_start(&mut self, to: MemoryOperand) {
        self.asm.move_register(Register::RAX, Register::RCX);
        self.asm.add(Register::RAX, -(LANES as i32));
        self.asm.store(to, Register::RAX);
    }

    fn tail_mask(&mut self, lanes: usize) {
        self.asm.set(Register::RDX, (1 << lanes) - 1);
        self.asm.vector2(Code::VEX_Kmovw_kr_r32, TAIL, Source::Register(Register::EDX));
    }

    /// Moves the pointers and RCX on.
    fn advance(&mut self, by: i32) -> Option<()> {
        for (pointer, register) in self.shape.pointers.iter().zip(POINTERS) {
            let step = i32::try_from(pointer.strides[self.shape.inner] * pointer.size * i64::from(by)).ok()?;
            if step != 0 {
                self.asm.add(register, step);
            }
        }
        self.asm.add(Register::RCX, by);
        Some(())
    }

    /// Straight-line code, with pointers in registers or not.
    fn code(&mut self, record: &Record, in_registers: bool) -> Option<()> {
        let (frame, inner) = (self.frame, self.shape.inner);
        let pointers: Vec<Option<Register>> = (0..self.shape.pointers.len()).map(|p| in_registers.then(|| POINTERS[p])).collect();
        let context = Context {
            pointers: &pointers,
            pointer_home: &|p| frame.pointer(inner, p),
            index_home: &|axis| frame.index(axis),
            kept_home: &|n| frame.kept(n),
            spill_home: &|n| frame.spill(n),
            constants: self.constants,
        };
        (lower(&mut self.asm, &record.insts, &context)? <= SPILLS).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pfm_plan::{ExprId, Loop, Store};

    /// y[i, j] = x[i, j] over rows that are `apart` from each other and elements `stride` apart.
    fn copy(columns: usize, stride: i64) -> Nest {
        let access = |stride| Access { offset: 0, strides: vec![columns as i64 * stride, stride] };
        Nest::of_loop(&Loop {
            space: vec![5, columns],
            body: vec![Expr::Load { buffer: 0, access: access(stride), dtype: DType::F32 }],
            stores: vec![Store { buffer: 1, access: access(1), value: ExprId(0) }],
        })
    }

    #[test]
    fn neighbours_are_taken_and_strangers_left() {
        assert!([4, 16, 17, 64, 65, 1000].iter().all(|n| emit(&copy(*n, 1), false).is_some()));
        assert!(emit(&copy(64, 2), false).is_none(), "lanes lie apart");
        assert!(emit(&copy(3, 1), false).is_none(), "rows are too short");
    }
}
