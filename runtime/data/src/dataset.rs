//! A data set of one split: a folder of files that share grid and fields, read window by window.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::layouts;
use crate::loading::Frames;
use crate::storage::ChunkCache;
use crate::well::WellFile;
use crate::windows::{WindowIndex, WindowShape};

/// Bytes of inflated chunks that an open data set keeps.
const INFLATED: usize = 256 << 20;

/// The three parts of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    Train,
    Valid,
    Test,
}

impl Split {
    pub const ALL: [Split; 3] = [Split::Train, Split::Valid, Split::Test];

    /// The folder's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A scalar channel: a component of a stored field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldName {
    /// The name in full, with the component: `density`, `momentum_x`, `D_xy`.
    pub name: String,
    /// The stored field: `momentum`.
    pub field: String,
    /// 0 scalar, 1 vector, 2 tensor.
    pub order: usize,
    /// Which component, row-major.
    pub component: usize,
}

/// An open data set. Safe to share between threads.
#[derive(Debug)]
pub struct Dataset {
    files: Vec<WellFile>,
    fields: Vec<FieldName>,
    /// Per entry of `fields` the stored field's position, the same in every file.
    stored: Vec<usize>,
    chunks: ChunkCache,
}

impl Dataset {
    /// Opens one split of a data set. `path` is the data set's folder (with `data/train` and so on inside), a folder of files, or
    /// one file. For the last two the split has no meaning in The Well's layout; other layouts are divided here.
    ///
    /// # Errors
    /// No files, a file that can't be read, or files that don't fit together.
    pub fn open(path: &Path, split: Split) -> Result<Self, DataError> {
        Self::open_all(&[path], split)
    }

    /// Opens one split of several data sets that share grid and fields as one, in the order given.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_all(paths: &[&Path], split: Split) -> Result<Self, DataError> {
        let mut sets = Vec::new();
        for path in paths {
            let files = data_files(path, split)?;
            let every_split = files.first().is_some_and(|file| file == path || file.parent() == Some(path));
            sets.push((files, every_split.then_some(split)));
        }
        Self::open_sets(&sets)
    }

    /// Opens these files whole, whatever splits they serve.
    ///
    /// # Errors
    /// As `open`.
    pub(crate) fn open_files(files: Vec<PathBuf>) -> Result<Self, DataError> {
        Self::open_sets(&[(files, None)])
    }

    /// Opens the files of data sets, each with the split to take of files that serve all.
    fn open_sets(sets: &[(Vec<PathBuf>, Option<Split>)]) -> Result<Self, DataError> {
        // All are tried, so that one attempt tells how many have to be mended.
        let (mut files, mut failures) = (Vec::new(), Vec::new());
        for (found, split) in sets {
            let mut opened = Vec::new();
            for file in found {
                match WellFile::open(file) {
                    Ok(file) => opened.push(file),
                    Err(failure) => failures.push(failure),
                }
            }
            files.extend(match split {
                Some(split) => layouts::divide(opened, *split),
                None => opened,
            });
        }
        let found = sets.iter().map(|(files, _)| files.len()).sum();
        let whole = |failures: Vec<DataError>| match failures.first() {
            None => Ok(()),
            Some(first) => Err(DataError::Files { first: Box::new(first.clone()), failing: failures.len(), files: found }),
        };
        let Some(first) = files.first() else {
            whole(failures)?;
            return Err(DataError::Request("a data set needs at least one path".into()));
        };
        let (fields, stored) = channels(first);
        let names: Vec<String> = first.fields.iter().map(|field| field.name.clone()).collect();
        let (grid, path) = (first.grid.clone(), first.path.clone());
        failures.extend(files[1..].iter_mut().filter_map(|file| match_first(file, &fields, &names, &grid, &path).err()));
        whole(failures)?;
        Ok(Self { files, fields, stored, chunks: ChunkCache::new(INFLATED) })
    }

    /// All channels: scalars, vector components, tensor components, in the first file's order.
    pub fn fields(&self) -> &[FieldName] {
        &self.fields
    }

    /// Grid points per spatial axis.
    pub fn grid(&self) -> &[usize] {
        &self.files[0].grid
    }

    /// Trajectories over all files.
    pub fn trajectories(&self) -> usize {
        self.files.iter().map(|file| file.trajectories).sum()
    }

    /// Frames of the shortest trajectory.
    pub fn frames_per_trajectory(&self) -> usize {
        self.files.iter().map(|file| file.frames).min().unwrap_or(0)
    }

    /// Whether each channel changes in time.
    pub(crate) fn changing(&self) -> Vec<bool> {
        self.stored.iter().map(|&stored| self.files[0].fields[stored].time_varying).collect()
    }

    /// Boundary conditions of the first file; `files` has those of each.
    pub fn boundary_conditions(&self) -> &[crate::well::AxisBoundary] {
        &self.files[0].boundaries
    }

    /// The files in window order.
    pub fn files(&self) -> &[WellFile] {
        &self.files
    }

    /// Windows of `length` frames, `stride` apart, with all fields.
    ///
    /// # Panics
    /// Length or stride is zero.
    pub fn windows(&self, length: usize, stride: usize) -> WindowIndex {
        self.index((0..self.fields.len()).collect(), WindowShape::even(length, stride))
    }

    /// Windows with the named channels (`density`, `momentum_x`, …) in the order given.
    ///
    /// # Errors
    /// No name, or one that the data set doesn't have.
    ///
    /// # Panics
    /// Length or stride is zero.
    pub fn windows_of(&self, names: &[&str], length: usize, stride: usize) -> Result<WindowIndex, DataError> {
        self.windows_with(names, WindowShape::even(length, stride))
    }

    /// Windows of any shape with the named channels in the order given.
    ///
    /// # Errors
    /// As `windows_of`.
    ///
    /// # Panics
    /// The shape has no context, or no distance between frames.
    pub fn windows_with(&self, names: &[&str], shape: WindowShape) -> Result<WindowIndex, DataError> {
        if names.is_empty() {
            return Err(DataError::Request("a window needs at least one field".into()));
        }
        let position = |name: &&str| {
            self.fields.iter().position(|field| field.name == *name).ok_or_else(|| {
                let known: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
                // All have the same fields.
                let (file, files) = (&self.files[0].path, self.files.len());
                let first = DataError::object(file, "fields", format!("there is no field `{name}`, there is {}", known.join(", ")));
                DataError::Files { first: Box::new(first), failing: files, files }
            })
        };
        Ok(self.index(names.iter().map(position).collect::<Result<_, _>>()?, shape))
    }

    /// The windows of `trajectories` trajectories only, which are taken from the files in turn: the first of each, then the second
    /// of each, and so on.
    ///
    /// # Errors
    /// There are not so many.
    pub fn limited(&self, index: &WindowIndex, trajectories: usize) -> Result<WindowIndex, DataError> {
        let there = self.trajectories();
        if trajectories > there {
            let name = &self.files[0].dataset_name;
            return Err(DataError::Request(format!("{name} has {there} trajectories in this split, {trajectories} are asked for")));
        }
        let mut taken = vec![0; self.files.len()];
        let mut left = trajectories;
        while left > 0 {
            for (count, file) in taken.iter_mut().zip(&self.files) {
                if left > 0 && *count < file.trajectories {
                    *count += 1;
                    left -= 1;
                }
            }
        }
        let files: Vec<(usize, usize)> = taken.into_iter().zip(&self.files).map(|(count, file)| (count, file.frames)).collect();
        Ok(index.over(&files))
    }

    fn index(&self, channels: Vec<usize>, shape: WindowShape) -> WindowIndex {
        let files: Vec<(usize, usize)> = self.files.iter().map(|file| (file.trajectories, file.frames)).collect();
        WindowIndex::new(shape, channels, &files)
    }

    /// Values in a window of this index: frames x grid x channels.
    pub fn window_size(&self, index: &WindowIndex) -> usize {
        index.length() * self.grid().iter().product::<usize>() * index.channels.len()
    }

    /// Reads window `i` into `out` [frames, *grid, C], channels last.
    ///
    /// # Errors
    /// The file can't be read.
    ///
    /// # Panics
    /// `i` is not below `index.len()`, or `out` has another length than `window_size`.
    pub fn read_window(&self, index: &WindowIndex, i: usize, out: &mut [f32]) -> Result<(), DataError> {
        Frames::load(self, index, &[i], 1, Vec::new())?.place(self, index, &[i], out);
        Ok(())
    }

    /// The position of a channel's stored field, the same in every file.
    pub(crate) fn stored(&self, channel: usize) -> usize {
        self.stored[channel]
    }

    /// Chunks that were inflated lately.
    pub(crate) fn chunks(&self) -> &ChunkCache {
        &self.chunks
    }
}

