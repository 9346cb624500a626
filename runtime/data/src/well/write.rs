//! Writing one file in The Well's layout, trajectory by trajectory. The file is written under a temporary name and renamed when it
//! is complete, so a reader never sees half a file and an interrupted generation leaves nothing that looks finished.

use std::path::{Path, PathBuf};

use hdf5_metno::plist::dataset_create::FillTime;
use hdf5_metno::{Dataset, File, Group, H5Type, Hyperslab, SliceOrIndex};
use ndarray::{ArrayViewD, IxDyn};
use pfm_solvers::{BoundaryKind, Field};

use super::FIELD_GROUPS;
use super::attribute::{write_flags, write_scalar, write_string, write_strings, write_varying};
use crate::error::DataError;

/// A spatial axis: its name, the coordinate of every grid point, and what happens at both ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub name: String,
    pub coordinates: Vec<f32>,
    /// At the lower and the upper end.
    pub boundary: [BoundaryKind; 2],
}

/// A field to be written. It varies along all spatial axes.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldLayout {
    pub name: String,
    /// 0 scalar, 1 vector, 2 tensor.
    pub order: usize,
    pub symmetric: bool,
    pub antisymmetric: bool,
    /// Whether it differs between trajectories; if not, the first one's is written.
    pub sample_varying: bool,
    /// Whether it changes in time; if not, it is one frame.
    pub time_varying: bool,
}

impl From<Field> for FieldLayout {
    fn from(field: Field) -> Self {
        let Field { name, order, symmetric } = field;
        Self { name: name.to_string(), order, symmetric, antisymmetric: false, sample_varying: true, time_varying: true }
    }
}

/// Everything in a file but the field values.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub dataset_name: String,
    pub axes: Vec<Axis>,
    /// Time of each frame, the same for all trajectories.
    pub times: Vec<f32>,
    pub trajectories: usize,
    /// Simulation parameters, constant within the file.
    pub parameters: Vec<(String, f64)>,
    /// Fields; order within each tensor order is kept.
    pub fields: Vec<FieldLayout>,
}

/// A file being written. Dropping it without `finish` removes what was written.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    partial: PathBuf,
    file: Option<File>,
    /// In the order of `Layout::fields`.
    fields: Vec<Target>,
}

