//! Whole training steps against stored ones: losses, gradients before clipping, and weights after three steps, for the
//! tokeniser, the rollout, and the rollout with most of the tokeniser frozen; on every instruction set that the processor has, and
//! in every precision.

use pfm_compiler::{Alone, Isa, Options, Request, check};
use pfm_device::Pool;
use pfm_ir::Precision;
use pfm_train::{Device, Native, NativePrograms, Programs, Store};
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/stages")
}

/// A safetensors file of f32 tensors.
struct File(Vec<u8>);

impl File {
    fn open(name: &str) -> File {
        File(std::fs::read(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}")))
    }

    fn get(&self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let t = file.tensor(name).ok()?;
        let values = t.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("four bytes")));
        Some((t.shape().to_vec(), values.collect()))
    }

    fn largest(&self) -> f32 {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let names = file.names().into_iter().map(|n| largest(&self.get(n).expect("listed").1));
        names.fold(0.0, f32::max)
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |m, v| m.max(v.abs()))
}

/// The stored files' name of a parameter.
fn stored_name(path: &str, stage: &str) -> String {
    if stage == "tokeniser_tiny" {
        return path.strip_prefix("tok.").expect("a tokeniser's path").to_string();
    }
    path.replacen("tok.", "tokeniser.", 1).replacen("link.", "processor.proj_", 1).replacen("core.", "processor.", 1)
}

/// (B, C, T, H, W) to [b t h w c].
fn channels_last(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let (b, c, pixels) = (shape[0], shape[1], shape[2..].iter().product::<usize>());
    let at = |i: usize| values[(i / (pixels * c)) * c * pixels + (i % c) * pixels + (i / c) % pixels];
    (0..b * c * pixels).map(at).collect()
}

struct Golden {
    name: &'static str,
    programs: NativePrograms,
    store: Store,
    variants: Vec<usize>,
    losses: Vec<f64>,
    grads: File,
    end: File,
    batches: Vec<Vec<f32>>,
}

impl Golden {
    fn open(name: &'static str, isa: Isa, precision: Precision) -> Golden {
        let text = std::fs::read_to_string(folder().join("tiny.pfm")).expect("the experiment");
        let checked = check("tiny.pfm", &text, &Request::default(), &Alone);
        let shown: Vec<&str> = checked.diagnostics.iter().filter(|d| d.is_error()).map(|d| d.message.as_str()).collect();
        let mut experiment = checked.experiment.unwrap_or_else(|| panic!("tiny.pfm resolves: {shown:?}"));
        let stage = experiment.stages.iter().position(|s| s.name == name).expect("the stage");
        experiment.stages[stage].precision = precision;
        let run: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder().join(name).join("run.json")).expect("run.json")).expect("JSON");
        let labels = run["scales"].as_array().expect("a list").iter().map(|step| {
            let levels: Vec<String> = step.as_array().expect("levels").iter().map(|l| format!("{}x{}", l[0], l[1])).collect();
            levels.join(",")
        });
        let model = &experiment.models[experiment.stages[stage].model];
        let variants = labels.map(|l| model.variants.iter().position(|v| v.label == l).unwrap_or_else(|| panic!("variant {l}"))).collect();
        let native = Native {
            experiment: Arc::new(experiment),
            library: Arc::new(checked.library),
            data: PathBuf::new(),
            pool: Arc::new(Pool::new(2)),
            options: Options { verify: true, isa: Some(isa), cuda: None },
            device: Device::Cpu,
        };
        let programs = NativePrograms::new(native, stage).expect("the stage opens");
        let mut store = Store::initial(&programs);
        let init = File::open(&format!("{}/init.safetensors", name.trim_end_matches("_frozen")));
        for p in programs.parameters().to_vec() {
            let (shape, values) = init.get(&stored_name(&p.path, name)).unwrap_or_else(|| panic!("{} is stored", p.path));
            assert_eq!(shape, p.shape, "{}", p.path);
            store.values_mut(&p.path).copy_from_slice(&values);
        }
        let file = File::open("batches.safetensors");
        let batches = (0..3).map(|k| file.get(&format!("step{k}.seq")).expect("a batch")).map(|(s, v)| channels_last(&s, &v)).collect();
        Golden {
            name,
            programs,
            store,
            variants,
            losses: run["losses"].as_array().expect("a list").iter().map(|l| l.as_f64().expect("a number")).collect(),
            grads: File::open(&format!("{name}/grads.safetensors")),
            end: File::open(&format!("{name}/final.safetensors")),
            batches,
        }
    }

    /// Runs a micro-batch, whose loss must be the stored one to `tolerance`.
    fn accumulate(&mut self, k: usize, tolerance: f64) {
        let key = [0, 1, k as i32, 0];
        let loss = self.programs.accumulate(0, self.variants[k], &self.batches[k], key, &mut self.store).expect("runs");
        let off = (f64::from(loss) - self.losses[k]).abs() / self.losses[k];
        assert!(off <= tolerance, "{} step {k}: loss {loss} is not {}", self.name, self.losses[k]);
    }

    fn take_stored_gradients(&mut self, k: usize) {
        for p in self.programs.parameters().to_vec().iter().filter(|p| p.trainable) {
            let (_, values) = self.grads.get(&format!("step{k}.{}", stored_name(&p.path, self.name))).expect("stored");
            self.store.values_mut(&format!("grad:{}", p.path)).copy_from_slice(&values);
        }
    }

    fn update(&mut self, k: usize) {
        let rate = self.programs.rate(k as u64);
        self.programs.update(k as u64 + 1, rate, &mut self.store).expect("runs");
    }

    /// Distance of all gradients together from the stored ones, over the length of those.
    fn gradient_error(&self, k: usize) -> f64 {
        let (mut off, mut all) = (0.0, 0.0);
        for p in self.programs.parameters().iter().filter(|p| p.trainable) {
            let (_, wanted) = self.grads.get(&format!("step{k}.{}", stored_name(&p.path, self.name))).expect("stored");
            for (f, w) in self.store.values(&format!("grad:{}", p.path)).iter().zip(&wanted) {
                off += f64::from(f - w).powi(2);
                all += f64::from(*w).powi(2);
            }
        }
        (off / all).sqrt()
    }

    /// Each gradient to `tolerance` of its largest entry.
    fn check_gradients(&self, k: usize, tolerance: f32) {
        let floor = 1e-3 * self.grads.largest();
        let mut seen = 0;
        for p in self.programs.parameters() {
            let stored = self.grads.get(&format!("step{k}.{}", stored_name(&p.path, self.name)));
            assert_eq!(stored.is_some(), p.trainable, "{} is trained if it has a stored gradient", p.path);
            let Some((_, wanted)) = stored else { continue };
            let found = self.store.values(&format!("grad:{}", p.path));
            let bound = tolerance * largest(&wanted).max(floor);
            let off = found.iter().zip(&wanted).map(|(f, w)| (f - w).abs()).fold(0.0, f32::max);
            assert!(off <= bound, "{} step {k}: gradient of {} is off by {off:e}, {bound:e} allowed", self.name, p.path);
            seen += 1;
        }
        assert!(seen > 40, "gradients were compared");
    }

    /// Shares of elements further off than `most`, and the largest deviation.
    fn check_end(&self, most: f32, outliers: f64, limit: f32) {
        let (mut beyond, mut all, mut worst) = (0usize, 0usize, 0.0f32);
        for p in self.programs.parameters() {
            let (_, wanted) = self.end.get(&stored_name(&p.path, self.name)).expect("stored");
            for (f, w) in self.store.values(&p.path).iter().zip(&wanted) {
                let off = (f - w).abs();
                worst = worst.max(off);
                beyond += usize::from(off > most);
                all += 1;
            }
        }
        println!("{}: {beyond} of {all} weights are off by more than {most:e}, one by {worst:e}", self.name);
        assert!(beyond as f64 <= outliers * all as f64, "{}: {beyond} of {all} weights are off by more than {most:e}", self.name);
        assert!(worst <= limit, "{}: a weight is off by {worst:e}", self.name);
    }
}

