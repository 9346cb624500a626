//! Runs a graph on the CPU back end and in the interpreter, on the same inputs rounded to f32.

use pfm_cpu::{Isa, Options, Program, compile, scratch_bytes};
use pfm_device::{Buffer, Pool};
use pfm_ir::{Class, DType, Graph, Tensor, TensorType, from_bf16, interpret, to_bf16};
use pfm_plan::{Plan, plan, verify};

/// A small generator: equal seeds give equal tests everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def1))
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }
}

/// Values of a type, exactly representable in it.
pub fn values(ty: &TensorType, low: f64, high: f64, random: &mut Random) -> Tensor {
    let data = (0..ty.elements())
        .map(|_| match ty.dtype {
            DType::F32 => f64::from((low + (high - low) * random.unit()) as f32),
            DType::Bf16 => f64::from(from_bf16(to_bf16((low + (high - low) * random.unit()) as f32))),
            DType::I32 => (high.max(1.0) * random.unit()).floor(),
            DType::Bool => f64::from(u8::from(random.unit() < 0.5)),
        })
        .collect();
    Tensor::new(&ty.shape, data)
}

pub fn to_buffer(t: &Tensor, dtype: DType) -> Buffer {
    let mut b = Buffer::of_values(t.data.len());
    match dtype {
        DType::F32 => b.as_f32_mut().iter_mut().zip(&t.data).for_each(|(b, v)| *b = *v as f32),
        DType::Bf16 => {
            b.as_u8_mut().chunks_exact_mut(2).zip(&t.data).for_each(|(b, v)| b.copy_from_slice(&to_bf16(*v as f32).to_le_bytes()))
        }
        _ => b.as_i32_mut().iter_mut().zip(&t.data).for_each(|(b, v)| *b = *v as i32),
    }
    b
}

fn to_tensor(b: &Buffer, ty: &TensorType) -> Tensor {
    let n = ty.elements();
    match ty.dtype {
        DType::F32 => Tensor::from_f32(&ty.shape, &b.as_f32()[..n]),
        DType::Bf16 => {
            let halves = b.as_u8().chunks_exact(2).take(n);
            Tensor::new(&ty.shape, halves.map(|h| f64::from(from_bf16(u16::from_le_bytes([h[0], h[1]])))).collect())
        }
        _ => Tensor::new(&ty.shape, b.as_i32()[..n].iter().map(|v| f64::from(*v)).collect()),
    }
}

pub struct Compiled {
    pub graph: Graph,
    pub plan: Plan,
    pub program: Program,
}

/// Plans, verifies and compiles for the widest instruction set.
pub fn build(graph: &Graph) -> Compiled {
    let graph = pfm_transform::share(pfm_transform::decompose(graph.clone(), &|op| op.class == Class::Kernel));
    let plan = plan(&graph, &|work| scratch_bytes(work, graph.precision, Isa::detect()));
    let broken = verify(&plan);
    assert!(broken.is_empty(), "{broken:?}\n{}", pfm_plan::print(&plan));
    let program = compile(&plan, &Options::default()).expect("the plan compiles");
    Compiled { graph, plan, program }
}

/// As `build`, once for every instruction set that this processor has.
pub fn build_everywhere(graph: &Graph) -> Vec<Compiled> {
    let first = build(graph);
    let rest = Isa::available().into_iter().skip(1).map(|isa| first.on(isa));
    let mut all: Vec<Compiled> = rest.collect();
    all.insert(0, first);
    all
}

impl Compiled {
    /// The same plan, compiled for another instruction set.
    pub fn on(&self, isa: Isa) -> Compiled {
        let program = compile(&self.plan, &Options { isa: Some(isa) }).expect("the plan compiles");
        Compiled { graph: self.graph.clone(), plan: self.plan.clone(), program }
    }

    /// Outputs in the graph's order, whether they have memory of their own or lie in an input.
    pub fn run(&self, inputs: &[Tensor], threads: usize) -> Vec<Tensor> {
        let pool = Pool::new(threads);
        let mut arena = Buffer::new(self.program.arena_bytes());
        arena.as_u8_mut().fill(0xff);
        let types: Vec<TensorType> = self.graph.inputs.iter().map(|i| self.graph.ty(i.value).clone()).collect();
        let mut given: Vec<Buffer> = inputs.iter().zip(&types).map(|(t, ty)| to_buffer(t, ty.dtype)).collect();
        let own = self.graph.outputs.iter().filter(|o| o.into.is_none());
        let mut made: Vec<Buffer> = own.map(|o| Buffer::of_values(self.graph.ty(o.value).elements())).collect();
        {
            let mut given: Vec<&mut Buffer> = given.iter_mut().collect();
            let mut made: Vec<&mut Buffer> = made.iter_mut().collect();
            self.program.run(&pool, &mut arena, &mut given, &mut made);
        }
        let mut rank = 0;
        let mut results = vec![];
        for o in &self.graph.outputs {
            let ty = self.graph.ty(o.value);
            results.push(match o.into {
                Some(i) => to_tensor(&given[i], ty),
                None => {
                    rank += 1;
                    to_tensor(&made[rank - 1], ty)
                }
            });
        }
        results
    }

    /// Compares with the interpreter at `tolerance` times the largest entry of each output (or a thousandth), and runs on
    /// one, two and three threads for equality to the bit; on every instruction set that this processor has.
    pub fn check(&self, inputs: &[Tensor], tolerance: f64, name: &str) {
        let wanted = interpret(&self.graph, inputs);
        self.check_one(inputs, &wanted, tolerance, name);
        for isa in Isa::available().into_iter().skip(1) {
            self.on(isa).check_one(inputs, &wanted, tolerance, &format!("{name} on {}", isa.name()));
        }
    }

    fn check_one(&self, inputs: &[Tensor], wanted: &[Tensor], tolerance: f64, name: &str) {
        let got = self.run(inputs, 1);
        for (o, (w, g)) in wanted.iter().zip(&got).enumerate() {
            let largest = w.data.iter().filter(|v| v.is_finite()).fold(1e-3f64, |m, v| m.max(v.abs()));
            for (i, (w, g)) in w.data.iter().zip(&g.data).enumerate() {
                let close = w == g || (w.is_nan() && g.is_nan()) || (w - g).abs() <= tolerance * largest;
                assert!(close, "{name}: output {o} at {i}: {g} instead of {w}\n{}", pfm_plan::print(&self.plan));
            }
        }
        for threads in [2, 3] {
            for (a, b) in got.iter().zip(&self.run(inputs, threads)) {
                let bits = |t: &Tensor| t.data.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(a), bits(b), "{name}: {threads} threads give other bits");
            }
        }
    }
}
