//! Training, validation and test parts of data that come without folders for them: tenths of each file's trajectories, as `generate`
//! deals them, or where files hold few, of the files. Only layouts other than The Well's are divided; its sets come divided.

use std::ops::Range;

use crate::dataset::Split;
use crate::storage::Storage;
use crate::well::WellFile;

/// With fewer trajectories a file, files are dealt instead.
const WORTH_DIVIDING: usize = 10;
/// Fewer files have no three parts.
const FEWEST_FILES: usize = 3;

/// Whether a file belongs to a set that is divided.
pub(crate) fn divides(file: &WellFile) -> bool {
    file.fields.iter().any(|field| matches!(field.storage, Storage::Assembled(_)))
}

/// The split's share of the files of one folder. A few trajectories in one or two files serve every split.
pub(crate) fn divide(mut files: Vec<WellFile>, split: Split) -> Vec<WellFile> {
    if !files.iter().all(divides) {
        return files;
    }
    if files.iter().all(|file| file.trajectories >= WORTH_DIVIDING) {
        for file in &mut files {
            restrict(file, share(file.trajectories, split));
        }
    } else if files.len() >= FEWEST_FILES {
        let share = share(files.len(), split);
        files = files.drain(share).collect();
    }
    files
}

/// The split's part of `count` in a row: a tenth, at least one, for each of valid and test, at the end.
fn share(count: usize, split: Split) -> Range<usize> {
    let tenth = (count / 10).max(1);
    match split {
        Split::Train => 0..count - 2 * tenth,
        Split::Valid => count - 2 * tenth..count - tenth,
        Split::Test => count - tenth..count,
    }
}

fn restrict(file: &mut WellFile, share: Range<usize>) {
    file.trajectories = share.len();
    for field in &mut file.fields {
        if let Storage::Assembled(assembly) = &mut field.storage {
            assembly.first = share.start;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Split, share};

    #[test]
    fn tenths() {
        assert_eq!(Split::ALL.map(|split| share(1000, split)), [0..800, 800..900, 900..1000]);
        assert_eq!(Split::ALL.map(|split| share(3, split)), [0..1, 1..2, 2..3]);
        assert_eq!(Split::ALL.map(|split| share(19, split)), [0..17, 17..18, 18..19]);
    }
}
