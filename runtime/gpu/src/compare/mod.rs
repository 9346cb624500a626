//! Kernels beside the interpreter: small graphs, each with inputs, whose outputs on a CUDA device or on the processor must be those of
//! the f64 meaning.

mod cases;
mod processor;
mod values;

pub use cases::cases;
pub use processor::check_on_processor;

use crate::{Gpu, Program};
use pfm_cuda::Target;
use pfm_device::cuda::{CudaError, Memory};
use pfm_ir::{Graph, Tensor, TensorType, interpret};
use pfm_plan::Plan;
use std::sync::Arc;

/// One graph to compare.
pub struct Case {
    /// Kernels that belong together, such as `conv` or `loops`.
    pub family: String,
    pub name: String,
    pub graph: Graph,
    pub inputs: Vec<Tensor>,
    /// Largest difference, relative to the largest entry of an output.
    pub tolerance: f64,
}

fn told(diagnostics: &[pfm_diag::Diagnostic]) -> String {
    diagnostics.iter().map(|d| format!("{}: {}", d.code, d.message)).collect::<Vec<_>>().join("; ")
}

/// The plan of a case for a device, and its text.
pub fn planned(case: &Case, target: Target) -> Result<(Plan, pfm_cuda::Module), String> {
    let options = pfm_compiler::Options { verify: true, cuda: Some(target), ..Default::default() };
    let plan = pfm_compiler::plan(case.graph.clone(), options, &mut pfm_compiler::Silent).map_err(|d| told(&d))?;
    let module = pfm_cuda::write(&plan, &target).map_err(|d| told(&[*d]))?;
    Ok((plan, module))
}

/// The largest difference on the device, relative to what the case allows: at most 1 where it agrees. Three runs, the last as a
/// recorded graph, must give the same bits.
pub fn check(gpu: &Arc<Gpu>, case: &Case) -> Result<f64, String> {
    let (plan, module) = planned(case, gpu.target())?;
    let failed = |e: CudaError| e.0;
    let mut program = Program::load(gpu, &plan, &module).map_err(failed)?;
    let arena = Memory::new(&gpu.device, plan.arena_bytes).map_err(failed)?;
    let mut inputs: Vec<Memory> = vec![];
    for (slot, tensor) in plan.inputs.iter().zip(&case.inputs) {
        let bytes = values::to_bytes(tensor, slot.ty.dtype);
        let mut memory = Memory::new(&gpu.device, bytes.len()).map_err(failed)?;
        memory.write(&bytes).map_err(failed)?;
        inputs.push(memory);
    }
    let own: Vec<&TensorType> = plan.outputs.iter().filter(|o| o.into.is_none()).map(|o| &o.ty).collect();
    let outputs = own.iter().map(|ty| Memory::new(&gpu.device, ty.bytes())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let run = || {
        program.run(&arena, &inputs.iter().collect::<Vec<_>>(), &outputs.iter().collect::<Vec<_>>())?;
        let read = |(ty, memory): (&&TensorType, &Memory)| {
            let mut bytes = vec![0; ty.bytes()];
            memory.read(&mut bytes).map(|()| bytes)
        };
        own.iter().zip(&outputs).map(read).collect::<Result<Vec<_>, CudaError>>()
    };
    judged(case, &own, 3, run)
}

/// What some equal runs give beside the interpreter, relative to what the case allows. `run` gives the bytes of every output.
fn judged<E: std::fmt::Display>(
    case: &Case,
    types: &[&TensorType],
    runs: usize,
    mut run: impl FnMut() -> Result<Vec<Vec<u8>>, E>,
) -> Result<f64, String> {
    let seen = (0..runs).map(|_| run()).collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    if seen.iter().any(|bytes| *bytes != seen[0]) {
        return Err("equal runs give different bits".into());
    }
    let found = seen[0].iter().zip(types).map(|(bytes, ty)| values::from_bytes(bytes, ty));
    let wanted = interpret(&case.graph, &case.inputs);
    Ok(wanted.iter().zip(found).map(|(w, f)| difference(w, &f)).fold(0.0, f64::max) / case.tolerance)
}

/// The largest difference relative to the largest entry; infinite where one is NaN and the other is not.
fn difference(wanted: &Tensor, found: &Tensor) -> f64 {
    let largest = wanted.data.iter().filter(|v| v.is_finite()).fold(1e-3f64, |m, v| m.max(v.abs()));
    let one = |(w, f): (&f64, &f64)| {
        if w == f || (w.is_nan() && f.is_nan()) {
            return 0.0;
        }
        let d = (w - f).abs() / largest;
        if d.is_nan() { f64::INFINITY } else { d }
    };
    wanted.data.iter().zip(&found.data).map(one).fold(0.0, f64::max)
}
