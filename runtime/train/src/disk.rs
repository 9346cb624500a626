//! The windows of a stage out of data files: training batches in the sampler's order, read ahead by a thread, and validation
//! windows and trajectories on demand.

use crate::resolved::stage_work;
use crate::work::{Layout, StageWork};
use crate::{RunError, Samples};
use pfm_data::{DataError, Dataset, GenerateSpec, Prefetch, Split, WindowIndex, sample_order};
use pfm_diag::Diagnostic;
use pfm_hir::{Data, Experiment, Source};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Batches that wait, read, while one is used.
const READ_AHEAD: usize = 2;

/// The windows of one stage.
pub struct WellSamples {
    seed: u64,
    stage: u32,
    batch: usize,
    layout: Layout,
    train: Arc<Dataset>,
    windows: Arc<WindowIndex>,
    /// The validation split and its windows; None for a stage without a report.
    valid: Option<(Dataset, WindowIndex)>,
    /// The step that the reader hands out next, and the reader.
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
        let own = GenerateSpec::new(system, share(i), seed).map_err(unreadable)?;
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
        let folders = folders(&experiment.data[stage.data], base)?;
        let paths: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
        WellSamples::over(&stage_work(experiment, stage), &paths)
    }

    /// Opens the training and validation splits of the data sets in `paths`, with the stage's fields in its order.
    ///
    /// # Errors
    /// R0111 when files can't be opened or fields are missing, R0109 when training has no window.
    pub fn over(work: &StageWork, paths: &[&Path]) -> Result<WellSamples, RunError> {
        let layout = work.layout.clone();
        let names: Vec<&str> = layout.fields.iter().map(String::as_str).collect();
        let train = Dataset::open_all(paths, Split::Train).map_err(unreadable)?;
        let windows = train.windows_of(&names, layout.window, 1).map_err(unreadable)?;
        let mut valid = None;
        if work.report.is_some() {
            let split = Dataset::open_all(paths, Split::Valid).map_err(unreadable)?;
            let windows = split.windows_of(&names, layout.window, 1).map_err(unreadable)?;
            valid = Some((split, windows));
        }
        let of_valid = valid.as_ref().map_or(train.grid(), |(v, _)| v.grid());
        if train.grid() != layout.grid || of_valid != layout.grid {
            let message = format!("the data of stage `{}` has the grid {:?}, not {:?}", work.name, train.grid(), layout.grid);
            return Err(Diagnostic::new("R0111", message).into());
        }
        if windows.is_empty() {
            let message = format!("stage `{}` has no training window of {} frames", work.name, layout.window);
            return Err(Diagnostic::new("R0109", message).into());
        }
        Ok(WellSamples {
            seed: work.seed,
            stage: work.id,
            batch: work.batch,
            layout,
            train: Arc::new(train),
            windows: Arc::new(windows),
            valid,
            reader: None,
        })
    }

    /// Reads ahead from `step` on, for ever.
    fn start(&self, step: u64) -> Prefetch {
        let (seed, stage, batch, windows) = (self.seed, u64::from(self.stage), self.batch, self.windows.len());
        let order = (step..).map(move |s| sample_order(seed, stage, s, batch, windows));
        Prefetch::start(self.train.clone(), self.windows.clone(), READ_AHEAD, order)
    }

    /// The validation split and its stretches of a context and `horizon` frames.
    fn trajectories(&self, horizon: usize) -> Result<(&Dataset, WindowIndex), RunError> {
        let names: Vec<&str> = self.layout.fields.iter().map(String::as_str).collect();
        let (valid, _) = self.valid.as_ref().expect("only a stage with a report is evaluated");
        Ok((valid, valid.windows_of(&names, self.layout.context + horizon, 1).map_err(unreadable)?))
    }
}

impl Samples for WellSamples {
    fn batch(&mut self, step: u64, out: &mut [f32]) -> Result<(), RunError> {
        let mut reader = match self.reader.take() {
            Some((next, reader)) if next == step => reader,
            _ => self.start(step),
        };
        let batch = reader.next_batch().expect("the order of batches has no end").map_err(unreadable)?;
        out.copy_from_slice(&batch.data);
        reader.recycle(batch);
        self.reader = Some((step + 1, reader));
        Ok(())
    }

    fn validation_windows(&self) -> usize {
        self.valid.as_ref().map_or(0, |(_, windows)| windows.len())
    }

    fn validation_window(&mut self, index: usize, out: &mut [f32]) -> Result<(), RunError> {
        let (valid, windows) = self.valid.as_ref().expect("only a stage with a report is evaluated");
        valid.read_window(windows, index, out).map_err(unreadable)
    }

    fn longest_horizon(&self) -> usize {
        let files = self.valid.iter().flat_map(|(v, _)| v.files());
        files.map(|f| f.frames).max().unwrap_or(0).saturating_sub(self.layout.context)
    }

    fn starts(&self, horizon: usize) -> usize {
        self.trajectories(horizon).map_or(0, |(_, windows)| windows.len())
    }

    fn trajectory(&mut self, start: usize, horizon: usize, out: &mut [f32]) -> Result<(), RunError> {
        let (valid, windows) = self.trajectories(horizon)?;
        valid.read_window(&windows, start, out).map_err(unreadable)
    }
}

fn unreadable(error: DataError) -> RunError {
    let help = "`pfmc data inspect` shows what is there; `pfmc data generate` makes what is missing";
    Diagnostic::new("R0111", format!("cannot read data: {error}")).help(help).into()
}
