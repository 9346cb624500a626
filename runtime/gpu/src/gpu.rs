//! A device that is ready for programs: opened, with its library for matrix products and its cache of compiled functions. A function
//! that several programs launch is compiled and loaded once.

use pfm_cuda::Target;
use pfm_device::cuda::{Cache, CudaError, Device, Function, Gemm, Module, compile_all};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub struct Gpu {
    pub device: Arc<Device>,
    pub gemm: Gemm,
    cache: Option<Cache>,
    /// Threads that compile.
    threads: usize,
    /// By entry; the text is the key of the name.
    loaded: Mutex<BTreeMap<String, Arc<Module>>>,
}

impl Gpu {
    /// Opens a device by number. Fails with the reason.
    pub fn open(ordinal: usize, threads: usize) -> Result<Arc<Gpu>, CudaError> {
        let device = Device::open(ordinal)?;
        if device.capability < 80 {
            let found = device.capability;
            return Err(CudaError(format!("{} has compute capability {}.{}; 8.0 is needed", device.name, found / 10, found % 10)));
        }
        let gemm = Gemm::new(&device)?;
        Ok(Arc::new(Gpu { device, gemm, cache: Cache::usual(), threads, loaded: Mutex::default() }))
    }

    pub fn target(&self) -> Target {
        Target::of(self.device.capability)
    }

    /// Makes all these functions callable, those that are new on several threads.
    pub(crate) fn load(&self, sources: &BTreeMap<String, String>) -> Result<(), CudaError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<(&String, &String)> = sources.iter().filter(|(entry, _)| !loaded.contains_key(*entry)).collect();
        let texts: Vec<String> = new.iter().map(|(_, text)| (*text).clone()).collect();
        let architecture = self.target().architecture();
        let compiled = compile_all(&texts, &architecture, self.threads, self.cache.as_ref())?;
        for ((entry, _), compiled) in new.iter().zip(compiled) {
            loaded.insert((*entry).clone(), Module::load(&self.device, &compiled.code)?);
        }
        Ok(())
    }

    pub(crate) fn function(&self, entry: &str, shared_bytes: u32) -> Result<Function, CudaError> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let module = loaded.get(entry).unwrap_or_else(|| panic!("{entry} was loaded"));
        module.function(entry, shared_bytes)
    }
}
