//! How products are formed and how tensors lie in memory, for the kernels that know more than single precision.
//! Sums are always in f32. A bf16 value is the upper half of an f32 as a `u16`, rounded to the nearest, ties to even.

/// How a kernel multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Products {
    /// f32 operands as they are.
    F32,
    /// Operands rounded to bf16: relative error about 2e-3.
    Bf16,
    /// f32 operands in two bf16 parts, and three of the four products of the parts: relative error about 4e-6.
    Split,
}

/// How the values of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    F32,
    Bf16,
}

/// A tensor to read.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    F32(&'a [f32]),
    Bf16(&'a [u16]),
}

/// A tensor to write.
#[derive(Debug)]
pub enum Output<'a> {
    F32(&'a mut [f32]),
    Bf16(&'a mut [u16]),
}

impl Operand<'_> {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Operand::F32(x) => x.len(),
            Operand::Bf16(x) => x.len(),
        }
    }

    /// If there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn storage(&self) -> Storage {
        match self {
            Operand::F32(_) => Storage::F32,
            Operand::Bf16(_) => Storage::Bf16,
        }
    }
}

impl Output<'_> {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Output::F32(x) => x.len(),
            Output::Bf16(x) => x.len(),
        }
    }

    /// If there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn storage(&self) -> Storage {
        match self {
            Output::F32(_) => Storage::F32,
            Output::Bf16(_) => Storage::Bf16,
        }
    }
}

/// The nearest bf16; a NaN stays one.
#[inline(always)]
pub fn to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    if x.is_nan() { (bits >> 16 | 0x40) as u16 } else { rounded as u16 }
}

/// The value of a bf16, exactly.
#[inline(always)]
pub fn from_bf16(x: u16) -> f32 {
    f32::from_bits(u32::from(x) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_the_nearest_and_ties_to_even() {
        let ulp = f32::EPSILON * 65536.0;
        for (x, rounded) in [
            (1.0, 1.0),
            (1.0 + 0.5 * ulp, 1.0),
            (1.0 + 0.51 * ulp, 1.0 + ulp),
            (1.0 + 1.5 * ulp, 1.0 + 2.0 * ulp),
            (-3.0, -3.0),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
            (0.0, 0.0),
        ] {
            assert_eq!(from_bf16(to_bf16(x)), rounded, "{x}");
        }
        for nan in [f32::NAN, f32::from_bits(0x7fff_ffff), f32::from_bits(0x7f80_0001)] {
            assert!(from_bf16(to_bf16(nan)).is_nan());
        }
    }
}
