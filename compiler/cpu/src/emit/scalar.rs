//! One scalar operation on lanes in registers: the only place that knows what each means in arithmetic.

use super::lanes::{Binary, Compare, Lanes, Logic, Unary};
use super::maths::Maths;
use pfm_ir::{DType, Scalar};

/// A value of some type in registers: booleans are masks.
pub enum Reg<L: Lanes + ?Sized> {
    Vector(L::V),
    Mask(L::M),
}

impl<L: Lanes + ?Sized> Clone for Reg<L> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<L: Lanes + ?Sized> Copy for Reg<L> {}

impl<L: Lanes + ?Sized> Reg<L> {
    pub fn vector(self) -> L::V {
        match self {
            Reg::Vector(v) => v,
            Reg::Mask(_) => panic!("a boolean is not a number"),
        }
    }

    pub fn mask(self) -> L::M {
        match self {
            Reg::Mask(m) => m,
            Reg::Vector(_) => panic!("a number is not a boolean"),
        }
    }
}

/// An argument: its register, its type, and its value when that is known now.
pub struct Operand<L: Lanes + ?Sized> {
    pub value: Reg<L>,
    pub dtype: DType,
    pub constant: Option<f64>,
}

pub trait Scalars: Maths {
    /// The result has `dtype`.
    fn apply(&mut self, scalar: Scalar, dtype: DType, args: &[Operand<Self>]) -> Reg<Self> {
        let value = self.operate(scalar, dtype, args);
        // What only moves or compares bfloat16 is one already.
        let exact = matches!(scalar, Scalar::Select | Scalar::Max | Scalar::Min | Scalar::Neg | Scalar::Abs | Scalar::Sign | Scalar::Cast);
        if dtype == DType::Bf16 && !exact { Reg::Vector(self.round_to_bf16(value.vector())) } else { value }
    }

    fn constant(&mut self, value: f64, dtype: DType) -> Reg<Self> {
        Reg::Vector(match dtype {
            DType::F32 => self.float(value as f32),
            DType::Bf16 => self.float(pfm_ir::from_bf16(pfm_ir::to_bf16(value as f32))),
            DType::I32 => self.int(value as i32),
            DType::Bool => {
                let (word, zero) = (self.int(i32::from(value != 0.0)), self.int(0));
                return Reg::Mask(self.compare(Compare::IntNotEqual, word, zero));
            }
        })
    }

    fn operate(&mut self, scalar: Scalar, dtype: DType, args: &[Operand<Self>]) -> Reg<Self> {
        let float = args[0].dtype.is_float();
        match (args, scalar) {
            ([x], Scalar::Cast) => self.convert(x, dtype),
            ([x], Scalar::Not) if x.dtype == DType::Bool => Reg::Mask(self.not(x.value.mask())),
            ([x], Scalar::Not) => {
                let all = self.int(-1);
                Reg::Vector(self.xor(x.value.vector(), all))
            }
            ([x], _) if float => Reg::Vector(self.unary_float(scalar, x.value.vector())),
            ([x], _) => Reg::Vector(self.unary_int(scalar, x.value.vector())),
            ([x, y], Scalar::Pow) => Reg::Vector(self.raise(x, y)),
            ([x, y], _) if x.dtype == DType::Bool => Reg::Mask(self.binary_mask(scalar, x.value.mask(), y.value.mask())),
            ([x, y], _) => self.binary_number(scalar, float, x.value.vector(), y.value.vector()),
            ([c, x, y], _) if x.dtype == DType::Bool => {
                let (c, x, y) = (c.value.mask(), x.value.mask(), y.value.mask());
                let yes = self.logic(Logic::And, c, x);
                let not = self.not(c);
                let no = self.logic(Logic::And, not, y);
                Reg::Mask(self.logic(Logic::Or, yes, no))
            }
            ([c, x, y], _) => Reg::Vector(self.select(c.value.mask(), x.value.vector(), y.value.vector())),
            _ => panic!("a scalar operation has one to three arguments"),
        }
    }

    fn unary_float(&mut self, scalar: Scalar, x: Self::V) -> Self::V {
        match scalar {
            Scalar::Neg => self.neg(x),
            Scalar::Abs => self.abs(x),
            Scalar::Sign => self.sign(x),
            Scalar::Exp => self.exp(x),
            Scalar::Log => self.log(x),
            Scalar::Sqrt => self.sqrt(x),
            Scalar::Rsqrt => {
                let root = self.sqrt(x);
                self.inverse(root)
            }
            Scalar::Reciprocal => self.inverse(x),
            Scalar::Sin => self.sin(x),
            Scalar::Cos => self.cos(x),
            Scalar::Tanh => self.tanh(x),
            Scalar::Erf => self.erf(x),
            Scalar::Sigmoid => self.sigmoid(x),
            Scalar::Floor => self.floor(x),
            other => panic!("{other:?} is not an operation of one float"),
        }
    }

