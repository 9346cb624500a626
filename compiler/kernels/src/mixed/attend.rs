//! Attention and its gradient with a choice of products and of storage. lse is always f32: it is small, and the gradient
//! takes its exponential.

use crate::amx;
use crate::amx::block::Parts;
use crate::amx::pack::{Place, Source};
use crate::attend::grad::{AttendGradInputs, AttendGradOutputs, add_chunks, attend_grad};
use crate::attend::{AttendInputs, AttendSpec, attend};
use crate::isa::{Isa, Shared};
use crate::mixed::copies::{extra, readable, writable};
use crate::mixed::stored;
use crate::precision::{Operand, Output, Products, Storage};
use pfm_device::Pool;

/// The operands of `AttendInputs` in any storage.
#[derive(Clone, Copy)]
pub struct AttendMixedInputs<'a> {
    pub q: Operand<'a>,
    pub k: Operand<'a>,
    pub v: Operand<'a>,
    pub bias: Option<Operand<'a>>,
    pub mask: Option<&'a [u8]>,
}

/// What `attend_mixed` gave, and the gradient of its result.
#[derive(Clone, Copy)]
pub struct AttendGradMixedInputs<'a> {
    pub inputs: AttendMixedInputs<'a>,
    pub out: Operand<'a>,
    pub lse: &'a [f32],
    pub dout: Operand<'a>,
}

/// Gradients in the shapes of q, k, v and bias. `dbias` is there exactly if the bias is.
pub struct AttendGradMixedOutputs<'a> {
    pub dq: Output<'a>,
    pub dk: Output<'a>,
    pub dv: Output<'a>,
    pub dbias: Option<Output<'a>>,
}

impl AttendSpec {
    /// Values of q, k, v and out, and of the bias.
    fn lengths(&self, bias: bool) -> [usize; 5] {
        let rows = self.samples * self.heads;
        let bias = if bias { self.heads * self.tq * self.tk } else { 0 };
        [rows * self.tq * self.d, rows * self.tk * self.d, rows * self.tk * self.dv, rows * self.tq * self.dv, bias]
    }

    /// Floats of scratch of `attend_mixed`. `stored` is bf16 if any tensor of the call is.
    pub fn mixed_scratch(&self, isa: Isa, products: Products, stored: Storage, bias: bool) -> usize {
        if amx::attend::chunk(isa, self, products).is_some() {
            return if stored == Storage::Bf16 { self.lengths(bias)[4] } else { 0 };
        }
        self.scratch() + extra(&self.lengths(bias), products, stored)
    }

    /// Floats of scratch of `attend_grad_mixed`.
    pub fn grad_mixed_scratch(&self, isa: Isa, products: Products, stored: Storage, bias: bool) -> usize {
        if amx::attend_grad::keys(isa, self, products).is_some() {
            let [q, .., bias_size] = self.lengths(bias);
            return self.grad_scratch(bias) + if stored == Storage::Bf16 { q + 2 * bias_size } else { 0 };
        }
        self.grad_scratch(bias) + 2 * extra(&self.lengths(bias), products, stored)
    }
}

impl AttendMixedInputs<'_> {
    fn check(&self, spec: &AttendSpec) {
        let [q, k, v, _, bias] = spec.lengths(true);
        assert_eq!([self.q.len(), self.k.len(), self.v.len()], [q, k, v], "q, k and v have their sizes");
        assert!(self.bias.is_none_or(|b| b.len() == bias), "the bias has its size");
        assert!(self.mask.is_none_or(|m| m.len() == spec.samples * spec.tk), "the mask has its size");
    }

    fn stored(&self) -> Storage {
        stored(&[self.q, self.k, self.v, self.bias.unwrap_or(self.q)].map(|x| x.storage()))
    }
}

/// `attend` with a choice of products and of storage. `scratch` has at least `spec.mixed_scratch(…)` values.
#[allow(clippy::too_many_arguments)] // those of `attend` and the products
pub fn attend_mixed(
    pool: &Pool,
    isa: Isa,
    spec: &AttendSpec,
    products: Products,
    inputs: AttendMixedInputs<'_>,
    out: Output<'_>,
    lse: &mut [f32],
    scratch: &mut [f32],
) {
    let kept = stored(&[inputs.stored(), out.storage()]);
    assert!(scratch.len() >= spec.mixed_scratch(isa, products, kept, inputs.bias.is_some()), "scratch is large enough");
    inputs.check(spec);
    assert_eq!(out.len(), spec.lengths(false)[3], "the result has its size");
    assert_eq!(lse.len(), spec.samples * spec.heads * spec.tq, "lse has its size");
    if let Some(chunk) = amx::attend::chunk(isa, spec, products) {
        let bias = inputs.bias.map(|bias| readable(pool, isa, Products::F32, bias, scratch).0);
        return amx::attend::attend(pool, isa, spec, (products, chunk), &inputs, bias, out, lse);
    }
    let (inputs, scratch) = inputs_readable(pool, isa, products, inputs, scratch);
    writable(pool, isa, out, scratch, |out, _| attend(pool, isa, spec, inputs, out, lse));
}

