//! Making a data set with a shipped simulator, in The Well's folders and files. The record `generated.json` holds what was asked
//! for; asking again completes what is missing, and a finished set is left as it is.

mod files;

use std::path::{Path, PathBuf};

use pfm_solvers::{ParameterSet, System, system, systems};
use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Split};
use crate::error::{DataError, write_text};
use crate::identity::{RECORD, STATISTICS};
use crate::statistics::Statistics;

/// What to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateSpec {
    /// A system's name, such as `euler_multi_quadrants_openBC`.
    pub system: String,
    /// Cells per axis.
    pub grid: Vec<usize>,
    /// Trajectories over all splits and parameter sets: 80 % train, 10 % valid and 10 % test, at least one each.
    pub trajectories: usize,
    /// Frames per trajectory.
    pub frames: usize,
    pub seed: u64,
    /// Computing cells per stored cell and axis.
    pub supersampling: usize,
    /// Threads to use; no part of the result.
    pub threads: usize,
}

/// What `generate` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Files written now, and files that were there already.
    pub written: usize,
    pub kept: usize,
    /// Trajectories over all files.
    pub trajectories: usize,
    /// Time steps that had to be repeated at first order, of all steps simulated now.
    pub first_order_steps: usize,
    pub steps: usize,
}

/// The record beside the data: everything that the values depend on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    system: String,
    revision: u32,
    grid: Vec<usize>,
    trajectories: usize,
    frames: usize,
    seed: u64,
    supersampling: usize,
    /// blake3 of the fields above.
    identity: String,
}

impl GenerateSpec {
    /// A system's own grid and number of frames.
    ///
    /// # Errors
    /// There is no such system.
    pub fn new(system: &str, trajectories: usize, seed: u64) -> Result<Self, DataError> {
        let found = find(system)?;
        Ok(Self {
            system: system.to_string(),
            grid: found.grid.to_vec(),
            trajectories,
            frames: found.frames,
            seed,
            supersampling: 1,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        })
    }

    /// The hash of everything that the values depend on, in hexadecimal.
    ///
    /// # Errors
    /// There is no such system.
    pub fn identity(&self) -> Result<String, DataError> {
        Ok(self.record(find(&self.system)?).identity)
    }

    /// Where this data goes under a data folder: `<system>/<grid>_<start of the identity>`, so that other sizes of the same system
    /// and The Well's own files are never in its way.
    ///
    /// # Errors
    /// There is no such system.
    pub fn directory(&self, data_dir: &Path) -> Result<PathBuf, DataError> {
        let grid: Vec<String> = self.grid.iter().map(usize::to_string).collect();
        let identity = self.identity()?;
        Ok(data_dir.join(&self.system).join(format!("{}_{}", grid.join("x"), &identity[..12])))
    }

    /// Estimated seconds of computing on one core.
    ///
    /// # Errors
    /// There is no such system.
    pub fn cost(&self) -> Result<f64, DataError> {
        let fine: Vec<usize> = self.grid.iter().map(|n| n * self.supersampling).collect();
        Ok((find(&self.system)?.cost)(&fine, self.frames) * self.trajectories as f64)
    }

    /// Bytes of the field values on disk.
    ///
    /// # Errors
    /// There is no such system.
    pub fn bytes(&self) -> Result<u64, DataError> {
        let components: usize = find(&self.system)?.fields.iter().map(|field| field.components()).sum();
        let cells: usize = self.grid.iter().product();
        Ok(4 * (components * cells * self.frames * self.trajectories) as u64)
    }

    fn record(&self, system: &System) -> Record {
        let mut record = Record {
            system: self.system.clone(),
            revision: system.revision,
            grid: self.grid.clone(),
            trajectories: self.trajectories,
            frames: self.frames,
            seed: self.seed,
            supersampling: self.supersampling,
            identity: String::new(),
        };
        let text = serde_json::to_string(&record).expect("a record of numbers and names is JSON");
        record.identity = blake3::hash(text.as_bytes()).to_hex().to_string();
        record
    }
}

/// One file to be written: which parameter set, and which of its trajectories.
struct Job {
    path: PathBuf,
    parameters: ParameterSet,
    indices: Vec<u64>,
}

