//! SOAP through the interpreter in f64 against two sets of numbers made elsewhere: a worked 2x2 example and 25 steps of a
//! convolution kernel and a bias.

use pfm_diag::{FileId, Sources, Span};
use pfm_elaborate::{Instance, Library, Setting, bind};
use pfm_ir::{Builder, Graph, Role, Tensor, TensorType};
use pfm_lower::{Optimiser, Step};
use pfm_syntax::ast::{DefinitionKind, Name};
use safetensors::SafeTensors;

/// One parameter under SOAP, stepped through the interpreter.
struct Run {
    library: Library,
    optimiser: Instance,
    rate: f64,
    parameter: Tensor,
    slots: Vec<Tensor>,
    step: u64,
}

impl Run {
    fn new((library, optimiser): (Library, Instance), rate: f64, start: Tensor) -> Self {
        let declared = Optimiser::new(&library, &optimiser).slots(&start.shape);
        let slots = declared.iter().map(|slot| Tensor::fill(&slot.shape, 0.0)).collect();
        Run { library, optimiser, rate, parameter: start, slots, step: 0 }
    }

    fn graph(&self) -> Graph {
        let mut b = Builder::new("soap");
        let shape = &self.parameter.shape;
        let rate = b.input("rate", Role::Data, TensorType::f32(&[]));
        let step = b.input("step", Role::Data, TensorType::f32(&[]));
        let parameter = b.input("p", Role::Parameter { trainable: true }, TensorType::f32(shape));
        let gradient = b.input("grad:p", Role::Gradient, TensorType::f32(shape));
        let optimiser = Optimiser::new(&self.library, &self.optimiser);
        let named = optimiser.slots(shape);
        let slots: Vec<_> = named.iter().map(|s| b.input(&format!("p#{}", s.name), Role::State, TensorType::f32(&s.shape))).collect();
        let phase = optimiser.phase(self.step);
        let request = Step { phase, parameter, gradient, slots: &slots, rate, step };
        let (new, new_slots) = optimiser.update(&mut b, &request).unwrap_or_else(|d| panic!("{d:#?}"));
        b.output("p", new);
        for (i, s) in new_slots.into_iter().enumerate() {
            b.output(&format!("slot{i}"), s);
        }
        b.graph
    }

    fn feed(&mut self, gradient: &Tensor) {
        self.step += 1;
        let graph = self.graph();
        assert!(pfm_ir::verify(&graph).is_empty(), "{:?}", pfm_ir::verify(&graph));
        let mut inputs = vec![Tensor::scalar(self.rate), Tensor::scalar(self.step as f64), self.parameter.clone(), gradient.clone()];
        inputs.extend(self.slots.iter().cloned());
        let mut outputs = pfm_ir::interpret(&graph, &inputs).into_iter();
        self.parameter = outputs.next().expect("the parameter");
        self.slots = outputs.collect();
    }
}

fn soap(frequency: u64, max_precond_dim: usize) -> (Library, Instance) {
    let mut sources = Sources::default();
    let files: Vec<_> = pfm_stdlib::FILES.iter().map(|(name, text)| pfm_syntax::parse(sources.add(name, text), text).file).collect();
    let (library, diagnostics) = Library::new(&files, &sources);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let nowhere = Span::new(FileId(0), 0, 0);
    let numbers = [("lr", 0.1), ("frequency", frequency as f64), ("max_precond_dim", max_precond_dim as f64)];
    let given = numbers.map(|(n, v)| (Some(Name { text: n.to_string(), span: nowhere }), Setting::Number(v), nowhere));
    let (instance, diagnostics) = bind(&library, DefinitionKind::Optimiser, "soap", given.to_vec(), nowhere);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    (library, instance)
}

fn close(found: &[f64], wanted: &[f64], tolerance: f64, what: &str) {
    for (f, w) in found.iter().zip(wanted) {
        assert!((f - w).abs() <= tolerance, "{what}: {f} is not {w}");
    }
}

