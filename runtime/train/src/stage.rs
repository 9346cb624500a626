//! One stage from its first step, or its newest checkpoint, to its last. Every step is a pure function of the weights, the
//! seed, the stage and the step's number, so a run that is killed and started again ends with the same bytes.

use crate::checkpoint::{Checkpoints, Interval, StageProgress, Stretch, Timing};
use crate::evaluate::{Bench, Evaluation, evaluate};
use crate::evaluations::Evaluations;
use crate::events::EventLog;
use crate::place::{DirectoryLock, Places};
use crate::progress::StepReport;
use crate::store::{Role, Store};
use crate::work::StageWork;
use crate::{Faults, Feed, MicroBatch, Programs, Progress, Provider, RunError, Samples, draw, durable};
use pfm_diag::Diagnostic;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Wall-clock numbers of a stage, beside its evaluations.
const TIMING: &str = "timing.json";

/// What every part of a run reports to and dies by.
pub struct Surroundings<'a> {
    pub places: &'a Places,
    /// The cell on whose behalf stages run; a name in the events.
    pub cell: &'a str,
    pub provider: &'a mut dyn Provider,
    pub faults: &'a Faults,
    pub progress: &'a mut dyn Progress,
}

/// A stage that is done.
#[derive(Clone, Debug)]
pub struct StageResult {
    pub directory: PathBuf,
    /// Hash of the final parameters.
    pub weights: String,
    pub skipped: u64,
    pub evaluations: Vec<Evaluation>,
    /// The fields that the last report point left for the report.
    pub pictures: Option<PathBuf>,
    pub timing: Timing,
}

/// Trains what is left of the stage and evaluates what is missing; nothing if an earlier run did it all.
pub fn run_stage(work: &StageWork, around: &mut Surroundings) -> Result<StageResult, RunError> {
    let directory = around.places.stage(&work.key);
    let _lock = DirectoryLock::take(&directory)?;
    let checkpoints = Checkpoints::open(directory.join("checkpoints"))?;
    let evaluations = Evaluations::open(&directory, work)?;
    around.faults.point("stage-start")?;
    if let Some(result) = finished(work, &directory, &checkpoints, evaluations.as_ref())? {
        // A kill between the last checkpoint and the removal of older ones left those behind.
        checkpoints.prune(|s| work.is_report_point(s))?;
        around.progress.stage(&work.name, work.steps, work.steps);
        return Ok(result);
    }
    let (programs, samples) = around.provider.open(work)?;
    around.faults.point("after-data")?;
    let store = Store::initial(&*programs);
    let mut running = Running {
        work,
        checkpoints,
        evaluations,
        programs,
        samples,
        store,
        state: StageProgress::default(),
        faults: around.faults,
        progress: &mut *around.progress,
    };
    let mut events = running.start(around.places, &directory, around.cell)?;
    running.train(&directory, &mut events)?;
    running.programs.fetch(&mut running.store)?;
    running.check_frozen()?;
    events.flush(around.faults)?;
    let (checkpoints, evaluations) = (running.checkpoints, running.evaluations);
    let result = finished(work, &directory, &checkpoints, evaluations.as_ref())?;
    Ok(result.expect("a trained stage has its last checkpoint and evaluations"))
}

/// The result, if the last checkpoint is whole and no evaluation is missing that a checkpoint could still give.
fn finished(
    work: &StageWork,
    directory: &Path,
    checkpoints: &Checkpoints,
    evaluations: Option<&Evaluations>,
) -> Result<Option<StageResult>, RunError> {
    let Some((state, weights)) = checkpoints.peek(work.steps, &work.key)? else { return Ok(None) };
    let (mut results, mut pictures) = (vec![], None);
    if let Some(evaluations) = evaluations {
        let held = checkpoints.steps()?;
        for step in evaluations.missing(work, work.steps)?.into_iter().filter(|s| held.contains(s)) {
            // A damaged checkpoint can't be evaluated, this time or the next; its point stays out of the results.
            if checkpoints.peek(step, &work.key)?.is_some() {
                return Ok(None);
            }
        }
        results = evaluations.all(work)?;
        pictures = Some(evaluations.pictures(work.steps)).filter(|p| p.exists());
    }
    let timing = durable::read(&directory.join(TIMING))?;
    let timing = timing.and_then(|b| serde_json::from_slice(&b).ok());
    Ok(Some(StageResult {
        directory: directory.to_path_buf(),
        weights,
        skipped: state.skipped,
        evaluations: results,
        pictures,
        timing: timing.unwrap_or(state.timing),
    }))
}

