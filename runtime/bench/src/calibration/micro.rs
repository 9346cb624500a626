//! One small program run alone, as often as it takes to know how long it needs: what a machine is calibrated with.

use pfm_cpu::{Isa, Options, compile, scratch_bytes};
use pfm_device::{Buffer, Pool};
use pfm_ir::{Builder, Graph, Role, TensorType, ValueId};
use std::time::Instant;

/// Runs of one program end after this many seconds, but not before the third.
const ENOUGH: f64 = 0.02;

/// Where micro-programs run.
pub struct Micro<'a> {
    pub pool: &'a Pool,
    pub isa: Isa,
}

/// What one program took, and what the plan says of it.
pub struct Run {
    pub seconds: f64,
    pub flops: f64,
    pub bytes: f64,
    /// Of generated code.
    pub effort: Option<pfm_cpu::Effort>,
}

impl Micro<'_> {
    /// The median of a few runs of the program that `make` writes; `make` gives what is to be its result.
    pub fn run(&self, make: impl FnOnce(&mut Builder) -> Vec<ValueId>) -> Run {
        let mut b = Builder::new("micro");
        for (i, y) in make(&mut b).into_iter().enumerate() {
            b.output(&format!("y{i}"), y);
        }
        self.graph(&b.graph)
    }

    fn graph(&self, graph: &Graph) -> Run {
        let plan = pfm_plan::plan(graph, &scratch_bytes).unwrap_or_else(|d| panic!("a micro-program can be planned: {}", d.message));
        let program =
            compile(&plan, &Options { isa: Some(self.isa) }).unwrap_or_else(|d| panic!("a micro-program compiles: {}", d.message));
        let mut arena = Buffer::new(program.arena_bytes());
        let mut inputs: Vec<Buffer> = plan.inputs.iter().map(|s| filled(&s.ty)).collect();
        let mut outputs: Vec<Buffer> = plan.outputs.iter().map(|s| Buffer::of_values(s.ty.elements())).collect();
        let mut inputs: Vec<&mut Buffer> = inputs.iter_mut().collect();
        let mut outputs: Vec<&mut Buffer> = outputs.iter_mut().collect();
        program.run(self.pool, &mut arena, &mut inputs, &mut outputs);
        let (mut times, mut sum) = (vec![], 0.0);
        while times.len() < 3 || (sum < ENOUGH && times.len() < 50) {
            let start = Instant::now();
            program.run(self.pool, &mut arena, &mut inputs, &mut outputs);
            times.push(start.elapsed().as_secs_f64());
            sum += times[times.len() - 1];
        }
        times.sort_by(f64::total_cmp);
        let cost = plan.cost();
        let effort = plan.groups.iter().find_map(|g| pfm_cpu::effort(&g.work));
        Run { seconds: times[times.len() / 2], flops: cost.flops, bytes: cost.bytes, effort }
    }
}

/// An input of a micro-program.
pub fn input(b: &mut Builder, name: &str, shape: &[usize]) -> ValueId {
    b.input(name, Role::Data, TensorType::f32(shape))
}

/// Values that differ, none of them large or denormal.
fn filled(ty: &TensorType) -> Buffer {
    let mut buffer = Buffer::of_values(ty.elements());
    if ty.dtype == pfm_ir::DType::F32 {
        let mut state = 1u32;
        for v in buffer.as_f32_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *v = (state >> 8) as f32 / (1 << 24) as f32 + 0.25;
        }
    }
    buffer
}
