//! One small program run alone, as often as it takes to know how long it needs: what a machine is calibrated with.

use crate::steps::{cpu_seconds, wall_seconds};
use pfm_cpu::{Isa, Options, compile, scratch_bytes};
use pfm_device::{Buffer, Pool};
use pfm_ir::{Builder, Graph, Role, TensorType, ValueId};
use pfm_kernels::read_memory;
use pfm_plan::Work;

/// Runs of one program end after this many seconds, but not before the third.
const ENOUGH: f64 = 0.02;

/// Where micro-programs run.
pub struct Micro<'a> {
    pub pool: &'a Pool,
    pub isa: Isa,
    /// Read before each run, for the operands of a step's groups do not lie in the caches nearest to a core either.
    pub between: Vec<f32>,
}

/// What one program took, and what the plan says of it.
pub struct Run {
    pub seconds: f64,
    pub bytes: f64,
    /// Of its kernel, in the unit of the kernel's table.
    pub work: f64,
    /// Of generated code.
    pub effort: Option<pfm_cpu::Effort>,
}

impl Micro<'_> {
    /// The fastest of a few runs (others on the machine only ever make one slower) of the program that `make` writes; `make` gives what is to be its result.
    pub fn run(&self, make: impl FnOnce(&mut Builder) -> Vec<ValueId>) -> Run {
        let mut b = Builder::new("micro");
        for (i, y) in make(&mut b).into_iter().enumerate() {
            b.output(&format!("y{i}"), y);
        }
        self.graph(&b.graph)
    }

    /// On one thread the time that the process had, so that others on the machine do no harm.
    fn now(&self) -> f64 {
        if self.pool.threads() == 1 { cpu_seconds() } else { wall_seconds() }
    }

    fn graph(&self, graph: &Graph) -> Run {
        let plan = pfm_plan::plan(graph, &|work| scratch_bytes(work, graph.precision, self.isa));
        let program =
            compile(&plan, &Options { isa: Some(self.isa) }).unwrap_or_else(|d| panic!("a micro-program compiles: {}", d.message));
        let mut arena = Buffer::new(program.arena_bytes());
        let mut inputs: Vec<Buffer> = plan.inputs.iter().map(|s| filled(&s.ty)).collect();
        let mut outputs: Vec<Buffer> = plan.outputs.iter().map(|s| Buffer::of_values(s.ty.elements())).collect();
        let mut inputs: Vec<&mut Buffer> = inputs.iter_mut().collect();
        let mut outputs: Vec<&mut Buffer> = outputs.iter_mut().collect();
        program.run(self.pool, &mut arena, &mut inputs, &mut outputs);
        let (mut times, mut sum) = (vec![], 0.0);
        while times.len() < 5 || (sum < ENOUGH && times.len() < 50) {
            read_memory(self.pool, self.isa, &self.between);
            let start = self.now();
            program.run(self.pool, &mut arena, &mut inputs, &mut outputs);
            times.push(self.now() - start);
            sum += times[times.len() - 1];
        }
        let work = plan.groups.iter().map(|g| match &g.work {
            Work::Kernel(k) => super::place::work(k, g.flops, g.bytes),
            _ => 0.0,
        });
        let effort = plan.groups.iter().find_map(|g| pfm_cpu::effort(&g.work));
        let seconds = times.iter().copied().fold(f64::INFINITY, f64::min);
        Run { seconds, bytes: plan.cost().bytes, work: work.sum(), effort }
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
