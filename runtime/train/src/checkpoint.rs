//! Checkpoints: one directory per step with the parameters and the optimiser's state as safetensors and the stage's progress
//! as JSON, each with its BLAKE3 hash. A checkpoint appears whole, by a rename, or not at all; a damaged one is noticed by
//! its hashes and the one before it is used.

use crate::store::{Entry, Role, Store};
use crate::work::Handover;
use crate::{Faults, RunError, durable};
use pfm_diag::Diagnostic;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

const PARAMETERS: &str = "parameters.safetensors";
const SLOTS: &str = "slots.safetensors";
const PROGRESS: &str = "progress.json";
/// Lines of hash and name, the last file written.
const HASHES: &str = "hashes";

/// What a stage needs besides its tensors to go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageProgress {
    /// The whole content key of the stage.
    pub key: String,
    /// Steps done.
    pub step: u64,
    pub seed: u64,
    /// Samples drawn so far: the sampler's position.
    pub samples: u64,
    /// Steps whose gradient was not finite, so that the weights stayed.
    pub skipped: u64,
    /// On what the steps were made, from the first on. More than one entry means that the run moved, and that its bytes are not
    /// those of a run that stayed.
    #[serde(default)]
    pub arithmetic: Vec<Stretch>,
    /// Hash of the frozen parameters as the stage found them; they must still have it at the end.
    pub frozen: String,
    /// Wall time so far; not part of what equal runs share.
    pub timing: Timing,
}

impl StageProgress {
    /// Steps that changed the weights: what the optimiser counts.
    pub fn updates(&self) -> u64 {
        self.step - self.skipped
    }
}

/// Steps from `from` on were made by the arithmetic of this name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    pub from: u64,
    pub name: String,
}

/// Wall-clock numbers of a stage, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Spent in training steps.
    pub training: f64,
    pub evaluation: f64,
    /// Training time of each stretch between points of the learning curve.
    pub intervals: Vec<Interval>,
    /// Training seconds since the last of them.
    pub open: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub from: u64,
    pub to: u64,
    pub seconds: f64,
}

/// The checkpoints of one stage.
pub struct Checkpoints {
    directory: PathBuf,
}

impl Checkpoints {
    /// For reading only: another process may be writing there.
    pub fn at(directory: PathBuf) -> Checkpoints {
        Checkpoints { directory }
    }

    /// The newest whole checkpoint's step and its parameters file.
    pub(crate) fn newest_parameters(&self) -> Result<Option<(u64, Vec<u8>)>, RunError> {
        for step in self.steps()?.into_iter().rev() {
            if let Ok([parameters, _, _]) = self.read(step)? {
                return Ok(Some((step, parameters)));
            }
        }
        Ok(None)
    }

    /// Sweeps what an earlier process left unfinished.
    pub fn open(directory: PathBuf) -> Result<Checkpoints, RunError> {
        durable::make_directory(&directory)?;
        durable::sweep(&directory)?;
        Ok(Checkpoints { directory })
    }

    pub fn path(&self, step: u64) -> PathBuf {
        self.directory.join(format!("step-{step:08}"))
    }

    /// Steps that have a checkpoint, rising; whole ones or not.
    pub fn steps(&self) -> Result<Vec<u64>, RunError> {
        let names = durable::names(&self.directory)?;
        Ok(names.iter().filter_map(|n| n.strip_prefix("step-")?.parse().ok()).collect())
    }

    /// Writes the checkpoint of `progress.step`, replacing a damaged one.
    pub fn save(&self, store: &Store, progress: &StageProgress, faults: &Faults) -> Result<(), RunError> {
        faults.point("checkpoint-begin")?;
        let target = self.path(progress.step);
        let name = format!("{}step-{:08}", durable::WRITING, progress.step);
        let temporary = self.directory.join(name);
        if temporary.exists() {
            durable::remove_directory(&temporary)?;
        }
        durable::make_directory(&temporary)?;
        let json = serde_json::to_vec_pretty(progress).expect("progress is plain data");
        let files = [(PARAMETERS, tensors(store, Role::Parameter)), (SLOTS, tensors(store, Role::Slot)), (PROGRESS, json)];
        let mut hashes = String::new();
        for (name, bytes) in &files {
            hashes.push_str(&format!("{}  {name}\n", blake3::hash(bytes).to_hex()));
            write_in_halves(&temporary.join(name), bytes, faults)?;
        }
        durable::write_synced(&temporary.join(HASHES), hashes.as_bytes())?;
        durable::sync_directory(&temporary)?;
        faults.point("checkpoint-before-rename")?;
        if target.exists() {
            durable::remove_directory(&target)?;
        }
        durable::rename(&temporary, &target)?;
        faults.point("checkpoint-after-rename")
    }

