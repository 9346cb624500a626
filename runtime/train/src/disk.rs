//! The windows of a stage out of data files: training batches in the sampler's order, read ahead by a thread, and validation
//! windows and trajectories on demand.

use crate::resolved::stage_work;
use crate::unusable::refused;
use crate::work::{Layout, SetWork, StageWork};
use crate::{RunError, Samples};
use pfm_data::{DataError, Dataset, GenerateSpec, Prefetch, Split, WindowIndex, sample_order};
use pfm_diag::Diagnostic;
use pfm_hir::{Data, Experiment, Source};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Batches that wait, read, while one is used.
const READ_AHEAD: usize = 2;

/// The windows of one stage, of each of its data sets.
pub struct WellSamples {
    seed: u64,
    stage: u32,
    batch: usize,
    sets: Vec<Set>,
}

struct Set {
    layout: Layout,
    train: Arc<Dataset>,
    windows: Arc<WindowIndex>,
    /// The validation split and its windows; None for a stage without a report.
    valid: Option<(Dataset, WindowIndex)>,
    /// The number of the batch that the reader hands out next, and the reader.
    reader: Option<(u64, Prefetch)>,
}

/// What to generate for data that is made here, one per data set, which share the trajectories; empty for data that is read
/// as it is.
///
/// # Errors
/// R0111 when no solver makes such a data set.
pub fn generated(data: &Data, threads: usize) -> Result<Vec<GenerateSpec>, RunError> {
    let Source::Generate { trajectories, seed } = data.source else { return Ok(vec![]) };
    let sets = data.datasets.len();
    let share = |i: usize| trajectories / sets + usize::from(i < trajectories % sets);
    let spec = |(i, system): (usize, &String)| {
        let own = GenerateSpec::new(system, share(i), seed).map_err(|e| no_solver(data, &e))?;
        Ok(GenerateSpec { grid: data.grid.clone(), frames: data.frames, threads, ..own })
    };
    data.datasets.iter().enumerate().map(spec).collect()
}

/// The folders of the data under the data directory `base`, in the order of its data sets.
///
/// # Errors
/// As `generated`.
pub fn folders(data: &Data, base: &Path) -> Result<Vec<PathBuf>, RunError> {
    if data.source == Source::Directory {
        return Ok(data.datasets.iter().map(|d| base.join(d)).collect());
    }
    generated(data, 1)?.iter().map(|spec| spec.directory(base).map_err(unreadable)).collect()
}

impl WellSamples {
    /// Opens what the stage at this index trains and is evaluated on, out of the data directory `base`.
    ///
    /// # Errors
    /// As `over`.
    pub fn open(experiment: &Experiment, stage: usize, base: &Path) -> Result<WellSamples, RunError> {
        let stage = &experiment.stages[stage];
        let folders = stage.data.parts.iter().map(|d| folders(&experiment.data[*d], base));
        WellSamples::over(&stage_work(experiment, stage), &folders.collect::<Result<Vec<_>, _>>()?)
    }

    /// Opens the training and validation splits, with the stage's fields in its order; `folders` has those of each data set.
    ///
    /// # Errors
    /// E0510 when files can't be opened or fields, grid or trajectories are others, R0109 when training has no window.
    pub fn over(work: &StageWork, folders: &[Vec<PathBuf>]) -> Result<WellSamples, RunError> {
        let sets = work.sets.iter().zip(folders).map(|(set, folders)| Set::open(work, set, folders));
        Ok(WellSamples { seed: work.seed, stage: work.id, batch: work.batch, sets: sets.collect::<Result<_, _>>()? })
    }
}