/// Generates the data set in `out_dir` (`data/{train,valid,test}/*.hdf5`, `stats.yaml`, `generated.json`). Files that are there
/// are kept, and so are the finished trajectories of files that are not. `progress` gets the number of finished trajectories and of all.
///
/// # Errors
/// An unknown system or impossible request, a simulation that broke down, a folder that holds other data or can't be written.
pub fn generate(spec: &GenerateSpec, out_dir: &Path, progress: &mut dyn FnMut(usize, usize)) -> Result<Summary, DataError> {
    let system = find(&spec.system)?;
    if spec.trajectories < 3 {
        return Err(DataError::Request(format!("{} trajectories are too few: train, valid and test need one each", spec.trajectories)));
    }
    claim(out_dir, &spec.record(system))?;
    let jobs = plan(spec, system, out_dir);
    for job in &jobs {
        let folder = job.path.parent().expect("a data file lies in a split's folder");
        std::fs::create_dir_all(folder).map_err(|cause| DataError::path(folder, cause))?;
    }
    let (kept, missing): (Vec<&Job>, Vec<&Job>) = jobs.iter().partition(|job| job.path.is_file());
    let mut summary = Summary { written: missing.len(), kept: kept.len(), trajectories: spec.trajectories, first_order_steps: 0, steps: 0 };
    let kept: usize = kept.iter().map(|job| job.indices.len()).sum();
    files::write(spec, system, &missing, &mut summary, &mut |done| progress(kept + done, spec.trajectories))?;
    let statistics = out_dir.join(STATISTICS);
    if summary.written > 0 || !statistics.is_file() {
        let computed = Statistics::compute(&Dataset::open(out_dir, Split::Train)?, spec.threads)?;
        computed.write(&statistics)?;
    }
    Ok(summary)
}

fn find(name: &str) -> Result<&'static System, DataError> {
    system(name).ok_or_else(|| {
        let known: Vec<&str> = systems().iter().map(|system| system.name).collect();
        DataError::Request(format!("there is no simulator `{name}`; there are {}", known.join(", ")))
    })
}

/// Makes sure that the folder is ours: empty, or begun with the same specification.
fn claim(out_dir: &Path, record: &Record) -> Result<(), DataError> {
    let path = out_dir.join(RECORD);
    if path.is_file() {
        let text = std::fs::read_to_string(&path).map_err(|cause| DataError::path(&path, cause))?;
        let found: Record = serde_json::from_str(&text).map_err(|cause| DataError::path(&path, cause))?;
        if found != *record {
            return Err(DataError::path(
                out_dir,
                "the folder holds data generated with other settings; choose another folder or delete it",
            ));
        }
        return Ok(());
    }
    if out_dir.join("data").exists() {
        return Err(DataError::path(
            out_dir,
            format!("the folder holds data that was not generated here (no {RECORD}); choose another folder"),
        ));
    }
    std::fs::create_dir_all(out_dir).map_err(|cause| DataError::path(out_dir, cause))?;
    let text = serde_json::to_string_pretty(record).expect("a record of numbers and names is JSON");
    write_text(&path, &(text + "\n"))
}

/// Deals the trajectories of each split to the parameter sets in turn. Valid and test use only sets that train has seen, and each
/// trajectory of a set has its own index.
fn plan(spec: &GenerateSpec, system: &System, out_dir: &Path) -> Vec<Job> {
    let parameter_sets = (system.parameter_sets)(&spec.grid);
    let sets = parameter_sets.len();
    let tenth = (spec.trajectories / 10).max(1);
    let train = spec.trajectories - 2 * tenth;
    let seen = sets.min(train);
    let mut next = vec![0; sets];
    let mut jobs = Vec::new();
    for (split, count, modulus, shift) in
        [(Split::Train, train, sets, 0), (Split::Valid, tenth, seen, 0), (Split::Test, tenth, seen, tenth)]
    {
        let mut indices: Vec<Vec<u64>> = vec![Vec::new(); sets];
        for k in 0..count {
            let set = (k + shift) % modulus;
            indices[set].push(next[set]);
            next[set] += 1;
        }
        for (set, indices) in indices.into_iter().enumerate().filter(|(_, indices)| !indices.is_empty()) {
            let parameters = parameter_sets[set].clone();
            let separator = if parameters.label.is_empty() { "" } else { "_" };
            let name = format!("{}{separator}{}.hdf5", system.name, parameters.label);
            let path = out_dir.join("data").join(split.name()).join(name);
            jobs.push(Job { path, parameters, indices });
        }
    }
    jobs
}
