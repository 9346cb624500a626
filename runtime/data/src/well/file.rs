//! One open file: its header, and where each field's values lie. Values of contiguous, unfiltered little-endian single precision
//! are read from the file directly; everything else goes through the HDF5 library.

use std::io::Read;
use std::path::{Path, PathBuf};

use hdf5_metno::plist::dataset_create::Layout as StorageLayout;
use hdf5_metno::{Dataset, File, Group};

use super::attribute;
use super::boundary::{self, AxisBoundary};
use super::frames::Source;
use crate::error::DataError;

/// A field as a file stores it.
#[derive(Debug)]
pub struct StoredField {
    pub name: String,
    /// 0 scalar, 1 vector, 2 tensor.
    pub order: usize,
    /// Number of components: spatial axes to the power of the order.
    pub components: usize,
    /// Whether it differs between trajectories; if not, one copy serves all.
    pub sample_varying: bool,
    /// Whether it changes in time; if not, one frame serves all.
    pub time_varying: bool,
    /// Whether it varies along each spatial axis; axes along which it doesn't are not stored.
    pub dim_varying: Vec<bool>,
    pub(super) source: Source,
}

/// A file in The Well's layout, opened for reading. Safe to share between threads.
#[derive(Debug)]
pub struct WellFile {
    pub path: PathBuf,
    pub dataset_name: String,
    /// Names of the spatial axes and the number of grid points along each.
    pub axes: Vec<String>,
    pub grid: Vec<usize>,
    pub trajectories: usize,
    /// Frames per trajectory, and the time of each in the first trajectory.
    pub frames: usize,
    pub times: Vec<f64>,
    /// Simulation parameters in file order.
    pub parameters: Vec<(String, f64)>,
    pub boundaries: Vec<AxisBoundary>,
    /// Scalars, vectors, tensors, each in the order of its `field_names`.
    pub fields: Vec<StoredField>,
    pub(super) raw: std::fs::File,
}

impl WellFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// Anything that keeps the file from being read as The Well's layout, with the object at fault.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let raw = std::fs::File::open(path).map_err(|cause| DataError::path(path, cause))?;
        let file = File::open(path).map_err(|cause| DataError::path(path, unopened(&raw, &cause.to_string())))?;
        let root = |cause: String| DataError::object(path, "/", cause);
        let dataset_name = attribute::string(&file, "dataset_name").map_err(root)?;
        let trajectories = attribute::count(&file, "n_trajectories").map_err(root)?;
        let parameters = parameters(&file).map_err(root)?;
        let (axes, grid, times) = dimensions(path, &file)?;
        let boundaries = boundary::read(path, &file, &axes)?;
        let mut well = Self {
            path: path.to_path_buf(),
            dataset_name,
            axes,
            grid,
            trajectories,
            frames: times.len(),
            times,
            parameters,
            boundaries,
            fields: Vec::new(),
            raw,
        };
        for (order, name) in super::FIELD_GROUPS.into_iter().enumerate() {
            let group = file.group(name).map_err(|_| DataError::object(path, name, "the group is missing"))?;
            let fields = attribute::strings(&group, "field_names").map_err(|c| DataError::object(path, name, c))?;
            for field in fields {
                let field = well.field(&group, &field, order)?;
                well.fields.push(field);
            }
        }
        Ok(well)
    }

    fn field(&self, group: &Group, name: &str, order: usize) -> Result<StoredField, DataError> {
        let object = format!("{}/{name}", super::FIELD_GROUPS[order]);
        let failed = |cause: String| DataError::object(&self.path, object.as_str(), cause);
        let dataset = group.dataset(name).map_err(|_| failed("the dataset is missing".into()))?;
        let sample_varying = attribute::flag(&dataset, "sample_varying").map_err(failed)?;
        let time_varying = attribute::flag(&dataset, "time_varying").map_err(failed)?;
        let dim_varying = attribute::flags(&dataset, "dim_varying").map_err(failed)?;
        let d = self.grid.len();
        if dim_varying.len() != d {
            return Err(failed(format!("dim_varying has {} entries for {d} axes", dim_varying.len())));
        }
        let mut expected = Vec::new();
        expected.extend(sample_varying.then_some(self.trajectories));
        expected.extend(time_varying.then_some(self.frames));
        expected.extend(self.grid.iter().zip(&dim_varying).filter(|(_, varies)| **varies).map(|(n, _)| *n));
        expected.extend(std::iter::repeat_n(d, order));
        if dataset.shape() != expected {
            return Err(failed(format!("its shape is {:?}, its attributes say {expected:?}", dataset.shape())));
        }
        let source = source(dataset).map_err(|cause| failed(cause.to_string()))?;
        let components = d.pow(order as u32);
        Ok(StoredField { name: name.to_string(), order, components, sample_varying, time_varying, dim_varying, source })
    }
}

