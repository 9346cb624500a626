//! Cases: an operation with operand types and attributes, random operands, and the results that its meaning gives in f64.

use pfm_cuda::{Draft, Target};
use pfm_ir::{Attrs, DType, OpRef, Tensor, TensorType, evaluate};
use pfm_plan::Kernel;

#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub kernel: Kernel,
    pub draft: Draft,
    pub operands: Vec<Tensor>,
    pub expected: Vec<Tensor>,
    /// Largest error allowed, as a part of the element's size plus the mean size.
    pub tolerance: f64,
}

pub fn ty(dtype: DType, shape: &[usize]) -> TensorType {
    TensorType::new(dtype, shape)
}

/// Words of a fixed sequence; good enough to tell elements apart.
pub struct Words(u64);

impl Words {
    pub fn new(seed: u64) -> Words {
        Words(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Uniform in [-1, 1).
    pub fn number(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

pub fn rounded(x: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from(x as f32),
        DType::Bf16 => f64::from(f32::from_bits(u32::from(bf16_bits(x)) << 16)),
        _ => x,
    }
}

/// Nearest bfloat16, ties to even.
pub fn bf16_bits(x: f64) -> u16 {
    let bits = (x as f32).to_bits();
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

pub fn random(ty: &TensorType, words: &mut Words) -> Tensor {
    Tensor::from_fn(&ty.shape, |_| {
        let x = words.number();
        if ty.dtype == DType::Bool { f64::from(u8::from(x > -0.3)) } else { rounded(x, ty.dtype) }
    })
}

pub fn kernel(op: &str, operands: &[TensorType], attrs: Attrs) -> Kernel {
    let op = pfm_ops::lookup(op).expect("the operation is in the table");
    let types: Vec<&TensorType> = operands.iter().collect();
    let results = (op.shape)(&types, &attrs).expect("the shape rule holds");
    Kernel { op: OpRef(op), attrs, operands: operands.to_vec(), results }
}

/// The case of a kernel; `operands` are random unless given.
pub fn case(name: &str, kernel: Kernel, operands: Option<Vec<Tensor>>, tolerance: f64, sm: u32) -> Case {
    let mut words = Words::new(name.len() as u64 + 17);
    let operands = operands.unwrap_or_else(|| kernel.operands.iter().map(|ty| random(ty, &mut words)).collect());
    let draft = pfm_cuda::kernels::draft(&kernel, &Target::of(sm)).expect("there is a kernel for it");
    let expected = meant(&kernel, &operands);
    Case { name: name.to_string(), kernel, draft, operands, expected, tolerance }
}

/// The results in f64. Kernels may keep operands of one operation in different types of floats; the table asks for one.
pub fn meant(kernel: &Kernel, operands: &[Tensor]) -> Vec<Tensor> {
    let one = |ty: &TensorType| if ty.dtype.is_float() { TensorType::f32(&ty.shape) } else { ty.clone() };
    let operand_types: Vec<TensorType> = kernel.operands.iter().map(one).collect();
    let result_types: Vec<TensorType> = kernel.results.iter().map(one).collect();
    let (tensors, types): (Vec<&Tensor>, Vec<&TensorType>) = (operands.iter().collect(), operand_types.iter().collect());
    evaluate(kernel.op.0, &tensors, &types, &kernel.attrs, &result_types)
}
