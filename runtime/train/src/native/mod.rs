//! Training by compiled programs on this machine: the seam to the compiler, filled in. `programs` is the same for every device,
//! `cpu` and `cuda` are the machines that run them.

mod cpu;
mod cuda;
mod machine;
mod programs;
#[cfg(test)]
mod tests;
mod times;

pub use machine::StagingBytes;
pub use programs::NativePrograms;
pub use times::{Clock, GroupTimes};

use crate::{Opened, Provider, RunError, StageWork, WellSamples};
use machine::Machine;
use pfm_device::Pool;
use pfm_elaborate::Library;
use pfm_gpu::Gpu;
use pfm_hir::Experiment;
use std::path::PathBuf;
use std::sync::Arc;

/// Where programs run.
#[derive(Clone, Default)]
pub enum Device {
    #[default]
    Cpu,
    Cuda(Arc<Gpu>),
}

impl Device {
    /// Such as `cpu` or `cuda:0`.
    pub fn name(&self) -> String {
        match self {
            Device::Cpu => "cpu".to_string(),
            Device::Cuda(gpu) => format!("cuda:{}", gpu.device.ordinal),
        }
    }

    /// With what it is; `isa` is the processor's instruction set.
    pub fn described(&self, isa: &str) -> String {
        match self {
            Device::Cpu => format!("cpu ({isa})"),
            Device::Cuda(gpu) => format!("{} ({}, sm_{})", self.name(), gpu.device.name, gpu.device.capability),
        }
    }
}

/// Everything that stages are opened from.
#[derive(Clone)]
pub struct Native {
    pub experiment: Arc<Experiment>,
    pub library: Arc<Library>,
    /// Where data sets lie.
    pub data: PathBuf,
    pub pool: Arc<Pool>,
    pub options: pfm_compiler::Options,
    pub device: Device,
}

impl Native {
    fn machine(&self) -> Result<Box<dyn Machine>, RunError> {
        Ok(match &self.device {
            Device::Cpu => Box::new(cpu::Cpu::new(self.pool.clone(), self.options)),
            Device::Cuda(gpu) => Box::new(cuda::Cuda::new(gpu.clone(), self.options)?),
        })
    }
}

impl Provider for Native {
    fn open(&mut self, work: &StageWork) -> Result<Opened, RunError> {
        let index = self.experiment.stages.iter().position(|s| s.key == work.key).expect("the work comes from this experiment");
        let programs = NativePrograms::new(self.clone(), index)?;
        let samples = WellSamples::open(&self.experiment, index, &self.data)?;
        Ok((Box::new(programs), Box::new(samples)))
    }
}
