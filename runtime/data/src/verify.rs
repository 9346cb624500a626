//! Is a data set fit to train on? Every file is opened, every value read: values that are not finite, constant fields, repeated frames,
//! uneven times, statistics that are not those beside the data, sums that a simulator conserves and that drift.

use std::path::{Path, PathBuf};

use pfm_solvers::system;
use serde::Serialize;

use crate::dataset::{Dataset, Split, data_files};
use crate::error::DataError;
use crate::identity::STATISTICS;
use crate::scan::{TrajectoryScan, scan};
use crate::statistics::{Statistics, Value};

/// How much worse a finding makes the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Training would fail or learn something wrong.
    Error,
    /// Odd, and possibly right.
    Warning,
}

/// Something that is wrong with a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// The file, or the data set's folder.
    pub path: PathBuf,
    /// What, where in it, and what follows.
    pub cause: String,
}

/// What `verify` read, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    pub files: usize,
    pub trajectories: usize,
    pub frames: usize,
    pub findings: Vec<Finding>,
}

impl Verification {
    /// Whether anything is an error.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    fn add(&mut self, severity: Severity, path: &Path, cause: String) {
        self.findings.push(Finding { severity, path: path.to_path_buf(), cause });
    }
}

/// Drift of a conserved sum, relative to the sum of magnitudes, that storing in single precision and the solvers' own rounding
/// explain.
const DRIFT: f64 = 1e-5;
/// A statistic of four decimals agrees within this share of the field's root mean square.
const STATISTIC: f64 = 2e-4;
/// Times are even if each interval is the first one to this share of it; single precision over a few hundred frames costs less.
const INTERVAL: f64 = 1e-3;

/// Opens and reads everything in a data set's folder, or a file. `progress` gets the number of finished trajectories of a split and of
/// all in it.
///
/// # Errors
/// There is no data at all. Data that can't be read are findings.
pub fn verify(dir: &Path, threads: usize, progress: &mut dyn FnMut(usize, usize)) -> Result<Verification, DataError> {
    let mut found = Verification::default();
    let mut failure = None;
    let mut seen: Vec<PathBuf> = Vec::new();
    for split in Split::ALL {
        let mut files = match data_files(dir, split) {
            Ok(files) => files,
            Err(error) => {
                failure = Some(error);
                continue;
            }
        };
        // A folder without splits, or a file, is the same for every split.
        files.retain(|file| !seen.contains(file));
        seen.extend(files.iter().cloned());
        verify_split(dir, split, files, threads, &mut found, progress);
    }
    match failure {
        Some(error) if seen.is_empty() => Err(error),
        _ => Ok(found),
    }
}

fn verify_split(
    dir: &Path,
    split: Split,
    files: Vec<PathBuf>,
    threads: usize,
    found: &mut Verification,
    progress: &mut dyn FnMut(usize, usize),
) {
    found.files += files.len();
    let mut sound: Vec<PathBuf> = Vec::new();
    for file in files {
        match Dataset::open_files(vec![file.clone()]) {
            Ok(_) => sound.push(file),
            Err(error) => found.add(Severity::Error, &file, plain(&error, &file)),
        }
    }
    if sound.is_empty() {
        return;
    }
    let dataset = match Dataset::open_files(sound) {
        Ok(dataset) => dataset,
        Err(error) => return found.add(Severity::Error, dir, error.to_string()),
    };
    let scans = match scan(&dataset, threads, progress) {
        Ok(scans) => scans,
        Err(error) => return found.add(Severity::Error, dir, error.to_string()),
    };
    found.trajectories += scans.len();
    found.frames += scans.iter().map(|scan| dataset.files()[scan.file].frames).sum::<usize>();
    times(&dataset, found);
    values(&dataset, &scans, found);
    constant(&dataset, &scans, dir, found);
    conservation(&dataset, &scans, found);
    if split == Split::Train && dir.join(STATISTICS).is_file() {
        statistics(&dataset, &scans, &dir.join(STATISTICS), found);
    }
}

/// The error without the path that stands beside it.
fn plain(error: &DataError, file: &Path) -> String {
    match error {
        DataError::Files { first, .. } => plain(first, file),
        DataError::Path { path, cause } if path == file => cause.clone(),
        DataError::Object { file: path, object, cause } if path == file => format!("{object}: {cause}"),
        other => other.to_string(),
    }
}

