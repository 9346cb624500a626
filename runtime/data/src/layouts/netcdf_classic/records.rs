//! Values of a variable of a classic file, read by their place.

use std::fs::File;
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};

use crate::storage::size;

/// Types of variables that hold real numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Real {
    Single,
    Double,
}

/// Where a variable's values lie: big-endian and row-major. With an unlimited first axis, each record holds one entry of it of every
/// such variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Records {
    pub(super) offset: u64,
    pub(super) real: Real,
    /// Bytes from one record to the next; None for a variable without records.
    pub(super) apart: Option<u64>,
}

impl Real {
    fn bytes(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Double => 8,
        }
    }

    fn decode(self, bytes: &[u8], mut put: impl FnMut(f64)) {
        match self {
            Self::Single => bytes.as_chunks::<4>().0.iter().for_each(|number| put(f64::from(f32::from_be_bytes(*number)))),
            Self::Double => bytes.as_chunks::<8>().0.iter().for_each(|number| put(f64::from_be_bytes(*number))),
        }
    }
}

impl Records {
    /// Whether all values of a variable of this shape lie within a file of this length.
    ///
    /// # Errors
    /// They don't: why.
    pub fn check(&self, shape: &[usize], length: u64) -> Result<(), String> {
        let inner = if self.apart.is_some() { shape.get(1..).unwrap_or(&[]) } else { shape };
        let bytes = size(inner).and_then(|n| n.checked_mul(self.real.bytes())).map(|n| n as u64);
        let last = shape.first().map_or(0, |&n| n.saturating_sub(1) as u64);
        let before = self.apart.map_or(Some(0), |apart| apart.checked_mul(last));
        let end = bytes.zip(before).and_then(|(bytes, before)| self.offset.checked_add(before)?.checked_add(bytes));
        match end {
            Some(end) if end <= length => Ok(()),
            _ => Err(format!("the file is truncated or damaged: its values end beyond the file's {length} bytes")),
        }
    }

    /// Reads a box of a variable, of which all axes but the first are whole.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn read(
        &self,
        file: &File,
        shape: &[usize],
        first: &[usize],
        counts: &[usize],
        out: &mut [f32],
        scratch: &mut Vec<u8>,
    ) -> Result<(), String> {
        let inner: usize = shape.get(1..).unwrap_or(&[]).iter().product();
        let (start, count) = (first.first().copied().unwrap_or(0), counts.first().copied().unwrap_or(1));
        assert_eq!(out.len(), count * inner, "the buffer holds exactly the box");
        // Without records the entries of the first axis follow each other: one read has them all.
        let (reads, per_read) = if self.apart.is_some() { (count, inner) } else { (1, count * inner) };
        let apart = self.apart.unwrap_or((inner * self.real.bytes()) as u64);
        scratch.resize(per_read * self.real.bytes(), 0);
        for (k, out) in out.chunks_exact_mut(per_read.max(1)).enumerate().take(reads) {
            file.read_exact_at(scratch, self.offset + (start + k) as u64 * apart).map_err(|cause| cause.to_string())?;
            let mut places = out.iter_mut();
            self.real.decode(scratch, |value| *places.next().expect("one place per number") = value as f32);
        }
        Ok(())
    }

    /// All values of a small variable in double precision.
    ///
    /// # Errors
    /// They don't lie within the file.
    pub fn all(&self, file: &File, shape: &[usize]) -> Result<Vec<f64>, String> {
        let length = file.metadata().map_err(|cause| cause.to_string())?.len();
        self.check(shape, length)?;
        let inner: usize = shape.get(1..).unwrap_or(&[]).iter().product();
        let mut values = Vec::new();
        let mut bytes = vec![0; inner * self.real.bytes()];
        for k in 0..shape.first().copied().unwrap_or(1) {
            let apart = self.apart.unwrap_or(bytes.len() as u64);
            file.read_exact_at(&mut bytes, self.offset + k as u64 * apart).map_err(|cause| cause.to_string())?;
            self.real.decode(&bytes, |value| values.push(value));
        }
        Ok(values)
    }
}