#[test]
fn the_worked_example_comes_out() {
    let gradients =
        [[1., 2., 3., 4.], [1., 0.5, 0., -1.], [0.5, -1., 2., 0.25], [-1., 1., 0.5, 2.], [0.2, 0.1, -0.3, 1.5], [2., -1., 1., 0.]];
    let wanted = [
        (1, [0.678716536468, -0.919668518855, 0.303947277487, 1.959676339367]),
        (2, [0.677741988726, -0.920660617147, 0.303535613753, 1.957704522626]),
        (10, [0.681015068019, -0.917518127793, 0.305029139650, 1.961412340677]),
    ];
    for (frequency, end) in wanted {
        let mut run = Run::new(soap(frequency, 10_000), 0.1, Tensor::new(&[2, 2], vec![1., -1., 0.5, 2.]));
        run.feed(&Tensor::new(&[2, 2], gradients[0].to_vec()));
        assert_eq!(run.parameter.data, [1., -1., 0.5, 2.], "the first gradient moves nothing");
        run.feed(&Tensor::new(&[2, 2], gradients[1].to_vec()));
        close(&run.parameter.data, &[0.861938344978, -0.964734594986, 0.533765408348, 2.135061659451], 1e-9, "after the second gradient");
        for g in &gradients[2..] {
            run.feed(&Tensor::new(&[2, 2], g.to_vec()));
        }
        close(&run.parameter.data, &end, 1e-9, &format!("refresh every {frequency}"));
    }
}

#[test]
fn a_vector_is_never_preconditioned() {
    let mut run = Run::new(soap(10, 10_000), 0.1, Tensor::new(&[3], vec![1., 2., 3.]));
    for g in [[1., 0., -1.], [0.5, 0.5, 0.5], [0., -1., 2.]] {
        run.feed(&Tensor::new(&[3], g.to_vec()));
    }
    close(&run.parameter.data, &[0.828472469524, 1.929964429722, 2.808189032476], 1e-9, "three steps");
}

#[test]
fn rows_without_gradient_only_decay() {
    let start = Tensor::from_fn(&[4, 3], |i| 1.0 + i[0] as f64 + 0.1 * i[1] as f64);
    let mut run = Run::new(soap(2, 10_000), 0.1, start.clone());
    for k in 0..6 {
        run.feed(&Tensor::from_fn(&[4, 3], |i| if i[0] == 2 { 0.0 } else { ((i[0] * 3 + i[1] + k) as f64).sin() }));
    }
    let shrink = (1.0f64 - 0.1 * 0.01).powi(5);
    let wanted: Vec<f64> = start.data[6..9].iter().map(|v| v * shrink).collect();
    close(&run.parameter.data[6..9], &wanted, 1e-9, "the dead row");
}

#[test]
fn twenty_five_steps_of_a_kernel_and_a_bias_come_out() {
    let bytes = include_bytes!("../../../tests/golden/optimisers/soap.safetensors");
    let file = SafeTensors::deserialize(bytes).expect("a safetensors file");
    let read = |name: &str| {
        let t = file.tensor(name).expect("a tensor of the golden");
        let data = t.data().chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().expect("four bytes"))));
        Tensor::new(t.shape(), data.collect())
    };
    for (name, caps) in [("kernel", [("all", 10_000), ("cap4", 4)]), ("bias", [("all", 10_000), ("cap4", 4)])] {
        let (start, gradients) = (read(&format!("{name}.start")), read(&format!("{name}.gradients")));
        for (tag, cap) in caps {
            let path = read(&format!("{name}.{tag}.path"));
            let mut run = Run::new(soap(10, cap), 0.05, start.clone());
            let n = start.data.len();
            for k in 0..25 {
                run.feed(&Tensor::new(&start.shape, gradients.data[k * n..(k + 1) * n].to_vec()));
                close(&run.parameter.data, &path.data[k * n..(k + 1) * n], 1e-6, &format!("{name}.{tag} after gradient {k}"));
            }
        }
    }
}