/// `attend_grad` with a choice of products and of storage. `scratch` has at least `spec.grad_mixed_scratch(…)` values.
pub fn attend_grad_mixed(
    pool: &Pool,
    isa: Isa,
    spec: &AttendSpec,
    products: Products,
    inputs: AttendGradMixedInputs<'_>,
    outputs: AttendGradMixedOutputs<'_>,
    scratch: &mut [f32],
) {
    let AttendGradMixedInputs { inputs, out, lse, dout } = inputs;
    let AttendGradMixedOutputs { dq, dk, dv, dbias } = outputs;
    let gradients = [dq.storage(), dk.storage(), dv.storage(), dbias.as_ref().map_or(Storage::F32, Output::storage)];
    let kept = stored(&[inputs.stored(), out.storage(), dout.storage(), stored(&gradients)]);
    assert!(scratch.len() >= spec.grad_mixed_scratch(isa, products, kept, inputs.bias.is_some()), "scratch is large enough");
    inputs.check(spec);
    let [q_len, k_len, v_len, out_len, _] = spec.lengths(false);
    assert_eq!(
        [out.len(), dout.len(), lse.len()],
        [out_len, out_len, spec.samples * spec.heads * spec.tq],
        "out, dout and lse have their sizes"
    );
    assert_eq!([dq.len(), dk.len(), dv.len()], [q_len, k_len, v_len], "gradients have their sizes");
    assert_eq!(dbias.as_ref().map(Output::len), inputs.bias.map(|b| b.len()), "dbias is there exactly if the bias is");
    if let Some(keys) = amx::attend_grad::keys(isa, spec, products) {
        let inputs = AttendGradMixedInputs { inputs, out, lse, dout };
        return by_tiles(pool, isa, spec, (products, keys), inputs, AttendGradMixedOutputs { dq, dk, dv, dbias }, scratch);
    }
    let (inputs, scratch) = inputs_readable(pool, isa, products, inputs, scratch);
    let (out, scratch) = readable(pool, isa, Products::F32, out, scratch);
    let (dout, scratch) = readable(pool, isa, products, dout, scratch);
    let inputs = AttendGradInputs { inputs, out, lse, dout };
    writable(pool, isa, dq, scratch, |dq, scratch| {
        writable(pool, isa, dk, scratch, |dk, scratch| {
            writable(pool, isa, dv, scratch, |dv, scratch| match dbias {
                None => attend_grad(pool, isa, spec, inputs, AttendGradOutputs { dq, dk, dv, dbias: None }, scratch),
                Some(dbias) => writable(pool, isa, dbias, scratch, |dbias, scratch| {
                    attend_grad(pool, isa, spec, inputs, AttendGradOutputs { dq, dk, dv, dbias: Some(dbias) }, scratch);
                }),
            });
        });
    });
}

/// The gradient on tiles: f32 places for dq and dbias, and a copy of the bias, where these are stored otherwise.
fn by_tiles(
    pool: &Pool,
    isa: Isa,
    spec: &AttendSpec,
    (products, keys): (Products, usize),
    inputs: AttendGradMixedInputs<'_>,
    outputs: AttendGradMixedOutputs<'_>,
    scratch: &mut [f32],
) {
    let AttendGradMixedInputs { inputs: x, out, lse, dout } = inputs;
    let AttendGradMixedOutputs { dq, dk, dv, dbias } = outputs;
    let (bias, scratch) = match x.bias {
        Some(bias) => {
            let (bias, scratch) = readable(pool, isa, Products::F32, bias, scratch);
            (Some(bias), scratch)
        }
        None => (None, scratch),
    };
    let some = if bias.is_some() { spec.samples.div_ceil(spec.bias_chunks()) } else { spec.some() };
    writable(pool, isa, dq, scratch, |dq, scratch| {
        let run = |partial: &mut [f32]| {
            let job = amx::attend_grad::Job {
                spec,
                parts: Parts { split: products == Products::Split },
                keys,
                q: Source::of(x.q),
                k: Source::of(x.k),
                v: Source::of(x.v),
                out: Source::of(out),
                dout: Source::of(dout),
                lse: lse.as_ptr(),
                terms: AttendInputs { q: &[], k: &[], v: &[], bias, mask: x.mask },
                dq: Shared::of(dq),
                dk: Place::of(dk),
                dv: Place::of(dv),
                dbias: Shared::of(partial),
                some,
            };
            job.run_all(pool, isa);
        };
        match dbias {
            None => run(scratch),
            Some(dbias) => writable(pool, isa, dbias, scratch, |dbias, partial| {
                run(partial);
                add_chunks(pool, partial, spec.samples.div_ceil(some), dbias);
            }),
        }
    });
}

/// All inputs as f32. The bias is added, not multiplied, so it is never rounded.
fn inputs_readable<'a>(
    pool: &Pool,
    isa: Isa,
    products: Products,
    x: AttendMixedInputs<'a>,
    scratch: &'a mut [f32],
) -> (AttendInputs<'a>, &'a mut [f32]) {
    let (q, scratch) = readable(pool, isa, products, x.q, scratch);
    let (k, scratch) = readable(pool, isa, products, x.k, scratch);
    let (v, scratch) = readable(pool, isa, products, x.v, scratch);
    let Some(bias) = x.bias else {
        return (AttendInputs { q, k, v, bias: None, mask: x.mask }, scratch);
    };
    let (bias, scratch) = readable(pool, isa, Products::F32, bias, scratch);
    (AttendInputs { q, k, v, bias: Some(bias), mask: x.mask }, scratch)
}
