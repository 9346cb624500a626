//! A thin layer over Cranelift's instruction builder for four-lane vectors, and structured loops.
//! Minimum and maximum are a comparison and a selection: the IEEE instructions cost twice as much.

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
    pub fn float(&mut self, v: f32) -> Value {
        self.bits(v.to_bits(), F32X4)
    }

    pub fn int(&mut self, v: i32) -> Value {
        self.bits(v as u32, I32X4)
    }

    fn bits(&mut self, word: u32, ty: Type) -> Value {
        self.words([word; 4], ty)
    }

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

    pub fn add(&mut self, x: Value, y: Value) -> Value {
        self.b.ins().fadd(x, y)
    }
    pub fn sub(&mut self, x: Value, y: Value) -> Value {
        self.b.ins().fsub(x, y)
    }
    pub fn mul(&mut self, x: Value, y: Value) -> Value {
        self.b.ins().fmul(x, y)
    }
    pub fn div(&mut self, x: Value, y: Value) -> Value {
        self.b.ins().fdiv(x, y)
    }

    /// x y + z, in one rounding where the processor can.
    pub fn mul_add(&mut self, x: Value, y: Value, z: Value) -> Value {
        if self.fma {
            return self.b.ins().fma(x, y, z);
        }
        let product = self.mul(x, y);
        self.add(product, z)
    }

    /// Horner's rule, highest coefficient first.
    pub fn polynomial(&mut self, x: Value, coefficients: &[f32]) -> Value {
        let mut sum = self.float(coefficients[0]);
        for &c in &coefficients[1..] {
            let c = self.float(c);
            sum = self.mul_add(sum, x, c);
        }
        sum
    }

    pub fn less(&mut self, x: Value, y: Value) -> Value {
        self.b.ins().fcmp(FloatCC::LessThan, x, y)
    }

    /// Lane by lane: `x` where the mask is set, else `y`.
    pub fn select(&mut self, mask: Value, x: Value, y: Value) -> Value {
        let ty = self.b.func.dfg.value_type(x);
        let mask = self.cast(mask, ty);
        self.b.ins().bitselect(mask, x, y)
    }

    pub fn max(&mut self, x: Value, y: Value) -> Value {
        let mask = self.less(x, y);
        self.select(mask, y, x)
    }

    pub fn min(&mut self, x: Value, y: Value) -> Value {
        let mask = self.less(y, x);
        self.select(mask, y, x)
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
