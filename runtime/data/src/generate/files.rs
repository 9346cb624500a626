//! Filling the files of a data set: trajectories computed on several threads, kept one by one, and put together file by file.

use pfm_solvers::{Problem, System, Trajectory, simulate_all};

use super::{GenerateSpec, Job, Summary};
use crate::error::DataError;
use crate::parts::Parts;
use crate::well::{Axis, Layout, Writer};

/// Simulates what is missing of the missing files, several trajectories at a time across files, and writes each file as soon as all of
/// its trajectories are there.
pub(super) fn write(
    spec: &GenerateSpec,
    system: &'static System,
    jobs: &[&Job],
    summary: &mut Summary,
    progress: &mut dyn FnMut(usize),
) -> Result<(), DataError> {
    let mut due: Vec<Due> = jobs.iter().map(|job| Due::new(spec, system, job)).collect();
    let places: Vec<(usize, u64)> = due.iter().enumerate().flat_map(|(j, due)| due.missing.iter().map(move |&index| (j, index))).collect();
    let mut done = jobs.iter().map(|job| job.indices.len()).sum::<usize>() - places.len();
    progress(done);
    due.iter().filter(|due| due.missing.is_empty()).try_for_each(|due| due.assemble(spec, system))?;
    let problem = |&(j, index): &(usize, u64)| Problem {
        system,
        parameters: jobs[j].parameters.clone(),
        grid: spec.grid.clone(),
        frames: spec.frames,
        seed: spec.seed,
        index,
        supersampling: spec.supersampling,
    };
    let problems: Vec<Problem> = places.iter().map(problem).collect();
    let mut outcome = Ok(());
    simulate_all(&problems, spec.threads, &mut |n, result| {
        let (j, index) = places[n];
        outcome = result.map_err(DataError::from).and_then(|trajectory| {
            summary.steps += trajectory.steps;
            summary.first_order_steps += trajectory.first_order_steps;
            due[j].take(index, &trajectory, spec, system)
        });
        done += 1;
        progress(done);
        outcome.is_ok()
    });
    outcome
}

/// A file that is still to be written, and which of its trajectories are still to be computed.
struct Due<'a> {
    job: &'a Job,
    parts: Parts,
    missing: Vec<u64>,
}

impl<'a> Due<'a> {
    fn new(spec: &GenerateSpec, system: &System, job: &'a Job) -> Self {
        let cells: usize = spec.grid.iter().product();
        let parts = Parts::new(&job.path, system.fields.iter().map(|field| spec.frames * cells * field.components()).collect());
        let missing = job.indices.iter().copied().filter(|&index| parts.read(index).is_none()).collect();
        Self { job, parts, missing }
    }

    /// Keeps a trajectory, and writes the file if it was the last.
    fn take(&mut self, index: u64, trajectory: &Trajectory, spec: &GenerateSpec, system: &System) -> Result<(), DataError> {
        self.parts.write(index, trajectory)?;
        self.missing.retain(|&missing| missing != index);
        if self.missing.is_empty() { self.assemble(spec, system) } else { Ok(()) }
    }

    /// Writes the file from its trajectories, which are then removed.
    fn assemble(&self, spec: &GenerateSpec, system: &System) -> Result<(), DataError> {
        let mut writer = Writer::create(&self.job.path, &layout(spec, system, self.job))?;
        for (k, &index) in self.job.indices.iter().enumerate() {
            let values = self.parts.read(index);
            let values = values.ok_or_else(|| DataError::path(&self.job.path, format!("trajectory {index} was kept and is gone")))?;
            writer.write_trajectory(k, &values.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        }
        writer.finish()?;
        self.parts.remove()
    }
}

fn layout(spec: &GenerateSpec, system: &System, job: &Job) -> Layout {
    let axes = system.axes.iter().enumerate().map(|(d, name)| {
        let points = system.spacing[d].points(system.extent[d], spec.grid[d]);
        Axis { name: (*name).to_string(), coordinates: points.iter().map(|&x| x as f32).collect(), boundary: [system.boundaries[d]; 2] }
    });
    Layout {
        dataset_name: system.name.to_string(),
        axes: axes.collect(),
        times: (0..spec.frames).map(|frame| (frame as f64 * system.interval) as f32).collect(),
        trajectories: job.indices.len(),
        parameters: system.parameters.iter().map(|name| (*name).to_string()).zip(job.parameters.values.iter().copied()).collect(),
        fields: system.fields.iter().map(|&field| field.into()).collect(),
    }
}
