//! A thin layer over Cranelift's instruction builder for four-lane vectors, and structured loops.
//! Minimum and maximum are a comparison and a selection: the IEEE instructions cost twice as much.

use super::lanes::{Binary, Compare, Lanes, Logic, Shift, Unary};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F32X4, I32X4, I64};
use cranelift_codegen::ir::{BlockArg, ConstantData, Endianness, InstBuilder, MemFlagsData, Type, Value};
use cranelift_frontend::FunctionBuilder;

pub struct Vectors<'f> {
    pub b: FunctionBuilder<'f>,
    /// The processor has fused multiply-add.
    pub fma: bool,
    pub constants: &'f mut Constants,
}

/// Vectors that generated code reads from memory. In registers they would be hoisted out of loops and spilt there;
/// as operands in memory they cost nothing. The table never moves, so its address can be part of the code.
pub struct Constants {
    words: Box<[[u32; 4]]>,
    used: usize,
}

/// Distinct vectors of one module; more are made in registers.
const CAPACITY: usize = 4096;

impl Default for Constants {
    fn default() -> Constants {
        Constants { words: vec![[0; 4]; CAPACITY].into_boxed_slice(), used: 0 }
    }
}

impl Constants {
    /// Byte offset of a vector in the table, if there is room.
    fn offset(&mut self, words: [u32; 4]) -> Option<i32> {
        let known = self.words[..self.used].iter().position(|w| *w == words);
        let at = match known {
            Some(at) => at,
            None if self.used < CAPACITY => {
                self.words[self.used] = words;
                self.used += 1;
                self.used - 1
            }
            None => return None,
        };
        Some(at as i32 * 16)
    }
}

/// One round of a loop: from the index and the carried values to the next carried values.
pub type Round<'a> = &'a mut dyn FnMut(&mut Vectors, Value, &[Value]) -> Vec<Value>;

/// Accesses cannot fault, and vectors are not aligned.
pub fn memory() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

impl Vectors<'_> {
    pub fn words(&mut self, words: [u32; 4], ty: Type) -> Value {
        if let Some(offset) = self.constants.offset(words) {
            let base = self.i64(self.constants.words.as_ptr() as i64);
            return self.b.ins().load(ty, memory(), base, offset);
        }
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let constant = self.b.func.dfg.constants.insert(ConstantData::from(bytes));
        self.b.ins().vconst(ty, constant)
    }

    pub fn i64(&mut self, v: i64) -> Value {
        self.b.ins().iconst(I64, v)
    }

    pub fn as_int(&mut self, v: Value) -> Value {
        self.cast(v, I32X4)
    }

    pub fn as_float(&mut self, v: Value) -> Value {
        self.cast(v, F32X4)
    }

    pub fn cast(&mut self, v: Value, ty: Type) -> Value {
        if self.b.func.dfg.value_type(v) == ty {
            return v;
        }
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        self.b.ins().bitcast(ty, flags, v)
    }

    /// `base + index * stride`, in bytes.
    pub fn offset(&mut self, base: Value, index: Value, stride: i64) -> Value {
        if stride == 0 {
            return base;
        }
        let bytes = match stride {
            2 => self.b.ins().ishl_imm_s(index, 1),
            4 => self.b.ins().ishl_imm_s(index, 2),
            _ => self.b.ins().imul_imm_s(index, stride),
        };
        self.b.ins().iadd(base, bytes)
    }

    /// Runs `body(i, carried)` for i = start, start + step, … below end; the loop is entered at least once unless `guarded`.
    /// The body answers the next carried values; the last ones are returned.
    pub fn repeat(&mut self, range: (Value, Value, i64), guarded: bool, carried: &[Value], body: Round) -> Vec<Value> {
        let (start, end, step) = range;
        let inside = self.b.create_block();
        let after = self.b.create_block();
        let index = self.b.append_block_param(inside, I64);
        let types: Vec<Type> = carried.iter().map(|v| self.b.func.dfg.value_type(*v)).collect();
        let held: Vec<Value> = types.iter().map(|t| self.b.append_block_param(inside, *t)).collect();
        let results: Vec<Value> = types.iter().map(|t| self.b.append_block_param(after, *t)).collect();
        let mut enter = vec![BlockArg::from(start)];
        enter.extend(carried.iter().map(|v| BlockArg::from(*v)));
        if guarded {
            let some = self.b.ins().icmp(IntCC::SignedLessThan, start, end);
            let skip: Vec<BlockArg> = enter[1..].to_vec();
            self.b.ins().brif(some, inside, &enter, after, &skip);
        } else {
            self.b.ins().jump(inside, &enter);
        }
        self.b.switch_to_block(inside);
        let next = body(self, index, &held);
        let index = self.b.ins().iadd_imm_s(index, step);
        let more = self.b.ins().icmp(IntCC::SignedLessThan, index, end);
        let leave: Vec<BlockArg> = next.iter().map(|v| BlockArg::from(*v)).collect();
        let mut again = vec![BlockArg::from(index)];
        again.extend(leave.iter().copied());
        self.b.ins().brif(more, inside, &again, after, &leave);
        self.b.seal_block(inside);
        self.b.seal_block(after);
        self.b.switch_to_block(after);
        results
    }

    /// Runs `body` once when the condition holds.
    pub fn when(&mut self, condition: Value, body: &mut dyn FnMut(&mut Self)) {
        let inside = self.b.create_block();
        let after = self.b.create_block();
        self.b.ins().brif(condition, inside, &[], after, &[]);
        self.b.seal_block(inside);
        self.b.switch_to_block(inside);
        body(self);
        self.b.ins().jump(after, &[]);
        self.b.seal_block(after);
        self.b.switch_to_block(after);
    }
}

