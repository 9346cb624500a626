//! Kernel groups: one node each, run by a function of pfm-kernels. Its specification is made once from shapes and
//! attributes; a run hands it slices.

use pfm_device::Pool;
use pfm_ir::{DType, Precision, TensorType};
use pfm_kernels as kernels;
use pfm_kernels::{
    AttendGradMixedInputs, AttendGradMixedOutputs, AttendMixedInputs, AttendSpec, ContractSpec, ConvSpec, FftSpec, IndexSpec, Isa, Operand,
    Output, Products, QrSpec, RandomSpec, Storage,
};
use pfm_plan::Kernel;

/// A node ready to run, whatever its element types.
pub struct Ready {
    call: Call,
    isa: Isa,
    products: Products,
    /// bf16 if any operand or result is.
    stored: Storage,
    /// Elements of each result.
    results: Vec<usize>,
    /// Words of scratch for tensors that a kernel of f32 takes widened.
    widened: usize,
}

/// A node ready to run on f32.
pub enum Call {
    Contract(Box<ContractSpec>),
    Conv(Box<ConvSpec>),
    ConvInputGrad(Box<ConvSpec>),
    ConvWeightGrad(Box<ConvSpec>),
    Attend(Attention),
    AttendGrad(Attention),
    Fft(FftSpec),
    Gather(IndexSpec),
    ScatterAdd(IndexSpec),
    Qr(QrSpec),
    Eigh(usize),
    Argsort { descending: bool },
    Random(RandomSpec),
}

/// Attention with its optional operands.
pub struct Attention {
    spec: AttendSpec,
    bias: bool,
    mask: bool,
}

/// Memory of one call, in 32-bit words.
struct Memory<'m, 'a> {
    operands: &'m [&'a [f32]],
    results: &'m mut [&'a mut [f32]],
    scratch: &'m mut [f32],
}

/// Buffers that a kernel has at most, operands and results together.
pub const MOST: usize = 16;

/// None when this back end has no such kernel.
pub fn prepare(k: &Kernel, precision: Precision, isa: Isa) -> Option<Ready> {
    let bf16 = |types: &[TensorType]| types.iter().any(|ty| ty.dtype == DType::Bf16);
    let stored = if bf16(&k.operands) || bf16(&k.results) { Storage::Bf16 } else { Storage::F32 };
    let products = match precision {
        _ if bf16(&k.operands) => Products::Bf16,
        Precision::F32Split => Products::Split,
        Precision::F32 | Precision::Bf16 => Products::F32,
    };
    let widened = k.operands.iter().chain(&k.results).filter(|ty| ty.dtype == DType::Bf16).map(TensorType::elements).sum();
    let results = k.results.iter().map(TensorType::elements).collect();
    Some(Ready { call: call(k)?, isa, products, stored, results, widened })
}

impl Ready {
    /// Words of scratch.
    pub fn scratch(&self) -> usize {
        if !self.is_mixed() {
            return self.widened + self.call.scratch();
        }
        let (isa, products, stored) = (self.isa, self.products, self.stored);
        match &self.call {
            Call::Contract(spec) => spec.mixed_scratch(isa, products, stored),
            Call::Conv(spec) => spec.mixed_scratch(isa, products, stored),
            Call::ConvInputGrad(spec) => spec.input_grad_mixed_scratch(isa, products, stored),
            Call::ConvWeightGrad(spec) => spec.weight_grad_mixed_scratch(isa, products, stored),
            Call::Attend(a) => a.mask_words() + a.spec.mixed_scratch(isa, products, stored, a.bias),
            Call::AttendGrad(a) => a.mask_words() + a.spec.grad_mixed_scratch(isa, products, stored, a.bias),
            _ => panic!("only products are mixed"),
        }
    }

    /// Whether it is a product of other numbers than f32, which has kernels of its own.
    fn is_mixed(&self) -> bool {
        use Call::*;
        let product = matches!(self.call, Contract(_) | Conv(_) | ConvInputGrad(_) | ConvWeightGrad(_) | Attend(_) | AttendGrad(_));
        product && (self.products != Products::F32 || self.stored == Storage::Bf16)
    }

