//! Values of the interpreter as bytes of a device's memory, and random ones.

use pfm_ir::{DType, Tensor, TensorType};

/// A small generator: equal seeds give equal cases everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Values of a type between two numbers, exactly representable in it; integers from 0 up to `high`.
    pub fn tensor(&mut self, ty: &TensorType, low: f64, high: f64) -> Tensor {
        let one = |_| {
            let x = low + (high - low) * self.unit();
            match ty.dtype {
                DType::F32 => f64::from(x as f32),
                DType::Bf16 => f64::from(f32::from_bits(u32::from(rounded(x as f32)) << 16)),
                DType::I32 => (high.max(1.0) * (x - low) / (high - low)).floor(),
                DType::Bool => f64::from(u8::from(x < 0.5 * (low + high))),
            }
        };
        Tensor::new(&ty.shape, (0..ty.elements()).map(one).collect())
    }
}

/// The upper half of an f32, rounded to nearest, ties to even.
fn rounded(x: f32) -> u16 {
    let bits = x.to_bits();
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

pub fn to_bytes(t: &Tensor, dtype: DType) -> Vec<u8> {
    match dtype {
        DType::F32 => t.data.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect(),
        DType::Bf16 => t.data.iter().flat_map(|v| rounded(*v as f32).to_le_bytes()).collect(),
        DType::I32 | DType::Bool => t.data.iter().flat_map(|v| (*v as i32).to_le_bytes()).collect(),
    }
}

pub fn from_bytes(bytes: &[u8], ty: &TensorType) -> Tensor {
    let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    let data = match ty.dtype {
        DType::F32 => bytes.chunks_exact(4).map(|b| f64::from(f32::from_bits(word(b)))).collect(),
        DType::Bf16 => {
            bytes.chunks_exact(2).map(|b| f64::from(f32::from_bits(u32::from(u16::from_le_bytes([b[0], b[1]])) << 16))).collect()
        }
        DType::I32 | DType::Bool => bytes.chunks_exact(4).map(|b| f64::from(word(b) as i32)).collect(),
    };
    Tensor::new(&ty.shape, data)
}
