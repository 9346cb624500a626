//! A stage's programs: each unit is lowered and compiled when it is first called, and kept. All of them share one arena.

use super::Native;
use super::times::{Clock, GroupTimes, Keep};
use crate::programs::{Arithmetic, MeasureKind, Measured, ParameterInfo, Programs, SlotInfo};
use crate::{RunError, Store};
use pfm_compiler::Compiled;
use pfm_device::Buffer;
use pfm_diag::Diagnostic;
use pfm_elaborate::Init;
use pfm_hir::Stage;
use pfm_lower::{Context, Optimiser, Phase, Unit};
use std::collections::BTreeMap;

pub struct NativePrograms {
    native: Native,
    stage: usize,
    parameters: Vec<ParameterInfo>,
    slots: Vec<SlotInfo>,
    /// How each slot starts.
    slot_inits: Vec<Init>,
    units: BTreeMap<Unit, Loaded>,
    arena: Buffer,
    /// By which programs are loaded with a timer for each group.
    clock: Option<Clock>,
}

/// A compiled unit with the buffers that only it uses.
struct Loaded {
    compiled: Compiled,
    /// One per `Data` input, by position among the inputs.
    data: BTreeMap<usize, Buffer>,
    /// One per output that no input receives.
    results: Vec<Buffer>,
    /// None where nobody asked: such a program runs without looking at a clock.
    times: Option<GroupTimes>,
}

impl NativePrograms {
    pub fn new(native: Native, stage: usize) -> Result<Self, RunError> {
        let s = &native.experiment.stages[stage];
        let model = &native.experiment.models[s.model];
        let infos = model.parameters.iter().zip(&s.trainable);
        let parameters: Vec<ParameterInfo> =
            infos.map(|(p, t)| ParameterInfo { path: p.path.clone(), shape: p.shape.clone(), trainable: *t }).collect();
        let context = Context { experiment: &native.experiment, library: &native.library };
        let optimiser = Optimiser::of(&context, s);
        let trained = parameters.iter().filter(|p| p.trainable);
        let slots = trained.flat_map(|p| {
            let named = optimiser.slots(&p.shape).into_iter();
            named.map(|slot| (SlotInfo { name: format!("{}#{}", p.path, slot.name), shape: slot.shape }, slot.init))
        });
        let (slots, slot_inits) = slots.unzip();
        Ok(NativePrograms { native, stage, parameters, slots, slot_inits, units: BTreeMap::new(), arena: Buffer::new(0), clock: None })
    }

