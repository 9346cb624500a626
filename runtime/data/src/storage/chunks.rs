//! Arrays stored in chunks, compressed or not: the table of their places in the file, and one chunk's way from there to numbers.
//! Both filters are undone here, in memory-safe code, so any number of threads can do it at once.

use std::fs::File;
use std::os::unix::fs::FileExt;

use flate2::{Decompress, FlushDecompress, Status};
use serde::{Deserialize, Serialize};

use super::{Element, lzf, size};

/// A step of the pipeline that chunks went through when they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Filter {
    /// First all first bytes of the numbers, then all second bytes, and so on.
    Shuffle,
    /// The zlib format, which HDF5 calls gzip.
    Deflate,
    /// LZF, which h5py brings.
    Lzf,
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
        let mut bytes = vec![0; piece.bytes as usize];
        file.read_exact_at(&mut bytes, piece.offset).map_err(|cause| cause.to_string())?;
        let applied = self.filters.iter().enumerate().filter(|(bit, _)| piece.skipped & (1 << bit) == 0).map(|(_, filter)| *filter);
        let applied: Vec<Filter> = applied.collect();
        let mut out = vec![0.0; self.shape.iter().product()];
        let undone = match self.element {
            // Only a little-endian machine reads chunks itself.
            Element::Single => undo(&applied, bytes, 4, bytemuck::cast_slice_mut(&mut out)),
            Element::Double => {
                let mut wide = vec![0; out.len() * Element::Double.bytes()];
                undo(&applied, bytes, 8, &mut wide).map(|()| Element::Double.decode(&wide, &mut out))
            }
        };
        undone.map_err(|cause| format!("chunk {i} is damaged: {cause}"))?;
        Ok(out)
    }
}

/// Undoes filters, the last first, into `out`; the last step writes there straight.
fn undo(applied: &[Filter], mut bytes: Vec<u8>, width: usize, out: &mut [u8]) -> Result<(), String> {
    let step = |filter: Filter, bytes: &[u8], out: &mut [u8]| match filter {
        Filter::Deflate => inflate(bytes, out),
        Filter::Lzf => lzf::unpack(bytes, out),
        Filter::Shuffle if bytes.len() == out.len() => {
            unshuffle(bytes, width, out);
            Ok(())
        }
        Filter::Shuffle => Err(format!("it has {} bytes of {}", bytes.len(), out.len())),
    };
    let Some((first, later)) = applied.split_first() else {
        if bytes.len() != out.len() {
            return Err(format!("it has {} bytes of {}", bytes.len(), out.len()));
        }
        out.copy_from_slice(&bytes);
        return Ok(());
    };
    for filter in later.iter().rev() {
        let mut next = vec![0; out.len()];
        step(*filter, &bytes, &mut next)?;
        bytes = next;
    }
    step(*first, &bytes, out)
}

/// Undoes zlib; what comes out must fill `out`.
fn inflate(bytes: &[u8], out: &mut [u8]) -> Result<(), String> {
    let mut stream = Decompress::new(true);
    let status = stream.decompress(bytes, out, FlushDecompress::Finish).map_err(|cause| cause.to_string())?;
    match status {
        Status::StreamEnd if stream.total_out() == out.len() as u64 => Ok(()),
        Status::StreamEnd => Err(format!("it has {} bytes of {}", stream.total_out(), out.len())),
        Status::Ok | Status::BufError => Err("its compressed stream has no end".to_string()),
    }
}

/// Undoes the shuffling of numbers of this width, 4 or 8 bytes.
fn unshuffle(bytes: &[u8], width: usize, out: &mut [u8]) {
    let count = bytes.len() / width;
    let plane = |k: usize| bytes[k * count..][..count].iter();
    if width == 4 {
        let numbers = out.as_chunks_mut::<4>().0.iter_mut();
        for ((((number, a), b), c), d) in numbers.zip(plane(0)).zip(plane(1)).zip(plane(2)).zip(plane(3)) {
            *number = [*a, *b, *c, *d];
        }
    } else {
        for k in 0..width {
            out[k..].iter_mut().step_by(width).zip(plane(k)).for_each(|(to, from)| *to = *from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chunks, Element, Filter, Piece, unshuffle};

    #[test]
    fn shuffling_is_undone() {
        let mut out = [0; 16];
        unshuffle(&[1, 5, 2, 6, 3, 7, 4, 8], 4, &mut out[..8]);
        assert_eq!(out[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
        let shuffled: Vec<u8> = (0..16).map(|i| (i % 2) * 8 + i / 2).collect();
        unshuffle(&shuffled, 8, &mut out);
        assert_eq!(out[..], (0..16).collect::<Vec<u8>>());
    }

    #[test]
    fn damaged_streams_are_errors() {
        // zlib of four zero bytes.
        let stream = [0x78, 0x9c, 0x63, 0x60, 0x60, 0x60, 0x00, 0x00, 0x00, 0x04, 0x00, 0x01];
        let inflate = |stream: &[u8], size: usize| {
            let mut out = vec![1; size];
            super::inflate(stream, &mut out).map(|()| out)
        };
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
