//! Arithmetic on lanes of 32 bits, apart from how wide vectors are and who writes the instructions. Vectors hold floats and integers
//! alike, as registers do; masks hold what comparisons say. `Maths` and `Scalars` are written once on top of this.

/// Of two vectors. Those on floats round to nearest even.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    /// The second where the first is less, else the first.
    Max,
    /// The second where it is less than the first, else the first.
    Min,
    IntAdd,
    IntSub,
    IntMul,
    IntMax,
    IntMin,
    And,
    Or,
    Xor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unary {
    Sqrt,
    Floor,
    IntAbs,
    /// Integers as floats.
    FromInt,
    /// Floats as integers: towards zero, cut to what fits, 0 for NaN.
    ToInt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compare {
    Less,
    LessEqual,
    Equal,
    NotEqual,
    /// Neither is NaN.
    Ordered,
    IntLess,
    IntLessEqual,
    IntEqual,
    IntNotEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shift {
    Left,
    Right,
    RightSigned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Logic {
    And,
    Or,
    /// Where both are alike.
    Same,
}

pub trait Lanes {
    /// A vector of 32-bit lanes.
    type V: Copy;
    /// One truth per lane.
    type M: Copy;

    /// The same 32 bits in every lane.
    fn word(&mut self, bits: u32) -> Self::V;
    fn unary(&mut self, op: Unary, x: Self::V) -> Self::V;
    fn binary(&mut self, op: Binary, x: Self::V, y: Self::V) -> Self::V;
    /// Whether `mul_add` rounds once.
    fn has_fma(&self) -> bool;
    /// x y + z.
    fn mul_add(&mut self, x: Self::V, y: Self::V, z: Self::V) -> Self::V;
    fn shift(&mut self, op: Shift, x: Self::V, by: u8) -> Self::V;
    fn compare(&mut self, op: Compare, x: Self::V, y: Self::V) -> Self::M;
    /// `x` where the mask is set, else `y`.
    fn select(&mut self, mask: Self::M, x: Self::V, y: Self::V) -> Self::V;
    fn logic(&mut self, op: Logic, x: Self::M, y: Self::M) -> Self::M;
    fn not(&mut self, x: Self::M) -> Self::M;

    fn float(&mut self, x: f32) -> Self::V {
        self.word(x.to_bits())
    }
    fn int(&mut self, x: i32) -> Self::V {
        self.word(x as u32)
    }
    fn add(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.binary(Binary::Add, x, y)
    }
    fn sub(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.binary(Binary::Sub, x, y)
    }
    fn mul(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.binary(Binary::Mul, x, y)
    }
    fn div(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.binary(Binary::Div, x, y)
    }
    fn max(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.binary(Binary::Max, x, y)
    }
    fn min(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.binary(Binary::Min, x, y)
    }
    /// 1 / x for x from 1 to 2^126, to within two units in the last place.
    fn inverse_of_normal(&mut self, x: Self::V) -> Self::V {
        let one = self.float(1.0);
        self.div(one, x)
    }
    fn int_add(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.binary(Binary::IntAdd, x, y)
    }
    fn int_sub(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.binary(Binary::IntSub, x, y)
    }
    fn and(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.binary(Binary::And, x, y)
    }
    fn or(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.binary(Binary::Or, x, y)
    }
    fn xor(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.binary(Binary::Xor, x, y)
    }
    fn sqrt(&mut self, x: Self::V) -> Self::V {
        self.unary(Unary::Sqrt, x)
    }
    fn floor(&mut self, x: Self::V) -> Self::V {
        self.unary(Unary::Floor, x)
    }
    fn int_to_float(&mut self, x: Self::V) -> Self::V {
        self.unary(Unary::FromInt, x)
    }
    fn abs(&mut self, x: Self::V) -> Self::V {
        let rest = self.int(i32::MAX);
        self.and(x, rest)
    }
    fn neg(&mut self, x: Self::V) -> Self::V {
        let sign = self.int(i32::MIN);
        self.xor(x, sign)
    }
    fn int_neg(&mut self, x: Self::V) -> Self::V {
        let zero = self.int(0);
        self.int_sub(zero, x)
    }
    fn shift_left(&mut self, x: Self::V, by: u8) -> Self::V {
        self.shift(Shift::Left, x, by)
    }
    fn shift_right(&mut self, x: Self::V, by: u8) -> Self::V {
        self.shift(Shift::Right, x, by)
    }
    fn shift_right_signed(&mut self, x: Self::V, by: u8) -> Self::V {
        self.shift(Shift::RightSigned, x, by)
    }
    fn less(&mut self, x: Self::V, y: Self::V) -> Self::M {
        self.compare(Compare::Less, x, y)
    }
    fn equal(&mut self, x: Self::V, y: Self::V) -> Self::M {
        self.compare(Compare::Equal, x, y)
    }
    fn int_equal(&mut self, x: Self::V, y: Self::V) -> Self::M {
        self.compare(Compare::IntEqual, x, y)
    }

    /// Horner's rule, highest coefficient first.
    fn polynomial(&mut self, x: Self::V, coefficients: &[f32]) -> Self::V {
        let mut sum = self.float(coefficients[0]);
        for &c in &coefficients[1..] {
            let c = self.float(c);
            sum = self.mul_add(sum, x, c);
        }
        sum
    }

    /// Each lane rounded to the nearest bfloat16, of two equally near ones to the even one. NaN stays NaN.
    fn round_to_bf16(&mut self, x: Self::V) -> Self::V {
        round_by_integers(self, x)
    }
}

/// `round_to_bf16` for processors that can't.
pub fn round_by_integers<L: Lanes + ?Sized>(l: &mut L, x: L::V) -> L::V {
    let (half, one, quiet, upper) = (l.int(0x7fff), l.int(1), l.int(0x0040_0000), l.int(0xffff_0000_u32 as i32));
    let up = l.shift_right(x, 16);
    let odd = l.and(up, one);
    let sum = l.int_add(x, half);
    let sum = l.int_add(sum, odd);
    let nan = l.or(x, quiet);
    let ordered = l.compare(Compare::Ordered, x, x);
    let rounded = l.select(ordered, sum, nan);
    l.and(rounded, upper)
}
