//! Attention and its gradient with a choice of products and of storage. lse is always f32: it is small, and the gradient
//! takes its exponential.

use crate::attend::grad::{AttendGradInputs, AttendGradOutputs, attend_grad};
use crate::attend::{AttendInputs, AttendSpec, attend};
use crate::isa::Isa;
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
    pub fn mixed_scratch(&self, _isa: Isa, products: Products, stored: Storage, bias: bool) -> usize {
        self.scratch() + extra(&self.lengths(bias), products, stored)
    }

    /// Floats of scratch of `attend_grad_mixed`.
    pub fn grad_mixed_scratch(&self, _isa: Isa, products: Products, stored: Storage, bias: bool) -> usize {
        self.grad_scratch(bias) + 2 * extra(&self.lengths(bias), products, stored)
    }
}

impl AttendMixedInputs<'_> {
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
