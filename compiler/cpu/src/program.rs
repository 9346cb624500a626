//! A compiled plan and how it runs: groups one after the other, the tasks of each shared by the pool's threads.
//! A run allocates nothing; results depend on the inputs alone, not on the number of threads.

use crate::kernel::{MOST, Ready, prepare};
use crate::module::{Code, Function};
use crate::schedule::{Launch, prepare_loop, prepare_reduce};
use pfm_device::{Buffer, Pool};
use pfm_diag::Diagnostic;
use pfm_ir::{DType, Precision};
use pfm_kernels::{Isa, Operand, Output};
use pfm_plan::{Group, Place, Plan, Work};
use std::sync::{Mutex, PoisonError};

/// How to compile.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Instruction set of the kernels and of generated code; the widest that the processor has when None.
    pub isa: Option<Isa>,
}

/// Native code for a plan.
pub struct Program {
    code: Code,
    steps: Vec<Step>,
    slots: Slots,
    hash: [u8; 32],
}

/// Sizes and places that a run checks and looks up.
struct Slots {
    arena_bytes: usize,
    /// Bytes.
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    constants: Vec<Buffer>,
    /// By buffer position over all steps.
    places: Vec<Touched>,
    /// Their addresses during a run; locked so that runs of one program follow one another.
    addresses: Mutex<Addresses>,
}

/// A buffer that a step touches.
#[derive(Clone, Copy)]
struct Touched {
    place: Place,
    bytes: usize,
    dtype: DType,
}

struct Addresses(Vec<*mut u8>);
// SAFETY: the addresses are only used between being filled in and the end of the same run.
unsafe impl Send for Addresses {}

/// One group: its work, and where its buffers start among all places. Scratch, if any, is the last.
struct Step {
    run: Run,
    first: usize,
    buffers: usize,
    /// Operands, for kernels.
    operands: usize,
    scratch: bool,
}

enum Run {
    Native(Vec<Native>),
    Kernel(Box<Ready>),
}

struct Native {
    function: Function,
    extent: usize,
    chunk: usize,
}

/// Bytes of scratch that a group needs: what `pfm_plan::plan` asks its back end. They depend on the instruction set for
/// reduced precision only.
pub fn scratch_bytes(work: &Work, precision: Precision, isa: Isa) -> usize {
    match work {
        Work::Loop(_) => 0,
        Work::Reduce(r) => prepare_reduce(r, 0).1 * 4,
        Work::Kernel(k) => prepare(k, precision, isa).map_or(0, |ready| ready.scratch() * 4),
    }
}

/// Compiles every group of a plan that was made with `scratch_bytes` for the same instruction set. Fails with E0801 on an operation
/// without kernel, and with E0802 on a processor that Cranelift cannot use or that lacks the instruction set.
pub fn compile(plan: &Plan, options: &Options) -> Result<Program, Box<Diagnostic>> {
    let isa = options.isa.unwrap_or_else(Isa::detect);
    let mut code = Code::new(isa)?;
    let mut drafts = Vec::with_capacity(plan.groups.len());
    for group in &plan.groups {
        drafts.push(match &group.work {
            Work::Loop(l) => Draft::Native(vec![draft(&mut code, prepare_loop(l))]),
            Work::Reduce(r) => {
                let launches = prepare_reduce(r, group.buffers.len()).0;
                Draft::Native(launches.into_iter().map(|l| draft(&mut code, l)).collect())
            }
            Work::Kernel(k) => Draft::Kernel(Box::new(prepare(k, plan.precision, isa).ok_or_else(|| no_kernel(k.op.name, group))?)),
        });
    }
    code.finish()?;
    let mut steps = Vec::with_capacity(drafts.len());
    let mut places = vec![];
    for (group, draft) in plan.groups.iter().zip(drafts) {
        let first = places.len();
        for b in group.buffers.iter().chain(&group.scratch) {
            let buffer = &plan.buffers[b.0 as usize];
            places.push(Touched { place: buffer.place, bytes: buffer.bytes(), dtype: buffer.dtype });
        }
        let operands = match &group.work {
            Work::Kernel(k) => k.operands.len(),
            _ => 0,
        };
        steps.push(Step { run: draft.finish(&code), first, buffers: group.buffers.len(), operands, scratch: group.scratch.is_some() });
    }
    let own = plan.outputs.iter().filter(|o| o.into.is_none());
    let slots = Slots {
        arena_bytes: plan.arena_bytes,
        inputs: plan.inputs.iter().map(|s| s.ty.bytes()).collect(),
        outputs: own.map(|s| s.ty.bytes()).collect(),
        constants: plan.constants.iter().map(|c| constant(&c.words)).collect(),
        addresses: Mutex::new(Addresses(vec![std::ptr::null_mut(); places.len()])),
        places,
    };
    let text = format!("{} fma {} rounds {} isa {}", pfm_plan::print(plan), code.fma(), code.rounds(), isa.name());
    let hash = *blake3::hash(text.as_bytes()).as_bytes();
    Ok(Program { code, steps, slots, hash })
}