    /// The newest whole checkpoint at or before `limit`, read into the store, and a warning for each damaged one passed over.
    pub fn newest(&self, key: &str, limit: u64, store: &mut Store) -> Result<(Option<StageProgress>, Vec<Diagnostic>), RunError> {
        let mut warnings = vec![];
        for step in self.steps()?.into_iter().rev().filter(|s| *s <= limit) {
            match self.load(step, key, store)? {
                Ok(progress) => return Ok((Some(progress), warnings)),
                Err(damage) => warnings.push(self.damaged("W0606", step, &damage)),
            }
        }
        Ok((None, warnings))
    }

    fn damaged(&self, code: &'static str, step: u64, damage: &str) -> Diagnostic {
        let path = self.path(step);
        Diagnostic::new(code, format!("checkpoint `{}` is damaged: {damage}", path.display()))
    }

    /// Reads one checkpoint into the store; the inner error says how it is damaged, and then the store is unchanged.
    pub fn load(&self, step: u64, key: &str, store: &mut Store) -> Result<Result<StageProgress, String>, RunError> {
        let files = match self.read(step)? {
            Ok(files) => files,
            Err(damage) => return Ok(Err(damage)),
        };
        let progress = match self.progress(step, key, &files)? {
            Ok(progress) => progress,
            Err(damage) => return Ok(Err(damage)),
        };
        let path = self.path(step);
        fill(store, Role::Parameter, &files[0], &path)?;
        fill(store, Role::Slot, &files[1], &path)?;
        Ok(Ok(progress))
    }

    /// The progress of a whole checkpoint and the hash of its parameters, without a store to read it into.
    pub fn peek(&self, step: u64, key: &str) -> Result<Option<(StageProgress, String)>, RunError> {
        let Ok(files) = self.read(step)? else { return Ok(None) };
        let progress = self.progress(step, key, &files)?;
        Ok(progress.ok().map(|p| (p, blake3::hash(&files[0]).to_hex().to_string())))
    }

    fn progress(&self, step: u64, key: &str, files: &[Vec<u8>; 3]) -> Result<Result<StageProgress, String>, RunError> {
        let Ok(progress) = serde_json::from_slice::<StageProgress>(&files[2]) else {
            return Ok(Err(format!("`{PROGRESS}` does not parse")));
        };
        match progress.key == key {
            true => Ok(Ok(progress)),
            false => Err(self.foreign(step, key, &progress.key)),
        }
    }

    /// The files of a checkpoint, if all are there and have the hashes that were written.
    fn read(&self, step: u64) -> Result<Result<[Vec<u8>; 3], String>, RunError> {
        let directory = self.path(step);
        let Some(hashes) = durable::read(&directory.join(HASHES))? else {
            return Ok(Err(format!("`{HASHES}` is missing")));
        };
        let hashes = String::from_utf8_lossy(&hashes).into_owned();
        let mut files = [vec![], vec![], vec![]];
        for (file, name) in files.iter_mut().zip([PARAMETERS, SLOTS, PROGRESS]) {
            let Some(bytes) = durable::read(&directory.join(name))? else {
                return Ok(Err(format!("`{name}` is missing")));
            };
            let line = format!("{}  {name}", blake3::hash(&bytes).to_hex());
            if !hashes.lines().any(|l| l == line) {
                return Ok(Err(format!("`{name}` does not have the hash that was written")));
            }
            *file = bytes;
        }
        Ok(Ok(files))
    }

    fn foreign(&self, step: u64, ours: &str, theirs: &str) -> RunError {
        let path = self.path(step);
        Diagnostic::new("R0103", format!("checkpoint `{}` is of another stage", path.display()))
            .note(format!("its stage key is {theirs}, this stage's is {ours}"))
            .help("move the stage's directory away and run again")
            .into()
    }