    fn inverse(&mut self, x: Self::V) -> Self::V {
        let one = self.float(1.0);
        self.div(one, x)
    }

    fn sign(&mut self, x: Self::V) -> Self::V {
        let (zero, one, minus) = (self.float(0.0), self.float(1.0), self.float(-1.0));
        let negative = self.less(x, zero);
        let r = self.select(negative, minus, zero);
        let positive = self.less(zero, x);
        self.select(positive, one, r)
    }

    fn unary_int(&mut self, scalar: Scalar, x: Self::V) -> Self::V {
        match scalar {
            Scalar::Neg => self.int_neg(x),
            Scalar::Abs => self.unary(Unary::IntAbs, x),
            Scalar::Sign => {
                let (high, opposite) = (self.shift_right_signed(x, 31), self.int_neg(x));
                let low = self.shift_right(opposite, 31);
                self.or(high, low)
            }
            Scalar::Floor => x,
            other => panic!("{other:?} is not an operation of one integer"),
        }
    }

    fn binary_number(&mut self, scalar: Scalar, float: bool, x: Self::V, y: Self::V) -> Reg<Self> {
        let compare = match (scalar, float) {
            (Scalar::Less, true) => Compare::Less,
            (Scalar::LessEqual, true) => Compare::LessEqual,
            (Scalar::Equal, true) => Compare::Equal,
            (Scalar::Less, false) => Compare::IntLess,
            (Scalar::LessEqual, false) => Compare::IntLessEqual,
            (Scalar::Equal, false) => Compare::IntEqual,
            _ => return Reg::Vector(self.binary(binary(scalar, float), x, y)),
        };
        Reg::Mask(self.compare(compare, x, y))
    }

    fn binary_mask(&mut self, scalar: Scalar, x: Self::M, y: Self::M) -> Self::M {
        match scalar {
            Scalar::And | Scalar::Min | Scalar::Mul => self.logic(Logic::And, x, y),
            Scalar::Or | Scalar::Max => self.logic(Logic::Or, x, y),
            Scalar::Equal => self.logic(Logic::Same, x, y),
            other => panic!("{other:?} is not an operation of two booleans"),
        }
    }

    /// Small whole exponents and the square root are exact to rounding; other powers go through exp and log.
    fn raise(&mut self, x: &Operand<Self>, y: &Operand<Self>) -> Self::V {
        let base = x.value.vector();
        match y.constant {
            Some(n) if n.fract() == 0.0 && n.abs() <= 16.0 => self.power(base, n as i32),
            Some(0.5) => self.sqrt(base),
            Some(-0.5) => {
                let root = self.sqrt(base);
                self.inverse(root)
            }
            _ => self.pow(base, y.value.vector()),
        }
    }

    fn convert(&mut self, x: &Operand<Self>, to: DType) -> Reg<Self> {
        let value = match x.dtype {
            DType::Bool if to == DType::Bool => return x.value,
            DType::Bool => {
                let one = if to == DType::I32 { self.int(1) } else { self.float(1.0) };
                let zero = self.int(0);
                return Reg::Vector(self.select(x.value.mask(), one, zero));
            }
            DType::F32 | DType::Bf16 | DType::I32 => x.value.vector(),
        };
        if to == DType::Bool {
            let (zero, op) = (self.int(0), if x.dtype.is_float() { Compare::NotEqual } else { Compare::IntNotEqual });
            return Reg::Mask(self.compare(op, value, zero));
        }
        let value = match (x.dtype.is_float(), to.is_float()) {
            (true, false) => self.unary(Unary::ToInt, value),
            (false, true) => self.int_to_float(value),
            _ => value,
        };
        Reg::Vector(if to == DType::Bf16 && x.dtype != DType::Bf16 { self.round_to_bf16(value) } else { value })
    }
}

impl<L: Lanes> Scalars for L {}

fn binary(scalar: Scalar, float: bool) -> Binary {
    match (scalar, float) {
        (Scalar::Add, true) => Binary::Add,
        (Scalar::Sub, true) => Binary::Sub,
        (Scalar::Mul, true) => Binary::Mul,
        (Scalar::Div, true) => Binary::Div,
        (Scalar::Max, true) => Binary::Max,
        (Scalar::Min, true) => Binary::Min,
        (Scalar::Add, false) => Binary::IntAdd,
        (Scalar::Sub, false) => Binary::IntSub,
        (Scalar::Mul, false) => Binary::IntMul,
        (Scalar::Max, false) => Binary::IntMax,
        (Scalar::Min, false) => Binary::IntMin,
        (other, true) => panic!("{other:?} is not an operation of two floats"),
        (other, false) => panic!("{other:?} is not an operation of two integers"),
    }
}
