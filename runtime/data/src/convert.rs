//! Rewriting a data set in The Well's layout with contiguous values, which load fastest: from chunks and filters, from other layouts, from
//! double precision. Trajectories, frames, parameters and boundaries stay; axes along which a field is constant are written out.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::dataset::{Dataset, Split, data_files};
use crate::error::DataError;
use crate::identity::STATISTICS;
use crate::layouts::divides;
use crate::statistics::Statistics;
use crate::well::{Axis, FieldLayout, Layout, StoredField, WellFile, Writer};

/// What `convert` wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Converted {
    pub files: usize,
    pub trajectories: usize,
}

/// Rewrites the data set, or the file, at `from` into the folder `to`: files of splits into `data/<split>`, others into `to` itself,
/// with `stats.yaml` taken along or, for a training split without, computed. Files that are there are kept. `progress` gets the number
/// of finished files and of all.
///
/// # Errors
/// Data that can't be read, a folder that can't be written or holds the data themselves.
pub fn convert(from: &Path, to: &Path, threads: usize, progress: &mut dyn FnMut(usize, usize)) -> Result<Converted, DataError> {
    let splits = splits(from)?;
    let total = splits.iter().map(|(_, dataset)| dataset.files().len()).sum();
    let mut done = Converted::default();
    progress(0, total);
    for (split, dataset) in &splits {
        let folder = split.map_or_else(|| to.to_path_buf(), |split| to.join("data").join(split.name()));
        std::fs::create_dir_all(&folder).map_err(|cause| DataError::path(&folder, cause))?;
        for f in 0..dataset.files().len() {
            let target = target(&folder, &dataset.files()[f])?;
            if !target.is_file() {
                write(dataset, f, &target)?;
            }
            done.files += 1;
            done.trajectories += dataset.files()[f].trajectories;
            progress(done.files, total);
        }
    }
    statistics(from, to, splits.first().is_some_and(|(split, _)| *split == Some(Split::Train)), threads)?;
    Ok(done)
}

/// The splits of the data at `from`, or all of them under None where there is no division.
fn splits(from: &Path) -> Result<Vec<(Option<Split>, Dataset)>, DataError> {
    let folder = |split: &Split| [from.join("data").join(split.name()), from.join(split.name())].iter().any(|folder| folder.is_dir());
    let there: Vec<Split> = Split::ALL.into_iter().filter(folder).filter(|&split| data_files(from, split).is_ok()).collect();
    if !there.is_empty() {
        return there.into_iter().map(|split| Ok((Some(split), Dataset::open(from, split)?))).collect();
    }
    let whole = Dataset::open(from, Split::Train)?;
    if from.is_dir() && whole.files().iter().all(divides) {
        return Split::ALL.into_iter().map(|split| Ok((Some(split), Dataset::open(from, split)?))).collect();
    }
    Ok(vec![(None, whole)])
}

/// Where a file goes: the same name with The Well's ending.
fn target(folder: &Path, file: &WellFile) -> Result<PathBuf, DataError> {
    let target = folder.join(file.path.file_name().unwrap_or_default()).with_extension("hdf5");
    let same = |path: &Path| path.canonicalize().ok();
    if target.is_file() && same(&target) == same(&file.path) {
        return Err(DataError::path(&target, "the file would be written over itself; choose another folder"));
    }
    Ok(target)
}

fn write(dataset: &Dataset, f: usize, target: &Path) -> Result<(), DataError> {
    let file = &dataset.files()[f];
    let before: usize = dataset.files()[..f].iter().map(|file| file.trajectories * file.frames).sum();
    let mut writer = Writer::create(target, &layout(file))?;
    for trajectory in 0..file.trajectories {
        let first = before + trajectory * file.frames;
        let values = file.fields.iter().map(|field| values(dataset, field, first, file.frames));
        let values: Vec<Vec<f32>> = values.collect::<Result<_, _>>()?;
        writer.write_trajectory(trajectory, &values.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    }
    writer.finish()
}

/// A field's values in one trajectory, whose frames are the windows from `first` on.
fn values(dataset: &Dataset, field: &StoredField, first: usize, frames: usize) -> Result<Vec<f32>, DataError> {
    let channels = dataset.fields().iter().filter(|channel| channel.field == field.name);
    let names: Vec<&str> = channels.map(|channel| channel.name.as_str()).collect();
    let index = dataset.windows_of(&names, 1, 1)?;
    let size = dataset.window_size(&index);
    let frames = if field.time_varying { frames } else { 1 };
    let mut values = vec![0.0; frames * size];
    for (frame, out) in values.chunks_exact_mut(size).enumerate() {
        dataset.read_window(&index, first + frame, out)?;
    }
    Ok(values)
}

fn layout(file: &WellFile) -> Layout {
    let axes = file.axes.iter().zip(&file.coordinates).zip(&file.boundaries);
    let axis = |((name, coordinates), boundary): ((&String, &Vec<f64>), &crate::well::AxisBoundary)| Axis {
        name: name.clone(),
        coordinates: coordinates.iter().map(|&x| x as f32).collect(),
        boundary: [boundary.low, boundary.high],
    };
    let field = |field: &StoredField| FieldLayout {
        name: field.name.clone(),
        order: field.order,
        symmetric: field.symmetric,
        antisymmetric: field.antisymmetric,
        sample_varying: field.sample_varying,
        time_varying: field.time_varying,
    };
    Layout {
        dataset_name: file.dataset_name.clone(),
        axes: axes.map(axis).collect(),
        times: file.times.iter().map(|&t| t as f32).collect(),
        trajectories: file.trajectories,
        parameters: file.parameters.clone(),
        fields: file.fields.iter().map(field).collect(),
    }
}

fn statistics(from: &Path, to: &Path, train: bool, threads: usize) -> Result<(), DataError> {
    let (old, new) = (from.join(STATISTICS), to.join(STATISTICS));
    if old.is_file() {
        std::fs::copy(&old, &new).map_err(|cause| DataError::path(&new, cause))?;
    } else if train {
        Statistics::compute(&Dataset::open(to, Split::Train)?, threads)?.write(&new)?;
    }
    Ok(())
}
