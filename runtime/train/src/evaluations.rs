//! The evaluations of a stage on disk: one JSON file per step, under the identity of the report that asked for them. They
//! hold no clock, so that a resumed run leaves the same bytes.

use crate::evaluate::Evaluation;
use crate::pictures::Pictures;
use crate::work::StageWork;
use crate::{Faults, RunError, durable};
use std::path::{Path, PathBuf};

pub(crate) struct Evaluations {
    directory: PathBuf,
}

impl Evaluations {
    /// None for a stage without a report.
    pub fn open(stage: &Path, work: &StageWork) -> Result<Option<Evaluations>, RunError> {
        let Some(key) = work.report_key() else { return Ok(None) };
        let directory = stage.join("evaluations").join(key);
        durable::make_directory(&directory)?;
        durable::sweep(&directory)?;
        Ok(Some(Evaluations { directory }))
    }

    fn path(&self, step: u64) -> PathBuf {
        self.directory.join(format!("step-{step:08}.json"))
    }

    pub fn pictures(&self, step: u64) -> PathBuf {
        self.directory.join(format!("step-{step:08}.safetensors"))
    }

    /// The evaluation after `step` steps, if it is there with all that `work` asks of it.
    pub fn get(&self, work: &StageWork, step: u64) -> Result<Option<Evaluation>, RunError> {
        let bytes = durable::read(&self.path(step))?;
        let read: Option<Evaluation> = bytes.and_then(|b| serde_json::from_slice(&b).ok());
        Ok(read.filter(|e| e.whole.is_some() || !work.is_report_point(step)))
    }

    /// Points up to `done` steps that have no evaluation yet.
    pub fn missing(&self, work: &StageWork, done: u64) -> Result<Vec<u64>, RunError> {
        let mut missing = vec![];
        for step in (1..=done).filter(|s| work.is_curve_point(*s)) {
            if self.get(work, step)?.is_none() {
                missing.push(step);
            }
        }
        Ok(missing)
    }

    /// All that exist, by step.
    pub fn all(&self, work: &StageWork) -> Result<Vec<Evaluation>, RunError> {
        let mut all = vec![];
        for step in (1..=work.steps).filter(|s| work.is_curve_point(*s)) {
            all.extend(self.get(work, step)?);
        }
        Ok(all)
    }

    pub fn put(&self, evaluation: &Evaluation, pictures: Option<&Pictures>, faults: &Faults) -> Result<(), RunError> {
        if let Some(pictures) = pictures {
            durable::write(&self.pictures(evaluation.step), &pictures.bytes())?;
        }
        faults.point("evaluation-write")?;
        let json = serde_json::to_vec_pretty(evaluation).expect("an evaluation is plain data");
        durable::write(&self.path(evaluation.step), &json)
    }
}
