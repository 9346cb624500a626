//! A stage's programs: each unit is lowered and compiled when it is first called, and kept. What runs them is a `Machine`.

use super::Native;
use super::machine::{Loaded, Machine, StagingBytes, Words};
use super::times::{Clock, GroupTimes};
use crate::programs::{Arithmetic, MeasureKind, Measured, ParameterInfo, Programs, SlotInfo, Window};
use crate::{RunError, Store};
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
    pub(super) machine: Box<dyn Machine>,
    /// The micro-batch whose loss has not been asked for.
    launched: Option<Unit>,
    /// By which programs are loaded with a timer for each group.
    clock: Option<Clock>,
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
        let machine = native.machine()?;
        Ok(NativePrograms { native, stage, parameters, slots, slot_inits, units: BTreeMap::new(), machine, launched: None, clock: None })
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

    /// Whether from now on the same window has the same values whenever it is given, so that a device may keep its copy.
    pub fn hold_windows(&mut self, hold: bool) {
        self.machine.hold(hold);
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
        self.units.values().map(|l| l.arena_bytes).max().unwrap_or(0)
    }

    /// Bytes of the inputs and outputs that belong to single programs, such as windows.
    pub fn own_bytes(&self) -> usize {
        self.units.values().map(Loaded::own_bytes).sum()
    }

    /// Memory for windows that travel ahead, which is made when the first does.
    pub fn staging_bytes(&self) -> StagingBytes {
        self.machine.staging_bytes()
    }

    /// The loaded programs, and the FLOPs of one run of each.
    pub fn loaded(&self) -> impl Iterator<Item = (Unit, f64)> {
        self.units.iter().map(|(unit, l)| (*unit, l.flops))
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
        let loaded = self.machine.load(unit, graph, self.clock)?;
        self.units.insert(unit, loaded);
        Ok(())
    }

    /// Fills the named `Data` inputs and runs; results wait to be read.
    fn run(&mut self, unit: Unit, data: &[(&str, Words)], store: &mut Store) -> Result<(), RunError> {
        self.load(unit)?;
        let loaded = self.units.get_mut(&unit).expect("just loaded");
        self.machine.run(loaded, data, store)
    }

    /// An output of the unit's last run.
    fn result(&mut self, unit: Unit, name: &str) -> Result<Vec<f32>, RunError> {
        let loaded = &self.units[&unit];
        let at = loaded.free().position(|o| o.name == name).unwrap_or_else(|| panic!("{unit} has the output `{name}`"));
        self.machine.result(loaded, at)
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
        self.machine.arithmetic(self.stage().precision)
    }

    fn fetch(&mut self, store: &mut Store) -> Result<(), RunError> {
        self.machine.fetch(store)
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

    fn sends_ahead(&self) -> bool {
        self.machine.sends_ahead()
    }

    fn send_ahead(&mut self, window: &[f32]) -> Result<(), RunError> {
        self.machine.send_ahead(window)
    }

    fn launch(&mut self, set: usize, variant: usize, window: Window, key: [i32; 4], store: &mut Store) -> Result<(), RunError> {
        let unit = self.accumulate_unit(set, variant);
        let window = match window {
            Window::Here(values) => Words::Floats(values),
            Window::SentAhead => Words::SentAhead,
        };
        // The key first: it is waited for, and a window that was sent ahead need not be.
        self.run(unit, &[("key", Words::Integers(&key)), ("window", window)], store)?;
        self.launched = Some(unit);
        Ok(())
    }

    fn loss(&mut self) -> Result<f32, RunError> {
        let unit = self.launched.take().expect("a micro-batch was launched");
        Ok(self.result(unit, "loss")?[0])
    }

    fn update(&mut self, step: u64, rate: f64, store: &mut Store) -> Result<f32, RunError> {
        let unit = self.update_unit(step);
        let (rate, step) = ([rate as f32], [step as f32]);
        self.run(unit, &[("rate", Words::Floats(&rate)), ("step", Words::Floats(&step))], store)?;
        Ok(self.result(unit, "grad_norm")?[0])
    }

    fn predict(&mut self, set: usize, variant: usize, context: &[f32], samples: usize, store: &mut Store) -> Result<Vec<f32>, RunError> {
        let unit = Unit { phase: Phase::Predict, set, variant, samples };
        self.run(unit, &[("context", Words::Floats(context))], store)?;
        self.result(unit, "prediction")
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
        self.run(unit, &data, &mut none)?;
        let outputs = self.units[&unit].free().filter(|o| wanted.contains(&o.name));
        let outputs: Vec<(String, Vec<usize>)> = outputs.map(|o| (o.name.clone(), o.ty.shape.clone())).collect();
        let one = |(name, shape): (String, Vec<usize>)| Ok(Measured { values: self.result(unit, &name)?, name, shape });
        outputs.into_iter().map(one).collect()
    }

    fn rate(&self, step: u64) -> f64 {
        let context = Context { experiment: &self.native.experiment, library: &self.native.library };
        pfm_lower::rate(&context, self.stage(), step).unwrap_or_else(|d| panic!("checked when resolving: {}", d.message))
    }
}

/// The first of some diagnostics; a stage that resolved has none here unless the back end lacks something.
pub(super) fn first(diagnostics: Vec<Diagnostic>) -> RunError {
    diagnostics.into_iter().next().expect("an error has a diagnostic").into()
}
