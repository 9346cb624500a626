//! Where programs run: `--device`, for the verbs that train.

use crate::output::{Exit, Output};
use pfm_gpu::Gpu;
use pfm_train::Device;
use std::str::FromStr;

#[derive(clap::Args, Clone)]
pub struct DeviceChoice {
    /// Where to run: `cpu`, `cuda`, or `cuda:N` for the N-th device as the driver counts, from 0.
    #[arg(long, env = "PFMC_DEVICE", value_name = "DEVICE", default_value = "cpu")]
    device: Name,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Name {
    Cpu,
    Cuda(usize),
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Name, String> {
        match text.split_once(':') {
            None if text == "cpu" => Ok(Name::Cpu),
            None if text == "cuda" => Ok(Name::Cuda(0)),
            Some(("cuda", number)) => number.parse().map(Name::Cuda).map_err(|_| format!("`{number}` is not the number of a device")),
            _ => Err("devices are `cpu`, `cuda` and `cuda:N`".into()),
        }
    }
}

impl DeviceChoice {
    pub fn is_cuda(&self) -> bool {
        self.device != Name::Cpu
    }

    /// The device, or the exit after saying why it cannot be used. `threads` compile for it.
    pub fn open(&self, threads: usize, out: &Output) -> Result<Device, Exit> {
        let Name::Cuda(ordinal) = self.device else { return Ok(Device::Cpu) };
        let help = "`pfmc doctor --device cuda` says what this machine has; `--device cpu` runs without";
        Gpu::open(ordinal, threads).map(Device::Cuda).map_err(|e| out.fail(Exit::Usage, format!("no CUDA device can be used: {e}; {help}")))
    }
}
