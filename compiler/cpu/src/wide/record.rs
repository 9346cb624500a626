//! Straight-line code on sixteen lanes, as a list of instructions in single assignment: what a loop does in one round. Equal
//! instructions are one, so lanes that share a constant or a load share its register.

use crate::emit::lanes::{Binary, Compare, Lanes, Logic, Shift, Unary};
use pfm_ir::DType;
use std::collections::BTreeMap;

/// A vector of sixteen lanes of 32 bits, by the position of its instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct V(pub u32);

/// A mask of sixteen truths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct M(pub u32);

/// Sixteen neighbours in memory: a pointer, bytes beyond it, and how many of the lanes are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub pointer: usize,
    pub bytes: i64,
    pub dtype: DType,
    /// One element for all lanes.
    pub spread: bool,
    /// Only the lanes of the tail mask.
    pub partial: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Inst {
    Word(u32),
    /// Lane k holds k times this.
    Ramp(i32),
    Load(Place),
    /// The index of an axis's loop, in all lanes.
    Index(usize),
    /// What was computed before the loop, by number.
    Kept(usize),
    Unary(Unary, V),
    Binary(Binary, V, V),
    MulAdd(V, V, V),
    Shift(Shift, V, u8),
    /// 1 / x to fourteen bits.
    Inverse(V),
    /// Rounded to bfloat16.
    Round(V),
    Select(M, V, V),
    LoadMask(Place),
    Compare(Compare, V, V),
    Logic(Logic, M, M),
    Not(M),
    Store(Place, V),
    /// Stores a vector rounded to bfloat16.
    StoreRounded(Place, V),
    StoreMask(Place, M),
    Keep(usize, V),
}

impl Inst {
    /// What it reads.
    pub fn operands(&self) -> Vec<u32> {
        match *self {
            Inst::Word(_) | Inst::Ramp(_) | Inst::Load(_) | Inst::Index(_) | Inst::Kept(_) | Inst::LoadMask(_) => vec![],
            Inst::Unary(_, x)
            | Inst::Shift(_, x, _)
            | Inst::Inverse(x)
            | Inst::Round(x)
            | Inst::Store(_, x)
            | Inst::StoreRounded(_, x)
            | Inst::Keep(_, x) => vec![x.0],
            Inst::Binary(_, x, y) | Inst::Compare(_, x, y) => vec![x.0, y.0],
            Inst::MulAdd(x, y, z) => vec![x.0, y.0, z.0],
            Inst::Select(m, x, y) => vec![m.0, x.0, y.0],
            Inst::Logic(_, x, y) => vec![x.0, y.0],
            Inst::Not(x) | Inst::StoreMask(_, x) => vec![x.0],
        }
    }

    pub fn is_effect(&self) -> bool {
        matches!(self, Inst::Store(..) | Inst::StoreRounded(..) | Inst::StoreMask(..) | Inst::Keep(..))
    }
}

pub struct Record {
    /// The processor rounds to bfloat16 itself. It takes subnormal numbers for zero.
    has_bf16: bool,
    pub insts: Vec<Inst>,
    known: BTreeMap<Inst, u32>,
}

impl Record {
    pub fn new(has_bf16: bool) -> Record {
        Record { has_bf16, insts: vec![], known: BTreeMap::new() }
    }

    fn push(&mut self, inst: Inst) -> u32 {
        if let Some(at) = self.known.get(&inst) {
            return *at;
        }
        let at = self.insts.len() as u32;
        self.insts.push(inst);
        self.known.insert(inst, at);
        at
    }

    pub fn vector(&mut self, inst: Inst) -> V {
        V(self.push(inst))
    }

    pub fn mask(&mut self, inst: Inst) -> M {
        M(self.push(inst))
    }

    pub fn effect(&mut self, inst: Inst) {
        self.insts.push(inst);
    }

    /// Stores a vector; one that was just rounded to bfloat16 is rounded on the way.
    pub fn store(&mut self, place: Place, v: V) {
        self.effect(match self.insts[v.0 as usize] {
            Inst::Round(x) if place.dtype == DType::Bf16 => Inst::StoreRounded(place, x),
            _ => Inst::Store(place, v),
        });
    }
}

impl Lanes for Record {
    type V = V;
    type M = M;

    fn word(&mut self, bits: u32) -> V {
        self.vector(Inst::Word(bits))
    }

    fn unary(&mut self, op: Unary, x: V) -> V {
        let plain = self.vector(Inst::Unary(op, x));
        if op != Unary::ToInt {
            return plain;
        }
        // The processor answers the least integer for all that does not fit.
        let (limit, most, zero) = (self.float(2_147_483_648.0), self.int(i32::MAX), self.int(0));
        let above = self.compare(Compare::LessEqual, limit, x);
        let cut = self.select(above, most, plain);
        let number = self.compare(Compare::Ordered, x, x);
        self.select(number, cut, zero)
    }

    /// The processor's estimate and one step of Newton's: dividing takes as long as a dozen multiplications.
    fn inverse_of_normal(&mut self, x: V) -> V {
        let estimate = self.vector(Inst::Inverse(x));
        let (opposite, one) = (self.neg(estimate), self.float(1.0));
        let error = self.mul_add(x, opposite, one);
        self.mul_add(error, estimate, estimate)
    }

    fn round_to_bf16(&mut self, x: V) -> V {
        if self.has_bf16 {
            return self.vector(Inst::Round(x));
        }
        crate::emit::lanes::round_by_integers(self, x)
    }

    fn binary(&mut self, op: Binary, x: V, y: V) -> V {
        self.vector(Inst::Binary(op, x, y))
    }

    fn has_fma(&self) -> bool {
        true
    }

    fn mul_add(&mut self, x: V, y: V, z: V) -> V {
        self.vector(Inst::MulAdd(x, y, z))
    }

    fn shift(&mut self, op: Shift, x: V, by: u8) -> V {
        self.vector(Inst::Shift(op, x, by))
    }

    fn compare(&mut self, op: Compare, x: V, y: V) -> M {
        self.mask(Inst::Compare(op, x, y))
    }

    fn select(&mut self, mask: M, x: V, y: V) -> V {
        self.vector(Inst::Select(mask, x, y))
    }

    fn logic(&mut self, op: Logic, x: M, y: M) -> M {
        self.mask(Inst::Logic(op, x, y))
    }

    fn not(&mut self, x: M) -> M {
        self.mask(Inst::Not(x))
    }
}