/// Own gradients all the way. Adam's first steps are the gradient's sign, whatever its size, so some weights follow its rounding.
fn trains_alike(name: &'static str, isa: Isa, precision: Precision, rate: f32) {
    let mut golden = Golden::open(name, isa, precision);
    for k in 0..3 {
        golden.accumulate(k, 1e-5);
        golden.update(k);
    }
    let outliers = if precision == Precision::F32Split { 2e-2 } else { 1e-3 };
    golden.check_end(5e-6, outliers, 2.0 * 3.0 * rate);
}

/// Gradients at the stored weights, and clipping and AdamW fed with the stored gradients, so that no step inherits the rounding of
/// the one before.
fn steps_alike(name: &'static str, isa: Isa, precision: Precision) {
    let mut golden = Golden::open(name, isa, precision);
    for k in 0..3 {
        golden.accumulate(k, 1e-5);
        // Parts of products are off by some 4e-6 each, which a dozen layers add up.
        golden.check_gradients(k, if precision == Precision::F32Split { 1e-3 } else { 1e-4 });
        golden.take_stored_gradients(k);
        golden.update(k);
    }
    golden.check_end(1e-6, 0.0, 1e-6);
}

fn alike_everywhere(name: &'static str, rate: f32) {
    for isa in Isa::available() {
        println!("{name} on {}", isa.name());
        trains_alike(name, isa, Precision::F32, rate);
        steps_alike(name, isa, Precision::F32);
    }
}

#[test]
fn the_tokeniser_trains_alike() {
    alike_everywhere("tokeniser_tiny", 5e-4);
}

#[test]
fn the_rollout_trains_alike() {
    alike_everywhere("rollout_tiny", 5e-5);
}

#[test]
fn the_frozen_rollout_trains_alike() {
    alike_everywhere("rollout_tiny_frozen", 5e-5);
}

/// f32 as three products of bf16 parts stays within ten times the tolerance of f32 gradients; the emulated tiles are there on every machine.
#[test]
fn split_products_train_alike() {
    for isa in Isa::available().into_iter().chain([Isa::AmxEmulated]) {
        println!("on {}", isa.name());
        trains_alike("tokeniser_tiny", isa, Precision::F32Split, 5e-4);
        steps_alike("rollout_tiny", isa, Precision::F32Split);
    }
}

/// Rounding to eight bits shows: losses within half a per cent, gradients within 0.15 of their length. PyTorch 2.15 with autocast
/// is off by 0.037 and 0.097 in the first step of the tokeniser and of the rollout.
#[test]
fn bf16_stays_near() {
    for name in ["tokeniser_tiny", "rollout_tiny", "rollout_tiny_frozen"] {
        for isa in Isa::available().into_iter().chain([Isa::AmxEmulated]) {
            let mut golden = Golden::open(name, isa, Precision::Bf16);
            for k in 0..3 {
                golden.accumulate(k, 5e-3);
                let error = golden.gradient_error(k);
                println!("{name} on {}: gradients of step {k} are off by {error:.4} of their length", isa.name());
                assert!(error < 0.15, "{name} on {}, step {k}: {error}", isa.name());
                golden.take_stored_gradients(k);
                golden.update(k);
            }
        }
    }
}