    /// Runs on operands and results that are there, in their order.
    pub fn run<'a>(&self, pool: &Pool, operands: &[Operand<'a>], results: [Output<'a>; MOST], scratch: &'a mut [f32]) {
        if self.is_mixed() {
            self.run_mixed(pool, operands, results, scratch);
        } else {
            self.run_f32(pool, operands, results, scratch);
        }
    }

    fn run_mixed<'a>(&self, pool: &Pool, x: &[Operand<'a>], results: [Output<'a>; MOST], scratch: &'a mut [f32]) {
        let (isa, products) = (self.isa, self.products);
        let mut results = results.into_iter();
        let mut next = || results.next().expect("there is a result");
        match &self.call {
            Call::Contract(spec) => kernels::contract_mixed(pool, isa, spec, products, x[0], x[1], next(), scratch),
            Call::Conv(spec) => kernels::conv_mixed(pool, isa, spec, products, x[0], x[1], next(), scratch),
            Call::ConvInputGrad(spec) => kernels::conv_input_grad_mixed(pool, isa, spec, products, x[0], x[1], next(), scratch),
            Call::ConvWeightGrad(spec) => kernels::conv_weight_grad_mixed(pool, isa, spec, products, x[0], x[1], next(), scratch),
            Call::Attend(a) => {
                let (bytes, scratch) = scratch.split_at_mut(a.mask_words());
                let (out, Output::F32(lse)) = (next(), next()) else { panic!("lse is f32") };
                kernels::attend_mixed(pool, isa, &a.spec, products, mixed_inputs(a, x, 3, bytes), out, lse, scratch);
            }
            Call::AttendGrad(a) => {
                let (bytes, scratch) = scratch.split_at_mut(a.mask_words());
                let Operand::F32(lse) = x[4] else { panic!("lse is f32") };
                let inputs = AttendGradMixedInputs { inputs: mixed_inputs(a, x, 6, bytes), out: x[3], lse, dout: x[5] };
                let outputs = AttendGradMixedOutputs { dq: next(), dk: next(), dv: next(), dbias: a.bias.then(next) };
                kernels::attend_grad_mixed(pool, isa, &a.spec, products, inputs, outputs, scratch);
            }
            _ => panic!("only products are mixed"),
        }
    }

    fn run_f32<'a>(&self, pool: &Pool, operands: &[Operand<'a>], results: [Output<'a>; MOST], mut scratch: &'a mut [f32]) {
        let mut x: [&[f32]; MOST] = [&[]; MOST];
        for (x, operand) in x.iter_mut().zip(operands) {
            (*x, scratch) = kernels::readable(pool, self.isa, Products::F32, *operand, scratch);
        }
        let mut y: [&mut [f32]; MOST] = std::array::from_fn(|_| Default::default());
        let mut rounded: [Option<&mut [u16]>; MOST] = [const { None }; MOST];
        for (i, (result, elements)) in results.into_iter().zip(&self.results).enumerate() {
            y[i] = match result {
                Output::F32(y) => y,
                Output::Bf16(to) => {
                    rounded[i] = Some(to);
                    let (piece, rest) = scratch.split_at_mut(*elements);
                    scratch = rest;
                    piece
                }
            };
        }
        self.call.run(pool, self.isa, Memory { operands: &x[..operands.len()], results: &mut y[..self.results.len()], scratch });
        for (to, y) in rounded.into_iter().zip(&y) {
            if let Some(to) = to {
                kernels::rounded(pool, self.isa, y, to);
            }
        }
    }
}

