//! Windows that are sent ahead take the place of those that come with their micro-batch, on a machine that keeps them as a device does;
//! and which instruction sets make the same bits.

use super::cpu::Cpu;
use super::machine::{Loaded, Machine, Words};
use super::{Device, Native, NativePrograms};
use crate::programs::Arithmetic;
use crate::{Clock, Feed, MicroBatch, Programs, RunError, Samples, StageWork, Store, stage_work};
use pfm_compiler::{Alone, Isa, Options, Request, check};
use pfm_device::Pool;
use pfm_ir::{Graph, Precision};
use pfm_lower::Unit;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

const TEXT: &str = "pfm 1

use std.well.euler_multi_quadrants
use std.tokenisers.magvit_simple

experiment tiny {
  data euler = euler_multi_quadrants { grid = (8, 8), window = 6 frames, context = 5 frames }
  tokeniser tok = magvit_simple {
    level 1 { channels = 8, time = 1, space = 2 }
    bottleneck = 6
    fields     = vocabulary(well_61)
  }
  stage pretrain {
    train = tok, data = euler, objective = reconstruct(loss: mse), batch = 4 samples, accumulate = 2, run = 3 steps
    optimiser = adamw(lr: 1e-3)
  }
}
";

const STEPS: u64 = 3;

/// The processor with a place for a window on its way.
struct Distant {
    cpu: Cpu,
    window: Option<Vec<f32>>,
    /// Runs on windows that were sent ahead.
    runs: Rc<RefCell<usize>>,
}

impl Machine for Distant {
    fn arithmetic(&self, precision: Precision) -> Arithmetic {
        self.cpu.arithmetic(precision)
    }

    fn load(&mut self, unit: Unit, graph: Graph, clock: Option<Clock>) -> Result<Loaded, RunError> {
        self.cpu.load(unit, graph, clock)
    }

    fn run(&mut self, loaded: &mut Loaded, data: &[(&str, Words)], store: &mut Store) -> Result<(), RunError> {
        let sent = data.iter().any(|(_, words)| matches!(words, Words::SentAhead)).then(|| self.window.take().expect("was sent"));
        *self.runs.borrow_mut() += usize::from(sent.is_some());
        let data: Vec<(&str, Words)> = data.iter().map(|(name, words)| (*name, there(words, sent.as_deref()))).collect();
        self.cpu.run(loaded, &data, store)
    }

    fn result(&mut self, loaded: &Loaded, rank: usize) -> Result<Vec<f32>, RunError> {
        self.cpu.result(loaded, rank)
    }

    fn sends_ahead(&self) -> bool {
        true
    }

    fn send_ahead(&mut self, values: &[f32]) -> Result<(), RunError> {
        assert!(self.window.replace(values.to_vec()).is_none(), "one window is on its way");
        Ok(())
    }

    fn fetch(&mut self, store: &mut Store) -> Result<(), RunError> {
        self.cpu.fetch(store)
    }
}

fn there<'w>(words: &'w Words<'_>, sent: Option<&'w [f32]>) -> Words<'w> {
    match words {
        Words::Floats(values) => Words::Floats(values),
        Words::Integers(values) => Words::Integers(values),
        Words::SentAhead => Words::Floats(sent.expect("was sent")),
    }
}

/// Windows of a formula.
struct Formula;

impl Samples for Formula {
    fn training_windows(&self, _: usize) -> usize {
        100
    }

    fn batch(&mut self, _: usize, number: u64, out: &mut [f32]) -> Result<(), RunError> {
        out.iter_mut().enumerate().for_each(|(i, v)| *v = 1.0 + 0.5 * ((i as u64 * 7 + number * 13) as f32 * 0.1).sin());
        Ok(())
    }

    fn validation_windows(&self, _: usize) -> usize {
        0
    }

    fn validation_window(&mut self, _: usize, _: usize, _: &mut [f32]) -> Result<(), RunError> {
        unreachable!("only training windows are taken")
    }

    fn longest_horizon(&self, _: usize) -> usize {
        0
    }

    fn starts(&self, _: usize, _: usize) -> usize {
        0
    }

    fn trajectory(&mut self, _: usize, _: usize, _: usize, _: &mut [f32]) -> Result<(), RunError> {
        unreachable!("only training windows are taken")
    }
}

fn native() -> Native {
    let checked = check("tiny.pfm", TEXT, &Request::default(), &Alone);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    Native {
        experiment: Arc::new(checked.experiment.expect("it resolves")),
        library: Arc::new(checked.library),
        data: PathBuf::new(),
        pool: Arc::new(Pool::new(1)),
        options: Options::default(),
        device: Device::Cpu,
    }
}

/// The losses of some steps, and the parameters after them.
fn train(mut programs: NativePrograms, work: &StageWork) -> (Vec<f32>, Vec<Vec<f32>>) {
    let mut store = Store::initial(&programs);
    let mut feed = Feed::new(work, (0..STEPS).map(|step| (0, step)));
    let mut losses = vec![];
    for step in 0..STEPS {
        let set = feed.advance(&mut Formula).expect("windows");
        for index in 0..work.accumulate {
            let key = [work.seed as i32, work.id as i32, step as i32, index as i32];
            let part = MicroBatch { set, variant: work.evaluation, index, key };
            losses.push(feed.accumulate(part, &mut programs, &mut Formula, &mut store).expect("runs"));
        }
        programs.update(step + 1, 1e-3, &mut store).expect("runs");
    }
    (losses, store.entries().iter().map(|e| e.buffer.as_f32().to_vec()).collect())
}

#[test]
fn a_window_that_was_sent_ahead_is_the_one_that_is_used() {
    let native = native();
    let work = stage_work(&native.experiment, &native.experiment.stages[0]);
    let near = NativePrograms::new(native.clone(), 0).expect("programs");
    let mut far = NativePrograms::new(native.clone(), 0).expect("programs");
    let runs = Rc::new(RefCell::new(0));
    far.machine = Box::new(Distant { cpu: Cpu::new(native.pool.clone(), native.options), window: None, runs: runs.clone() });
    assert!(train(near, &work) == train(far, &work), "the same losses and parameters");
    assert_eq!(*runs.borrow(), STEPS as usize * work.accumulate - 1, "all but the first");
}

#[test]
fn tiles_change_the_bits_only_where_products_are_not_in_f32() {
    let of = |isa, precision| {
        let native = native();
        Cpu::new(native.pool, Options { isa: Some(isa), ..Options::default() }).arithmetic(precision)
    };
    for (one, other) in [(Isa::Amx, Isa::Avx512), (Isa::Avx512, Isa::Amx)] {
        let name = format!("cpu {}", other.name());
        assert!(of(one, Precision::F32).agrees_with(&name));
        assert!(Precision::ALL.iter().filter(|p| **p != Precision::F32).all(|p| !of(one, *p).agrees_with(&name)));
    }
    for isa in [Isa::Avx2, Isa::Neon, Isa::Portable] {
        let arithmetic = of(isa, Precision::F32);
        assert!(arithmetic.agrees_with(&format!("cpu {}", isa.name())) && !arithmetic.agrees_with("cpu avx512"));
    }
    // Tiles in plain code stand in for those of a processor.
    let trained = |isa| {
        let native = Native { options: Options { isa: Some(isa), ..Options::default() }, ..native() };
        let work = stage_work(&native.experiment, &native.experiment.stages[0]);
        train(NativePrograms::new(native, 0).expect("programs"), &work)
    };
    assert!(trained(Isa::AmxEmulated) == trained(Isa::AmxEmulated.vectors()), "a stage in f32 does not use tiles");
}
