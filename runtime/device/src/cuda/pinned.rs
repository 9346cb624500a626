//! Page-locked memory of the host, which a device reads by itself while the host goes on.

use super::{CudaError, Device};
use cudarc::driver::result;
use std::ptr::NonNull;
use std::sync::Arc;

pub(super) struct Pinned {
    device: Arc<Device>,
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the block is owned alone, and the driver's calls may come from any thread that has entered the context.
unsafe impl Send for Pinned {}

impl Pinned {
    /// Zeros. Fails when the host lets no more be locked.
    pub fn new(device: &Arc<Device>, bytes: usize) -> Result<Pinned, CudaError> {
        device.enter()?;
        let room = bytes.max(1);
        let failed = |why: String| CudaError(format!("{room} bytes of the host's memory can't be page-locked: {why}"));
        // SAFETY: the context is current; the block is freed once, in `drop`.
        let start = unsafe { result::malloc_host(room, 0) }.map_err(|e| failed(format!("{e:?}")))?;
        let start = NonNull::new(start.cast::<u8>()).ok_or_else(|| failed("no address".into()))?;
        // SAFETY: the block has `room` bytes, and nothing else knows it yet.
        unsafe { start.write_bytes(0, room) };
        Ok(Pinned { device: device.clone(), start, bytes })
    }

    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the memory is owned, initialised and `bytes` long; devices only read it.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }

    /// Whoever writes has made sure that the device has read what was there.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if self.device.enter().is_ok() {
            // SAFETY: allocated in `new` and dropped once. A failure leaves the memory to the process's end.
            let _ = unsafe { result::free_host(self.start.as_ptr().cast()) };
        }
    }
}
