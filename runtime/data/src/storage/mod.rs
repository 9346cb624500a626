//! How the values of an array lie in a file, and reading them without the HDF5 library: plain arrays by their offset, chunks by the
//! table of their places, inflated here. What neither serves is asked of the library, which may run in a process of its own.

mod cache;
mod chunks;
mod lzf;

use serde::{Deserialize, Serialize};

pub(crate) use cache::ChunkCache;
pub(crate) use chunks::{Chunks, Filter, Piece};

use crate::layouts::Assembly;

/// The type of stored numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Element {
    /// Little-endian IEEE single precision.
    Single,
    /// Little-endian IEEE double precision.
    Double,
}

impl Element {
    pub fn bytes(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Double => 8,
        }
    }

    /// Puts stored numbers into memory, rounded to single precision.
    ///
    /// # Panics
    /// There are not as many numbers as places.
    pub fn decode(self, bytes: &[u8], out: &mut [f32]) {
        assert_eq!(bytes.len(), out.len() * self.bytes(), "one number per place");
        match self {
            Self::Single => {
                for (to, from) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *to = f32::from_le_bytes(*from);
                }
            }
            Self::Double => {
                for (to, from) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
                    *to = f64::from_le_bytes(*from) as f32;
                }
            }
        }
    }
}

/// Where an array's values come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Storage {
    /// Row-major from this byte of the file on.
    Contiguous { offset: u64, element: Element },
    /// In chunks, all of which are in the file.
    Chunked(Chunks),
    /// Put together from several arrays of another layout than The Well's.
    Assembled(Assembly),
    /// Anything else the library can read as single precision.
    Library,
}

impl Storage {
    /// Whether all values of an array of this shape lie within a file of this length.
    ///
    /// # Errors
    /// They don't: why.
    pub fn check(&self, shape: &[usize], length: u64) -> Result<(), String> {
        match self {
            Self::Contiguous { offset, element } => {
                let bytes = size(shape).and_then(|n| n.checked_mul(element.bytes()));
                let end = bytes.and_then(|bytes| offset.checked_add(bytes as u64));
                match end {
                    Some(end) if end <= length => Ok(()),
                    _ => Err(format!("the file is truncated or damaged: its values end beyond the file's {length} bytes")),
                }
            }
            Self::Chunked(chunks) => chunks.check(shape, length),
            Self::Assembled(assembly) => assembly.check(shape, length),
            Self::Library => size(shape).map(|_| ()).ok_or_else(|| format!("no file holds an array of shape {shape:?}")),
        }
    }
}

/// The number of entries of an array; None if there are too many to count.
pub(crate) fn size(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n)).filter(|&size| size <= isize::MAX as usize / 8)
}

#[cfg(test)]
mod tests {
    use super::{Element, Storage};

    #[test]
    fn numbers_are_decoded_and_rounded() {
        let mut out = [0.0; 2];
        let singles: Vec<u8> = [1.5f32, -0.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        Element::Single.decode(&singles, &mut out);
        assert_eq!(out.map(f32::to_bits), [1.5f32, -0.0].map(f32::to_bits));
        let doubles: Vec<u8> = [0.1f64, 1e300].iter().flat_map(|x| x.to_le_bytes()).collect();
        Element::Double.decode(&doubles, &mut out);
        assert_eq!(out, [0.1, f32::INFINITY]);
    }

    #[test]
    fn values_outside_the_file_are_refused() {
        let storage = |offset| Storage::Contiguous { offset, element: Element::Single };
        assert_eq!(storage(100).check(&[5, 5], 200), Ok(()));
        assert!(storage(101).check(&[5, 5], 200).unwrap_err().contains("200 bytes"));
        assert!(storage(u64::MAX).check(&[1], 200).is_err());
        assert!(storage(0).check(&[usize::MAX, 2], 200).is_err());
        assert!(Storage::Library.check(&[usize::MAX, 2], 200).is_err());
    }
}
