//! Whole training steps of a stage: micro-batches, gradient, clipping, optimiser, as a run makes them, on one batch that lies in memory.

use crate::groups::{classes, program_name, sorted};
use crate::memory::Meter;
use crate::{Bench, Calibration, Ceilings, Memory, Program, Reading, Times, start};
use pfm_ir::Precision;
use pfm_kernels::Isa;
use pfm_lower::{Context, Unit};
use pfm_plan::PROCESS_BYTES;
use pfm_train::{
    Clock, Device, Feed, MicroBatch, Native, NativePrograms, Programs, RunError, Samples, StageWork, StagingBytes, Store, WellSamples,
    stage_work,
};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// What to measure, and how long.
#[derive(Clone, Debug)]
pub struct Request {
    /// Index of the stage in the experiment.
    pub stage: usize,
    /// Steps that are measured, and those before them that are not.
    pub steps: usize,
    pub warmup: usize,
    /// By which each group is timed; None leaves out groups and the machine's ceilings.
    pub groups: Option<GroupClock>,
    /// Where the first weights and the batch are written.
    pub start: Option<PathBuf>,
    /// Whether to measure as many steps again on windows that are read as a run reads them, from where the data of `Native` lies.
    pub read: bool,
    /// Of this machine, to say what steps should take.
    pub calibration: Option<Calibration>,
}

/// Measures a stage at its choice for evaluation, on the first of its data sets.
pub fn measure(native: &Native, request: &Request) -> Result<Bench, RunError> {
    let experiment = &native.experiment;
    let stage = &experiment.stages[request.stage];
    let model = &experiment.models[stage.model];
    let work = stage_work(experiment, stage);
    let mut programs = NativePrograms::new(native.clone(), request.stage)?;
    if let Some(clock) = request.groups {
        programs.time_groups(clock.clock());
    }
    programs.prepare(0, work.evaluation)?;
    programs.hold_windows(true);
    let context = Context { experiment, library: &native.library };
    let measured = matches!(native.device, Device::Cpu) && stage.precision == Precision::F32;
    let calibration = request.calibration.as_ref().filter(|_| measured);
    let planned_seconds = calibration.map(|c| crate::planned(&context, stage, c)).transpose();
    let planned_seconds =
        planned_seconds.map(Option::flatten).map_err(|d| RunError::from(d.into_iter().next().expect("an error has a diagnostic")))?;
    let mut memory = planned(&programs, &work);
    let meter = Meter::of(native);
    meter.forget_peak();
    // The programs' own buffers are there already, and are part of what is planned.
    memory.before = meter.now().map(|bytes| bytes.saturating_sub(programs.own_bytes()));
    let mut steps = Steps::new(programs, work);
    if let Some(path) = &request.start {
        start::write(&steps.store, &steps.work, &steps.batch, path)?;
        meter.forget_peak();
    }
    for _ in 0..request.warmup {
        steps.step()?;
    }
    steps.forget();
    for _ in 0..request.steps {
        steps.step()?;
    }
    memory.above = meter.peak().zip(memory.before).map(|(peak, before)| peak.saturating_sub(before));
    let losses = std::mem::take(&mut steps.losses);
    let groups = sorted(steps.programs.times(), request.steps, calibration);
    let trained = model.parameters.iter().zip(&stage.trainable).filter(|(_, t)| **t);
    Ok(Bench {
        experiment: experiment.name.clone(),
        profile: experiment.profile.clone(),
        stage: stage.name.clone(),
        choice: model.variants[model.evaluation].label.clone(),
        batch: stage.batch,
        parameters: model.parameters.iter().map(|p| p.count()).sum(),
        trainable: trained.map(|(p, _)| p.count()).sum(),
        device: native.device.described(isa(native).name()),
        precision: stage.precision.name().into(),
        threads: native.pool.threads(),
        instruction_set: isa(native).name().into(),
        warmup: request.warmup,
        flops: steps.flops(),
        planned_seconds,
        optimiser_share: steps.optimiser_share(),
        programs: steps.parts(),
        losses,
        seconds: Times::of(steps.seconds.clone()),
        cpu_seconds: Times::of(steps.cpu.clone()),
        reading: if request.read { Some(steps.reading(native, request)?) } else { None },
        classes: classes(&groups),
        groups,
        // Last, so that its arrays are no part of the peak.
        ceilings: request.groups.map(|_| ceilings(native)).transpose()?,
        clock: request.groups,
        memory,
    })
}