impl Writer {
    /// Creates the file's structure; field values follow by `write_trajectory`.
    ///
    /// # Errors
    /// The file can't be created or written.
    pub fn create(path: &Path, layout: &Layout) -> Result<Self, DataError> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let failed = |cause: hdf5_metno::Error| DataError::path(&partial, cause);
        let file = File::create(&partial).map_err(failed)?;
        let fields = write_structure(&file, layout).map_err(failed)?;
        Ok(Self { path: path.to_path_buf(), partial, file: Some(file), fields })
    }

    /// Writes one trajectory: per field of the layout its values [frames, *grid, components], last axis fastest; one frame of a field
    /// that does not change in time.
    ///
    /// # Errors
    /// The file can't be written.
    ///
    /// # Panics
    /// The number of values differs from the layout's shape.
    pub fn write_trajectory(&mut self, trajectory: usize, values: &[&[f32]]) -> Result<(), DataError> {
        assert_eq!(values.len(), self.fields.len(), "one array per field of the layout");
        for (Target { dataset, shape, sample_varying }, values) in self.fields.iter().zip(values) {
            if !sample_varying && trajectory > 0 {
                continue;
            }
            let view = ArrayViewD::from_shape(IxDyn(shape), values).expect("a field's values match the layout's shape");
            let mut selection = Vec::new();
            selection.extend(sample_varying.then_some(SliceOrIndex::Index(trajectory)));
            selection.extend(shape.iter().map(|&count| SliceOrIndex::SliceCount { start: 0, step: 1, count, block: 1 }));
            dataset
                .write_slice(view, Hyperslab::from(selection))
                .map_err(|cause| DataError::object(&self.partial, dataset.name(), cause))?;
        }
        Ok(())
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// The last bytes can't be written or the file can't be renamed.
    pub fn finish(mut self) -> Result<(), DataError> {
        self.fields.clear();
        let file = self.file.take().expect("a writer is finished once");
        file.flush().and_then(|()| file.close()).map_err(|cause| DataError::path(&self.partial, cause))?;
        let synced = std::fs::File::open(&self.partial).and_then(|file| file.sync_all());
        synced.and_then(|()| std::fs::rename(&self.partial, &self.path)).map_err(|cause| DataError::path(&self.path, cause))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            self.fields.clear();
            // Nothing is lost if this fails: the temporary name is never read.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

/// A dataset that takes the values of one field.
#[derive(Debug)]
struct Target {
    dataset: Dataset,
    /// Of one trajectory.
    shape: Vec<usize>,
    sample_varying: bool,
}

fn write_structure(file: &File, layout: &Layout) -> hdf5_metno::Result<Vec<Target>> {
    write_string(file, "dataset_name", &layout.dataset_name)?;
    write_string(file, "grid_type", "cartesian")?;
    write_scalar(file, "n_spatial_dims", layout.axes.len() as i64)?;
    write_scalar(file, "n_trajectories", layout.trajectories as i64)?;
    let names: Vec<&str> = layout.parameters.iter().map(|(name, _)| name.as_str()).collect();
    write_strings(file, "simulation_parameters", &names)?;
    for (name, value) in &layout.parameters {
        write_scalar(file, name.as_str(), *value)?;
    }
    write_dimensions(&file.create_group("dimensions")?, layout)?;
    write_boundaries(&file.create_group("boundary_conditions")?, layout)?;
    let scalars = file.create_group("scalars")?;
    write_strings(&scalars, "field_names", &names)?;
    for (name, value) in &layout.parameters {
        let dataset = scalars.new_dataset::<f32>().obj_track_times(false).create(name.as_str())?;
        dataset.write_scalar(&(*value as f32))?;
        write_varying(&dataset, false, false)?;
    }
    write_fields(file, layout)
}

fn write_array<T: H5Type>(group: &Group, name: &str, values: &[T]) -> hdf5_metno::Result<Dataset> {
    let dataset = group.new_dataset::<T>().shape([values.len()]).no_chunk().obj_track_times(false).create(name)?;
    dataset.write(values)?;
    Ok(dataset)
}

fn write_dimensions(group: &Group, layout: &Layout) -> hdf5_metno::Result<()> {
    let names: Vec<&str> = layout.axes.iter().map(|axis| axis.name.as_str()).collect();
    write_strings(group, "spatial_dims", &names)?;
    let time = write_array(group, "time", &layout.times)?;
    write_varying(&time, false, true)?;
    for axis in &layout.axes {
        let points = write_array(group, &axis.name, &axis.coordinates)?;
        write_varying(&points, false, false)?;
    }
    Ok(())
}

fn write_boundaries(group: &Group, layout: &Layout) -> hdf5_metno::Result<()> {
    for axis in &layout.axes {
        let [low, high] = axis.boundary;
        if low == high {
            write_boundary(group, axis, low, [true, true])?;
        } else {
            write_boundary(group, axis, low, [true, false])?;
            write_boundary(group, axis, high, [false, true])?;
        }
    }
    Ok(())
}

/// One kind of boundary at some ends of an axis.
fn write_boundary(group: &Group, axis: &Axis, kind: BoundaryKind, ends: [bool; 2]) -> hdf5_metno::Result<()> {
    let kind = super::boundary::name(kind);
    let boundary = group.create_group(&format!("{}_{}", axis.name, kind.to_lowercase()))?;
    write_strings(&boundary, "associated_dims", &[axis.name.as_str()])?;
    write_strings(&boundary, "associated_fields", &[])?;
    write_string(&boundary, "bc_type", kind)?;
    write_varying(&boundary, false, false)?;
    let last = axis.coordinates.len() - 1;
    let mask: Vec<bool> = (0..=last).map(|i| (i == 0 && ends[0]) || (i == last && ends[1])).collect();
    let mask = write_array(&boundary, "mask", &mask)?;
    write_varying(&mask, false, false)
}

fn write_fields(file: &File, layout: &Layout) -> hdf5_metno::Result<Vec<Target>> {
    let groups = FIELD_GROUPS.map(|name| file.create_group(name));
    let mut targets: Vec<Option<Target>> = layout.fields.iter().map(|_| None).collect();
    for (order, group) in groups.into_iter().enumerate() {
        let group = group?;
        let members = || layout.fields.iter().enumerate().filter(|(_, field)| field.order == order);
        let names: Vec<&str> = members().map(|(_, field)| field.name.as_str()).collect();
        write_strings(&group, "field_names", &names)?;
        for (index, field) in members() {
            let mut shape = Vec::new();
            shape.extend(field.time_varying.then_some(layout.times.len()));
            shape.extend(layout.axes.iter().map(|axis| axis.coordinates.len()));
            shape.extend(std::iter::repeat_n(layout.axes.len(), order));
            let mut stored = Vec::new();
            stored.extend(field.sample_varying.then_some(layout.trajectories));
            stored.extend(&shape);
            let dataset = group
                .new_dataset::<f32>()
                .shape(stored)
                .no_chunk()
                .fill_time(FillTime::Never)
                .obj_track_times(false)
                .create(field.name.as_str())?;
            write_flags(&dataset, "dim_varying", &vec![true; layout.axes.len()])?;
            write_varying(&dataset, field.sample_varying, field.time_varying)?;
            if order == 2 {
                write_scalar(&dataset, "symmetric", field.symmetric)?;
                write_scalar(&dataset, "antisymmetric", field.antisymmetric)?;
            }
            targets[index] = Some(Target { dataset, shape, sample_varying: field.sample_varying });
        }
    }
    Ok(targets.into_iter().map(|target| target.expect("tensor orders are 0, 1 and 2")).collect())
}