enum Draft {
    Native(Vec<(crate::module::Id, usize, usize)>),
    Kernel(Box<Ready>),
}

impl Draft {
    fn finish(self, code: &Code) -> Run {
        match self {
            Draft::Kernel(call) => Run::Kernel(call),
            Draft::Native(list) => {
                Run::Native(list.into_iter().map(|(id, extent, chunk)| Native { function: code.address(id), extent, chunk }).collect())
            }
        }
    }
}

fn draft(code: &mut Code, launch: Launch) -> (crate::module::Id, usize, usize) {
    (code.function(&launch.nest), launch.extent, launch.chunk)
}

fn constant(words: &[u32]) -> Buffer {
    let mut buffer = Buffer::of_values(words.len());
    for (to, from) in buffer.as_i32_mut().iter_mut().zip(words) {
        *to = *from as i32;
    }
    buffer
}

fn no_kernel(name: &str, group: &Group) -> Box<Diagnostic> {
    let message = format!("the CPU back end has no kernel for `{name}` at `{}`", group.path);
    Box::new(Diagnostic::new("E0801", message))
}

impl Program {
    /// Bytes of arena that a run needs.
    pub fn arena_bytes(&self) -> usize {
        self.slots.arena_bytes
    }

    /// blake3 of the plan's text and the options: equal hashes mean equal results on one kind of processor.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Number of distinct generated functions.
    pub fn functions(&self) -> usize {
        self.code.functions()
    }

    /// Runs the plan. `inputs` are in the graph's order; outputs that are stored into an input land there, the others
    /// in `outputs`, in order. Panics when a buffer is smaller than its tensor.
    pub fn run(&self, pool: &Pool, arena: &mut Buffer, inputs: &mut [&mut Buffer], outputs: &mut [&mut Buffer]) {
        self.run_steps(pool, arena, inputs, outputs, |_| {});
    }

    /// As `run`; adds to `seconds`, which has one entry per group of the plan, what `clock` says that each group took.
    pub fn run_timed(
        &self,
        pool: &Pool,
        arena: &mut Buffer,
        inputs: &mut [&mut Buffer],
        outputs: &mut [&mut Buffer],
        clock: &dyn Fn() -> f64,
        seconds: &mut [f64],
    ) {
        assert_eq!(seconds.len(), self.steps.len(), "one time per group");
        let mut start = clock();
        self.run_steps(pool, arena, inputs, outputs, |step| {
            let end = clock();
            seconds[step] += end - start;
            start = end;
        });
    }

    fn run_steps(
        &self,
        pool: &Pool,
        arena: &mut Buffer,
        inputs: &mut [&mut Buffer],
        outputs: &mut [&mut Buffer],
        mut done: impl FnMut(usize),
    ) {
        let mut addresses = self.slots.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        self.slots.fill(&mut addresses.0, arena, inputs, outputs);
        for (i, step) in self.steps.iter().enumerate() {
            let total = step.buffers + usize::from(step.scratch);
            let table = &addresses.0[step.first..step.first + total];
            match &step.run {
                Run::Native(list) => list.iter().for_each(|n| n.run(pool, table)),
                Run::Kernel(ready) => self.kernel(pool, step, ready, table),
            }
            done(i);
        }
    }

