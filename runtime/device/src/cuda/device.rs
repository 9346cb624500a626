//! One device with its context and one stream: everything that is launched or copied happens in order.

use super::{CudaError, because, find};
use cudarc::driver::{result, sys};
use std::ffi::{CString, c_void};
use std::sync::Arc;

pub struct Device {
    handle: sys::CUdevice,
    context: sys::CUcontext,
    stream: sys::CUstream,
    /// Number of the device, as the driver counts.
    pub ordinal: usize,
    pub name: String,
    /// Compute capability as one number, such as 90 for 9.0.
    pub capability: u32,
    pub memory_bytes: usize,
    pub multiprocessors: usize,
}

// SAFETY: the driver's calls may come from any thread that has made the context current, which `enter` does.
unsafe impl Send for Device {}
// SAFETY: as above.
unsafe impl Sync for Device {}

impl Device {
    /// Opens a device by number. Fails with the reason where there is none.
    pub fn open(ordinal: usize) -> Result<Arc<Device>, CudaError> {
        let found = find();
        let count = *found.devices.as_ref().map_err(|why| CudaError(why.clone()))?;
        if ordinal >= count {
            return Err(CudaError(format!("there is no device {ordinal}: the driver has {count}")));
        }
        let handle = result::device::get(ordinal as i32).map_err(because("choosing the device"))?;
        let attribute = |which| {
            // SAFETY: the device's handle is valid.
            unsafe { result::device::get_attribute(handle, which) }.map_err(because("asking the device"))
        };
        let major = attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
        let minor = attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
        let multiprocessors = attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)? as usize;
        let name = result::device::get_name(handle).map_err(because("asking the device for its name"))?;
        // SAFETY: the device's handle is valid; the context is released in `drop`.
        let (memory_bytes, context) = unsafe {
            let bytes = result::device::total_mem(handle).map_err(because("asking for the device's memory"))?;
            (bytes, result::primary_ctx::retain(handle).map_err(because("making a context"))?)
        };
        // SAFETY: the context was just made.
        unsafe { result::ctx::set_current(context) }.map_err(because("entering the context"))?;
        let stream = result::stream::create(result::stream::StreamKind::NonBlocking).map_err(because("making a stream"))?;
        let capability = (major * 10 + minor) as u32;
        Ok(Arc::new(Device { handle, context, stream, ordinal, name, capability, memory_bytes, multiprocessors }))
    }

    /// Makes the context that of this thread.
    pub(super) fn enter(&self) -> Result<(), CudaError> {
        // SAFETY: the context lives as long as `self`.
        unsafe { result::ctx::set_current(self.context) }.map_err(because("entering the context"))
    }

    pub(super) fn stream(&self) -> sys::CUstream {
        self.stream
    }

    /// Waits for everything that was launched and copied; tells what failed in it.
    pub fn wait(&self) -> Result<(), CudaError> {
        self.enter()?;
        // SAFETY: the stream lives as long as `self`.
        unsafe { result::stream::synchronize(self.stream) }.map_err(because("running on the device"))
    }

    /// (free, all) bytes of memory.
    pub fn memory(&self) -> Result<(usize, usize), CudaError> {
        self.enter()?;
        result::mem_get_info().map_err(because("asking for free memory"))
    }

    /// Launches a function on the addresses that it takes.
    pub fn launch(&self, f: &Function, grid: [u32; 3], block: u32, shared_bytes: u32, addresses: &[u64]) -> Result<(), CudaError> {
        self.enter()?;
        let mut addresses = addresses.to_vec();
        let mut parameters: Vec<*mut c_void> = addresses.iter_mut().map(|a| std::ptr::from_mut(a).cast()).collect();
        let grid = (grid[0], grid[1], grid[2]);
        // SAFETY: the function's module is alive through `f`; parameters are copied before the call returns.
        unsafe { result::launch_kernel(f.handle, grid, (block, 1, 1), shared_bytes, self.stream, &mut parameters) }
            .map_err(|e| CudaError(format!("launching {}: {e:?}", f.name)))
    }

    /// Copies between blocks of device memory.
    pub fn copy(&self, from: u64, to: u64, bytes: usize) -> Result<(), CudaError> {
        self.enter()?;
        // SAFETY: the caller vouches for both blocks, as for those of launches.
        unsafe { result::memcpy_dtod_async(to, from, bytes, self.stream) }.map_err(because("copying on the device"))
    }

    /// A mark in the stream whose time can be asked for.
    pub fn event(self: &Arc<Self>) -> Result<Event, CudaError> {
        self.event_with(sys::CUevent_flags::CU_EVENT_DEFAULT)
    }

    /// One that only orders streams, which costs less.
    pub(super) fn untimed_event(self: &Arc<Self>) -> Result<Event, CudaError> {
        self.event_with(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING)
    }

    fn event_with(self: &Arc<Self>, flags: sys::CUevent_flags) -> Result<Event, CudaError> {
        self.enter()?;
        let handle = result::event::create(flags).map_err(because("making an event"))?;
        Ok(Event { device: self.clone(), handle })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if self.enter().is_ok() {
            // SAFETY: both were made in `open` and nothing else holds them; a failure leaves them to the process's end.
            unsafe {
                let _ = result::stream::destroy(self.stream);
                let _ = result::primary_ctx::release(self.handle);
            }
        }
    }
}

