//! A model small enough to differentiate by hand, and data made of a formula: the next value of each field is `gain` times the
//! last plus `bias`. Its weights, loss and metrics are exact, so recovery can be compared byte for byte.
use pfm_train::*;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

pub const GRID: usize = 4;
pub const FIELDS: usize = 2;
pub const WINDOW: usize = 3;
pub const CONTEXT: usize = 2;
pub const FRAME: usize = GRID * FIELDS;
const FRAMES: usize = 12;

pub struct Tiny {
    parameters: Vec<ParameterInfo>,
    slots: Vec<SlotInfo>,
    /// Training step (from 1) of the last batch, and the optimiser steps that `update` was given.
    pub drawn: u64,
    pub updates: Rc<RefCell<Vec<u64>>>,
    /// Step (from 1) whose loss, or whose gradient, is made infinite.
    pub bad_loss: Option<u64>,
    pub bad_gradient: Option<u64>,
    /// Writes a frozen parameter, as a broken back end might.
    pub breaks_frozen: bool,
    /// Starts with a gain that overflows after a few frames.
    pub explodes: bool,
    pub arithmetic: Arithmetic,
    /// Where windows are that were sent ahead; None for programs that send none.
    pub staging: Option<Staging>,
    /// The loss that was not asked for yet.
    launched: Option<f32>,
}

/// A place for one window on its way, as a device has it.
#[derive(Clone, Default)]
pub struct Staging {
    window: Option<Vec<f32>>,
    /// Micro-batches whose windows were sent ahead, and all.
    pub counts: Rc<RefCell<(usize, usize)>>,
}

impl Tiny {
    pub fn new(train_gain: bool) -> Tiny {
        let info = |path: &str, trainable| ParameterInfo { path: path.into(), shape: vec![FIELDS], trainable };
        let slot = |path: &str| SlotInfo { name: format!("{path}#m"), shape: vec![FIELDS] };
        let mut slots = vec![slot("core.bias")];
        if train_gain {
            slots.insert(0, slot("tok.gain"));
        }
        Tiny {
            parameters: vec![info("tok.gain", train_gain), info("core.bias", true)],
            slots,
            drawn: 0,
            updates: Rc::default(),
            bad_loss: None,
            bad_gradient: None,
            breaks_frozen: false,
            explodes: false,
            arithmetic: Arithmetic { name: "tiny one".into(), like: vec![], chosen: false },
            staging: None,
            launched: None,
        }
    }

    fn trainable(&self) -> Vec<String> {
        self.parameters.iter().filter(|p| p.trainable).map(|p| p.path.clone()).collect()
    }
}

impl Programs for Tiny {
    fn fetch(&mut self, _: &mut Store) -> Result<(), RunError> {
        Ok(())
    }

    fn parameters(&self) -> &[ParameterInfo] {
        &self.parameters
    }

    fn slots(&self) -> &[SlotInfo] {
        &self.slots
    }

    fn arithmetic(&self) -> Arithmetic {
        self.arithmetic.clone()
    }

    fn initial_parameter(&self, path: &str) -> Vec<f32> {
        if path == "tok.gain" && self.explodes {
            return vec![1e15; FIELDS];
        }
        if path == "tok.gain" { vec![0.5, 0.25] } else { vec![0.0; FIELDS] }
    }

    fn initial_slot(&self, _: &str) -> Vec<f32> {
        vec![0.0; FIELDS]
    }

    fn evaluation_batch(&self) -> usize {
        3
    }

    fn sends_ahead(&self) -> bool {
        self.staging.is_some()
    }

    fn send_ahead(&mut self, window: &[f32]) -> Result<(), RunError> {
        assert!(self.launched.is_some(), "windows are sent while a micro-batch is computed");
        let staging = self.staging.as_mut().expect("asked for only where windows are sent ahead");
        assert!(staging.window.replace(window.to_vec()).is_none(), "what was sent was taken");
        Ok(())
    }

