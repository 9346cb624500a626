//! bfloat16 in machine code: two bytes in memory, the upper half of an f32 in registers. Arithmetic is that of f32; a value of this
//! type in a register has been rounded, so its lower half is zero.

use super::vector::{Vectors, memory};
use cranelift_codegen::ir::types::{I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Value};

impl Vectors<'_> {
    /// Lanes `address + k stride`, in elements. Lanes beyond the count hold anything.
    pub fn load_bf16(&mut self, address: Value, stride: i64, lanes: usize) -> Value {
        let halves = if stride == 1 && lanes == 4 {
            self.b.ins().uload16x4(memory(), address, 0)
        } else {
            let first = self.b.ins().uload16(I32, memory(), address, 0);
            let mut all = self.b.ins().splat(I32X4, first);
            for k in 1..if stride == 0 { 1 } else { lanes } {
                let lane = self.b.ins().uload16(I32, memory(), address, (k as i64 * stride * 2) as i32);
                all = self.b.ins().insertlane(all, lane, k as u8);
            }
            all
        };
        let bits = self.b.ins().ishl_imm_s(halves, 16);
        self.as_float(bits)
    }

    /// Stores lanes that have been rounded.
    pub fn store_bf16(&mut self, address: Value, stride: i64, lanes: usize, value: Value) {
        let bits = self.as_int(value);
        let halves = self.b.ins().ushr_imm_s(bits, 16);
        if stride == 1 && lanes == 4 {
            let packed = self.b.ins().unarrow(halves, halves);
            debug_assert_eq!(self.b.func.dfg.value_type(packed), I16X8);
            let pairs = self.cast(packed, I64X2);
            let low = self.b.ins().extractlane(pairs, 0);
            self.b.ins().store(memory(), low, address, 0);
            return;
        }
        for k in 0..lanes {
            let lane = self.b.ins().extractlane(halves, k as u8);
            self.b.ins().istore16(memory(), lane, address, (k as i64 * stride * 2) as i32);
        }
    }
}
