//! A cheap fingerprint of a data set for the hash of a run: names and sizes of its files and the small texts beside them, not the
//! field values.

use std::path::{Path, PathBuf};

use crate::dataset::{Split, data_files};
use crate::error::DataError;

/// Name of the record that `generate` leaves in a data set's folder.
pub(crate) const RECORD: &str = "generated.json";
/// Name of the statistics file.
pub(crate) const STATISTICS: &str = "stats.yaml";

/// The fingerprint in hexadecimal: it changes when a file appears, disappears or changes its length, or when the generation
/// record or the statistics change.
///
/// # Errors
/// The folder holds no data or can't be read.
pub fn identity(dir: &Path) -> Result<String, DataError> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut failure = None;
    for split in Split::ALL {
        match data_files(dir, split) {
            Ok(found) => files.extend(found),
            Err(error) => failure = Some(error),
        }
    }
    files.sort();
    files.dedup();
    if let (true, Some(error)) = (files.is_empty(), failure) {
        return Err(error);
    }
    let mut hash = blake3::Hasher::new();
    for file in &files {
        let size = file.metadata().map_err(|cause| DataError::path(file, cause))?.len();
        let name = file.strip_prefix(dir).unwrap_or(file);
        hash.update(name.to_string_lossy().as_bytes());
        hash.update(&[0]);
        hash.update(&size.to_le_bytes());
    }
    for text in [RECORD, STATISTICS] {
        let path = dir.join(text);
        if path.is_file() {
            hash.update(text.as_bytes());
            hash.update(&std::fs::read(&path).map_err(|cause| DataError::path(&path, cause))?);
        }
    }
    Ok(hash.finalize().to_hex().to_string())
}

/// True for a data set, or a file of one, that `generate` made.
pub fn is_generated(path: &Path) -> bool {
    path.ancestors().take(4).any(|folder| folder.join(RECORD).is_file())
}