    fn launch(&mut self, set: usize, variant: usize, window: Window, key: [i32; 4], store: &mut Store) -> Result<(), RunError> {
        assert!(self.launched.is_none(), "the loss before was asked for");
        let sent;
        let ahead = matches!(window, Window::SentAhead);
        let window = match window {
            Window::Here(window) => window,
            Window::SentAhead => {
                sent = self.staging.as_mut().and_then(|s| s.window.take()).expect("something was sent");
                &sent
            }
        };
        if let Some(staging) = &self.staging {
            assert!(staging.window.is_none(), "what was sent is what comes next");
            let mut counts = staging.counts.borrow_mut();
            *counts = (counts.0 + usize::from(ahead), counts.1 + 1);
        }
        let (gain, bias) = (store.values("tok.gain").to_vec(), store.values("core.bias").to_vec());
        let (mut loss, mut of_gain, mut of_bias) = (0.0, vec![0.0; FIELDS], vec![0.0; FIELDS]);
        let count = window.len() / (WINDOW * FRAME);
        for w in window.chunks_exact(WINDOW * FRAME) {
            for point in 0..FRAME {
                let (x, y) = (w[FRAME + point], w[2 * FRAME + point]);
                // The variant and the random key change the step, so that a wrong one is noticed.
                let shift = 1e-3 * ((variant + 5 * set) as f32 + 0.1 * (key[2] % 7) as f32 + 0.01 * key[3] as f32);
                let f = point % FIELDS;
                let error = gain[f] * x + bias[f] + shift - y;
                let scale = 2.0 / (count * FRAME) as f32;
                loss += error * error * scale / 2.0;
                of_gain[f] += error * x * scale / 2.0;
                of_bias[f] += error * scale / 2.0;
            }
        }
        for path in self.trainable() {
            let source = if path == "tok.gain" { &of_gain } else { &of_bias };
            for (g, s) in store.values_mut(&format!("grad:{path}")).iter_mut().zip(source) {
                *g += s;
            }
        }
        self.drawn = key[2] as u64 + 1;
        let bad = self.bad_loss == Some(self.drawn);
        self.launched = Some(if bad { f32::NAN } else { loss });
        Ok(())
    }

    fn loss(&mut self) -> Result<f32, RunError> {
        Ok(self.launched.take().expect("a micro-batch was launched"))
    }

    fn update(&mut self, step: u64, rate: f64, store: &mut Store) -> Result<f32, RunError> {
        let mut norm = 0.0f32;
        let bad = self.bad_gradient == Some(self.drawn);
        self.updates.borrow_mut().push(step);
        for path in self.trainable() {
            let gradient = store.values(&format!("grad:{path}")).to_vec();
            norm += gradient.iter().map(|g| g * g).sum::<f32>();
            store.values_mut(&format!("grad:{path}")).fill(0.0);
            if bad {
                continue;
            }
            let momentum = store.values_mut(&format!("{path}#m"));
            momentum.iter_mut().zip(&gradient).for_each(|(m, g)| *m = 0.9 * *m + g);
            let momentum = momentum.to_vec();
            let values = store.values_mut(&path);
            values.iter_mut().zip(&momentum).for_each(|(v, m)| *v -= rate as f32 * m);
        }
        if self.breaks_frozen {
            store.values_mut("tok.gain")[0] += 1.0;
        }
        Ok(if bad { f32::INFINITY } else { norm.sqrt() })
    }

    fn predict(&mut self, _: usize, _: usize, context: &[f32], samples: usize, store: &mut Store) -> Result<Vec<f32>, RunError> {
        assert_eq!(context.len(), samples * CONTEXT * FRAME);
        let (gain, bias) = (store.values("tok.gain"), store.values("core.bias"));
        let last = context.chunks_exact(CONTEXT * FRAME).flat_map(|c| &c[FRAME..]);
        Ok(last.enumerate().map(|(i, x)| gain[i % FIELDS] * x + bias[i % FIELDS]).collect())
    }