fn call(k: &Kernel) -> Option<Call> {
    let shape = |i: usize| k.operands[i].shape.as_slice();
    Some(match k.op.name {
        "contract" => Call::Contract(Box::new(ContractSpec::new(
            shape(0),
            k.attrs.get_ints("x"),
            shape(1),
            k.attrs.get_ints("y"),
            k.attrs.get_ints("out"),
        ))),
        "conv" => Call::Conv(conv(k, &spatial(&k.operands[0]), &k.operands[1].shape)),
        "conv_input_grad" => Call::ConvInputGrad(conv(k, &spatial(&k.results[0]), &k.operands[1].shape)),
        "conv_weight_grad" => Call::ConvWeightGrad(conv(k, &spatial(&k.operands[0]), &k.results[0].shape)),
        "attend" => Call::Attend(attention(k)),
        "attend_grad" => Call::AttendGrad(attention(k)),
        "fft" => Call::Fft(FftSpec::new(shape(0), &k.attrs.get_sizes("axes"), k.attrs.get_bool("inverse"))),
        "gather" => Call::Gather(index(k)),
        "scatter_add" => Call::ScatterAdd(index(k)),
        "qr" => Call::Qr(QrSpec::new(shape(0)[0], shape(0)[1])),
        "eigh" => Call::Eigh(shape(0)[0]),
        "argsort" => Call::Argsort { descending: k.attrs.get_bool("descending") },
        "random" => Call::Random(random(k)),
        _ => return None,
    })
}

fn spatial(x: &TensorType) -> Vec<usize> {
    x.shape[1..x.rank() - 1].to_vec()
}

fn conv(k: &Kernel, input: &[usize], w: &[usize]) -> Box<ConvSpec> {
    let size = |name: &str| k.attrs.get_sizes(name);
    let batch = k.operands[0].shape[0];
    Box::new(ConvSpec::new(batch, input, w[1], w[0], &w[2..], &size("stride"), &size("low"), &size("high")))
}

fn index(k: &Kernel) -> IndexSpec {
    IndexSpec::new(&k.operands[0].shape, k.attrs.get_int("axis") as usize, k.operands[1].elements())
}

fn attention(k: &Kernel) -> Attention {
    let (q, v) = (&k.operands[0].shape, &k.operands[2].shape);
    let spec = AttendSpec {
        samples: q[0],
        heads: q[1],
        tq: q[2],
        tk: v[2],
        d: q[3],
        dv: v[3],
        scale: k.attrs.get_float("scale") as f32,
        causal: k.attrs.get_bool("causal"),
    };
    Attention { spec, bias: k.attrs.get_bool("bias"), mask: k.attrs.get_bool("mask") }
}

fn random(k: &Kernel) -> RandomSpec {
    let shape = k.attrs.get_sizes("shape");
    let draw = match k.attrs.get_text("kind") {
        "uniform" => kernels::Draw::Uniform,
        "normal" => kernels::Draw::Normal,
        _ => kernels::Draw::Bernoulli { rate: k.attrs.get_float("rate") },
    };
    RandomSpec { samples: shape[0], each: shape[1..].iter().product(), stream: k.attrs.get_int("stream") as u32, draw }
}

impl Attention {
    /// Words that hold the mask as bytes.
    fn mask_words(&self) -> usize {
        if self.mask { (self.spec.samples * self.spec.tk).div_ceil(4) } else { 0 }
    }
}

impl Call {
    /// Words of scratch.
    fn scratch(&self) -> usize {
        match self {
            Call::Contract(spec) => spec.scratch(),
            Call::Conv(spec) => spec.scratch(),
            Call::ConvInputGrad(spec) => spec.input_grad_scratch(),
            Call::ConvWeightGrad(spec) => spec.weight_grad_scratch(),
            Call::Attend(a) => a.mask_words() + a.spec.scratch(),
            Call::AttendGrad(a) => a.mask_words() + a.spec.grad_scratch(a.bias),
            Call::Fft(spec) => spec.scratch(),
            Call::Qr(spec) => spec.scratch(),
            _ => 0,
        }
    }

