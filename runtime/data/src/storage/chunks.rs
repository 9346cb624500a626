//! Arrays stored in chunks, compressed or not: the table of their places in the file, and one chunk's way from there to numbers.
//! Both filters are undone here, in memory-safe code, so any number of threads can do it at once.

use std::fs::File;
use std::os::unix::fs::FileExt;

use flate2::{Decompress, FlushDecompress, Status};
use serde::{Deserialize, Serialize};

use super::{Element, size};

/// A step of the pipeline that chunks went through when they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Filter {
    /// First all first bytes of the numbers, then all second bytes, and so on.
    Shuffle,
    /// The zlib format, which HDF5 calls gzip.
    Deflate,
}

/// Where one chunk lies, and which filters of the pipeline it went without, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    pub offset: u64,
    pub bytes: u64,
    pub skipped: u32,
}

/// An array in chunks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Chunks {
    pub element: Element,
    /// Entries of a chunk along each axis. Chunks at the upper ends reach beyond the array.
    pub shape: Vec<usize>,
    /// In the order in which they were applied.
    pub filters: Vec<Filter>,
    /// All chunks, row by row.
    pub pieces: Vec<Piece>,
}

/// No chunk shrinks more than this: a stream of zlib spends at least one bit on 258 bytes twice.
const SHRINKING: u64 = 1032;

impl Chunks {
    /// Chunks along each axis of an array of this shape.
    pub fn counts(&self, shape: &[usize]) -> Vec<usize> {
        shape.iter().zip(&self.shape).map(|(n, chunk)| n.div_ceil(*chunk)).collect()
    }

    /// Whether the table fits the array's shape and the file's length.
    ///
    /// # Errors
    /// It doesn't: why.
    pub fn check(&self, shape: &[usize], length: u64) -> Result<(), String> {
        if self.shape.len() != shape.len() || self.shape.contains(&0) {
            return Err(format!("its chunks have shape {:?}, the array {shape:?}", self.shape));
        }
        let values = size(&self.shape).and_then(|n| n.checked_mul(self.element.bytes())).map(|n| n as u64);
        let (Some(bytes), Some(_), Some(count)) = (values, size(shape), size(&self.counts(shape))) else {
            return Err(format!("no file holds chunks of shape {:?} of an array of shape {shape:?}", self.shape));
        };
        if count != self.pieces.len() {
            return Err(format!("it has {} chunks of {count}", self.pieces.len()));
        }
        for (i, piece) in self.pieces.iter().enumerate() {
            let end = piece.offset.checked_add(piece.bytes);
            if end.is_none_or(|end| end > length) {
                return Err(format!("the file is truncated or damaged: chunk {i} ends beyond the file's {length} bytes"));
            }
            if bytes > piece.bytes.saturating_mul(SHRINKING).saturating_add(SHRINKING) {
                return Err(format!("chunk {i} is damaged: {} bytes can't hold {bytes}", piece.bytes));
            }
        }
        Ok(())
    }

    /// Reads chunk number `i` and undoes its filters.
    ///
    /// # Errors
    /// It can't be read, or is damaged.
    pub fn read(&self, file: &File, i: usize) -> Result<Vec<f32>, String> {
        let piece = self.pieces[i];
        let values: usize = self.shape.iter().product();
        let size = values * self.element.bytes();
        let mut bytes = vec![0; piece.bytes as usize];
        file.read_exact_at(&mut bytes, piece.offset).map_err(|cause| cause.to_string())?;
        for (bit, filter) in self.filters.iter().enumerate().rev() {
            if piece.skipped & (1 << bit) == 0 {
                bytes = match filter {
                    Filter::Deflate => inflate(&bytes, size).map_err(|cause| format!("chunk {i} is damaged: {cause}"))?,
                    Filter::Shuffle => unshuffle(&bytes, self.element.bytes()),
                };
            }
        }
        if bytes.len() != size {
            return Err(format!("chunk {i} is damaged: it has {} bytes of {size}", bytes.len()));
        }
        let mut out = vec![0.0; values];
        self.element.decode(&bytes, &mut out);
        Ok(out)
    }
}

