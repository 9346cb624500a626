//! A block of memory on a device, zeroed when made and freed when dropped. Copies go through the device's one stream, so they
//! keep their order with launches.

use super::{CudaError, Device, because};
use cudarc::driver::{result, sys};
use std::sync::Arc;

/// Plain data of four bytes.
pub trait Word: sealed::Sealed {}
impl Word for f32 {}
impl Word for i32 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i32 {}
}

pub struct Memory {
    device: Arc<Device>,
    address: sys::CUdeviceptr,
    bytes: usize,
}

impl Memory {
    /// Zeros. Fails when the device has no room.
    pub fn new(device: &Arc<Device>, bytes: usize) -> Result<Memory, CudaError> {
        device.enter()?;
        // Even an empty block has an address of its own.
        let room = bytes.max(256);
        // SAFETY: the context is current; the block is freed once, in `drop`.
        let address = unsafe { result::malloc_sync(room) };
        let address = address.map_err(|e| CudaError(format!("the device has no room for {room} bytes: {e:?}")))?;
        let memory = Memory { device: device.clone(), address, bytes };
        // SAFETY: the block has `room` bytes.
        unsafe { result::memset_d8_async(address, 0, room, device.stream()) }.map_err(because("clearing memory"))?;
        Ok(memory)
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn address(&self) -> u64 {
        self.address
    }

    /// Copies host memory to the start of the block and returns when the host may change it.
    pub fn write(&mut self, from: &[u8]) -> Result<(), CudaError> {
        assert!(from.len() <= self.bytes, "{} bytes fit into {}", from.len(), self.bytes);
        if from.is_empty() {
            return Ok(());
        }
        self.device.enter()?;
        // SAFETY: both sides have this many bytes, and the host's outlive the wait.
        unsafe { result::memcpy_htod_async(self.address, from, self.device.stream()) }.map_err(because("copying to the device"))?;
        self.device.wait()
    }

    /// `write` of f32 or i32 values.
    pub fn write_words<T: Word>(&mut self, from: &[T]) -> Result<(), CudaError> {
        // SAFETY: words are plain data of four bytes, any of which may be read as bytes.
        self.write(unsafe { std::slice::from_raw_parts(from.as_ptr().cast(), from.len() * 4) })
    }

    /// `read` of f32 or i32 values.
    pub fn read_words<T: Word>(&self, to: &mut [T]) -> Result<(), CudaError> {
        // SAFETY: words are plain data of four bytes, and every bit pattern is one.
        self.read(unsafe { std::slice::from_raw_parts_mut(to.as_mut_ptr().cast(), to.len() * 4) })
    }

    /// Copies the start of the block to host memory after everything that was launched before.
    pub fn read(&self, to: &mut [u8]) -> Result<(), CudaError> {
        assert!(to.len() <= self.bytes, "{} bytes are in {}", to.len(), self.bytes);
        if to.is_empty() {
            return Ok(());
        }
        self.device.enter()?;
        // SAFETY: both sides have this many bytes, and the host's outlive the wait.
        unsafe { result::memcpy_dtoh_async(to, self.address, self.device.stream()) }.map_err(because("copying from the device"))?;
        self.device.wait()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.device.enter().is_ok() {
            // SAFETY: allocated in `new`; the driver waits for work that uses it. A failure leaves the memory to the process's end.
            let _ = unsafe { result::free_sync(self.address) };
        }
    }
}