struct Running<'a> {
    work: &'a StageWork,
    checkpoints: Checkpoints,
    evaluations: Option<Evaluations>,
    programs: Box<dyn Programs>,
    samples: Box<dyn Samples>,
    store: Store,
    state: StageProgress,
    faults: &'a Faults,
    progress: &'a mut dyn Progress,
}

impl Running<'_> {
    /// Weights, progress and event log as the newest whole checkpoint left them, or as a new stage has them.
    fn start(&mut self, places: &Places, directory: &Path, cell: &str) -> Result<EventLog, RunError> {
        let work = self.work;
        let (found, damaged) = self.checkpoints.newest(&work.key, work.steps, &mut self.store)?;
        let resumed = found.is_some();
        match found {
            Some(state) => self.state = state,
            None => self.begin(places)?,
        }
        let done = self.state.step;
        let moved = self.note_arithmetic()?;
        // Evaluations at the checkpoint's own step come after it; they are repeated below.
        let of_evaluation = |name: &str| name.starts_with("curve.") || name.starts_with("report.");
        let mut events =
            EventLog::open(directory, &work.name, cell, |e| resumed && (e.step < done || e.step == done && !of_evaluation(&e.name)))?;
        for warning in damaged.iter().chain(&moved) {
            self.progress.warning(warning);
            events.words(done, "warning", &warning.message, self.faults)?;
        }
        self.progress.stage(&work.name, done, work.steps);
        if resumed {
            self.catch_up(directory, &mut events)?;
        }
        Ok(events)
    }

    fn begin(&mut self, places: &Places) -> Result<(), RunError> {
        for from in &self.work.weights {
            let earlier = Checkpoints::open(places.stage(&from.key).join("checkpoints"))?;
            let copied = earlier.hand_over(from, &mut self.store)?;
            assert!(copied > 0, "a hand-over names a part of the model");
        }
        self.state = StageProgress { key: self.work.key.clone(), seed: self.work.seed, frozen: self.frozen(), ..StageProgress::default() };
        Ok(())
    }

    /// Writes down on what the following steps are made. A stage that began on something else goes on only where that was asked
    /// for, with a warning: it no longer ends with the bytes of a run that stayed.
    fn note_arithmetic(&mut self) -> Result<Option<Diagnostic>, RunError> {
        let (now, done) = (self.programs.arithmetic(), self.state.step);
        let before = self.state.arithmetic.last().map(|stretch| stretch.name.clone());
        if before.as_ref().is_some_and(|before| now.agrees_with(before)) {
            return Ok(None);
        }
        self.state.arithmetic.push(Stretch { from: done, name: now.name.clone() });
        let Some(before) = before else { return Ok(None) };
        let message = format!("stage `{}` made its first {done} steps with {before}, and this is {}", self.work.name, now.name);
        if now.chosen {
            return Ok(Some(Diagnostic::new("W0607", message)));
        }
        Err(Diagnostic::new("R0113", message)
            .note("results differ in the last bits, so the stage would end with other bytes than a run on either alone")
            .help(how_to_go_on(&before, &now.name))
            .into())
    }

    /// Evaluations that were due at steps whose checkpoints are still there: the one that a kill cut short, and those that a
    /// changed report asks for anew.
    fn catch_up(&mut self, directory: &Path, events: &mut EventLog) -> Result<(), RunError> {
        let done = self.state.step;
        let Some(evaluations) = &self.evaluations else { return Ok(()) };
        let known = evaluations.get(self.work, done)?;
        let missing = evaluations.missing(self.work, done)?;
        if let Some(evaluation) = known.filter(|_| self.work.is_curve_point(done)) {
            self.record(&evaluation, events)?;
        }
        for step in self.checkpoints.steps()?.into_iter().filter(|s| missing.contains(s)) {
            let mut store = self.store.clone();
            match self.checkpoints.load(step, &self.work.key, &mut store)? {
                Ok(_) => self.evaluate_with(&mut store, step, directory, events)?,
                Err(_) => continue,
            }
        }
        Ok(())
    }

    fn train(&mut self, directory: &Path, events: &mut EventLog) -> Result<(), RunError> {
        let work = self.work;
        let shares = work.shares(|set| self.samples.training_windows(set));
        let mut feed = Feed::new(work, draw::batches(work.seed, work.id, shares, self.state.step..work.steps));
        let first = self.state.step;
        let mut seconds = 0.0;
        while self.state.step < work.steps {
            let start = Instant::now();
            let outcome = self.step(&mut feed, events)?;
            let elapsed = start.elapsed().as_secs_f64();
            seconds += elapsed;
            self.count_time(elapsed);
            let done = self.state.step;
            let pace = (done - first) as f64 / seconds.max(1e-9);
            self.progress.step(&StepReport {
                step: done,
                total: work.steps,
                loss: outcome.loss,
                rate: outcome.rate,
                gradient_norm: outcome.norm,
                steps_per_second: pace,
                seconds_left: (work.steps - done) as f64 / pace.max(1e-9),
            });
            self.faults.point("after-step")?;
            if work.is_checkpoint(done) {
                events.flush(self.faults)?;
                self.programs.fetch(&mut self.store)?;
                self.checkpoints.save(&self.store, &self.state, self.faults)?;
                self.checkpoints.prune(|s| work.is_report_point(s))?;
            }
            if work.is_curve_point(done) {
                let mut store = std::mem::take(&mut self.store);
                let evaluated = self.evaluate_with(&mut store, done, directory, events);
                self.store = store;
                evaluated?;
            }
        }
        self.write_timing(directory)
    }

    /// One optimiser step on the next windows, and its events.
    fn step(&mut self, feed: &mut Feed, events: &mut EventLog) -> Result<Outcome, RunError> {
        let (work, step) = (self.work, self.state.step);
        let set = feed.advance(&mut *self.samples)?;
        let variant = draw::variant(work.seed, work.id, step, &work.variants);
        let micro = work.batch / work.accumulate;
        let mut loss = 0.0f64;
        for index in 0..work.accumulate {
            let key = [work.seed as i32, work.id as i32, step as i32, (index * micro) as i32];
            let part = MicroBatch { set, variant, index, key };
            let share = feed.accumulate(part, &mut *self.programs, &mut *self.samples, &mut self.store)?;
            loss += f64::from(share) / work.accumulate as f64;
            self.faults.point("mid-step")?;
        }
        let loss = loss as f32;
        if !loss.is_finite() {
            return Err(self.not_finite(step + 1));
        }
        let rate = self.programs.rate(step);
        let norm = self.programs.update(self.state.updates() + 1, rate, &mut self.store)?;
        let done = step + 1;
        self.state.step = done;
        self.state.samples += work.batch as u64;
        events.number(done, "loss", f64::from(loss), "", self.faults)?;
        events.number(done, "rate", rate, "", self.faults)?;
        events.number(done, "gradient_norm", f64::from(norm), "", self.faults)?;
        if work.variants.len() > 1 {
            events.number(done, "variant", variant as f64, "", self.faults)?;
        }
        if work.sets.len() > 1 {
            events.number(done, "data", set as f64, "", self.faults)?;
        }
        if !norm.is_finite() {
            self.state.skipped += 1;
            events.words(done, "skipped", "the gradient is not finite; the weights stay", self.faults)?;
        }
        Ok(Outcome { loss, rate, norm })
    }

    fn not_finite(&self, step: u64) -> RunError {
        let name = &self.work.name;
        let message = format!("the loss of stage `{name}` is not a finite number at step {step}");
        let last = self.checkpoints.steps().ok().and_then(|s| s.last().copied());
        let note = match last {
            Some(step) => format!("last good checkpoint: `{}`", self.checkpoints.path(step).display()),
            None => "there is no checkpoint yet".to_string(),
        };
        Diagnostic::new("R0101", message).note(note).help("lower the learning rate, clip the gradient, or lengthen the warm-up").into()
    }

    /// Training time, and where the learning curve has a point the stretch that ends there.
    fn count_time(&mut self, seconds: f64) {
        let done = self.state.step;
        let timing = &mut self.state.timing;
        timing.training += seconds;
        timing.open += seconds;
        if self.work.is_curve_point(done) {
            let from = timing.intervals.last().map_or(0, |i| i.to);
            let seconds = std::mem::take(&mut timing.open);
            timing.intervals.push(Interval { from, to: done, seconds });
        }
    }

    fn evaluate_with(&mut self, store: &mut Store, step: u64, directory: &Path, events: &mut EventLog) -> Result<(), RunError> {
        let work = self.work;
        let report = work.report.as_ref().expect("only stages with a report are evaluated");
        let start = Instant::now();
        let mut bench = Bench {
            work,
            report,
            set: 0,
            programs: &mut *self.programs,
            samples: &mut *self.samples,
            store,
            faults: self.faults,
            progress: &mut *self.progress,
        };
        let (evaluation, pictures) = evaluate(&mut bench, step, work.is_report_point(step))?;
        let evaluations = self.evaluations.as_ref().expect("a stage with a report has a place for evaluations");
        evaluations.put(&evaluation, pictures.as_ref(), self.faults)?;
        self.state.timing.evaluation += start.elapsed().as_secs_f64();
        self.write_timing(directory)?;
        self.record(&evaluation, events)
    }

    /// The means as events, and those on the whole sample to whoever watches.
    fn record(&mut self, evaluation: &Evaluation, events: &mut EventLog) -> Result<(), RunError> {
        for s in &evaluation.curve {
            let value = s.value.unwrap_or(f64::NAN);
            events.number(evaluation.step, &format!("curve.{}", s.name), value, "", self.faults)?;
        }
        for s in evaluation.whole.iter().flat_map(|w| &w.model) {
            let value = s.value.unwrap_or(f64::NAN);
            events.number(evaluation.step, &format!("report.{}", s.name), value, "", self.faults)?;
            self.progress.result(evaluation.step, &s.name, s.value);
        }
        Ok(())
    }

    fn write_timing(&self, directory: &Path) -> Result<(), RunError> {
        let json = serde_json::to_vec_pretty(&self.state.timing).expect("timing is plain data");
        durable::write(&directory.join(TIMING), &json)
    }

    /// Hash of the parameters that this stage must not change.
    fn frozen(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for p in self.programs.parameters().iter().filter(|p| !p.trainable) {
            let at = self.store.position(&p.path).expect("every parameter is in the store");
            hasher.update(self.store.entries()[at].buffer.as_u8());
        }
        hasher.finalize().to_hex().to_string()
    }

    fn check_frozen(&self) -> Result<(), RunError> {
        if self.frozen() == self.state.frozen {
            return Ok(());
        }
        let message = format!("stage `{}` changed parameters that are frozen", self.work.name);
        Err(Diagnostic::new("R0110", message).note("this is a defect of the compiled programs, not of the experiment").into())
    }
}

/// What goes on exactly as a stage began, and what goes on here, as options.
fn how_to_go_on(before: &str, now: &str) -> String {
    let option = |name: &str| match name.split_once(' ') {
        Some(("cpu", isa)) => format!("`--device cpu --isa {isa}`"),
        Some(("cuda", device)) => format!("`--device cuda` on the same device ({device})"),
        _ => format!("`{name}`"),
    };
    format!("{} goes on exactly, on a machine that has it; {} goes on and notes the change", option(before), option(now))
}

struct Outcome {
    loss: f32,
    rate: f64,
    norm: f32,
}

/// Parameters of a store, by path, for `apply` and tests.
pub fn parameters(store: &Store) -> impl Iterator<Item = (&str, &[f32])> {
    let entries = store.entries().iter().filter(|e| e.role == Role::Parameter);
    entries.map(|e| (e.name.as_str(), e.buffer.as_f32()))
}