    /// Parameters of a part, copied into the store's parameters of the same path; rows of fields to their places where the vocabulary
    /// grew, and the new ones stay as they start. Returns how many.
    pub fn hand_over(&self, from: &Handover, store: &mut Store) -> Result<usize, RunError> {
        let path = self.path(from.step);
        let files = self.read(from.step)?.map_err(|damage| RunError::from(self.damaged("R0106", from.step, &damage)))?;
        let read = SafeTensors::deserialize(&files[0]).map_err(|e| unreadable(&path, &e.to_string()))?;
        let start = format!("{}.", from.part);
        let mut copied = 0;
        for entry in store.entries_mut() {
            if entry.role == Role::Parameter && entry.name.starts_with(&start) {
                match read.tensor(&entry.name) {
                    Ok(view) if grew(&view, entry, &from.rows) => copy_rows(entry, &view, &from.rows),
                    _ => copy(entry, &read, &path)?,
                }
                copied += 1;
            }
        }
        Ok(copied)
    }

    /// Removes all but the last two and those that `keep` names.
    pub fn prune(&self, keep: impl Fn(u64) -> bool) -> Result<(), RunError> {
        let steps = self.steps()?;
        let old = steps.len().saturating_sub(2);
        for step in steps[..old].iter().filter(|s| !keep(**s)) {
            durable::remove_directory(&self.path(*step))?;
        }
        Ok(())
    }
}

/// Writes and syncs in two halves with a fault point between them, so that tests meet half a file.
fn write_in_halves(path: &Path, bytes: &[u8], faults: &Faults) -> Result<(), RunError> {
    let fail = |e: std::io::Error| RunError::file("write", path, &e);
    let mut file = File::create(path).map_err(fail)?;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    file.write_all(first).map_err(fail)?;
    faults.point("checkpoint-write")?;
    file.write_all(second).map_err(fail)?;
    file.sync_all().map_err(fail)
}

/// The store's tensors of one role as a safetensors file: little-endian f32, by name.
fn tensors(store: &Store, role: Role) -> Vec<u8> {
    let entries = || store.entries().iter().filter(|e| e.role == role);
    let bytes: Vec<Vec<u8>> = entries().map(|e| e.buffer.as_f32().iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views = entries().zip(&bytes).map(|(e, b)| {
        let view = TensorView::new(Dtype::F32, e.shape.clone(), b);
        (e.name.clone(), view.expect("the store's shapes fit its values"))
    });
    safetensors::serialize(views, None).expect("tensors in memory serialise")
}

fn fill(store: &mut Store, role: Role, bytes: &[u8], path: &Path) -> Result<(), RunError> {
    let read = SafeTensors::deserialize(bytes).map_err(|e| unreadable(path, &e.to_string()))?;
    for entry in store.entries_mut().iter_mut().filter(|e| e.role == role) {
        copy(entry, &read, path)?;
    }
    Ok(())
}

fn copy(entry: &mut Entry, read: &SafeTensors, path: &Path) -> Result<(), RunError> {
    let view = read.tensor(&entry.name).map_err(|_| unreadable(path, &format!("`{}` is missing", entry.name)))?;
    if view.shape() != entry.shape || view.dtype() != Dtype::F32 {
        let message = format!("`{}` has shape {:?}, not {:?}", entry.name, view.shape(), entry.shape);
        return Err(unreadable(path, &message));
    }
    for (value, bytes) in entry.buffer.as_f32_mut().iter_mut().zip(view.data().chunks_exact(4)) {
        *value = f32::from_le_bytes(bytes.try_into().expect("chunks of four"));
    }
    Ok(())
}

/// True where the shapes differ only in axes that had one entry for each row.
fn grew(view: &TensorView, entry: &Entry, rows: &[usize]) -> bool {
    let (old, new) = (view.shape(), entry.shape.as_slice());
    let larger = |(old, new): (&usize, &usize)| old == new || *old == rows.len() && rows.iter().all(|row| row < new);
    view.dtype() == Dtype::F32 && old != new && old.len() == new.len() && old.iter().zip(new).all(larger)
}

/// Every value of the smaller tensor to its place in the larger one.
fn copy_rows(entry: &mut Entry, view: &TensorView, rows: &[usize]) {
    let (old, new) = (view.shape(), entry.shape.clone());
    let values = entry.buffer.as_f32_mut();
    for (index, bytes) in view.data().chunks_exact(4).enumerate() {
        let (mut rest, mut stride, mut place) = (index, 1, 0);
        for (old, new) in old.iter().zip(&new).rev() {
            let at = rest % old;
            rest /= old;
            place += stride * if old == new { at } else { rows[at] };
            stride *= new;
        }
        values[place] = f32::from_le_bytes(bytes.try_into().expect("chunks of four"));
    }
}

fn unreadable(path: &Path, why: &str) -> RunError {
    Diagnostic::new("R0105", format!("checkpoint `{}` does not fit the model: {why}", path.display())).into()
}
