//! Gradients of a small network, from the loss to an update stored in place: the shape of graph that training runs.

use crate::support::{Random, build, build_everywhere, values};
use pfm_cpu::{Isa, Options, compile};
use pfm_device::{Buffer, Pool};
use pfm_ir::{Builder, Role, TensorType, ValueId};
use pfm_ops as ops;

struct Model {
    b: Builder,
    weights: Vec<(String, ValueId)>,
}

impl Model {
    fn weight(&mut self, name: &str, shape: &[usize]) -> ValueId {
        let v = self.b.input(name, Role::Parameter { trainable: true }, TensorType::f32(shape));
        self.weights.push((name.to_string(), v));
        v
    }

    /// Channels-last normalisation with scale and shift.
    fn norm(&mut self, name: &str, x: ValueId) -> ValueId {
        let shape = self.b.shape(x).to_vec();
        let c = shape.len() - 1;
        let n = ops::normalise(&mut self.b, x, &[c], 1e-5, true);
        let scale = self.weight(&format!("{name}.scale"), &shape[c..]);
        let shift = self.weight(&format!("{name}.shift"), &shape[c..]);
        let scale = ops::broadcast(&mut self.b, scale, &shape, &[c]);
        let shift = ops::broadcast(&mut self.b, shift, &shape, &[c]);
        let n = ops::mul(&mut self.b, n, scale);
        ops::add(&mut self.b, n, shift)
    }

    fn silu(&mut self, x: ValueId) -> ValueId {
        let s = ops::sigmoid(&mut self.b, x);
        ops::mul(&mut self.b, x, s)
    }

    fn linear(&mut self, name: &str, x: ValueId, to: usize) -> ValueId {
        let mut shape = self.b.shape(x).to_vec();
        let c = shape.pop().unwrap();
        let rows: usize = shape.iter().product();
        let w = self.weight(&format!("{name}.weight"), &[to, c]);
        let flat = ops::reshape(&mut self.b, x, &[rows, c]);
        let y = ops::contract(&mut self.b, flat, w, &[0, 1], &[2, 1], &[0, 2]);
        shape.push(to);
        let bias = self.weight(&format!("{name}.bias"), &[to]);
        let bias = ops::broadcast(&mut self.b, bias, &shape, &[shape.len() - 1]);
        let y = ops::reshape(&mut self.b, y, &shape);
        ops::add(&mut self.b, y, bias)
    }

    fn block(&mut self, name: &str, x: ValueId) -> ValueId {
        let c = *self.b.shape(x).last().unwrap();
        let n = self.norm(&format!("{name}.norm"), x);
        let h = self.linear(&format!("{name}.up"), n, 2 * c);
        let h = self.silu(h);
        let h = self.linear(&format!("{name}.down"), h, c);
        ops::add(&mut self.b, x, h)
    }
}

fn network(blocks: usize) -> Model {
    let mut m = Model { b: Builder::new("training"), weights: vec![] };
    let x = m.b.input("x", Role::Data, TensorType::f32(&[2, 5, 6, 8]));
    let w = m.weight("conv", &[8, 8, 3, 3]);
    let mut h = ops::conv(&mut m.b, x, w, &[1, 1], &[1, 1], &[1, 1]);
    for i in 0..blocks {
        h = m.block(&format!("block{i}"), h);
    }
    let d = ops::sub(&mut m.b, h, x);
    let d = ops::mul(&mut m.b, d, d);
    let loss = ops::mean(&mut m.b, d, &[0, 1, 2, 3]);
    m.b.output("loss", loss);
    let wrt: Vec<ValueId> = m.weights.iter().map(|w| w.1).collect();
    let gradients = pfm_transform::gradients(&mut m.b, loss, &wrt);
    for ((name, w), g) in m.weights.clone().into_iter().zip(gradients) {
        let step = ops::scale(&mut m.b, g.expect("every weight reaches the loss"), 0.1);
        let next = ops::sub(&mut m.b, w, step);
        m.b.store(&name, next, &name);
    }
    m
}

#[test]
fn a_step_of_training() {
    let m = network(2);
    let c = build(&pfm_transform::share(m.b.graph.clone()));
    let mut random = Random::new(11);
    let inputs: Vec<_> = c.graph.inputs.iter().map(|i| values(c.graph.ty(i.value), -0.5, 0.5, &mut random)).collect();
    c.check(&inputs, 2e-5, "training");
    // Every update is written in place.
    let last =
        c.plan.groups.iter().flat_map(|g| g.writes()).filter(|b| matches!(c.plan.buffers[b.0 as usize].place, pfm_plan::Place::Input(_)));
    assert_eq!(last.count(), m.weights.len());
}

/// Groups of equal code share a function, so that deep networks compile fast.
#[test]
fn equal_blocks_compile_once() {
    let functions = |blocks: usize| {
        let c = build(&network(blocks).b.graph);
        (c.plan.groups.len(), c.program.functions())
    };
    let (few, many) = (functions(3), functions(12));
    assert!(many.0 > 3 * few.0);
    assert_eq!(few.1, many.1);
}

#[test]
fn equal_plans_have_equal_hashes() {
    let hash = |blocks: usize| build(&network(blocks).b.graph).program.hash();
    assert_eq!(hash(2), hash(2));
    assert_ne!(hash(2), hash(3));
}

/// Rounding differs between instruction sets, so their programs are different ones.
#[test]
fn each_instruction_set_has_its_own_program() {
    let all = build_everywhere(&network(1).b.graph);
    let hashes: std::collections::BTreeSet<_> = all.iter().map(|c| c.program.hash()).collect();
    assert_eq!(hashes.len(), Isa::available().len());
    let absent = Isa::ALL.into_iter().find(|isa| !isa.is_available()).expect("no processor has all");
    let refused = compile(&all[0].plan, &Options { isa: Some(absent) }).err().expect("refused");
    assert!(refused.code == "E0802" && refused.message.contains(absent.name()), "{}", refused.message);
}

/// Programs are shared between threads; each group's time is told apart.
#[test]
fn times_add_up() {
    fn shared(_: &(impl Send + Sync)) {}
    let c = build(&network(1).b.graph);
    shared(&c.program);
    let mut inputs: Vec<Buffer> = c.plan.inputs.iter().map(|s| Buffer::of_values(s.ty.elements())).collect();
    let mut inputs: Vec<&mut Buffer> = inputs.iter_mut().collect();
    let mut loss = Buffer::of_values(1);
    let mut arena = Buffer::new(c.program.arena_bytes());
    let mut seconds = vec![0.0; c.plan.groups.len()];
    let calls = std::cell::Cell::new(0.0);
    let clock = || {
        calls.set(calls.get() + 1.0);
        calls.get()
    };
    c.program.run_timed(&Pool::new(1), &mut arena, &mut inputs, &mut [&mut loss], &clock, &mut seconds);
    assert!(seconds.iter().all(|s| *s == 1.0));
}
