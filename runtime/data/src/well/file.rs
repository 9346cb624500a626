//! One open file: its header, which a reading process may have read, and the file itself, from which values are read by their place.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::boundary::AxisBoundary;
use super::header::Header;
use crate::error::DataError;
use crate::isolated::{Answer, Request, ask};
use crate::storage::{Storage, size};

/// A field as a file stores it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredField {
    pub name: String,
    /// 0 scalar, 1 vector, 2 tensor.
    pub order: usize,
    /// Number of components: spatial axes to the power of the order.
    pub components: usize,
    /// Whether a tensor equals its transpose, or its negative; false for what is no tensor.
    pub symmetric: bool,
    pub antisymmetric: bool,
    /// Whether it differs between trajectories; if not, one copy serves all.
    pub sample_varying: bool,
    /// Whether it changes in time; if not, one frame serves all.
    pub time_varying: bool,
    /// Whether it varies along each spatial axis; axes along which it doesn't are not stored.
    pub dim_varying: Vec<bool>,
    pub(crate) storage: Storage,
}

impl StoredField {
    /// The shape in the file.
    pub(super) fn shape(&self, trajectories: usize, frames: usize, grid: &[usize]) -> Vec<usize> {
        let mut shape = Vec::new();
        shape.extend(self.sample_varying.then_some(trajectories));
        shape.extend(self.time_varying.then_some(frames));
        shape.extend(grid.iter().zip(&self.dim_varying).filter(|(_, varies)| **varies).map(|(n, _)| *n));
        shape.extend(std::iter::repeat_n(grid.len(), self.order));
        shape
    }

    /// The object's name in the file.
    pub(crate) fn object(&self) -> String {
        format!("{}/{}", super::FIELD_GROUPS[self.order], self.name)
    }
}

/// A file in The Well's layout, opened for reading. Safe to share between threads.
#[derive(Debug)]
pub struct WellFile {
    pub path: PathBuf,
    pub dataset_name: String,
    /// Names of the spatial axes and the number of grid points along each.
    pub axes: Vec<String>,
    pub grid: Vec<usize>,
    /// Coordinates of the grid points along each axis.
    pub coordinates: Vec<Vec<f64>>,
    pub trajectories: usize,
    /// Frames per trajectory, and the time of each in the first trajectory.
    pub frames: usize,
    pub times: Vec<f64>,
    /// Simulation parameters in file order.
    pub parameters: Vec<(String, f64)>,
    pub boundaries: Vec<AxisBoundary>,
    /// Scalars, vectors, tensors, each in the order of its `field_names`.
    pub fields: Vec<StoredField>,
    pub(crate) raw: std::fs::File,
}

impl WellFile {
    /// Opens a file and reads its header, unless it was read before and the file is the same.
    ///
    /// # Errors
    /// Anything that keeps the file from being read as The Well's layout, with the object at fault.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let failed = |cause| DataError::path(path, cause);
        let raw = std::fs::File::open(path).map_err(failed)?;
        let metadata = raw.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(DataError::path(path, "not a file"));
        }
        let header = known_header(path, &metadata)?;
        let Header { dataset_name, axes, coordinates, grid, trajectories, times, parameters, boundaries, fields } = header;
        let path = path.to_path_buf();
        Ok(Self {
            path,
            dataset_name,
            axes,
            grid,
            coordinates,
            trajectories,
            frames: times.len(),
            times,
            parameters,
            boundaries,
            fields,
            raw,
        })
    }
}

/// A file's length and time of change when its header was read.
type Stamp = (u64, SystemTime);

/// Headers of the files that were opened in this run of the program.
static HEADERS: Mutex<BTreeMap<PathBuf, (Stamp, Header)>> = Mutex::new(BTreeMap::new());

/// A file that changed a moment ago may change again under the same time.
const SETTLED: Duration = Duration::from_secs(2);

fn known_header(path: &Path, metadata: &Metadata) -> Result<Header, DataError> {
    let changed = metadata.modified().map_err(|cause| DataError::path(path, cause))?;
    let stamp = (metadata.len(), changed);
    let known = || HEADERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, header)) = known().get(path).filter(|(of, _)| *of == stamp) {
        return Ok(header.clone());
    }
    let Answer::Header(header) = ask(path, &Request::Header(path.into()))? else {
        return Err(DataError::path(path, "the reading process answers another question"));
    };
    check(path, &header, metadata.len())?;
    if changed.elapsed().is_ok_and(|age| age > SETTLED) {
        known().insert(path.to_path_buf(), (stamp, (*header).clone()));
    }
    Ok(*header)
}

/// Whether a header is consistent with itself and the file's length, so that nothing that relies on it can go wrong: a library that
/// was led astray by a damaged file may say anything.
fn check(path: &Path, header: &Header, length: u64) -> Result<(), DataError> {
    let (d, frames) = (header.grid.len(), header.times.len());
    let whole = [header.trajectories, frames].iter().chain(&header.grid).copied().collect::<Vec<usize>>();
    let points: Vec<usize> = header.coordinates.iter().map(Vec::len).collect();
    if d == 0 || points != header.grid || header.axes.len() != d || header.boundaries.len() != d || frames == 0 || size(&whole).is_none() {
        return Err(DataError::object(
            path,
            "dimensions",
            format!("no file holds {} trajectories of {frames} frames of {:?}", header.trajectories, header.grid),
        ));
    }
    for field in &header.fields {
        let failed = |cause: String| DataError::object(path, field.object(), cause);
        if field.order >= super::FIELD_GROUPS.len() || field.components != d.pow(field.order as u32) || field.dim_varying.len() != d {
            return Err(DataError::object(path, "fields", format!("`{}` contradicts itself", field.name)));
        }
        field.storage.check(&field.shape(header.trajectories, frames, &header.grid), length).map_err(failed)?;
    }
    Ok(())
}