/// Undoes zlib; what comes out must have this size.
fn inflate(bytes: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let mut out = vec![0; size];
    let mut stream = Decompress::new(true);
    let status = stream.decompress(bytes, &mut out, FlushDecompress::Finish).map_err(|cause| cause.to_string())?;
    match status {
        Status::StreamEnd if stream.total_out() == size as u64 => Ok(out),
        Status::StreamEnd => Err(format!("it has {} bytes of {size}", stream.total_out())),
        Status::Ok | Status::BufError => Err("its compressed stream has no end".to_string()),
    }
}

/// Undoes the shuffling of numbers of this width. Bytes that make no whole number were left at the end.
fn unshuffle(bytes: &[u8], width: usize) -> Vec<u8> {
    match width {
        4 => unshuffle_of::<4>(bytes),
        _ => unshuffle_of::<8>(bytes),
    }
}

fn unshuffle_of<const WIDTH: usize>(bytes: &[u8]) -> Vec<u8> {
    let count = bytes.len() / WIDTH;
    let mut out = vec![0; bytes.len()];
    let (numbers, rest) = out.as_chunks_mut::<WIDTH>();
    let planes: [&[u8]; WIDTH] = std::array::from_fn(|k| &bytes[k * count..][..count]);
    for (i, number) in numbers.iter_mut().enumerate() {
        *number = std::array::from_fn(|k| planes[k][i]);
    }
    rest.copy_from_slice(&bytes[count * WIDTH..]);
    out
}

#[cfg(test)]
mod tests {
    use super::{Chunks, Element, Filter, Piece, inflate, unshuffle};

    #[test]
    fn shuffling_is_undone() {
        assert_eq!(unshuffle(&[1, 5, 2, 6, 3, 7, 4, 8, 9], 4), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let shuffled: Vec<u8> = (0..16).map(|i| (i % 2) * 8 + i / 2).collect();
        assert_eq!(unshuffle(&shuffled, 8), (0..16).collect::<Vec<u8>>());
    }

    #[test]
    fn damaged_streams_are_errors() {
        // zlib of four zero bytes.
        let stream = [0x78, 0x9c, 0x63, 0x60, 0x60, 0x60, 0x00, 0x00, 0x00, 0x04, 0x00, 0x01];
        assert_eq!(inflate(&stream, 4).unwrap(), [0; 4]);
        assert!(inflate(&stream, 3).is_err() && inflate(&stream, 5).is_err());
        assert!(inflate(&stream[..9], 4).is_err() && inflate(&[], 4).is_err());
        for at in 0..stream.len() {
            let mut damaged = stream;
            damaged[at] ^= 0x40;
            // The checksum at the end tells, unless the content is what it was.
            let found = inflate(&damaged, 4);
            assert!(found.is_err() || found == Ok(vec![0; 4]), "byte {at}");
        }
    }

    #[test]
    fn tables_must_fit() {
        let piece = Piece { offset: 10, bytes: 16, skipped: 0 };
        let chunks = Chunks { element: Element::Single, shape: vec![2, 2], filters: vec![Filter::Deflate], pieces: vec![piece; 4] };
        assert_eq!(chunks.check(&[3, 4], 26), Ok(()));
        assert!(chunks.check(&[3, 4], 25).unwrap_err().contains("chunk 0 ends beyond"));
        assert!(chunks.check(&[5, 4], 26).unwrap_err().contains("4 chunks of 6"));
        assert!(chunks.check(&[3], 26).is_err());
        let vast = Chunks { shape: vec![1 << 20, 1 << 20], pieces: vec![piece], ..chunks };
        assert!(vast.check(&[3, 4], 26).unwrap_err().contains("can't hold"));
    }
}
