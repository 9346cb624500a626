//! Straight-line code into instructions of AVX-512: registers are given in order, what is read last of all goes to the stack when
//! none is left, and constants and kept values are operands in memory.

use super::assembler::{Assembler, Source, at, spread};
use super::record::{Inst, M, Place, V};
use crate::emit::lanes::{Binary, Compare, Logic, Shift, Unary};
use iced_x86::{Code, Instruction, MemoryOperand, Register};
use pfm_ir::DType;
use std::collections::{BTreeMap, BTreeSet};

/// Lanes that exist where a row ends.
pub const TAIL: Register = Register::K1;
/// What code here may overwrite beside vectors and EAX.
const POINTER: Register = Register::RDX;

/// Where a loop keeps what its code refers to.
pub struct Context<'c> {
    /// By pointer: its register, or None where it lies in memory at `pointer_home`.
    pub pointers: &'c [Option<Register>],
    pub pointer_home: &'c dyn Fn(usize) -> MemoryOperand,
    pub index_home: &'c dyn Fn(usize) -> MemoryOperand,
    /// The n-th 64 bytes for kept values, and for values that leave their registers.
    pub kept_home: &'c dyn Fn(usize) -> MemoryOperand,
    pub spill_home: &'c dyn Fn(usize) -> MemoryOperand,
    pub constants: &'c Constants,
}

/// Constants at the front of the block: their bytes, and where each lies.
#[derive(Default)]
pub struct Constants {
    pub bytes: Vec<u8>,
    ramps: BTreeMap<i32, u64>,
    words: BTreeMap<u32, u64>,
}

impl Constants {
    /// Those that these instructions need.
    pub fn of<'i>(insts: impl Iterator<Item = &'i Inst> + Clone) -> Constants {
        let mut constants = Constants::default();
        for inst in insts.clone() {
            if let Inst::Ramp(step) = inst
                && !constants.ramps.contains_key(step)
            {
                constants.ramps.insert(*step, constants.bytes.len() as u64);
                constants.bytes.extend((0..16).flat_map(|k| (k * step).to_le_bytes()));
            }
        }
        let mut words: BTreeSet<u32> = insts.filter_map(|i| if let Inst::Word(w) = i { Some(*w) } else { None }).collect();
        words.insert(1);
        for word in words {
            constants.words.insert(word, constants.bytes.len() as u64);
            constants.bytes.extend(word.to_le_bytes());
        }
        let padded = constants.bytes.len().next_multiple_of(64);
        constants.bytes.resize(padded, 0xcc);
        constants
    }

    fn word(&self, word: u32) -> MemoryOperand {
        spread(at(Register::RIP, self.words[&word] as i64))
    }
}

/// Writes the instructions. None when masks or registers do not suffice; else how many values went to the stack at one time.
pub fn lower(asm: &mut Assembler, insts: &[Inst], context: &Context) -> Option<usize> {
    let uses = uses(insts);
    let mut lowering = Lowering {
        asm,
        insts,
        context,
        uses,
        register: vec![None; insts.len()],
        home: vec![None; insts.len()],
        free: (0..32).rev().map(|n| Register::ZMM0 + n).collect(),
        free_masks: (2..8).rev().map(|n| Register::K0 + n).collect(),
        pinned: vec![],
        slots: 0,
    };
    for (i, inst) in insts.iter().enumerate() {
        if inst.is_effect() || !lowering.uses[i].is_empty() {
            lowering.instruction(i)?;
        }
    }
    Some(lowering.slots)
}

/// By value: the instructions that read it and whose results something needs.
fn uses(insts: &[Inst]) -> Vec<Vec<usize>> {
    let mut uses: Vec<Vec<usize>> = vec![vec![]; insts.len()];
    for (i, inst) in insts.iter().enumerate().rev() {
        if !inst.is_effect() && uses[i].is_empty() {
            continue;
        }
        for v in inst.operands() {
            if uses[v as usize].first() != Some(&i) {
                uses[v as usize].insert(0, i);
            }
        }
    }
    uses
}