fn times(dataset: &Dataset, found: &mut Verification) {
    for file in dataset.files() {
        let intervals: Vec<f64> = file.times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let Some(&first) = intervals.first() else { continue };
        if let Some(at) = intervals.iter().position(|&interval| interval.is_nan() || interval <= 0.0) {
            let cause = format!("time does not grow from frame {at} to frame {}", at + 1);
            found.add(Severity::Error, &file.path, cause);
        } else if let Some(at) = intervals.iter().position(|interval| (interval - first).abs() > INTERVAL * first) {
            let cause =
                format!("the interval after frame {at} is {:.6}, the first is {first:.6}: windows take them as equal", intervals[at]);
            found.add(Severity::Warning, &file.path, cause);
        }
    }
}

fn values(dataset: &Dataset, scans: &[TrajectoryScan], found: &mut Verification) {
    for scan in scans {
        let (path, trajectory) = (&dataset.files()[scan.file].path, scan.trajectory);
        for (field, channel) in dataset.fields().iter().zip(&scan.channels) {
            if let Some(frame) = channel.first_not_finite {
                let cause = format!(
                    "{} of trajectory {trajectory} has {} values that are no finite numbers, the first in frame {frame}",
                    field.name, channel.not_finite
                );
                found.add(Severity::Error, path, cause);
            }
        }
        if let Some(frame) = scan.repeated {
            let cause = format!("frame {frame} of trajectory {trajectory} equals the one before it in every value");
            found.add(Severity::Warning, path, cause);
        }
    }
}

fn constant(dataset: &Dataset, scans: &[TrajectoryScan], dir: &Path, found: &mut Verification) {
    for (c, field) in dataset.fields().iter().enumerate() {
        let low = scans.iter().map(|scan| scan.channels[c].low).fold(f32::INFINITY, f32::min);
        let high = scans.iter().map(|scan| scan.channels[c].high).fold(f32::NEG_INFINITY, f32::max);
        if low == high {
            let cause = format!("{} is {low} everywhere: a metric that divides by its spread has no value", field.name);
            found.add(Severity::Warning, dir, cause);
        }
    }
}

fn conservation(dataset: &Dataset, scans: &[TrajectoryScan], found: &mut Verification) {
    for scan in scans {
        let file = &dataset.files()[scan.file];
        let Some(system) = system(&file.dataset_name) else { continue };
        for (field, channel) in dataset.fields().iter().zip(&scan.channels) {
            if system.conserved.contains(&field.field.as_str()) && channel.drift > DRIFT {
                let cause = format!(
                    "the sum of {} over the domain, which {} conserves, drifts by {:.1e} of its magnitude in trajectory {}",
                    field.name, system.name, channel.drift, scan.trajectory
                );
                found.add(Severity::Error, &file.path, cause);
            }
        }
    }
}

fn statistics(dataset: &Dataset, scans: &[TrajectoryScan], path: &Path, found: &mut Verification) {
    let stated = match Statistics::read(path) {
        Ok(stated) => stated,
        Err(error) => return found.add(Severity::Error, path, plain(&error, path)),
    };
    let computed = Statistics::of(dataset, scans);
    for ((section, stated), (_, ours)) in stated.sections().into_iter().zip(computed.sections()) {
        let scales = if section.ends_with("_delta") { &computed.rms_delta } else { &computed.rms };
        for (field, value) in stated {
            let cause = match (ours.get(field), scales.get(field)) {
                (Some(ours), Some(scale)) => match apart(value, ours, scale) {
                    None => continue,
                    Some((there, here)) => format!("{section} of {field} is {there:.4e} there and {here:.4e} in the training files"),
                },
                _ => format!("{section} has `{field}`, which the training files have not"),
            };
            found.add(Severity::Error, path, cause);
        }
    }
}

/// The first pair of numbers that differ by more than rounding to four decimals, given the field's root mean square; numbers that
/// are missing differ from all.
fn apart(stated: &Value, computed: &Value, scale: &Value) -> Option<(f64, f64)> {
    let (stated, computed) = (stated.numbers(), computed.numbers());
    let scale = scale.numbers().into_iter().fold(0.0, f64::max);
    let at = |values: &[f64], i: usize| values.get(i).copied().unwrap_or(f64::NAN);
    let pairs = (0..stated.len().max(computed.len())).map(|i| (at(&stated, i), at(&computed, i)));
    let agree = |(a, b): &(f64, f64)| (a - b).abs() <= STATISTIC * scale.max(b.abs()) || (a.is_nan() && b.is_nan());
    pairs.into_iter().find(|pair| !agree(pair))
}
