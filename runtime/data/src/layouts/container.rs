//! The two containers that files come in, HDF5 (which NetCDF-4 is) and NetCDF's classic format, behind the questions that layouts ask.

use std::fs::File as RawFile;
use std::path::Path;

use hdf5_metno::{Dataset, File};
use pfm_solvers::Spacing;

use super::assembly::{Array, Values};
use super::netcdf_classic::{self, Variable};
use crate::error::DataError;
use crate::well;

/// An open file.
pub(crate) enum Container {
    Hdf5(File),
    Classic { raw: RawFile, variables: Vec<Variable> },
}

impl Container {
    /// Opens a file in either format.
    ///
    /// # Errors
    /// It is in neither, or damaged.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let failed = |cause: String| DataError::path(path, cause);
        let raw = RawFile::open(path).map_err(|cause| failed(cause.to_string()))?;
        if netcdf_classic::is_classic(&raw) {
            let variables = netcdf_classic::variables(&raw).map_err(failed)?;
            return Ok(Self::Classic { raw, variables });
        }
        Ok(Self::Hdf5(well::open(path)?))
    }

    /// The shape of an array, if it is there.
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        match self {
            Self::Hdf5(file) => dataset(file, name).map(|dataset| dataset.shape()),
            Self::Classic { variables, .. } => variable(variables, name).map(|variable| variable.shape.clone()),
        }
    }

    /// An array and where its values lie.
    ///
    /// # Errors
    /// It is missing, or holds no real numbers.
    pub fn array(&self, name: &str) -> Result<Array, String> {
        let missing = || "the array is missing".to_string();
        let (shape, values) = match self {
            Self::Hdf5(file) => {
                let dataset = dataset(file, name).ok_or_else(missing)?;
                let storage = well::storage(file, &dataset).map_err(|cause| cause.to_string())?;
                (dataset.shape(), Values::Hdf5(storage))
            }
            Self::Classic { variables, .. } => {
                let variable = variable(variables, name).ok_or_else(missing)?;
                let records = variable.records.clone().ok_or("the variable holds no real numbers")?;
                (variable.shape.clone(), Values::Classic(records))
            }
        };
        Ok(Array { object: name.to_string(), shape, values })
    }

    /// All values of a small array, such as the times of frames.
    ///
    /// # Errors
    /// It is missing or can't be read.
    pub fn values(&self, name: &str) -> Result<Vec<f64>, String> {
        match self {
            Self::Hdf5(file) => {
                let dataset = dataset(file, name).ok_or("the array is missing")?;
                dataset.read_raw::<f64>().map_err(|cause| cause.to_string())
            }
            Self::Classic { raw, .. } => {
                let array = self.array(name)?;
                let Values::Classic(records) = array.values else { unreachable!("a classic file has classic arrays") };
                records.all(raw, &array.shape)
            }
        }
    }

    /// Coordinates of the grid points along each axis, from arrays of these names; where an array is missing or of another length,
    /// centres of equal cells between 0 and 1.
    pub fn coordinates(&self, names: [&str; 2], grid: &[usize]) -> Vec<Vec<f64>> {
        let axis = |(name, &n): (&str, &usize)| {
            let stored = self.shape(name).filter(|shape| shape[..] == [n]).and_then(|_| self.values(name).ok());
            stored.unwrap_or_else(|| Spacing::Uniform.points((0.0, 1.0), n))
        };
        names.into_iter().zip(grid).map(axis).collect()
    }

    /// A number that is an attribute of the whole file, if it is there.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self {
            Self::Hdf5(file) => well::number(file, name),
            Self::Classic { .. } => None,
        }
    }

    /// Names in the root, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = match self {
            Self::Hdf5(file) => file.member_names().unwrap_or_default(),
            Self::Classic { variables, .. } => variables.iter().map(|variable| variable.name.clone()).collect(),
        };
        names.sort();
        names
    }
}

/// A dataset, asked for by steps: the library prints nothing and fails cleanly on a path whose start is missing.
fn dataset(file: &File, name: &str) -> Option<Dataset> {
    if let Some((group, inner)) = name.rsplit_once('/') {
        return file.group(group).ok()?.dataset(inner).ok();
    }
    file.dataset(name).ok()
}

fn variable<'a>(variables: &'a [Variable], name: &str) -> Option<&'a Variable> {
    variables.iter().find(|variable| variable.name == name)
}