    fn measure(
        &mut self,
        kind: MeasureKind,
        _: usize,
        truth: &[f32],
        prediction: &[f32],
        samples: usize,
        frames: usize,
    ) -> Result<Vec<Measured>, RunError> {
        let mut values = vec![];
        for (t, p) in truth.chunks_exact(FRAME).zip(prediction.chunks_exact(FRAME)) {
            for f in 0..FIELDS {
                let at = |v: &[f32], i: usize| v[i * FIELDS + f];
                let mean = (0..GRID).map(|i| at(t, i)).sum::<f32>() / GRID as f32;
                let variance: f32 = (0..GRID).map(|i| (at(t, i) - mean).powi(2)).sum();
                let error: f32 = (0..GRID).map(|i| (at(t, i) - at(p, i)).powi(2)).sum();
                values.push(if variance == 0.0 { f32::NAN } else { (error / variance).sqrt() });
            }
        }
        assert_eq!(values.len(), samples * frames * FIELDS);
        let mut all = vec![Measured { name: "vrmse".into(), shape: vec![samples, frames, FIELDS], values: values.clone() }];
        if kind == MeasureKind::Report {
            all.push(Measured {
                name: "neps".into(),
                shape: vec![samples, frames, FIELDS, 3],
                values: values.iter().flat_map(|v| [*v, 2.0 * v, 3.0 * v]).collect(),
            });
        }
        Ok(all)
    }

    fn rate(&self, step: u64) -> f64 {
        0.1 / (1.0 + step as f64)
    }
}

/// Field f of trajectory t at frame k and point i: a wave that shrinks by 0.8 (f = 0) or 0.6 (f = 1) per frame.
pub fn value(trajectory: usize, frame: usize, point: usize) -> f32 {
    let (i, f) = (point / FIELDS, point % FIELDS);
    let wave = ((trajectory + 1) as f32 * 0.7 + i as f32 * 1.9 + f as f32).sin();
    wave * [0.8f32, 0.6][f].powi(frame as i32)
}

pub struct Waves {
    pub seed: u64,
    pub stage: u32,
    pub batch: usize,
    /// The last validation trajectory is constant in space, so its metrics are undefined.
    pub flat: bool,
}

impl Waves {
    fn fill(&self, trajectory: usize, start: usize, out: &mut [f32]) {
        let flat = self.flat && trajectory == 102;
        for (k, frame) in out.chunks_exact_mut(FRAME).enumerate() {
            for (point, v) in frame.iter_mut().enumerate() {
                *v = if flat { 1.0 } else { value(trajectory, start + k, point) };
            }
        }
    }

    /// Trajectories 100, 101, 102 with this many windows each.
    const EACH: usize = FRAMES - WINDOW + 1;
}

impl Samples for Waves {
    /// The second set is half of the first.
    fn training_windows(&self, set: usize) -> usize {
        65 / (set + 1)
    }

    fn batch(&mut self, set: usize, step: u64, out: &mut [f32]) -> Result<(), RunError> {
        for (k, window) in out.chunks_exact_mut(WINDOW * FRAME).enumerate() {
            let draw = self.seed + 31 * u64::from(self.stage) + 17 * set as u64 + step * self.batch as u64 + k as u64;
            self.fill((draw % 13) as usize, (draw % 5) as usize, window);
        }
        Ok(())
    }

    fn validation_windows(&self, _: usize) -> usize {
        3 * Self::EACH
    }

    fn validation_window(&mut self, set: usize, index: usize, out: &mut [f32]) -> Result<(), RunError> {
        self.fill(100 + 50 * set + index / Self::EACH, index % Self::EACH, out);
        Ok(())
    }

    fn longest_horizon(&self, _: usize) -> usize {
        FRAMES - CONTEXT
    }

    fn starts(&self, _: usize, horizon: usize) -> usize {
        3 * (FRAMES - CONTEXT - horizon + 1)
    }

    fn trajectory(&mut self, set: usize, start: usize, horizon: usize, out: &mut [f32]) -> Result<(), RunError> {
        let each = FRAMES - CONTEXT - horizon + 1;
        self.fill(100 + 50 * set + start / each, start % each, out);
        Ok(())
    }
}