struct Lowering<'l> {
    asm: &'l mut Assembler,
    insts: &'l [Inst],
    context: &'l Context<'l>,
    /// By value: the instructions that read it.
    uses: Vec<Vec<usize>>,
    register: Vec<Option<Register>>,
    /// Memory that holds the value as well: a constant, a kept value, a place on the stack.
    home: Vec<Option<MemoryOperand>>,
    free: Vec<Register>,
    free_masks: Vec<Register>,
    /// Operands of the instruction at hand: they keep their registers.
    pinned: Vec<u32>,
    /// Places on the stack that are taken.
    slots: usize,
}

impl Lowering<'_> {
    fn dies(&self, v: u32, now: usize) -> bool {
        self.uses[v as usize].last() == Some(&now)
    }

    /// A register that nothing needs, if necessary by sending what is read last of all to the stack.
    fn take(&mut self, now: usize) -> Option<Register> {
        if let Some(register) = self.free.pop() {
            return Some(register);
        }
        let next = |v: usize| self.uses[v].iter().find(|u| **u >= now).copied().unwrap_or(usize::MAX);
        let held = (0..now).filter(|v| self.register[*v].is_some_and(|r| r.is_zmm()) && !self.pinned.contains(&(*v as u32)));
        let victim = held.max_by_key(|v| next(*v))?;
        let register = self.register[victim].take()?;
        if self.home[victim].is_none() {
            let home = (self.context.spill_home)(self.slots);
            self.slots += 1;
            self.asm.vector_store(Code::EVEX_Vmovups_zmmm512_k1z_zmm, None, home, register);
            self.home[victim] = Some(home);
        }
        Some(register)
    }

    /// The value as an operand that may lie in memory.
    fn source(&self, v: V) -> Source {
        match (self.register[v.0 as usize], self.home[v.0 as usize]) {
            (Some(register), _) => Source::Register(register),
            (None, Some(home)) => Source::Memory(home),
            (None, None) => panic!("a value that is read is somewhere"),
        }
    }

    /// The value in a register.
    fn loaded(&mut self, v: V, now: usize) -> Option<Register> {
        if let Some(register) = self.register[v.0 as usize] {
            return Some(register);
        }
        let register = self.take(now)?;
        self.fetch(register, v);
        self.register[v.0 as usize] = Some(register);
        Some(register)
    }

    /// Copies the value into a register.
    fn fetch(&mut self, to: Register, v: V) {
        let source = self.source(v);
        let code = match source {
            Source::Memory(home) if home.is_broadcast => {
                let plain = MemoryOperand { is_broadcast: false, ..home };
                return self.asm.vector2(Code::EVEX_Vbroadcastss_zmm_k1z_xmmm32, to, Source::Memory(plain));
            }
            _ => Code::EVEX_Vmovups_zmm_k1z_zmmm512,
        };
        self.asm.vector2(code, to, source);
    }

    /// Gives back the registers of operands that nothing reads after this.
    fn release(&mut self, now: usize) {
        for v in self.insts[now].operands() {
            if self.dies(v, now)
                && let Some(register) = self.register[v as usize].take()
            {
                if register.is_zmm() { &mut self.free } else { &mut self.free_masks }.push(register);
            }
        }
    }

    /// The register of the result; operands that die here have given theirs back.
    fn result(&mut self, now: usize) -> Option<Register> {
        self.release(now);
        let register = self.take(now)?;
        self.register[now] = Some(register);
        Some(register)
    }

    fn mask_of(&self, m: M) -> Register {
        self.register[m.0 as usize].expect("masks stay in their registers")
    }

    fn mask_result(&mut self, now: usize) -> Option<Register> {
        self.release(now);
        let register = self.free_masks.pop()?;
        self.register[now] = Some(register);
        Some(register)
    }

    fn address(&mut self, place: &Place) -> MemoryOperand {
        let base = self.context.pointers[place.pointer].unwrap_or_else(|| {
            self.asm.load(POINTER, (self.context.pointer_home)(place.pointer));
            POINTER
        });
        at(base, place.bytes)
    }

    fn instruction(&mut self, i: usize) -> Option<()> {
        let inst = self.insts[i];
        self.pinned = inst.operands();
        match inst {
            Inst::Word(word) => self.home[i] = Some(self.context.constants.word(word)),
            Inst::Ramp(step) => self.home[i] = Some(at(Register::RIP, self.context.constants.ramps[&step] as i64)),
            Inst::Kept(n) => self.home[i] = Some((self.context.kept_home)(n)),
            Inst::Load(place) => self.load(i, &place)?,
            Inst::Index(axis) => {
                let to = self.result(i)?;
                let from = (self.context.index_home)(axis);
                self.asm.vector2(Code::EVEX_Vpbroadcastd_zmm_k1z_xmmm32, to, Source::Memory(from));
            }
            Inst::Unary(op, x) => {
                let source = self.source(x);
                let to = self.result(i)?;
                match op {
                    Unary::Sqrt => self.asm.vector2(Code::EVEX_Vsqrtps_zmm_k1z_zmmm512b32_er, to, source),
                    // Towards minus infinity, without the exception for inexact results.
                    Unary::Floor => self.asm.vector2_with(Code::EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae, to, source, 9),
                    Unary::IntAbs => self.asm.vector2(Code::EVEX_Vpabsd_zmm_k1z_zmmm512b32, to, source),
                    Unary::FromInt => self.asm.vector2(Code::EVEX_Vcvtdq2ps_zmm_k1z_zmmm512b32_er, to, source),
                    Unary::ToInt => self.asm.vector2(Code::EVEX_Vcvttps2dq_zmm_k1z_zmmm512b32_sae, to, source),
                }
            }
            Inst::Shift(op, x, by) => {
                let source = self.source(x);
                let to = self.result(i)?;
                let code = match op {
                    Shift::Left => Code::EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8,
                    Shift::Right => Code::EVEX_Vpsrld_zmm_k1z_zmmm512b32_imm8,
                    Shift::RightSigned => Code::EVEX_Vpsrad_zmm_k1z_zmmm512b32_imm8,
                };
                self.asm.vector2_with(code, to, source, u32::from(by));
            }
            Inst::Inverse(x) => {
                let source = self.source(x);
                let to = self.result(i)?;
                self.asm.vector2(Code::EVEX_Vrcp14ps_zmm_k1z_zmmm512b32, to, source);
            }
            Inst::Round(x) => {
                let source = self.source(x);
                let to = self.result(i)?;
                let half = lower_half(to);
                self.asm.vector2(Code::EVEX_Vcvtneps2bf16_ymm_k1z_zmmm512b32, half, source);
                self.asm.vector2(Code::EVEX_Vpmovzxwd_zmm_k1z_ymmm256, to, Source::Register(half));
                self.asm.vector2_with(Code::EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8, to, Source::Register(to), 16);
            }
            Inst::Binary(op, x, y) => self.binary(i, op, x, y)?,
            Inst::MulAdd(x, y, z) => self.mul_add(i, [x, y, z])?,
            Inst::Select(m, x, y) => {
                let other = self.loaded(y, i)?;
                let (mask, source) = (self.mask_of(m), self.source(x));
                let to = self.result(i)?;
                self.asm.vector3_masked(Code::EVEX_Vblendmps_zmm_k1z_zmm_zmmm512b32, mask, to, other, source);
            }
            Inst::Compare(op, x, y) => {
                let first = self.loaded(x, i)?;
                let source = self.source(y);
                let to = self.mask_result(i)?;
                let (code, predicate) = predicate(op);
                self.asm.vector3_with(code, to, first, source, predicate);
            }
            Inst::Logic(op, x, y) => {
                let (x, y) = (self.mask_of(x), self.mask_of(y));
                let to = self.mask_result(i)?;
                let code = match op {
                    Logic::And => Code::VEX_Kandw_kr_kr_kr,
                    Logic::Or => Code::VEX_Korw_kr_kr_kr,
                    Logic::Same => Code::VEX_Kxnorw_kr_kr_kr,
                };
                self.asm.vector3(code, to, x, Source::Register(y));
            }
            Inst::Not(x) => {
                let x = self.mask_of(x);
                let to = self.mask_result(i)?;
                self.asm.vector2(Code::VEX_Knotw_kr_kr, to, Source::Register(x));
            }
            Inst::LoadMask(place) => {
                let words = self.take(i)?;
                self.load_words(words, &place);
                self.free.push(words);
                let to = self.mask_result(i)?;
                self.asm.vector3(Code::EVEX_Vptestmd_kr_k1_zmm_zmmm512b32, to, words, Source::Register(words));
            }
            Inst::Store(place, x) => self.store(i, &place, x)?,
            Inst::StoreRounded(place, x) => {
                let source = self.source(x);
                let rounded = self.take(i)?;
                let half = lower_half(rounded);
                self.asm.vector2(Code::EVEX_Vcvtneps2bf16_ymm_k1z_zmmm512b32, half, source);
                let to = self.address(&place);
                self.asm.vector_store(Code::EVEX_Vmovdqu16_ymmm256_k1z_ymm, place.partial.then_some(TAIL), to, half);
                self.free.push(rounded);
                self.release(i);
            }
            Inst::StoreMask(place, x) => {
                let words = self.take(i)?;
                let one = self.context.constants.word(1);
                let one = Source::Memory(MemoryOperand { is_broadcast: false, ..one });
                let mask = self.mask_of(x);
                self.asm.vector2_zeroed(Code::EVEX_Vpbroadcastd_zmm_k1z_xmmm32, Some(mask), words, one);
                let to = self.address(&place);
                self.asm.vector_store(Code::EVEX_Vmovups_zmmm512_k1z_zmm, place.partial.then_some(TAIL), to, words);
                self.free.push(words);
                self.release(i);
            }
            Inst::Keep(n, x) => {
                let x = self.loaded(x, i)?;
                self.asm.vector_store(Code::EVEX_Vmovups_zmmm512_k1z_zmm, None, (self.context.kept_home)(n), x);
                self.release(i);
            }
        }
        Some(())
    }

    fn load(&mut self, i: usize, place: &Place) -> Option<()> {
        let to = self.result(i)?;
        match place.dtype {
            DType::Bf16 if place.spread => {
                let from = self.address(place);
                self.asm.raw(Instruction::with2(Code::Movzx_r32_rm16, Register::EAX, from));
                self.asm.raw(Instruction::with2(Code::Shl_rm32_imm8, Register::EAX, 16u32));
                self.asm.vector2(Code::EVEX_Vpbroadcastd_zmm_k1z_r32, to, Source::Register(Register::EAX));
            }
            DType::Bf16 => {
                let from = self.address(place);
                let mask = place.partial.then_some(TAIL);
                self.asm.vector2_zeroed(Code::EVEX_Vpmovzxwd_zmm_k1z_ymmm256, mask, to, Source::Memory(from));
                self.asm.vector2_with(Code::EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8, to, Source::Register(to), 16);
            }
            DType::F32 | DType::I32 | DType::Bool => self.load_words(to, place),
        }
        Some(())
    }

    fn load_words(&mut self, to: Register, place: &Place) {
        let from = Source::Memory(self.address(place));
        if place.spread {
            self.asm.vector2(Code::EVEX_Vbroadcastss_zmm_k1z_xmmm32, to, from);
        } else {
            self.asm.vector2_zeroed(Code::EVEX_Vmovups_zmm_k1z_zmmm512, place.partial.then_some(TAIL), to, from);
        }
    }

    fn store(&mut self, i: usize, place: &Place, x: V) -> Option<()> {
        let x = self.loaded(x, i)?;
        let mask = place.partial.then_some(TAIL);
        let to = self.address(place);
        if place.dtype == DType::Bf16 {
            let upper = self.take(i)?;
            self.asm.vector2_with(Code::EVEX_Vpsrld_zmm_k1z_zmmm512b32_imm8, upper, Source::Register(x), 16);
            self.asm.vector_store(Code::EVEX_Vpmovdw_ymmm256_k1z_zmm, mask, to, upper);
            self.free.push(upper);
        } else {
            self.asm.vector_store(Code::EVEX_Vmovups_zmmm512_k1z_zmm, mask, to, x);
        }
        self.release(i);
        Some(())
    }

    fn binary(&mut self, i: usize, op: Binary, x: V, y: V) -> Option<()> {
        let (code, swaps) = match op {
            Binary::Add => (Code::EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er, true),
            Binary::Sub => (Code::EVEX_Vsubps_zmm_k1z_zmm_zmmm512b32_er, false),
            Binary::Mul => (Code::EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er, true),
            Binary::Div => (Code::EVEX_Vdivps_zmm_k1z_zmm_zmmm512b32_er, false),
            Binary::Max => (Code::EVEX_Vmaxps_zmm_k1z_zmm_zmmm512b32_sae, false),
            Binary::Min => (Code::EVEX_Vminps_zmm_k1z_zmm_zmmm512b32_sae, false),
            Binary::IntAdd => (Code::EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32, true),
            Binary::IntSub => (Code::EVEX_Vpsubd_zmm_k1z_zmm_zmmm512b32, false),
            Binary::IntMul => (Code::EVEX_Vpmulld_zmm_k1z_zmm_zmmm512b32, true),
            Binary::IntMax => (Code::EVEX_Vpmaxsd_zmm_k1z_zmm_zmmm512b32, true),
            Binary::IntMin => (Code::EVEX_Vpminsd_zmm_k1z_zmm_zmmm512b32, true),
            Binary::And => (Code::EVEX_Vpandd_zmm_k1z_zmm_zmmm512b32, true),
            Binary::Or => (Code::EVEX_Vpord_zmm_k1z_zmm_zmmm512b32, true),
            Binary::Xor => (Code::EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32, true),
        };
        // The processor's extremes answer their second operand when neither is the greater.
        let turned = matches!(op, Binary::Max | Binary::Min) || swaps && self.register[x.0 as usize].is_none();
        let (x, y) = if turned { (y, x) } else { (x, y) };
        let first = self.loaded(x, i)?;
        let second = self.source(y);
        let to = self.result(i)?;
        self.asm.vector3(code, to, first, second);
        Some(())
    }

    /// One of the three operands becomes the result; one that dies here, if there is one in a register.
    fn mul_add(&mut self, i: usize, [x, y, z]: [V; 3]) -> Option<()> {
        use Code::{
            EVEX_Vfmadd132ps_zmm_k1z_zmm_zmmm512b32_er as ADD_SECOND, EVEX_Vfmadd213ps_zmm_k1z_zmm_zmmm512b32_er as ADD_THIRD,
            EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er as ADD_FIRST,
        };
        let in_register = |l: &Self, v: V| l.register[v.0 as usize].is_some();
        let given = |l: &Self, v: V, others: [V; 2]| in_register(l, v) && l.dies(v.0, i) && !others.contains(&v);
        if given(self, z, [x, y]) {
            // to = x y + to
            let (x, y) = if in_register(self, x) { (x, y) } else { (y, x) };
            let first = self.loaded(x, i)?;
            let second = self.source(y);
            let to = self.keep_register(z, i);
            self.asm.vector3(ADD_FIRST, to, first, second);
            return Some(());
        }
        let (x, y) = if !given(self, x, [y, z]) && given(self, y, [x, z]) { (y, x) } else { (x, y) };
        // to = to y + z, with one of y and z in a register.
        let y_first = in_register(self, y) || !in_register(self, z);
        let first = self.loaded(if y_first { y } else { z }, i)?;
        let second = self.source(if y_first { z } else { y });
        let to = if given(self, x, [y, z]) {
            self.keep_register(x, i)
        } else {
            let to = self.take(i)?;
            self.fetch(to, x);
            self.release(i);
            self.register[i] = Some(to);
            to
        };
        self.asm.vector3(if y_first { ADD_THIRD } else { ADD_SECOND }, to, first, second);
        Some(())
    }

    /// Makes the register of an operand that dies that of the result, and gives back those of the others.
    fn keep_register(&mut self, v: V, i: usize) -> Register {
        let register = self.register[v.0 as usize].take().expect("the operand is in a register");
        self.release(i);
        self.register[i] = Some(register);
        register
    }
}

/// The 256-bit register inside a 512-bit one.
fn lower_half(register: Register) -> Register {
    Register::YMM0 + (register as u32 - Register::ZMM0 as u32)
}

fn predicate(op: Compare) -> (Code, u32) {
    let (float, int) = (Code::EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae, Code::EVEX_Vpcmpd_kr_k1_zmm_zmmm512b32_imm8);
    match op {
        Compare::Equal => (float, 0),
        Compare::Less => (float, 1),
        Compare::LessEqual => (float, 2),
        Compare::NotEqual => (float, 4),
        Compare::Ordered => (float, 7),
        Compare::IntEqual => (int, 0),
        Compare::IntLess => (int, 1),
        Compare::IntLessEqual => (int, 2),
        Compare::IntNotEqual => (int, 4),
    }
}