/// What the first bytes of an HDF5 file without a user block are.
const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// Why the HDF5 library does not open a file, in words: its own are names of functions and numbers.
fn unopened(mut raw: &std::fs::File, cause: &str) -> String {
    let mut start = [0; SIGNATURE.len()];
    match raw.read_exact(&mut start) {
        Err(_) => "the file is empty or ends at once".to_string(),
        Ok(()) if start.starts_with(b"version ") => "a placeholder of Git LFS, not the data itself".to_string(),
        Ok(()) if start != SIGNATURE => "not an HDF5 file".to_string(),
        Ok(()) if cause.contains("truncated") => "the file is truncated: it ends before its data do".to_string(),
        Ok(()) => format!("the HDF5 file is damaged: {cause}"),
    }
}

fn source(dataset: Dataset) -> hdf5_metno::Result<Source> {
    let plain = cfg!(target_endian = "little")
        && dataset.dtype()?.is::<f32>()
        && dataset.layout() == StorageLayout::Contiguous
        && dataset.filters().is_empty();
    Ok(match dataset.offset() {
        Some(offset) if plain => Source::Direct { offset },
        _ => Source::Library(dataset),
    })
}

fn parameters(file: &File) -> Result<Vec<(String, f64)>, String> {
    // The loader of The Well does without this list, so its absence is no error.
    let names = attribute::strings(file, "simulation_parameters").unwrap_or_default();
    names
        .into_iter()
        .map(|name| {
            let value = attribute::number(file, &name)?;
            Ok((name, value))
        })
        .collect()
}

type Dimensions = (Vec<String>, Vec<usize>, Vec<f64>);

fn dimensions(path: &Path, file: &File) -> Result<Dimensions, DataError> {
    let group = file.group("dimensions").map_err(|_| DataError::object(path, "dimensions", "the group is missing"))?;
    let axes = attribute::strings(&group, "spatial_dims").map_err(|cause| DataError::object(path, "dimensions", cause))?;
    if axes.is_empty() {
        return Err(DataError::object(path, "dimensions", "spatial_dims is empty"));
    }
    // The last axis of a coordinate is its own: [points] or, where it differs between trajectories, [trajectories, points].
    let coordinate = |name: &str| -> Result<(usize, Dataset), DataError> {
        let object = format!("dimensions/{name}");
        let dataset = group.dataset(name).map_err(|_| DataError::object(path, object.as_str(), "the dataset is missing"))?;
        match dataset.shape().last() {
            Some(&n) if n > 0 => Ok((n, dataset)),
            _ => Err(DataError::object(path, object, "it has no entries")),
        }
    };
    let mut grid = Vec::new();
    for axis in &axes {
        grid.push(coordinate(axis)?.0);
    }
    let (frames, time) = coordinate("time")?;
    let mut times = time.read_raw::<f64>().map_err(|cause| DataError::object(path, "dimensions/time", cause))?;
    times.truncate(frames);
    Ok((axes, grid, times))
}