fn ceilings(native: &Native) -> Result<Ceilings, RunError> {
    match &native.device {
        Device::Cpu => Ok(Ceilings::measure(isa(native), native.pool.threads())),
        Device::Cuda(gpu) => Ok(Ceilings::of_device(gpu)?),
    }
}

fn isa(native: &Native) -> Isa {
    native.options.isa.unwrap_or_else(Isa::detect)
}

/// What the stage will take, known before any of it is there.
fn planned(programs: &NativePrograms, work: &StageWork) -> Memory {
    let bytes = |shape: &[usize]| 4 * shape.iter().product::<usize>();
    let parameters = programs.parameters();
    let mut m = Memory {
        weights: parameters.iter().map(|p| bytes(&p.shape)).sum(),
        gradients: parameters.iter().filter(|p| p.trainable).map(|p| bytes(&p.shape)).sum(),
        optimiser: programs.slots().iter().map(|s| bytes(&s.shape)).sum(),
        work: programs.arena_bytes(),
        batch: bytes(&start::shape(work)) + programs.own_bytes(),
        process: PROCESS_BYTES,
        ..Memory::default()
    };
    m.planned = m.weights + m.gradients + m.optimiser + m.work + m.batch + m.process;
    m
}

/// Updates that are looked at to see how often each of an optimiser's programs comes: many times any usual interval between refreshes.
const CYCLE: u64 = 1000;

/// A stage that is being stepped, and what was seen of its steps.
struct Steps {
    programs: NativePrograms,
    work: StageWork,
    store: Store,
    batch: Vec<f32>,
    /// Steps done, and those of them that changed the weights.
    done: u64,
    updates: u64,
    losses: Vec<f32>,
    seconds: Vec<f64>,
    cpu: Vec<f64>,
    of_programs: BTreeMap<Unit, Vec<f64>>,
}

impl Steps {
    fn new(programs: NativePrograms, work: StageWork) -> Steps {
        let (store, batch) = (Store::initial(&programs), start::batch(&work));
        let (losses, seconds, cpu) = (vec![], vec![], vec![]);
        Steps { programs, work, store, batch, done: 0, updates: 0, losses, seconds, cpu, of_programs: BTreeMap::new() }
    }

    /// One optimiser step on the batch in memory.
    fn step(&mut self) -> Result<(), RunError> {
        let (begin, cpu) = (Instant::now(), cpu_seconds());
        let part = self.batch.len() / self.work.accumulate;
        self.step_with(&mut |steps, micro| {
            let windows = &steps.batch[micro.index * part..(micro.index + 1) * part];
            steps.programs.accumulate(0, micro.variant, windows, micro.key, &mut steps.store)
        })?;
        self.count(begin, cpu);
        Ok(())
    }

    /// One on the next windows that a run would read, the wait for them included.
    fn read_step(&mut self, feed: &mut Feed, samples: &mut WellSamples) -> Result<(), RunError> {
        let (begin, cpu) = (Instant::now(), cpu_seconds());
        feed.advance(samples)?;
        self.step_with(&mut |steps, micro| feed.accumulate(micro, &mut steps.programs, samples, &mut steps.store))?;
        self.count(begin, cpu);
        Ok(())
    }

    fn step_with(&mut self, accumulate: &mut dyn FnMut(&mut Steps, MicroBatch) -> Result<f32, RunError>) -> Result<(), RunError> {
        let (variant, count, samples) = (self.work.evaluation, self.work.accumulate, self.work.batch / self.work.accumulate);
        let unit = self.programs.accumulate_unit(0, variant);
        let mut loss = 0.0f64;
        for index in 0..count {
            let start = Instant::now();
            let key = [self.work.seed as i32, self.work.id as i32, self.done as i32, (index * samples) as i32];
            let share = accumulate(self, MicroBatch { set: 0, variant, index, key })?;
            loss += f64::from(share) / count as f64;
            self.of_programs.entry(unit).or_default().push(start.elapsed().as_secs_f64());
        }
        let start = Instant::now();
        let (unit, rate) = (self.programs.update_unit(self.updates + 1), self.programs.rate(self.done));
        let norm = self.programs.update(self.updates + 1, rate, &mut self.store)?;
        self.of_programs.entry(unit).or_default().push(start.elapsed().as_secs_f64());
        self.done += 1;
        self.updates += u64::from(norm.is_finite());
        self.losses.push(loss as f32);
        Ok(())
    }

