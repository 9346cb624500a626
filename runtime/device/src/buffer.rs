//! A block of zeroed memory that starts on a cache line. Programs keep their whole arena in one such buffer and view parts
//! of it as f32 or i32; both have size 4, so any even split at multiples of 4 bytes is valid.

use std::alloc::{GlobalAlloc, Layout, System, handle_alloc_error};
use std::ptr::NonNull;

/// Alignment of every buffer in bytes: one cache line, one AVX-512 register.
const ALIGNMENT: usize = 64;

/// Owned memory of a fixed number of bytes, aligned to 64 bytes and zeroed when made.
pub struct Buffer {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a buffer owns its memory alone; shared references only read it.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// `bytes` zero bytes. Ends the process, as Rust does, when the system has no memory left.
    pub fn new(bytes: usize) -> Buffer {
        let layout = layout(bytes);
        // SAFETY: the layout has a size of at least one alignment, so it is not zero.
        // The system's allocator takes what is asked for; others round large blocks up by an eighth, which no plan knows of.
        let start = unsafe { System.alloc_zeroed(layout) };
        let start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout));
        Buffer { start, bytes }
    }

    /// Room for `count` f32 or i32 values, all zero.
    pub fn of_values(count: usize) -> Buffer {
        Buffer::new(count * 4)
    }

    pub fn from_f32(values: &[f32]) -> Buffer {
        let mut buffer = Buffer::of_values(values.len());
        buffer.as_f32_mut().copy_from_slice(values);
        buffer
    }

    /// Size in bytes, as asked for.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn as_ptr(&self) -> *const u8 {
        self.start.as_ptr()
    }

    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.start.as_ptr()
    }

    pub fn as_u8(&self) -> &[u8] {
        // SAFETY: the memory is owned, initialised and `bytes` long.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }

    pub fn as_u8_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_u8`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }

    /// The whole values that fit; a rest of less than 4 bytes is left out. The same holds for the next three.
    pub fn as_f32(&self) -> &[f32] {
        // SAFETY: aligned to 64, initialised, and every bit pattern is an f32.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.bytes / 4) }
    }

    pub fn as_f32_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `as_f32`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.bytes / 4) }
    }

    pub fn as_i32(&self) -> &[i32] {
        // SAFETY: aligned to 64, initialised, and every bit pattern is an i32.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.bytes / 4) }
    }

    pub fn as_i32_mut(&mut self) -> &mut [i32] {
        // SAFETY: as in `as_i32`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.bytes / 4) }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Buffer {
        let mut copy = Buffer::new(self.bytes);
        copy.as_u8_mut().copy_from_slice(self.as_u8());
        copy
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: made by `alloc_zeroed` with the same layout.
        unsafe { System.dealloc(self.start.as_ptr(), layout(self.bytes)) }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.bytes)
    }
}

/// At least one cache line, so that an empty buffer still has an address of its own.
fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes.max(ALIGNMENT), ALIGNMENT).expect("a buffer is smaller than half the address space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_aligned_and_zero() {
        for bytes in [0, 1, 4, 63, 64, 1000] {
            let buffer = Buffer::new(bytes);
            assert_eq!(buffer.as_ptr() as usize % 64, 0);
            assert_eq!(buffer.as_u8().len(), bytes);
            assert!(buffer.as_u8().iter().all(|&b| b == 0));
        }
    }

    #[test]
    fn clone_is_a_copy() {
        let mut first = Buffer::from_f32(&[1.0, 2.0]);
        let second = first.clone();
        first.as_f32_mut()[0] = 5.0;
        assert_eq!(second.as_f32(), &[1.0, 2.0]);
        assert_eq!(second.as_i32()[0], 1.0f32.to_bits() as i32);
    }
}
