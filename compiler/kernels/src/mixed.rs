//! Kernels for `Products` other than f32 and for tensors stored as bf16: the entry points.
//! Where matrix tiles serve they take the call; else f32 copies of what is not f32, rounded as the products ask, go through
//! the f32 kernels. Both ways mean the same up to the order of sums.

pub(crate) mod attend;
pub(crate) mod copies;

use crate::amx::contract_plan::GemmPlan;
use crate::amx::{self, may_serve};
use crate::contract::ContractSpec;
use crate::contract_run::contract;
use crate::conv::weight::conv_weight_grad;
use crate::conv::{ConvSpec, conv, conv_input_grad};
use crate::isa::Isa;
use crate::precision::{Operand, Output, Products, Storage};
use copies::{extra, readable, writable};
use pfm_device::Pool;

impl ContractSpec {
    /// Floats of scratch of `contract_mixed`. `stored` is bf16 if any tensor of the call is, here and below.
    pub fn mixed_scratch(&self, isa: Isa, products: Products, stored: Storage) -> usize {
        if let Some(plan) = GemmPlan::new(isa, self, products) {
            return plan.scratch(self);
        }
        self.scratch() + extra(&self.lengths, products, stored)
    }
}

impl ConvSpec {
    /// Floats of scratch of `conv_mixed`.
    pub fn mixed_scratch(&self, isa: Isa, products: Products, stored: Storage) -> usize {
        if let Some(plan) = way(&self.by_tiles[0], isa, self.worth(products)) {
            return plan.scratch();
        }
        self.scratch() + extra(&self.lengths(), products, stored)
    }

    /// Floats of scratch of `conv_input_grad_mixed`.
    pub fn input_grad_mixed_scratch(&self, isa: Isa, products: Products, stored: Storage) -> usize {
        if let Some(plan) = way(&self.by_tiles[1], isa, self.worth(products)) {
            return plan.scratch();
        }
        self.input_grad_scratch() + extra(&self.lengths(), products, stored)
    }

    /// Floats of scratch of `conv_weight_grad_mixed`.
    pub fn weight_grad_mixed_scratch(&self, isa: Isa, products: Products, stored: Storage) -> usize {
        if let Some(plan) = way(&self.weight_by_tiles, isa, self.worth(products)) {
            return plan.scratch();
        }
        self.weight_grad_scratch() + extra(&self.lengths(), products, stored)
    }
}

impl ConvSpec {
    /// The products to make where these are asked for. Between few channels, minimal filtering in f32 is faster than split parts on
    /// matrix tiles, of which a quarter is empty there, and more exact.
    fn worth(&self, products: Products) -> Products {
        let few = self.ci.max(self.co) <= 16 && self.tiled(std::slice::from_ref(&self.forward), self.ci, self.co).is_some();
        if products == Products::Split && few { Products::F32 } else { products }
    }
}

/// The way by tiles, of bf16 or of split f32, if there is one and the call may take it.
fn way<P>(ways: &[Option<P>; 2], isa: Isa, products: Products) -> Option<&P> {
    if may_serve(isa, products) { ways[usize::from(products == Products::Split)].as_ref() } else { None }
}

/// The storage of a call: bf16 if any of its tensors is.
fn stored(all: &[Storage]) -> Storage {
    if all.contains(&Storage::Bf16) { Storage::Bf16 } else { Storage::F32 }
}

/// `contract` with a choice of products and of storage. `scratch` has at least `spec.mixed_scratch(…)` values.
#[allow(clippy::too_many_arguments)] // those of `contract` and the products
pub fn contract_mixed(
    pool: &Pool,
    isa: Isa,
    spec: &ContractSpec,
    products: Products,
    x: Operand<'_>,
    y: Operand<'_>,
    out: Output<'_>,
    scratch: &mut [f32],
) {
    assert_eq!([x.len(), y.len(), out.len()], spec.lengths, "operands have the sizes of the specification");
    let stored = stored(&[x.storage(), y.storage(), out.storage()]);
    assert!(scratch.len() >= spec.mixed_scratch(isa, products, stored), "scratch is large enough");
    if let Some(plan) = GemmPlan::new(isa, spec, products) {
        return amx::contract::contract(pool, isa, spec, &plan, x, y, out, scratch);
    }
    let (x, scratch) = readable(pool, isa, products, x, scratch);
    let (y, scratch) = readable(pool, isa, products, y, scratch);
    writable(pool, isa, out, scratch, |out, scratch| contract(pool, isa, spec, x, y, out, scratch));
}