    fn count(&mut self, begin: Instant, cpu: f64) {
        self.seconds.push(begin.elapsed().as_secs_f64());
        self.cpu.push(cpu_seconds() - cpu);
    }

    /// As many steps on windows of the training split, in the order of a run, and the reader ahead of them as it is there.
    fn reading(&mut self, native: &Native, request: &Request) -> Result<Reading, RunError> {
        let memory = [Times::of(self.seconds.clone()), Times::of(self.cpu.clone())];
        self.programs.hold_windows(false);
        // Steps that read have a batch of their own.
        self.batch = vec![];
        let mut samples = WellSamples::open(&native.experiment, request.stage, &native.data)?;
        let windows = samples.training_windows(0);
        let all = (request.warmup + request.steps) as u64;
        let mut feed = Feed::new(&self.work, (0..all).map(|number| (0, number)));
        for count in [request.warmup, request.steps] {
            self.forget();
            for _ in 0..count {
                self.read_step(&mut feed, &mut samples)?;
            }
        }
        let (seconds, cpu_seconds) = (Times::of(self.seconds.clone()), Times::of(self.cpu.clone()));
        let (ratio, cpu_ratio) = (seconds.median / memory[0].median, cpu_seconds.median / memory[1].median);
        let staging = Some(self.programs.staging_bytes()).filter(|s| *s != StagingBytes::default());
        Ok(Reading { windows, seconds, cpu_seconds, ratio, cpu_ratio, staging })
    }

    /// Drops the times so far, not the losses.
    fn forget(&mut self) {
        self.seconds.clear();
        self.cpu.clear();
        self.of_programs.clear();
        self.programs.reset_times();
    }

    /// FLOPs of a step with the update that most steps make.
    fn flops(&self) -> f64 {
        let usual = self.of_programs.iter().filter(|(unit, _)| is_update(unit)).max_by_key(|(_, seconds)| seconds.len());
        let usual = usual.map_or(0.0, |(unit, _)| self.flops_of(*unit));
        usual + self.work.accumulate as f64 * self.flops_of(self.programs.accumulate_unit(0, self.work.evaluation))
    }

    fn flops_of(&self, unit: Unit) -> f64 {
        self.programs.loaded().find(|(loaded, _)| *loaded == unit).map_or(0.0, |(_, flops)| flops)
    }

    /// The optimiser's part of a long run: its programs as often as they come there, or, where one of them was not among the measured
    /// steps, as often as they came here.
    fn optimiser_share(&self) -> f64 {
        let median = |unit: Unit| self.of_programs.get(&unit).map(|all| Times::of(all.clone()).median);
        let updates = (2..2 + CYCLE).map(|step| median(self.programs.update_unit(step)));
        let accumulate = median(self.programs.accumulate_unit(0, self.work.evaluation)).unwrap_or(0.0) * self.work.accumulate as f64;
        match updates.sum::<Option<f64>>().map(|sum| sum / CYCLE as f64) {
            Some(update) => update / (update + accumulate),
            None => {
                let updates = self.of_programs.iter().filter(|(unit, _)| is_update(unit));
                updates.flat_map(|(_, seconds)| seconds).sum::<f64>() / self.seconds.iter().sum::<f64>()
            }
        }
    }

    fn parts(&self) -> Vec<Program> {
        let part = |(unit, seconds): (&Unit, &Vec<f64>)| Program {
            name: program_name(&unit.to_string()),
            runs: seconds.len(),
            seconds: Times::of(seconds.clone()),
            flops: self.flops_of(*unit),
        };
        self.of_programs.iter().map(part).collect()
    }
}

fn is_update(unit: &Unit) -> bool {
    matches!(unit.phase, pfm_lower::Phase::Update(_))
}

/// By which groups are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupClock {
    /// As on the wall.
    Wall,
    /// Time that all threads of this process have had.
    Cpu,
}

impl GroupClock {
    fn clock(self) -> Clock {
        match self {
            GroupClock::Wall => wall_seconds,
            GroupClock::Cpu => cpu_seconds,
        }
    }
}

pub(crate) fn wall_seconds() -> f64 {
    seconds(ClockId::Monotonic)
}

pub(crate) fn cpu_seconds() -> f64 {
    seconds(ClockId::ProcessCPUTime)
}

fn seconds(clock: ClockId) -> f64 {
    let t = clock_gettime(clock);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}
