//! A plan on a device and how it runs: the launches of its groups one after the other. The second run with the same memory
//! records them as one graph, which later runs start as a whole.

use crate::Gpu;
use pfm_cuda::{Launch, Matrix, Module, Step};
use pfm_device::cuda::{CudaError, Element, Event, Function, Graph, Memory, Operand, Product};
use pfm_ir::DType;
use pfm_plan::{Place, Plan};
use std::sync::Arc;

pub struct Program {
    gpu: Arc<Gpu>,
    groups: Vec<Vec<Ready>>,
    /// Of each group's buffers, its working memory last.
    places: Vec<Vec<Place>>,
    constants: Vec<Memory>,
    arena_bytes: usize,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    recorded: Recorded,
}

/// A step that only lacks addresses.
enum Ready {
    Launch { function: Function, launch: Launch },
    Product { product: Product, operands: [(usize, usize); 3] },
}

/// What is known of earlier runs with the same addresses.
enum Recorded {
    Nothing,
    /// They ran once, so that the libraries have loaded what they need.
    Ran(Vec<u64>),
    Graph(Vec<u64>, Graph),
}

impl Program {
    /// Compiles and loads a plan's module.
    pub fn load(gpu: &Arc<Gpu>, plan: &Plan, module: &Module) -> Result<Program, CudaError> {
        gpu.load(&module.sources)?;
        let mut groups = vec![];
        for draft in &module.groups {
            groups.push(draft.steps.iter().map(|step| ready(gpu, step)).collect::<Result<Vec<_>, _>>()?);
        }
        let places = plan.groups.iter().map(|g| g.buffers.iter().chain(&g.scratch).map(|b| plan.buffers[b.0 as usize].place).collect());
        let constants = plan.constants.iter().map(|c| {
            let bytes: Vec<u8> = c.words.iter().flat_map(|w| w.to_le_bytes()).collect();
            let mut memory = Memory::new(&gpu.device, bytes.len())?;
            memory.write(&bytes)?;
            Ok(memory)
        });
        let own = plan.outputs.iter().filter(|o| o.into.is_none());
        Ok(Program {
            gpu: gpu.clone(),
            groups,
            places: places.collect(),
            constants: constants.collect::<Result<_, CudaError>>()?,
            arena_bytes: plan.arena_bytes,
            inputs: plan.inputs.iter().map(|s| s.ty.bytes()).collect(),
            outputs: own.map(|s| s.ty.bytes()).collect(),
            recorded: Recorded::Nothing,
        })
    }

    /// Bytes of the plan's constants, which the program holds on the device.
    pub fn constant_bytes(&self) -> usize {
        self.constants.iter().map(Memory::bytes).sum()
    }

    /// Starts a run; results are there when the device's work is waited for.
    pub fn run(&mut self, arena: &Memory, inputs: &[&Memory], outputs: &[&Memory]) -> Result<(), CudaError> {
        let addresses = self.addresses(arena, inputs, outputs);
        match &self.recorded {
            Recorded::Graph(known, graph) if *known == addresses => return graph.launch(),
            Recorded::Ran(known) if *known == addresses => {
                let graph = Graph::record(&self.gpu.device, || self.launch(&addresses, &mut |_| Ok(())))?;
                graph.launch()?;
                self.recorded = Recorded::Graph(addresses, graph);
            }
            _ => {
                self.launch(&addresses, &mut |_| Ok(()))?;
                self.recorded = Recorded::Ran(addresses);
            }
        }
        Ok(())
    }

    /// Runs without a graph and adds the time of each group on the device to `seconds`.
    pub fn run_timed(&self, arena: &Memory, inputs: &[&Memory], outputs: &[&Memory], seconds: &mut [f64]) -> Result<(), CudaError> {
        let addresses = self.addresses(arena, inputs, outputs);
        let device = &self.gpu.device;
        let marks = (0..=self.groups.len()).map(|_| device.event()).collect::<Result<Vec<Event>, _>>()?;
        marks[0].record()?;
        self.launch(&addresses, &mut |group| marks[group + 1].record())?;
        device.wait()?;
        for (group, seconds) in seconds.iter_mut().enumerate() {
            *seconds += marks[group + 1].since(&marks[group])?;
        }
        Ok(())
    }

    /// The address of every buffer of every group, in order.
    fn addresses(&self, arena: &Memory, inputs: &[&Memory], outputs: &[&Memory]) -> Vec<u64> {
        assert!(arena.bytes() >= self.arena_bytes, "the arena has {} bytes, not {}", arena.bytes(), self.arena_bytes);
        check("input", inputs, &self.inputs);
        check("output", outputs, &self.outputs);
        let address = |place: &Place| match place {
            Place::Arena(offset) => arena.address() + *offset as u64,
            Place::Input(i) => inputs[*i].address(),
            Place::Output(i) => outputs[*i].address(),
            Place::Constant(i) => self.constants[*i].address(),
        };
        self.places.iter().flatten().map(address).collect()
    }

    fn launch(&self, addresses: &[u64], after: &mut dyn FnMut(usize) -> Result<(), CudaError>) -> Result<(), CudaError> {
        let mut first = 0;
        for (group, (steps, places)) in self.groups.iter().zip(&self.places).enumerate() {
            let own = &addresses[first..first + places.len()];
            first += places.len();
            for step in steps {
                match step {
                    Ready::Launch { function, launch } => {
                        let arguments: Vec<u64> = launch.arguments.iter().map(|a| own[*a]).collect();
                        self.gpu.device.launch(function, launch.grid, launch.block, launch.shared_bytes, &arguments)?;
                    }
                    Ready::Product { product, operands } => {
                        let [a, b, c] = operands.map(|(argument, bytes)| own[argument] + bytes as u64);
                        self.gpu.gemm.run(product, a, b, c)?;
                    }
                }
            }
            after(group)?;
        }
        Ok(())
    }
}

fn ready(gpu: &Gpu, step: &Step) -> Result<Ready, CudaError> {
    match step {
        Step::Launch(launch) => Ok(Ready::Launch {
            function: gpu.function(&launch.entry, launch.shared_bytes)?,
            launch: Launch { source: String::new(), ..launch.clone() },
        }),
        Step::Gemm(g) => {
            let product = Product { m: g.m, n: g.n, k: g.k, batch: g.batch, a: operand(&g.a), b: operand(&g.b), c: operand(&g.c) };
            let place = |x: &Matrix| (x.argument, x.offset * x.dtype.size());
            Ok(Ready::Product { product, operands: [place(&g.a), place(&g.b), place(&g.c)] })
        }
    }
}

fn operand(x: &Matrix) -> Operand {
    let element = match x.dtype {
        DType::F32 => Element::F32,
        DType::Bf16 => Element::Bf16,
        other => panic!("matrices hold floats, not {}", other.name()),
    };
    Operand { element, leading: x.leading, transposed: x.transposed, step: x.step }
}

fn check(kind: &str, memories: &[&Memory], bytes: &[usize]) {
    assert_eq!(memories.len(), bytes.len(), "one block per {kind}");
    for (i, (memory, bytes)) in memories.iter().zip(bytes).enumerate() {
        assert!(memory.bytes() >= *bytes, "{kind} {i} has {} bytes, not {bytes}", memory.bytes());
    }
}
