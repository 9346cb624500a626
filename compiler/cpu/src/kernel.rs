//! Kernel groups: one node each, run by a function of pfm-kernels. Its specification is made once from shapes and
//! attributes; a run hands it slices.

use crate::widen::{self, Operand, Written, narrow, widened};
use pfm_device::Pool;
use pfm_ir::TensorType;
use pfm_kernels as kernels;
use pfm_kernels::{AttendSpec, ContractSpec, ConvSpec, FftSpec, IndexSpec, Isa, QrSpec, RandomSpec};
use pfm_plan::Kernel;

/// A node ready to run, whatever its element types.
pub struct Ready {
    call: Call,
    /// Elements of each result.
    results: Vec<usize>,
    /// Words of scratch for tensors that the kernel takes widened.
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
pub fn prepare(k: &Kernel) -> Option<Ready> {
    let widened = widen::words(&k.operands) + widen::words(&k.results);
    Some(Ready { call: call(k)?, results: k.results.iter().map(TensorType::elements).collect(), widened })
}

impl Ready {
    /// Words of scratch.
    pub fn scratch(&self) -> usize {
        self.widened + self.call.scratch()
    }

    /// Runs on operands and results that are there, in their order.
    pub fn run<'a>(&self, pool: &Pool, isa: Isa, operands: &[Operand<'a>], results: [Written<'a>; MOST], mut scratch: &'a mut [f32]) {
        let mut x: [&[f32]; MOST] = [&[]; MOST];
        for (x, operand) in x.iter_mut().zip(operands) {
            (*x, scratch) = widened(pool, *operand, scratch);
        }
        let mut y: [&mut [f32]; MOST] = std::array::from_fn(|_| Default::default());
        let mut rounded: [Option<&mut [u16]>; MOST] = [const { None }; MOST];
        for (i, (result, elements)) in results.into_iter().zip(&self.results).enumerate() {
            y[i] = match result {
                Written::F32(y) => y,
                Written::Bf16(to) => {
                    rounded[i] = Some(to);
                    let (piece, rest) = scratch.split_at_mut(elements.next_multiple_of(16));
                    scratch = rest;
                    &mut piece[..*elements]
                }
            };
        }
        self.call.run(pool, isa, Memory { operands: &x[..operands.len()], results: &mut y[..self.results.len()], scratch });
        for (to, y) in rounded.into_iter().zip(&y) {
            if let Some(to) = to {
                narrow(pool, y, to);
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

/// Operands from `from` on: bias, then mask, as far as they are there. The mask becomes bytes in `bytes`.
fn inputs<'a>(a: &Attention, x: &[&'a [f32]], from: usize, bytes: &'a mut [f32]) -> kernels::AttendInputs<'a> {
    let bias = a.bias.then(|| x[from]);
    let mask = a.mask.then(|| {
        let words = integers(x[from + usize::from(a.bias)]);
        // SAFETY: any word is four bytes, and u8 has no alignment.
        let bytes = unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast::<u8>(), words.len()) };
        for (byte, word) in bytes.iter_mut().zip(words) {
            *byte = u8::from(*word != 0);
        }
        &*bytes
    });
    kernels::AttendInputs { q: x[0], k: x[1], v: x[2], bias, mask }
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