/// Opens the tiny model for any stage; `adjust` may spoil it.
pub struct Workshop<F: FnMut(&str, &mut Tiny)> {
    pub opened: Vec<String>,
    pub flat: bool,
    pub adjust: F,
}

pub fn workshop() -> Workshop<impl FnMut(&str, &mut Tiny)> {
    Workshop { opened: vec![], flat: false, adjust: |_: &str, _: &mut Tiny| {} }
}

impl<F: FnMut(&str, &mut Tiny)> Provider for Workshop<F> {
    fn open(&mut self, stage: &StageWork) -> Result<Opened, RunError> {
        self.opened.push(stage.name.clone());
        let mut tiny = Tiny::new(stage.name == "pretrain");
        (self.adjust)(&stage.name, &mut tiny);
        let waves = Waves { seed: stage.seed, stage: stage.id, batch: stage.batch, flat: self.flat };
        Ok((Box::new(tiny), Box::new(waves)))
    }
}

/// Pretraining of six steps, then a rollout of nine that keeps `tok` frozen and reports.
pub fn cell() -> CellWork {
    let pretrain = StageWork {
        name: "pretrain".into(),
        id: 1,
        key: "11111111aaaa".into(),
        seed: 5,
        steps: 6,
        batch: 4,
        accumulate: 2,
        checkpoint: 2,
        variants: vec![0, 1, 2],
        evaluation: 0,
        reconstructs: false,
        sets: vec![SetWork {
            name: "waves".into(),
            layout: Layout { window: WINDOW, context: CONTEXT, grid: vec![2, 2], fields: vec!["density".into(), "energy".into()] },
            trajectories: None,
        }],
        mixing: pfm_hir::Weights::Equal,
        weights: vec![],
        report: None,
    };
    let rollout = StageWork {
        name: "rollout".into(),
        id: 2,
        key: "22222222bbbb".into(),
        steps: 9,
        checkpoint: 4,
        weights: vec![Handover {
            part: "tok".into(),
            stage: "pretrain".into(),
            key: pretrain.key.clone(),
            step: pretrain.steps,
            rows: vec![],
        }],
        report: Some(ReportWork {
            name: "table".into(),
            at: vec![5],
            every: Some(3),
            metrics: vec!["vrmse".into(), "neps".into()],
            sample: Sample::Subsets { count: 2, size: 7 },
            unroll: Some(UnrollWork { metric: "vrmse".into(), horizons: vec![(1, 1), (2, 4), (5, 40)], sample: 5 }),
        }),
        ..pretrain.clone()
    };
    CellWork {
        experiment: "waves".into(),
        cell: "main".into(),
        about: About { experiment: "waves".into(), doc: "Waves that shrink.".into(), cell: "main".into(), seed: 5, ..About::default() },
        stages: vec![pretrain, rollout],
        closed: "pfm 1\n".into(),
        lock: "std 1\n".into(),
        environment: serde_json::json!({ "device": "test" }),
    }
}

/// The bytes that equal runs share: metrics, final weights, and the events without their clock.
pub fn fingerprint(result: &CellResult) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![];
    for name in ["metrics.json", "metrics.yaml", "experiment.pfm", "pictures/rollout.safetensors"] {
        all.push((name.to_string(), read(&result.directory.join(name))));
    }
    for (stage, step) in [("pretrain", 6), ("rollout", 9)] {
        for file in ["parameters.safetensors", "slots.safetensors"] {
            let name = format!("checkpoints/{stage}/step-{step:08}/{file}");
            all.push((name.clone(), read(&result.directory.join(name))));
        }
    }
    let mut events = read_events(&result.directory.join(EVENTS_FILE)).expect("reads");
    events.retain(|e| e.name != "warning");
    events.iter_mut().for_each(|e| e.time = 0.0);
    all.push(("events".into(), serde_json::to_vec(&events).expect("plain data")));
    all
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
