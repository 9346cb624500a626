//! What is in a data set, as a value that prints: fields, grids, boundaries, parameters, statistics and window counts. Only headers
//! are read.

use std::path::Path;

use serde::Serialize;

use crate::dataset::{Dataset, Split, data_files};
use crate::error::DataError;
use crate::identity::STATISTICS;
use crate::layouts;
use crate::statistics::Statistics;

/// A data set at a glance.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    pub dataset_name: String,
    /// Channels in file order: `density`, `momentum_x`, …
    pub fields: Vec<String>,
    pub axes: Vec<String>,
    pub grid: Vec<usize>,
    /// Time between the first two frames.
    pub interval: Option<f64>,
    pub splits: Vec<SplitInspection>,
    /// The content of stats.yaml, where there is one.
    pub statistics: Option<Statistics>,
}

/// One split.
#[derive(Clone, Debug, Serialize)]
pub struct SplitInspection {
    /// `train`, `valid`, `test`; None for a folder without splits.
    pub split: Option<&'static str>,
    pub trajectories: usize,
    /// Frames of the shortest trajectory.
    pub frames: usize,
    /// Windows of ten frames at stride 1.
    pub windows: usize,
    pub bytes: u64,
    pub files: Vec<FileInspection>,
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub struct FileInspection {
    pub name: String,
    pub trajectories: usize,
    pub frames: usize,
    pub parameters: Vec<(String, f64)>,
    /// Axis, and the boundary at its lower and upper end.
    pub boundaries: Vec<(String, String, String)>,
}

/// Frames of the windows that an inspection counts.
const WINDOW: usize = 10;

/// Reads the headers of a data set's files.
///
/// # Errors
/// Nothing there, or a file that can't be read.
pub fn inspect(dir: &Path) -> Result<Inspection, DataError> {
    let folder = |split: Split| [dir.join("data").join(split.name()), dir.join(split.name())].iter().any(|folder| folder.is_dir());
    let mut splits = Vec::new();
    let mut first = None;
    for split in Split::ALL.into_iter().filter(|&split| folder(split)) {
        if data_files(dir, split).is_ok() {
            let dataset = Dataset::open(dir, split)?;
            splits.push(inspect_split(&dataset, Some(split.name()))?);
            first.get_or_insert(dataset);
        }
    }
    let dataset = match first {
        Some(dataset) => dataset,
        None => {
            let dataset = Dataset::open_files(data_files(dir, Split::Train)?)?;
            if dataset.files().iter().all(layouts::divides) {
                for split in Split::ALL {
                    splits.push(inspect_split(&Dataset::open(dir, split)?, Some(split.name()))?);
                }
            } else {
                splits.push(inspect_split(&dataset, None)?);
            }
            dataset
        }
    };
    let file = &dataset.files()[0];
    let statistics = dir.join(STATISTICS);
    Ok(Inspection {
        dataset_name: file.dataset_name.clone(),
        fields: dataset.fields().iter().map(|field| field.name.clone()).collect(),
        axes: file.axes.clone(),
        grid: file.grid.clone(),
        interval: (file.times.len() > 1).then(|| file.times[1] - file.times[0]),
        splits,
        statistics: statistics.is_file().then(|| Statistics::read(&statistics)).transpose()?,
    })
}

fn inspect_split(dataset: &Dataset, split: Option<&'static str>) -> Result<SplitInspection, DataError> {
    let mut bytes = 0;
    let mut files = Vec::new();
    for file in dataset.files() {
        bytes += file.path.metadata().map_err(|cause| DataError::path(&file.path, cause))?.len();
        files.push(FileInspection {
            name: file.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            trajectories: file.trajectories,
            frames: file.frames,
            parameters: file.parameters.clone(),
            boundaries: file.boundaries.iter().map(|b| (b.axis.clone(), format!("{:?}", b.low), format!("{:?}", b.high))).collect(),
        });
    }
    Ok(SplitInspection {
        split,
        trajectories: dataset.trajectories(),
        frames: dataset.frames_per_trajectory(),
        windows: dataset.windows(WINDOW, 1).len(),
        bytes,
        files,
    })
}
