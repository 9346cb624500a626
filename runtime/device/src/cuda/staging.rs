//! Input that travels while the device computes: the host writes it into page-locked memory, a stream of its own copies it to a slot on
//! the device, and before the launches that want it the device moves it from there to its place, where a recorded graph looks for it.

use super::pinned::Pinned;
use super::ring::{BUFFERS, Lane, Lanes, Mark, Ring};
use super::{CudaError, Device, Event, Memory, because};
use cudarc::driver::{result, sys};
use std::sync::Arc;

/// Room for one input ahead.
pub struct Staging {
    ring: Ring<Streams>,
}

impl Staging {
    /// For inputs of up to this many bytes.
    pub fn new(device: &Arc<Device>, bytes: usize) -> Result<Staging, CudaError> {
        let buffers = [Pinned::new(device, bytes)?, Pinned::new(device, bytes)?];
        let slot = Memory::new(device, bytes)?;
        // The slot is cleared in the device's stream, which the stream of copies does not wait for.
        device.wait()?;
        let sent = [device.untimed_event()?, device.untimed_event()?];
        let taken = device.untimed_event()?;
        // Last: from here on it is destroyed with the rest.
        let copies = result::stream::create(result::stream::StreamKind::NonBlocking).map_err(because("making a stream"))?;
        Ok(Staging { ring: Ring::new(Streams { device: device.clone(), copies, buffers, slot, sent, taken }) })
    }

    /// Bytes of the largest input.
    pub fn bytes(&self) -> usize {
        self.ring.lanes.slot.bytes()
    }

    /// Bytes of the host that are page-locked.
    pub fn host_bytes(&self) -> usize {
        BUFFERS * self.bytes()
    }

    /// Lets values travel; the host may change them when this returns. What was staged before has been taken.
    pub fn stage(&mut self, values: &[f32]) -> Result<(), CudaError> {
        // SAFETY: f32 are plain data of four bytes, any of which may be read as bytes.
        self.ring.stage(unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len() * 4) })
    }

    /// Fills `to` with what was staged, before what is launched from now on.
    pub fn take(&mut self, to: &mut Memory) -> Result<(), CudaError> {
        self.ring.take(to.address(), to.bytes())
    }
}

struct Streams {
    device: Arc<Device>,
    copies: sys::CUstream,
    buffers: [Pinned; BUFFERS],
    slot: Memory,
    sent: [Event; BUFFERS],
    taken: Event,
}

// SAFETY: as for `Device`.
unsafe impl Send for Streams {}

impl Streams {
    fn stream(&self, lane: Lane) -> sys::CUstream {
        match lane {
            Lane::Copy => self.copies,
            Lane::Compute => self.device.stream(),
        }
    }

    fn event(&self, mark: Mark) -> &Event {
        match mark {
            Mark::Sent(buffer) => &self.sent[buffer],
            Mark::Taken => &self.taken,
        }
    }
}

impl Lanes for Streams {
    fn host(&mut self, buffer: usize) -> &mut [u8] {
        self.buffers[buffer].as_mut_slice()
    }

    fn wait(&mut self, mark: Mark) -> Result<(), CudaError> {
        self.event(mark).wait()
    }

    fn hold(&mut self, lane: Lane, mark: Mark) -> Result<(), CudaError> {
        // SAFETY: both streams are of this device and live as long as `self`.
        unsafe { self.event(mark).hold(self.stream(lane)) }
    }

    fn set(&mut self, lane: Lane, mark: Mark) -> Result<(), CudaError> {
        // SAFETY: as in `hold`.
        unsafe { self.event(mark).record_in(self.stream(lane)) }
    }

    fn fill(&mut self, buffer: usize, bytes: usize) -> Result<(), CudaError> {
        self.device.enter()?;
        let from = &self.buffers[buffer].as_slice()[..bytes];
        // SAFETY: both sides have this many bytes. The buffer is not written before `Sent` has been passed, and freed after the stream
        // was waited for.
        unsafe { result::memcpy_htod_async(self.slot.address(), from, self.copies) }.map_err(because("copying to the device"))
    }

    fn empty(&mut self, to: u64, bytes: usize) -> Result<(), CudaError> {
        self.device.copy(self.slot.address(), to, bytes)
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        if self.device.enter().is_ok() {
            // SAFETY: made in `Staging::new`; after the wait nothing reads the buffers, which are freed next. A failure leaves the stream
            // to the process's end.
            unsafe {
                let _ = result::stream::synchronize(self.copies);
                let _ = result::stream::destroy(self.copies);
            }
        }
    }
}