/// `conv` with a choice of products and of storage. `scratch` has at least `spec.mixed_scratch(…)` values.
#[allow(clippy::too_many_arguments)] // those of `conv` and the products
pub fn conv_mixed(
    pool: &Pool,
    isa: Isa,
    spec: &ConvSpec,
    products: Products,
    x: Operand<'_>,
    w: Operand<'_>,
    y: Output<'_>,
    scratch: &mut [f32],
) {
    assert_eq!([x.len(), w.len(), y.len()], spec.lengths(), "operands have the sizes of the specification");
    let stored = stored(&[x.storage(), w.storage(), y.storage()]);
    assert!(scratch.len() >= spec.mixed_scratch(isa, products, stored), "scratch is large enough");
    if let Some(plan) = way(&spec.by_tiles[0], isa, spec.worth(products)) {
        return amx::conv::conv(pool, isa, spec, plan, x, w, y, scratch);
    }
    let (x, scratch) = readable(pool, isa, products, x, scratch);
    let (w, scratch) = readable(pool, isa, products, w, scratch);
    writable(pool, isa, y, scratch, |y, scratch| conv(pool, isa, spec, x, w, y, scratch));
}

/// `conv_input_grad` with a choice of products and of storage. `scratch` has at least `spec.input_grad_mixed_scratch(…)` values.
#[allow(clippy::too_many_arguments)] // those of `conv_input_grad` and the products
pub fn conv_input_grad_mixed(
    pool: &Pool,
    isa: Isa,
    spec: &ConvSpec,
    products: Products,
    dy: Operand<'_>,
    w: Operand<'_>,
    dx: Output<'_>,
    scratch: &mut [f32],
) {
    assert_eq!([dx.len(), w.len(), dy.len()], spec.lengths(), "operands have the sizes of the specification");
    let stored = stored(&[dy.storage(), w.storage(), dx.storage()]);
    assert!(scratch.len() >= spec.input_grad_mixed_scratch(isa, products, stored), "scratch is large enough");
    if let Some(plan) = way(&spec.by_tiles[1], isa, spec.worth(products)) {
        return amx::conv::input_grad(pool, isa, spec, plan, dy, w, dx, scratch);
    }
    let (dy, scratch) = readable(pool, isa, products, dy, scratch);
    let (w, scratch) = readable(pool, isa, products, w, scratch);
    writable(pool, isa, dx, scratch, |dx, scratch| conv_input_grad(pool, isa, spec, dy, w, dx, scratch));
}

/// `conv_weight_grad` with a choice of products and of storage. `scratch` has at least `spec.weight_grad_mixed_scratch(…)` values.
#[allow(clippy::too_many_arguments)] // those of `conv_weight_grad` and the products
pub fn conv_weight_grad_mixed(
    pool: &Pool,
    isa: Isa,
    spec: &ConvSpec,
    products: Products,
    x: Operand<'_>,
    dy: Operand<'_>,
    dw: Output<'_>,
    scratch: &mut [f32],
) {
    assert_eq!([x.len(), dw.len(), dy.len()], spec.lengths(), "operands have the sizes of the specification");
    let stored = stored(&[x.storage(), dy.storage(), dw.storage()]);
    assert!(scratch.len() >= spec.weight_grad_mixed_scratch(isa, products, stored), "scratch is large enough");
    if let Some(plan) = way(&spec.weight_by_tiles, isa, spec.worth(products)) {
        return amx::weight::weight_grad(pool, isa, spec, plan, x, dy, dw, scratch);
    }
    let (x, scratch) = readable(pool, isa, products, x, scratch);
    let (dy, scratch) = readable(pool, isa, products, dy, scratch);
    writable(pool, isa, dw, scratch, |dw, scratch| conv_weight_grad(pool, isa, spec, x, dy, dw, scratch));
}