    fn run(&self, pool: &Pool, isa: Isa, m: Memory) {
        let x = m.operands;
        let Memory { results, scratch, .. } = m;
        match self {
            Call::Contract(spec) => kernels::contract(pool, isa, spec, x[0], x[1], results[0], scratch),
            Call::Conv(spec) => kernels::conv(pool, isa, spec, x[0], x[1], results[0], scratch),
            Call::ConvInputGrad(spec) => kernels::conv_input_grad(pool, isa, spec, x[0], x[1], results[0], scratch),
            Call::ConvWeightGrad(spec) => kernels::conv_weight_grad(pool, isa, spec, x[0], x[1], results[0], scratch),
            Call::Attend(a) => attend(a, pool, isa, x, results, scratch),
            Call::AttendGrad(a) => attend_grad(a, pool, isa, x, results, scratch),
            Call::Fft(spec) => kernels::fft(pool, spec, x[0], results[0], scratch),
            Call::Gather(spec) => kernels::gather(pool, spec, x[0], integers(x[1]), results[0]),
            Call::ScatterAdd(spec) => kernels::scatter_add(pool, spec, x[0], integers(x[1]), x[2], results[0]),
            Call::Qr(spec) => {
                let [q, r] = results else { panic!("qr has two results") };
                kernels::qr(pool, isa, spec, x[0], q, r, scratch);
            }
            Call::Eigh(n) => {
                let [values, vectors] = results else { panic!("eigh has two results") };
                // A matrix that cannot be diagonalised gives zeros, as the kernel documents.
                kernels::eigh(*n, x[0], values, vectors);
            }
            Call::Argsort { descending } => kernels::argsort(x[0], *descending, integers_mut(results[0])),
            Call::Random(spec) => {
                let key = integers(x[0]);
                kernels::random(pool, isa, spec, [key[0], key[1], key[2], key[3]], results[0]);
            }
        }
    }
}

/// The mask, if there is one, from its words in f32 slices to bytes in `bytes`.
fn mask<'a>(a: &Attention, words: Option<&[f32]>, bytes: &'a mut [f32]) -> Option<&'a [u8]> {
    let words = integers(words.filter(|_| a.mask)?);
    // SAFETY: any word is four bytes, and u8 has no alignment.
    let bytes = unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast::<u8>(), words.len()) };
    for (byte, word) in bytes.iter_mut().zip(words) {
        *byte = u8::from(*word != 0);
    }
    Some(bytes)
}

/// Operands from `from` on: bias, then mask, as far as they are there. The mask becomes bytes in `bytes`.
fn inputs<'a>(a: &Attention, x: &[&'a [f32]], from: usize, bytes: &'a mut [f32]) -> kernels::AttendInputs<'a> {
    let mask = mask(a, x.get(from + usize::from(a.bias)).copied(), bytes);
    kernels::AttendInputs { q: x[0], k: x[1], v: x[2], bias: a.bias.then(|| x[from]), mask }
}

/// As `inputs`, in any storage.
fn mixed_inputs<'a>(a: &Attention, x: &[Operand<'a>], from: usize, bytes: &'a mut [f32]) -> AttendMixedInputs<'a> {
    let words = x.get(from + usize::from(a.bias)).map(|words| match words {
        Operand::F32(words) => *words,
        Operand::Bf16(_) => panic!("a mask has words"),
    });
    AttendMixedInputs { q: x[0], k: x[1], v: x[2], bias: a.bias.then(|| x[from]), mask: mask(a, words, bytes) }
}

fn attend(a: &Attention, pool: &Pool, isa: Isa, x: &[&[f32]], results: &mut [&mut [f32]], scratch: &mut [f32]) {
    let [out, lse] = results else { panic!("attend has two results") };
    kernels::attend(pool, isa, &a.spec, inputs(a, x, 3, scratch), out, lse);
}

fn attend_grad(a: &Attention, pool: &Pool, isa: Isa, x: &[&[f32]], results: &mut [&mut [f32]], scratch: &mut [f32]) {
    let (bytes, scratch) = scratch.split_at_mut(a.mask_words());
    let inputs = kernels::AttendGradInputs { inputs: inputs(a, x, 6, bytes), out: x[3], lse: x[4], dout: x[5] };
    let (first, rest) = results.split_at_mut(3);
    let [dq, dk, dv] = first else { panic!("attend_grad has three results or four") };
    let dbias = rest.first_mut().map(|b| &mut **b);
    kernels::attend_grad(pool, isa, &a.spec, inputs, kernels::AttendGradOutputs { dq, dk, dv, dbias }, scratch);
}

fn integers(x: &[f32]) -> &[i32] {
    // SAFETY: f32 and i32 have the same size and alignment, and every bit pattern is an i32.
    unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), x.len()) }
}

fn integers_mut(x: &mut [f32]) -> &mut [i32] {
    // SAFETY: as above, and the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), x.len()) }
}
