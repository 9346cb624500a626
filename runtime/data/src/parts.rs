//! Trajectories of a file that is not complete yet: each lies in a file of its own beside it, with a checksum, so that an interrupted
//! generation loses no more than the trajectories that were being computed.

use std::path::{Path, PathBuf};

use pfm_solvers::Trajectory;

use crate::error::DataError;

const CHECKSUM: usize = blake3::OUT_LEN;

/// The finished trajectories of one file to be.
#[derive(Debug)]
pub(crate) struct Parts {
    folder: PathBuf,
    /// Values of each field in one trajectory.
    sizes: Vec<usize>,
}

impl Parts {
    /// Those of the file at `path`; `sizes` has the number of values of each field in a trajectory.
    pub fn new(path: &Path, sizes: Vec<usize>) -> Self {
        let mut folder = path.as_os_str().to_owned();
        folder.push(".parts");
        Self { folder: folder.into(), sizes }
    }

    /// Keeps a finished trajectory under its index.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn write(&self, index: u64, trajectory: &Trajectory) -> Result<(), DataError> {
        let mut bytes = Vec::with_capacity(4 * self.sizes.iter().sum::<usize>() + CHECKSUM);
        for series in &trajectory.fields {
            bytes.extend(series.values.iter().flat_map(|value| value.to_le_bytes()));
        }
        bytes.extend(blake3::hash(&bytes).as_bytes());
        let path = self.path(index);
        let partial = path.with_extension("partial");
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&partial, &bytes))
            .and_then(|()| std::fs::rename(&partial, &path))
            .map_err(|cause| DataError::path(&path, cause))
    }

    /// The fields of a finished trajectory; None if it isn't there, or not whole.
    pub fn read(&self, index: u64) -> Option<Vec<Vec<f32>>> {
        let bytes = std::fs::read(self.path(index)).ok()?;
        let (mut values, checksum) = bytes.split_at_checked(4 * self.sizes.iter().sum::<usize>())?;
        if checksum != blake3::hash(values).as_bytes() {
            return None;
        }
        let take = |&size: &usize| {
            let (own, rest) = values.split_at(4 * size);
            values = rest;
            own.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
        };
        Some(self.sizes.iter().map(take).collect())
    }

    /// Removes all that was kept.
    ///
    /// # Errors
    /// The folder can't be removed.
    pub fn remove(&self) -> Result<(), DataError> {
        if !self.folder.exists() {
            return Ok(());
        }
        std::fs::remove_dir_all(&self.folder).map_err(|cause| DataError::path(&self.folder, cause))
    }

    fn path(&self, index: u64) -> PathBuf {
        self.folder.join(index.to_string())
    }
}