    /// From now on, programs are loaded with a timer for each of their groups.
    pub fn time_groups(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// What the groups of the timed programs took since they were loaded or since `reset_times`.
    pub fn times(&self) -> impl Iterator<Item = &GroupTimes> {
        self.units.values().filter_map(|l| l.times.as_ref())
    }

    pub fn reset_times(&mut self) {
        self.units.values_mut().filter_map(|l| l.times.as_mut()).for_each(GroupTimes::reset);
    }

    /// Compiles what steps on a data set with this variant need, so that none of them waits for it.
    pub fn prepare(&mut self, set: usize, variant: usize) -> Result<(), RunError> {
        self.load(self.accumulate_unit(set, variant))?;
        let context = Context { experiment: &self.native.experiment, library: &self.native.library };
        for phase in Optimiser::of(&context, self.stage()).phases() {
            self.load(Unit { phase, set: 0, variant: 0, samples: 0 })?;
        }
        Ok(())
    }

    /// Bytes of working memory that the loaded programs share: the largest arena. It is made when a program first runs.
    pub fn arena_bytes(&self) -> usize {
        self.units.values().map(|l| l.compiled.arena_bytes).max().unwrap_or(0)
    }

    /// Bytes of the inputs and outputs that belong to single programs, such as windows.
    pub fn own_bytes(&self) -> usize {
        let bytes = |l: &Loaded| l.data.values().chain(&l.results).map(Buffer::bytes).sum::<usize>();
        self.units.values().map(bytes).sum()
    }

    /// The loaded programs, and the FLOPs of one run of each.
    pub fn loaded(&self) -> impl Iterator<Item = (Unit, f64)> {
        self.units.iter().map(|(unit, l)| (*unit, l.compiled.flops))
    }

    /// The program that micro-batches of this data set and variant take.
    pub fn accumulate_unit(&self, set: usize, variant: usize) -> Unit {
        Unit { phase: Phase::Accumulate, set, variant, samples: self.evaluation_batch() }
    }

    /// The program that the optimiser's step number `step`, counted from 1, takes.
    pub fn update_unit(&self, step: u64) -> Unit {
        let context = Context { experiment: &self.native.experiment, library: &self.native.library };
        let phase = Optimiser::of(&context, self.stage()).phase(step);
        Unit { phase: Phase::Update(phase), set: 0, variant: 0, samples: 0 }
    }

    fn stage(&self) -> &Stage {
        &self.native.experiment.stages[self.stage]
    }

    /// Compiles the unit unless it is there.
    fn load(&mut self, unit: Unit) -> Result<(), RunError> {
        if self.units.contains_key(&unit) {
            return Ok(());
        }
        let context = Context { experiment: &self.native.experiment, library: &self.native.library };
        let graph = pfm_lower::lower(&context, self.stage(), unit).map_err(first)?;
        let mut keep = Keep { wanted: self.clock.is_some(), groups: vec![] };
        let compiled = pfm_compiler::compile(graph, self.native.options, &mut keep).map_err(first)?;
        let data = compiled.inputs.iter().enumerate().filter(|(_, i)| i.role == pfm_ir::Role::Data);
        let data = data.map(|(at, i)| (at, Buffer::new(i.ty.bytes()))).collect();
        let results = compiled.outputs.iter().filter(|o| o.into.is_none()).map(|o| Buffer::new(o.ty.bytes())).collect();
        let times = self.clock.map(|clock| GroupTimes::new(unit, keep.groups, clock));
        self.units.insert(unit, Loaded { compiled, data, results, times });
        Ok(())
    }

    /// Fills the named `Data` inputs, runs, and leaves results in the unit's buffers.
    fn run(&mut self, unit: Unit, data: &[(&str, Words)], store: &mut Store) -> Result<&Loaded, RunError> {
        self.load(unit)?;
        if self.arena.bytes() < self.arena_bytes() {
            self.arena = Buffer::new(self.arena_bytes());
        }
        let loaded = self.units.get_mut(&unit).expect("just loaded");
        for (name, words) in data {
            let at = loaded.compiled.inputs.iter().position(|i| i.name == *name);
            // A program that has no use for an input, such as the key of a model without drop path, may have dropped it.
            let Some(buffer) = at.and_then(|at| loaded.data.get_mut(&at)) else { continue };
            match words {
                Words::Floats(values) => buffer.as_f32_mut().copy_from_slice(values),
                Words::Integers(values) => buffer.as_i32_mut().copy_from_slice(values),
            }
        }
        let positions: Vec<Option<usize>> = loaded.compiled.inputs.iter().map(|i| store.position(&i.name)).collect();
        let mut stored: Vec<Option<&mut Buffer>> = store.entries_mut().iter_mut().map(|e| Some(&mut e.buffer)).collect();
        let mut own: BTreeMap<usize, &mut Buffer> = loaded.data.iter_mut().map(|(at, b)| (*at, b)).collect();
        let mut inputs: Vec<&mut Buffer> = Vec::with_capacity(positions.len());
        for (at, position) in positions.iter().enumerate() {
            let buffer = match position {
                Some(p) => stored[*p].take(),
                None => own.remove(&at),
            };
            inputs.push(buffer.unwrap_or_else(|| panic!("input `{}` of {unit} is in the store", loaded.compiled.inputs[at].name)));
        }
        let mut outputs: Vec<&mut Buffer> = loaded.results.iter_mut().collect();
        let (program, pool) = (&loaded.compiled.program, &self.native.pool);
        match &mut loaded.times {
            None => program.run(pool, &mut self.arena, &mut inputs, &mut outputs),
            Some(times) => {
                times.runs += 1;
                program.run_timed(pool, &mut self.arena, &mut inputs, &mut outputs, &times.clock, &mut times.seconds);
            }
        }
        Ok(loaded)
    }
}

enum Words<'a> {
    Floats(&'a [f32]),
    Integers(&'a [i32]),
}

impl Loaded {
    fn result(&self, name: &str) -> &[f32] {
        let free = self.compiled.outputs.iter().filter(|o| o.into.is_none());
        let at = free.clone().position(|o| o.name == name).unwrap_or_else(|| panic!("{} has the output `{name}`", self.compiled.name));
        self.results[at].as_f32()
    }
}

impl Programs for NativePrograms {
    fn parameters(&self) -> &[ParameterInfo] {
        &self.parameters
    }

    fn slots(&self) -> &[SlotInfo] {
        &self.slots
    }

    fn arithmetic(&self) -> Arithmetic {
        let isa = self.native.options.isa;
        Arithmetic { name: format!("cpu {}", isa.unwrap_or_else(pfm_compiler::Isa::detect).name()), chosen: isa.is_some() }
    }

    fn initial_parameter(&self, path: &str) -> Vec<f32> {
        let model = &self.native.experiment.models[self.stage().model];
        let p = model.parameters.iter().find(|p| p.path == path).unwrap_or_else(|| panic!("`{path}` is a parameter"));
        pfm_lower::initial_values(&p.init, &p.shape, self.stage().seed, path)
    }

    fn initial_slot(&self, name: &str) -> Vec<f32> {
        let at = self.slots.iter().position(|s| s.name == name).unwrap_or_else(|| panic!("`{name}` is a slot"));
        pfm_lower::initial_values(&self.slot_inits[at], &self.slots[at].shape, self.stage().seed, name)
    }

    fn evaluation_batch(&self) -> usize {
        self.stage().micro_batch()
    }

    fn accumulate(&mut self, set: usize, variant: usize, window: &[f32], key: [i32; 4], store: &mut Store) -> Result<f32, RunError> {
        let unit = self.accumulate_unit(set, variant);
        let loaded = self.run(unit, &[("window", Words::Floats(window)), ("key", Words::Integers(&key))], store)?;
        Ok(loaded.result("loss")[0])
    }

    fn update(&mut self, step: u64, rate: f64, store: &mut Store) -> Result<f32, RunError> {
        let unit = self.update_unit(step);
        let (rate, step) = ([rate as f32], [step as f32]);
        let loaded = self.run(unit, &[("rate", Words::Floats(&rate)), ("step", Words::Floats(&step))], store)?;
        Ok(loaded.result("grad_norm")[0])
    }

    fn predict(&mut self, set: usize, variant: usize, context: &[f32], samples: usize, store: &mut Store) -> Result<Vec<f32>, RunError> {
        let unit = Unit { phase: Phase::Predict, set, variant, samples };
        Ok(self.run(unit, &[("context", Words::Floats(context))], store)?.result("prediction").to_vec())
    }

    fn measure(
        &mut self,
        kind: MeasureKind,
        set: usize,
        truth: &[f32],
        prediction: &[f32],
        samples: usize,
        frames: usize,
    ) -> Result<Vec<Measured>, RunError> {
        let unit = Unit { phase: Phase::Measure { frames }, set, variant: 0, samples };
        let context = Context { experiment: &self.native.experiment, library: &self.native.library };
        let wanted = pfm_lower::wanted_metrics(&context, self.stage(), kind == MeasureKind::Unroll);
        let mut none = Store::default();
        let data = [("truth", Words::Floats(truth)), ("prediction", Words::Floats(prediction))];
        let loaded = self.run(unit, &data, &mut none)?;
        let outputs = loaded.compiled.outputs.iter().filter(|o| wanted.contains(&o.name));
        Ok(outputs.map(|o| Measured { name: o.name.clone(), shape: o.ty.shape.clone(), values: loaded.result(&o.name).to_vec() }).collect())
    }

    fn rate(&self, step: u64) -> f64 {
        let context = Context { experiment: &self.native.experiment, library: &self.native.library };
        pfm_lower::rate(&context, self.stage(), step).unwrap_or_else(|d| panic!("checked when resolving: {}", d.message))
    }
}

/// The first of some diagnostics; a stage that resolved has none here unless the back end lacks something.
fn first(diagnostics: Vec<Diagnostic>) -> RunError {
    diagnostics.into_iter().next().expect("an error has a diagnostic").into()
}
