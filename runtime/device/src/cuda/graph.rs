//! Launches recorded once and started together, which saves the host a few microseconds for each.

use super::{CudaError, Device, because};
use cudarc::driver::{result, sys};
use std::sync::Arc;

pub struct Graph {
    device: Arc<Device>,
    handle: sys::CUgraphExec,
}

// SAFETY: as for `Device`.
unsafe impl Send for Graph {}

impl Graph {
    /// Records what `launches` puts into the stream instead of running it. The addresses in it must stay valid.
    pub fn record(device: &Arc<Device>, launches: impl FnOnce() -> Result<(), CudaError>) -> Result<Graph, CudaError> {
        device.enter()?;
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: the stream is alive and nothing is being recorded.
        unsafe { result::stream::begin_capture(device.stream(), mode) }.map_err(because("recording launches"))?;
        let launched = launches();
        // SAFETY: the recording that was begun above.
        let graph = unsafe { result::stream::end_capture(device.stream()) }.map_err(because("recording launches"));
        launched?;
        let graph = graph?;
        // SAFETY: the graph was just recorded; it is not needed after it was made executable.
        let handle = unsafe {
            let made = result::graph::instantiate(graph, sys::CUgraphInstantiate_flags(0));
            let _ = result::graph::destroy(graph);
            made.map_err(because("making a graph of launches"))?
        };
        Ok(Graph { device: device.clone(), handle })
    }

    pub fn launch(&self) -> Result<(), CudaError> {
        self.device.enter()?;
        // SAFETY: both are alive.
        unsafe { result::graph::launch(self.handle, self.device.stream()) }.map_err(because("launching a graph"))
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        if self.device.enter().is_ok() {
            // SAFETY: made in `record` and dropped once.
            let _ = unsafe { result::graph::exec_destroy(self.handle) };
        }
    }
}
