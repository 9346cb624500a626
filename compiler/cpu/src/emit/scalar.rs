//! One scalar operation on vectors in registers: the only place that knows what each means in machine code.

use super::vector::Vectors;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F32X4, I32X4};
use cranelift_codegen::ir::{InstBuilder, Value};
use pfm_ir::{DType, Scalar};

/// An argument: its register, its type, and its value when that is known now.
#[derive(Clone, Copy)]
pub struct Operand {
    pub value: Value,
    pub dtype: DType,
    pub constant: Option<f64>,
}

impl Vectors<'_> {
    /// The result has `dtype`.
    pub fn apply(&mut self, scalar: Scalar, dtype: DType, args: &[Operand]) -> Value {
        let value = self.operate(scalar, dtype, args);
        // What only moves or compares bfloat16 is one already.
        let exact = matches!(scalar, Scalar::Select | Scalar::Max | Scalar::Min | Scalar::Neg | Scalar::Abs | Scalar::Sign | Scalar::Cast);
        if dtype == DType::Bf16 && !exact { self.round_to_bf16(value) } else { value }
    }

    fn operate(&mut self, scalar: Scalar, dtype: DType, args: &[Operand]) -> Value {
        let x = args[0].value;
        let float = args[0].dtype.is_float();
        match args.len() {
            1 => match scalar {
                Scalar::Cast => self.convert(args[0], dtype),
                Scalar::Not => self.b.ins().bnot(x),
                _ if float => self.unary_float(scalar, x),
                _ => self.unary_int(scalar, x),
            },
            2 if scalar == Scalar::Pow => self.raise(args[0], args[1]),
            2 if args[0].dtype == DType::Bool => self.binary_mask(scalar, x, args[1].value),
            2 if float => self.binary_float(scalar, x, args[1].value),
            2 => self.binary_int(scalar, x, args[1].value),
            _ => self.select(x, args[1].value, args[2].value),
        }
    }

    fn unary_float(&mut self, scalar: Scalar, x: Value) -> Value {
        match scalar {
            Scalar::Neg => self.b.ins().fneg(x),
            Scalar::Abs => self.b.ins().fabs(x),
            Scalar::Sign => self.sign(x),
            Scalar::Exp => self.exp(x),
            Scalar::Log => self.log(x),
            Scalar::Sqrt => self.b.ins().sqrt(x),
            Scalar::Rsqrt => {
                let root = self.b.ins().sqrt(x);
                self.inverse(root)
            }
            Scalar::Reciprocal => self.inverse(x),
            Scalar::Sin => self.sin(x),
            Scalar::Cos => self.cos(x),
            Scalar::Tanh => self.tanh(x),
            Scalar::Erf => self.erf(x),
            Scalar::Sigmoid => self.sigmoid(x),
            Scalar::Floor => self.b.ins().floor(x),
            other => panic!("{other:?} is not an operation of one float"),
        }
    }

    fn inverse(&mut self, x: Value) -> Value {
        let one = self.float(1.0);
        self.div(one, x)
    }

    fn sign(&mut self, x: Value) -> Value {
        let (zero, one, minus) = (self.float(0.0), self.float(1.0), self.float(-1.0));
        let negative = self.less(x, zero);
        let r = self.select(negative, minus, zero);
        let positive = self.less(zero, x);
        self.select(positive, one, r)
    }

    fn unary_int(&mut self, scalar: Scalar, x: Value) -> Value {
        match scalar {
            Scalar::Neg => self.b.ins().ineg(x),
            Scalar::Abs => self.b.ins().iabs(x),
            Scalar::Sign => {
                let (high, shift) = (self.b.ins().sshr_imm_s(x, 31), self.b.ins().ineg(x));
                let low = self.b.ins().ushr_imm_s(shift, 31);
                self.b.ins().bor(high, low)
            }
            Scalar::Floor => x,
            other => panic!("{other:?} is not an operation of one integer"),
        }
    }

    fn binary_float(&mut self, scalar: Scalar, x: Value, y: Value) -> Value {
        match scalar {
            Scalar::Add => self.add(x, y),
            Scalar::Sub => self.sub(x, y),
            Scalar::Mul => self.mul(x, y),
            Scalar::Div => self.div(x, y),
            Scalar::Max => self.max(x, y),
            Scalar::Min => self.min(x, y),
            Scalar::Less => self.less(x, y),
            Scalar::LessEqual => self.b.ins().fcmp(FloatCC::LessThanOrEqual, x, y),
            Scalar::Equal => self.b.ins().fcmp(FloatCC::Equal, x, y),
            other => panic!("{other:?} is not an operation of two floats"),
        }
    }

    pub fn binary_int(&mut self, scalar: Scalar, x: Value, y: Value) -> Value {
        match scalar {
            Scalar::Add => self.b.ins().iadd(x, y),
            Scalar::Sub => self.b.ins().isub(x, y),
            Scalar::Mul => self.b.ins().imul(x, y),
            Scalar::Max => self.b.ins().smax(x, y),
            Scalar::Min => self.b.ins().smin(x, y),
            Scalar::Less => self.b.ins().icmp(IntCC::SignedLessThan, x, y),
            Scalar::LessEqual => self.b.ins().icmp(IntCC::SignedLessThanOrEqual, x, y),
            Scalar::Equal => self.b.ins().icmp(IntCC::Equal, x, y),
            other => panic!("{other:?} is not an operation of two integers"),
        }
    }

    fn binary_mask(&mut self, scalar: Scalar, x: Value, y: Value) -> Value {
        match scalar {
            Scalar::And | Scalar::Min | Scalar::Mul => self.b.ins().band(x, y),
            Scalar::Or | Scalar::Max => self.b.ins().bor(x, y),
            Scalar::Equal => self.b.ins().icmp(IntCC::Equal, x, y),
            other => panic!("{other:?} is not an operation of two booleans"),
        }
    }

    /// Small whole exponents and the square root are exact to rounding; other powers go through exp and log.
    fn raise(&mut self, x: Operand, y: Operand) -> Value {
        match y.constant {
            Some(n) if n.fract() == 0.0 && n.abs() <= 16.0 => self.power(x.value, n as i32),
            Some(0.5) => self.b.ins().sqrt(x.value),
            Some(-0.5) => {
                let root = self.b.ins().sqrt(x.value);
                self.inverse(root)
            }
            _ => self.pow(x.value, y.value),
        }
    }

    fn convert(&mut self, x: Operand, to: DType) -> Value {
        if to == DType::Bf16 && x.dtype != DType::Bf16 {
            let wide = self.convert(x, DType::F32);
            return self.round_to_bf16(wide);
        }
        let from = if x.dtype == DType::Bf16 { DType::F32 } else { x.dtype };
        match (from, to) {
            (DType::F32, DType::I32) => self.b.ins().fcvt_to_sint_sat(I32X4, x.value),
            (DType::I32, DType::F32) => self.b.ins().fcvt_from_sint(F32X4, x.value),
            (DType::F32, DType::Bool) => {
                let zero = self.float(0.0);
                self.b.ins().fcmp(FloatCC::NotEqual, x.value, zero)
            }
            (DType::I32, DType::Bool) => {
                let zero = self.int(0);
                self.b.ins().icmp(IntCC::NotEqual, x.value, zero)
            }
            (DType::Bool, DType::F32) => {
                let (one, zero) = (self.float(1.0), self.float(0.0));
                self.select(x.value, one, zero)
            }
            (DType::Bool, DType::I32) => self.b.ins().ushr_imm_s(x.value, 31),
            _ => x.value,
        }
    }
}