/// Four lanes. Values of floats have the type F32X4, those of integers and masks I32X4.
impl Lanes for Vectors<'_> {
    type V = Value;
    type M = Value;

    fn word(&mut self, bits: u32) -> Value {
        self.words([bits; 4], I32X4)
    }

    fn float(&mut self, x: f32) -> Value {
        self.words([x.to_bits(); 4], F32X4)
    }

    fn unary(&mut self, op: Unary, x: Value) -> Value {
        match op {
            Unary::Sqrt => {
                let x = self.as_float(x);
                self.b.ins().sqrt(x)
            }
            Unary::Floor => {
                let x = self.as_float(x);
                self.b.ins().floor(x)
            }
            Unary::ToInt => {
                let x = self.as_float(x);
                self.b.ins().fcvt_to_sint_sat(I32X4, x)
            }
            Unary::IntAbs => {
                let x = self.as_int(x);
                self.b.ins().iabs(x)
            }
            Unary::FromInt => {
                let x = self.as_int(x);
                self.b.ins().fcvt_from_sint(F32X4, x)
            }
        }
    }

    fn binary(&mut self, op: Binary, x: Value, y: Value) -> Value {
        match op {
            Binary::Max => {
                let mask = self.less(x, y);
                let (x, y) = (self.as_float(x), self.as_float(y));
                return self.select(mask, y, x);
            }
            Binary::Min => {
                let mask = self.less(y, x);
                let (x, y) = (self.as_float(x), self.as_float(y));
                return self.select(mask, y, x);
            }
            Binary::Add | Binary::Sub | Binary::Mul | Binary::Div => {
                let (x, y) = (self.as_float(x), self.as_float(y));
                return match op {
                    Binary::Add => self.b.ins().fadd(x, y),
                    Binary::Sub => self.b.ins().fsub(x, y),
                    Binary::Mul => self.b.ins().fmul(x, y),
                    _ => self.b.ins().fdiv(x, y),
                };
            }
            _ => {}
        }
        let (x, y) = (self.as_int(x), self.as_int(y));
        match op {
            Binary::IntAdd => self.b.ins().iadd(x, y),
            Binary::IntSub => self.b.ins().isub(x, y),
            Binary::IntMul => self.b.ins().imul(x, y),
            Binary::IntMax => self.b.ins().smax(x, y),
            Binary::IntMin => self.b.ins().smin(x, y),
            Binary::And => self.b.ins().band(x, y),
            Binary::Or => self.b.ins().bor(x, y),
            _ => self.b.ins().bxor(x, y),
        }
    }

    fn has_fma(&self) -> bool {
        self.fma
    }

    fn mul_add(&mut self, x: Value, y: Value, z: Value) -> Value {
        if self.fma {
            let (x, y, z) = (self.as_float(x), self.as_float(y), self.as_float(z));
            return self.b.ins().fma(x, y, z);
        }
        let product = self.mul(x, y);
        self.add(product, z)
    }

    fn shift(&mut self, op: Shift, x: Value, by: u8) -> Value {
        let (x, by) = (self.as_int(x), i64::from(by));
        match op {
            Shift::Left => self.b.ins().ishl_imm_s(x, by),
            Shift::Right => self.b.ins().ushr_imm_s(x, by),
            Shift::RightSigned => self.b.ins().sshr_imm_s(x, by),
        }
    }

    fn compare(&mut self, op: Compare, x: Value, y: Value) -> Value {
        let float = match op {
            Compare::Less => FloatCC::LessThan,
            Compare::LessEqual => FloatCC::LessThanOrEqual,
            Compare::Equal => FloatCC::Equal,
            Compare::NotEqual => FloatCC::NotEqual,
            Compare::Ordered => FloatCC::Ordered,
            Compare::IntLess | Compare::IntLessEqual | Compare::IntEqual | Compare::IntNotEqual => {
                let int = match op {
                    Compare::IntLess => IntCC::SignedLessThan,
                    Compare::IntLessEqual => IntCC::SignedLessThanOrEqual,
                    Compare::IntEqual => IntCC::Equal,
                    _ => IntCC::NotEqual,
                };
                let (x, y) = (self.as_int(x), self.as_int(y));
                return self.b.ins().icmp(int, x, y);
            }
        };
        let (x, y) = (self.as_float(x), self.as_float(y));
        self.b.ins().fcmp(float, x, y)
    }

    fn select(&mut self, mask: Value, x: Value, y: Value) -> Value {
        let ty = self.b.func.dfg.value_type(x);
        let (mask, y) = (self.cast(mask, ty), self.cast(y, ty));
        self.b.ins().bitselect(mask, x, y)
    }

    fn logic(&mut self, op: Logic, x: Value, y: Value) -> Value {
        match op {
            Logic::And => self.b.ins().band(x, y),
            Logic::Or => self.b.ins().bor(x, y),
            Logic::Same => self.b.ins().icmp(IntCC::Equal, x, y),
        }
    }

    fn not(&mut self, x: Value) -> Value {
        self.b.ins().bnot(x)
    }

    fn abs(&mut self, x: Value) -> Value {
        let x = self.as_float(x);
        self.b.ins().fabs(x)
    }

    fn neg(&mut self, x: Value) -> Value {
        let x = self.as_float(x);
        self.b.ins().fneg(x)
    }
}
