//! The one error of this crate: which file, which object in it, and why.

use std::fmt;
use std::path::{Path, PathBuf};

use pfm_solvers::SolverError;

/// Why data could not be read, written or made.
#[derive(Clone, Debug, PartialEq)]
pub enum DataError {
    /// A file or folder could not be used at all.
    Path { path: PathBuf, cause: String },
    /// An object inside a data file is missing, malformed or unreadable.
    Object { file: PathBuf, object: String, cause: String },
    /// Files of a data set that can't be used: why the first can't, and how many of how many.
    Files { first: Box<DataError>, failing: usize, files: usize },
    /// A request that the data can't meet, such as a field that is not there.
    Request(String),
    /// A simulation failed while generating data.
    Simulation(SolverError),
}

impl DataError {
    pub(crate) fn path(path: &Path, cause: impl fmt::Display) -> Self {
        Self::Path { path: path.to_path_buf(), cause: cause.to_string() }
    }

    pub(crate) fn object(file: &Path, object: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self::Object { file: file.to_path_buf(), object: object.into(), cause: cause.to_string() }
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Object { file, object, cause } => write!(f, "{}: {object}: {cause}", file.display()),
            Self::Files { first, failing, files } => write!(f, "{first} ({failing} of {files} files)"),
            Self::Request(cause) => f.write_str(cause),
            Self::Simulation(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DataError {}

impl From<SolverError> for DataError {
    fn from(error: SolverError) -> Self {
        Self::Simulation(error)
    }
}

/// Writes a small text file under a temporary name and renames it.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), DataError> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, path)).map_err(|cause| DataError::path(path, cause))
}
