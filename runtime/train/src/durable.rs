//! Files that are either the old version or the new one, never half of one: written under a temporary name, synced to the
//! disk, then renamed. Everything in a run directory except the event log is written this way.

use crate::RunError;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// Prefix of names that are not finished; they are swept when a directory is opened.
pub(crate) const WRITING: &str = ".writing-";
/// Prefix of names that are being removed.
pub(crate) const REMOVING: &str = ".removing-";

/// Replaces `path` by the bytes, at once. Makes missing parent directories.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let (parent, name) = split(path);
    make_directory(parent)?;
    let temporary = parent.join(format!("{WRITING}{name}"));
    write_synced(&temporary, bytes)?;
    rename(&temporary, path)
}

/// Writes and syncs a file under its final name; for files inside a directory that is itself renamed later.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let fail = |e: std::io::Error| RunError::file("write", path, &e);
    let mut file = File::create(path).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.sync_all().map_err(fail)
}

/// Renames and syncs the parent directory, so that the new name survives a power cut.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), RunError> {
    fs::rename(from, to).map_err(|e| RunError::file("rename", from, &e))?;
    sync_directory(split(to).0)
}

pub(crate) fn make_directory(path: &Path) -> Result<(), RunError> {
    fs::create_dir_all(path).map_err(|e| RunError::file("make the directory", path, &e))
}

pub(crate) fn sync_directory(path: &Path) -> Result<(), RunError> {
    File::open(path).and_then(|d| d.sync_all()).map_err(|e| RunError::file("sync the directory", path, &e))
}

/// Removes a directory in two moves, so that a half-removed one is never mistaken for a whole one.
pub(crate) fn remove_directory(path: &Path) -> Result<(), RunError> {
    let (parent, name) = split(path);
    let doomed = parent.join(format!("{REMOVING}{name}"));
    if doomed.exists() {
        fs::remove_dir_all(&doomed).map_err(|e| RunError::file("remove", &doomed, &e))?;
    }
    rename(path, &doomed)?;
    fs::remove_dir_all(&doomed).map_err(|e| RunError::file("remove", &doomed, &e))
}

/// Removes what an earlier process left unfinished in this directory.
pub(crate) fn sweep(directory: &Path) -> Result<(), RunError> {
    for name in names(directory)? {
        if name.starts_with(WRITING) || name.starts_with(REMOVING) {
            let path = directory.join(name);
            let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            gone.map_err(|e| RunError::file("remove", &path, &e))?;
        }
    }
    Ok(())
}

/// Names in a directory, sorted; none if it does not exist.
pub(crate) fn names(directory: &Path) -> Result<Vec<String>, RunError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(e) => return Err(RunError::file("list", directory, &e)),
    };
    let mut names = vec![];
    for entry in entries {
        let entry = entry.map_err(|e| RunError::file("list", directory, &e))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// The bytes of a file; None if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, RunError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(RunError::file("read", path, &e)),
    }
}

/// Points the link at `target`, replacing an older link at once.
pub(crate) fn link(target: &Path, link: &Path) -> Result<(), RunError> {
    let (parent, name) = split(link);
    make_directory(parent)?;
    let temporary = parent.join(format!("{WRITING}{name}"));
    let _ = fs::remove_file(&temporary);
    std::os::unix::fs::symlink(target, &temporary).map_err(|e| RunError::file("link", link, &e))?;
    fs::rename(&temporary, link).map_err(|e| RunError::file("link", link, &e))
}

fn split(path: &Path) -> (&Path, String) {
    let parent = path.parent().expect("a file of a run lies in a directory");
    // A bare name lies in the current directory.
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let name = path.file_name().expect("a file of a run has a name");
    (parent, name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_sweeps() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let file = place.path().join("a/b.json");
        write(&file, b"one").expect("writes");
        write(&file, b"two").expect("replaces");
        assert_eq!(read(&file).expect("reads"), Some(b"two".to_vec()));
        fs::write(place.path().join("a/.writing-b.json"), b"hal").expect("writes");
        fs::create_dir(place.path().join("a/.removing-c")).expect("makes");
        sweep(&place.path().join("a")).expect("sweeps");
        assert_eq!(names(&place.path().join("a")).expect("lists"), ["b.json"]);
    }
}