    fn kernel(&self, pool: &Pool, step: &Step, ready: &Ready, table: &[*mut u8]) {
        assert!(step.buffers <= MOST, "a kernel has at most {MOST} buffers");
        let place = |i: usize| self.slots.places[step.first + i];
        let mut operands = [Operand::F32(&[]); MOST];
        for (i, operand) in operands.iter_mut().enumerate().take(step.operands) {
            let Touched { bytes, dtype, .. } = place(i);
            // SAFETY: the plan gives each operand memory of this size, written before, and not shared with any result.
            *operand = unsafe {
                match dtype {
                    DType::Bf16 => Operand::Bf16(std::slice::from_raw_parts(table[i].cast(), bytes / 2)),
                    _ => Operand::F32(std::slice::from_raw_parts(table[i].cast(), bytes / 4)),
                }
            };
        }
        let mut results: [Output; MOST] = std::array::from_fn(|_| Output::F32(&mut []));
        for (k, result) in results.iter_mut().enumerate().take(step.buffers - step.operands) {
            let i = step.operands + k;
            let Touched { bytes, dtype, .. } = place(i);
            // SAFETY: as above; living buffers do not overlap, so this one is exclusive.
            *result = unsafe {
                match dtype {
                    DType::Bf16 => Output::Bf16(std::slice::from_raw_parts_mut(table[i].cast(), bytes / 2)),
                    _ => Output::F32(std::slice::from_raw_parts_mut(table[i].cast(), bytes / 4)),
                }
            };
        }
        let mut none: [f32; 0] = [];
        let scratch: &mut [f32] = if step.scratch {
            let i = step.buffers;
            // SAFETY: scratch lives for this group alone.
            unsafe { std::slice::from_raw_parts_mut(table[i].cast(), place(i).bytes / 4) }
        } else {
            &mut none
        };
        ready.run(pool, &operands[..step.operands], results, scratch);
    }
}

/// An address table that tasks share.
#[derive(Clone, Copy)]
struct Table(*const *mut u8);
// SAFETY: tasks read the table, and write to disjoint parts of the memory behind it.
unsafe impl Sync for Table {}

impl Native {
    fn run(&self, pool: &Pool, table: &[*mut u8]) {
        let table = Table(table.as_ptr());
        let tasks = self.extent.div_ceil(self.chunk);
        let task = |t: usize| {
            let table = &table;
            let begin = t * self.chunk;
            let end = (begin + self.chunk).min(self.extent);
            // SAFETY: the verifier of plans has every access inside its buffer, and `fill` has checked the buffers' sizes.
            unsafe { (self.function)(table.0, begin as i64, end as i64) };
        };
        pool.run(tasks, &task);
    }
}

impl Slots {
    /// Resolves every place, after checking that all memory is there.
    fn fill(&self, addresses: &mut [*mut u8], arena: &mut Buffer, inputs: &mut [&mut Buffer], outputs: &mut [&mut Buffer]) {
        assert!(arena.bytes() >= self.arena_bytes, "the arena has {} bytes, not {}", arena.bytes(), self.arena_bytes);
        check("input", inputs, &self.inputs);
        check("output", outputs, &self.outputs);
        let base = arena.as_mut_ptr();
        for (address, touched) in addresses.iter_mut().zip(&self.places) {
            *address = match &touched.place {
                // SAFETY: offsets lie inside the arena, whose size has been checked.
                Place::Arena(offset) => unsafe { base.add(*offset) },
                Place::Input(i) => inputs[*i].as_mut_ptr(),
                Place::Output(i) => outputs[*i].as_mut_ptr(),
                Place::Constant(i) => self.constants[*i].as_ptr().cast_mut(),
            };
        }
    }
}

fn check(kind: &str, buffers: &[&mut Buffer], bytes: &[usize]) {
    assert_eq!(buffers.len(), bytes.len(), "one buffer per {kind}");
    for (i, (buffer, bytes)) in buffers.iter().zip(bytes).enumerate() {
        assert!(buffer.bytes() >= *bytes, "{kind} {i} has {} bytes, not {bytes}", buffer.bytes());
    }
}