/// How names of data files end.
pub const EXTENSIONS: [&str; 3] = ["hdf5", "h5", "nc"];

/// The data files of one split, sorted by name.
pub(crate) fn data_files(path: &Path, split: Split) -> Result<Vec<PathBuf>, DataError> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    if !path.is_dir() {
        return Err(DataError::path(path, "no such file or folder"));
    }
    let folders = [path.join("data").join(split.name()), path.join(split.name()), path.to_path_buf()];
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|cause| DataError::path(folder, cause))? {
            let file = entry.map_err(|cause| DataError::path(folder, cause))?.path();
            if file.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known)) {
                files.push(file);
            }
        }
        if !files.is_empty() {
            files.sort();
            return Ok(files);
        }
    }
    Err(DataError::path(path, format!("no .hdf5, .h5 or .nc files for the split `{split}`")))
}

/// The channels of a file, and for each the position of its stored field.
fn channels(file: &WellFile) -> (Vec<FieldName>, Vec<usize>) {
    let mut fields = Vec::new();
    let mut stored = Vec::new();
    for (position, field) in file.fields.iter().enumerate() {
        for component in 0..field.components {
            let d = file.axes.len();
            let suffix = match field.order {
                0 => String::new(),
                1 => format!("_{}", file.axes[component]),
                _ => format!("_{}{}", file.axes[component / d], file.axes[component % d]),
            };
            fields.push(FieldName { name: format!("{}{suffix}", field.name), field: field.name.clone(), order: field.order, component });
            stored.push(position);
        }
    }
    (fields, stored)
}

/// Checks that a file has the grid and fields of the first, and puts its fields into the first's order.
fn match_first(file: &mut WellFile, fields: &[FieldName], names: &[String], grid: &[usize], first: &Path) -> Result<(), DataError> {
    if file.grid != grid {
        let cause = format!("the grid is {:?}, but {} has {grid:?}", file.grid, first.display());
        return Err(DataError::object(&file.path, "dimensions", cause));
    }
    file.fields.sort_by_key(|field| names.iter().position(|name| *name == field.name).unwrap_or(names.len()));
    if channels(file).0 != fields {
        let own: Vec<&str> = file.fields.iter().map(|field| field.name.as_str()).collect();
        let cause = format!("the fields are {}, but {} has {}", own.join(", "), first.display(), names.join(", "));
        return Err(DataError::object(&file.path, "fields", cause));
    }
    Ok(())
}
