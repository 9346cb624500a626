//! Training by compiled programs on this machine's CPU: the seam to the compiler, filled in.

mod programs;
mod times;

pub use programs::NativePrograms;
pub use times::{Clock, GroupTimes};

use crate::{Opened, Provider, RunError, StageWork, WellSamples};
use pfm_device::Pool;
use pfm_elaborate::Library;
use pfm_hir::Experiment;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that stages are opened from.
#[derive(Clone)]
pub struct Native {
    pub experiment: Arc<Experiment>,
    pub library: Arc<Library>,
    /// Where data sets lie.
    pub data: PathBuf,
    pub pool: Arc<Pool>,
    pub options: pfm_compiler::Options,
}

impl Provider for Native {
    fn open(&mut self, work: &StageWork) -> Result<Opened, RunError> {
        let index = self.experiment.stages.iter().position(|s| s.key == work.key).expect("the work comes from this experiment");
        let programs = NativePrograms::new(self.clone(), index)?;
        let samples = WellSamples::open(&self.experiment, index, &self.data)?;
        Ok((Box::new(programs), Box::new(samples)))
    }
}
