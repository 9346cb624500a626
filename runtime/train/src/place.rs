//! Where things lie under `runs/EXPERIMENT/`: a directory per cell, a directory per stage that cells share, and the lock that
//! keeps two processes out of the same stage. Names are content hashes, never dates, so a run can be copied and resumed.

use crate::{RunError, durable};
use pfm_diag::Diagnostic;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// Directories of one experiment.
#[derive(Clone, Debug)]
pub struct Places {
    root: PathBuf,
}

impl Places {
    /// `runs` is the directory of all runs.
    pub fn new(runs: &Path, experiment: &str) -> Places {
        Places { root: runs.join(experiment) }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn stage(&self, key: &str) -> PathBuf {
        self.root.join("stages").join(short(key))
    }

    pub fn cell(&self, cell: &str, key: &str) -> PathBuf {
        self.root.join(cell).join(short(key))
    }

    /// Makes a cell's directory with a link to each of its stages' checkpoints.
    pub(crate) fn make_cell(&self, cell: &str, key: &str, stages: &[(&str, &str)]) -> Result<PathBuf, RunError> {
        let directory = self.cell(cell, key);
        for (name, stage) in stages {
            let target = PathBuf::from("../../../stages").join(short(stage)).join("checkpoints");
            durable::link(&target, &directory.join("checkpoints").join(name))?;
        }
        durable::sweep(&directory)?;
        if !self.root.join("latest").exists() {
            self.point_latest(cell, key)?;
        }
        Ok(directory)
    }

    /// Points `latest` at a cell. It moves only when the cell has a stage to show: a run that fails at once leaves it alone.
    pub(crate) fn point_latest(&self, cell: &str, key: &str) -> Result<(), RunError> {
        durable::link(&Path::new(cell).join(short(key)), &self.root.join("latest"))
    }
}

/// The eight hex digits that directories are named by.
pub fn short(key: &str) -> &str {
    key.get(..8).unwrap_or(key)
}

/// Held while a process works in a directory. The system drops it when the process ends, however it ends.
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Another process's lock is a diagnostic, at once.
    pub fn take(directory: &Path) -> Result<DirectoryLock, RunError> {
        durable::make_directory(directory)?;
        let path = directory.join("in-use");
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|e| RunError::file("open", &path, &e))?;
        match file.try_lock() {
            Ok(()) => Ok(DirectoryLock { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(in_use(directory)),
            Err(std::fs::TryLockError::Error(e)) => Err(RunError::file("lock", &path, &e)),
        }
    }
}

fn in_use(directory: &Path) -> RunError {
    Diagnostic::new("R0102", format!("another process is working in `{}`", directory.display()))
        .help("wait for it to end, or end it; a killed process leaves no lock behind")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_until_the_first_lets_go() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let first = DirectoryLock::take(place.path()).expect("free");
        let refused = DirectoryLock::take(place.path()).err().expect("held");
        assert_eq!(refused.diagnostic().code, "R0102");
        drop(first);
        assert!(DirectoryLock::take(place.path()).is_ok());
    }

    #[test]
    fn links_are_relative() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let places = Places::new(place.path(), "indomain");
        std::fs::create_dir_all(places.stage("0123456789").join("checkpoints/step-00000004")).expect("makes");
        let cell = places.make_cell("main", "abcdefghij", &[("pretrain", "0123456789")]).expect("makes");
        assert!(cell.join("checkpoints/pretrain/step-00000004").is_dir());
        let latest = std::fs::canonicalize(places.root().join("latest")).expect("a link");
        assert_eq!(latest, std::fs::canonicalize(&cell).expect("a directory"));
    }
}