impl Set {
    fn open(work: &StageWork, set: &SetWork, folders: &[PathBuf]) -> Result<Set, RunError> {
        let paths: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
        let layout = set.layout.clone();
        let names: Vec<&str> = layout.fields.iter().map(String::as_str).collect();
        let train = Dataset::open_all(&paths, Split::Train).map_err(refused)?;
        let mut windows = train.windows_of(&names, layout.window, 1).map_err(refused)?;
        if let Some(limit) = set.trajectories {
            windows = train.limited(&windows, limit).map_err(refused)?;
        }
        let mut valid = None;
        if work.report.is_some() {
            let split = Dataset::open_all(&paths, Split::Valid).map_err(refused)?;
            let windows = split.windows_of(&names, layout.window, 1).map_err(refused)?;
            valid = Some((split, windows));
        }
        let opened = [Some(&train), valid.as_ref().map(|(v, _)| v)];
        if let Some(split) = opened.into_iter().flatten().find(|split| split.grid() != layout.grid) {
            let (file, files) = (split.files()[0].path.clone(), split.files().len());
            let cause = format!("the grid is {:?}, not the {:?} of data `{}`", split.grid(), layout.grid, set.name);
            let first = Box::new(DataError::Object { file, object: "dimensions".into(), cause });
            return Err(refused(DataError::Files { first, failing: files, files }));
        }
        if windows.is_empty() {
            let message = format!("stage `{}` has no training window of {} frames in `{}`", work.name, layout.window, set.name);
            return Err(Diagnostic::new("R0109", message).into());
        }
        Ok(Set { layout, train: Arc::new(train), windows: Arc::new(windows), valid, reader: None })
    }

    /// Reads ahead from batch `number` on, for ever. `stream` keeps the orders of a stage's sets apart.
    fn start(&self, seed: u64, stream: u64, batch: usize, number: u64) -> Prefetch {
        let windows = self.windows.len();
        let order = (number..).map(move |n| sample_order(seed, stream, n, batch, windows));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Prefetch::start(self.train.clone(), self.windows.clone(), READ_AHEAD, threads, order)
    }

    fn valid(&self) -> &(Dataset, WindowIndex) {
        self.valid.as_ref().expect("only a stage with a report is evaluated")
    }

    /// The validation split and its stretches of a context and `horizon` frames.
    fn trajectories(&self, horizon: usize) -> Result<(&Dataset, WindowIndex), RunError> {
        let names: Vec<&str> = self.layout.fields.iter().map(String::as_str).collect();
        let (valid, _) = self.valid();
        Ok((valid, valid.windows_of(&names, self.layout.context + horizon, 1).map_err(unreadable)?))
    }
}

impl Samples for WellSamples {
    fn training_windows(&self, set: usize) -> usize {
        self.sets[set].windows.len()
    }

    fn batch(&mut self, set: usize, number: u64, out: &mut [f32]) -> Result<(), RunError> {
        let stream = u64::from(self.stage) | (set as u64) << 32;
        let (seed, batch) = (self.seed, self.batch);
        let set = &mut self.sets[set];
        let mut reader = match set.reader.take() {
            Some((next, reader)) if next == number => reader,
            _ => set.start(seed, stream, batch, number),
        };
        let batch = reader.next_batch().expect("the order of batches has no end").map_err(unreadable)?;
        batch.write(out);
        reader.recycle(batch);
        set.reader = Some((number + 1, reader));
        Ok(())
    }

    fn validation_windows(&self, set: usize) -> usize {
        self.sets[set].valid.as_ref().map_or(0, |(_, windows)| windows.len())
    }

    fn validation_window(&mut self, set: usize, index: usize, out: &mut [f32]) -> Result<(), RunError> {
        let (valid, windows) = self.sets[set].valid();
        valid.read_window(windows, index, out).map_err(unreadable)
    }

    fn longest_horizon(&self, set: usize) -> usize {
        let set = &self.sets[set];
        let files = set.valid.iter().flat_map(|(v, _)| v.files());
        files.map(|f| f.frames).max().unwrap_or(0).saturating_sub(set.layout.context)
    }

    fn starts(&self, set: usize, horizon: usize) -> usize {
        self.sets[set].trajectories(horizon).map_or(0, |(_, windows)| windows.len())
    }

    fn trajectory(&mut self, set: usize, start: usize, horizon: usize, out: &mut [f32]) -> Result<(), RunError> {
        let (valid, windows) = self.sets[set].trajectories(horizon)?;
        valid.read_window(&windows, start, out).map_err(unreadable)
    }
}

fn no_solver(data: &Data, error: &DataError) -> RunError {
    let help = format!("read it from disk instead: `{}.source = directory`, and give its place with `--data`", data.name);
    Diagnostic::new("R0111", format!("data `{}` can't be made here: {error}", data.name)).help(help).into()
}

fn unreadable(error: DataError) -> RunError {
    let help = "`pfmc data inspect` shows what is there; `pfmc data generate` makes what is missing";
    Diagnostic::new("R0111", format!("cannot read data: {error}")).help(help).into()
}
