//! Graph to native program, as a list of passes. Each is verified after it has run when `Options::verify` says so (tests do),
//! and shown to the watcher, which may print or time it.

use pfm_cpu::Program;
use pfm_diag::Diagnostic;
use pfm_ir::{Graph, Precision, Role, TensorType};
use pfm_plan::Plan;
use pfm_transform as transform;

/// How to compile.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Check every invariant after every pass.
    pub verify: bool,
    /// Instruction set to use; None takes the best that the machine has.
    pub isa: Option<pfm_cpu::Isa>,
    /// Plan for a CUDA device with these abilities instead of the CPU.
    pub cuda: Option<pfm_cuda::Target>,
}

/// Sees each pass's result.
pub trait Watch {
    fn graph(&mut self, pass: &'static str, graph: &Graph);
    fn plan(&mut self, plan: &Plan);
}

/// A watcher that looks away.
pub struct Silent;

impl Watch for Silent {
    fn graph(&mut self, _: &'static str, _: &Graph) {}
    fn plan(&mut self, _: &Plan) {}
}

/// A program and what it wants to be called with.
pub struct Compiled {
    pub name: String,
    pub inputs: Vec<Signature>,
    pub outputs: Vec<Returned>,
    pub program: Program,
    pub flops: f64,
    pub arena_bytes: usize,
}

pub struct Signature {
    pub name: String,
    pub role: Role,
    pub ty: TensorType,
}

pub struct Returned {
    pub name: String,
    pub ty: TensorType,
    /// Index of the input that receives it.
    pub into: Option<usize>,
}

/// Everything between lowering and code.
pub fn optimise(graph: Graph, options: Options, watch: &mut dyn Watch) -> Graph {
    let mut run = |name: &'static str, graph: Graph, pass: fn(Graph) -> Graph| {
        let graph = pass(graph);
        if options.verify {
            let errors = pfm_ir::verify(&graph);
            assert!(errors.is_empty(), "after `{name}`: {errors:?}");
        }
        watch.graph(name, &graph);
        graph
    };
    let graph = run("prune", graph, pfm_ir::prune);
    let graph = run("simplify", graph, transform::simplify);
    let graph = run("share", graph, transform::share);
    let graph = run("decompose", graph, |g| transform::decompose(g, &|_| false));
    let graph = run("fold", graph, transform::fold);
    let graph = run("simplify", graph, transform::simplify);
    let graph = run("merge", graph, transform::merge);
    let graph = run("simplify", graph, transform::simplify);
    let graph = run("share", graph, transform::share);
    let graph = run("sums", graph, transform::sums);
    let graph = run("share", graph, transform::share);
    let graph = run("prune", graph, pfm_ir::prune);
    let graph = run("recompute", graph, transform::recompute);
    if graph.precision != Precision::Bf16 {
        return graph;
    }
    let graph = run("narrow products", graph, transform::narrow_products);
    run("narrow stored", graph, |g| {
        let stored = pfm_plan::stored(&g);
        transform::narrow_stored(g, &stored)
    })
}

/// Graph to plan: what will run, in which order, in which memory.
pub fn plan(graph: Graph, options: Options, watch: &mut dyn Watch) -> Result<Plan, Vec<Diagnostic>> {
    watch.graph("lower", &graph);
    let graph = optimise(graph, options, watch);
    let (precision, isa) = (graph.precision, options.isa.unwrap_or_else(pfm_cpu::Isa::detect));
    let plan = pfm_plan::plan(&graph, &|work| match &options.cuda {
        Some(target) => pfm_cuda::scratch_bytes(work, target),
        None => pfm_cpu::scratch_bytes(work, precision, isa),
    });
    if options.verify {
        let errors = pfm_plan::verify(&plan);
        assert!(errors.is_empty(), "after `plan`: {errors:?}");
    }
    watch.plan(&plan);
    Ok(plan)
}

/// Graph to program.
pub fn compile(graph: Graph, options: Options, watch: &mut dyn Watch) -> Result<Compiled, Vec<Diagnostic>> {
    let plan = plan(graph, options, watch)?;
    let program = pfm_cpu::compile(&plan, &pfm_cpu::Options { isa: options.isa }).map_err(|d| vec![*d])?;
    let (inputs, outputs) = called_with(&plan);
    Ok(Compiled { name: plan.name.clone(), inputs, outputs, flops: plan.cost().flops, arena_bytes: plan.arena_bytes, program })
}

/// What a plan's program wants to be called with, and what it gives back.
pub fn called_with(plan: &Plan) -> (Vec<Signature>, Vec<Returned>) {
    let inputs = plan.inputs.iter().map(|i| Signature { name: i.name.clone(), role: i.role.clone(), ty: i.ty.clone() });
    let outputs = plan.outputs.iter().map(|o| Returned { name: o.name.clone(), ty: o.ty.clone(), into: o.into });
    (inputs.collect(), outputs.collect())
}