/// Machine code on a device.
pub struct Module {
    device: Arc<Device>,
    handle: sys::CUmodule,
}

// SAFETY: as for `Device`.
unsafe impl Send for Module {}
// SAFETY: as for `Device`.
unsafe impl Sync for Module {}

impl Module {
    /// Loads what the compiler made for this device.
    pub fn load(device: &Arc<Device>, code: &[u8]) -> Result<Arc<Module>, CudaError> {
        device.enter()?;
        // SAFETY: the image is whole machine code, which says its own length.
        let handle = unsafe { result::module::load_data(code.as_ptr().cast()) }.map_err(because("loading code"))?;
        Ok(Arc::new(Module { device: device.clone(), handle }))
    }

    /// A function by its name, with room for this much dynamic shared memory.
    pub fn function(self: &Arc<Self>, name: &str, shared_bytes: u32) -> Result<Function, CudaError> {
        self.device.enter()?;
        let text = CString::new(name).map_err(because("naming a function"))?;
        // SAFETY: the module is loaded.
        let handle = unsafe { result::module::get_function(self.handle, text) }.map_err(|e| CudaError(format!("finding {name}: {e:?}")))?;
        if shared_bytes > 48 << 10 {
            let attribute = sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            // SAFETY: the function was just found.
            unsafe { result::function::set_function_attribute(handle, attribute, shared_bytes as i32) }
                .map_err(|e| CudaError(format!("giving {name} {shared_bytes} bytes of shared memory: {e:?}")))?;
        }
        Ok(Function { _module: self.clone(), handle, name: name.to_string() })
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if self.device.enter().is_ok() {
            // SAFETY: functions keep their module alive, so none is left. A failure leaves the code to the process's end.
            let _ = unsafe { result::module::unload(self.handle) };
        }
    }
}

/// A function of a module.
#[derive(Clone)]
pub struct Function {
    _module: Arc<Module>,
    handle: sys::CUfunction,
    pub name: String,
}

// SAFETY: as for `Device`.
unsafe impl Send for Function {}
// SAFETY: as for `Device`.
unsafe impl Sync for Function {}

/// A mark in a stream. One that was never set counts as passed.
pub struct Event {
    device: Arc<Device>,
    handle: sys::CUevent,
}

// SAFETY: as for `Device`.
unsafe impl Send for Event {}

impl Event {
    /// Sets the mark behind what the device's stream was given so far.
    pub fn record(&self) -> Result<(), CudaError> {
        // SAFETY: the stream is this device's, which is alive.
        unsafe { self.record_in(self.device.stream) }
    }

    /// SAFETY: the stream is alive and of this device.
    pub(super) unsafe fn record_in(&self, stream: sys::CUstream) -> Result<(), CudaError> {
        self.device.enter()?;
        // SAFETY: the event is alive, the stream by this function's contract.
        unsafe { result::event::record(self.handle, stream) }.map_err(because("marking a time"))
    }

    /// Lets what the stream is given from now on wait for the mark as it was set last.
    ///
    /// SAFETY: the stream is alive and of this device.
    pub(super) unsafe fn hold(&self, stream: sys::CUstream) -> Result<(), CudaError> {
        self.device.enter()?;
        let flags = sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
        // SAFETY: the event is alive, the stream by this function's contract.
        unsafe { result::stream::wait_event(stream, self.handle, flags) }.map_err(because("ordering streams"))
    }

    /// Waits for the mark as it was set last.
    pub(super) fn wait(&self) -> Result<(), CudaError> {
        self.device.enter()?;
        // SAFETY: the event is alive.
        unsafe { result::event::synchronize(self.handle) }.map_err(because("running on the device"))
    }

    /// Seconds from an earlier mark to this one; both have been passed.
    pub fn since(&self, earlier: &Event) -> Result<f64, CudaError> {
        // SAFETY: both are alive.
        let milliseconds = unsafe { result::event::elapsed(earlier.handle, self.handle) }.map_err(because("reading a time"))?;
        Ok(f64::from(milliseconds) * 1e-3)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        if self.device.enter().is_ok() {
            // SAFETY: made by `Device::event` and dropped once.
            let _ = unsafe { result::event::destroy(self.handle) };
        }
    }
}
