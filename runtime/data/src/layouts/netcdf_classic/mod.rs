//! NetCDF's classic format in its three versions (1, 2 with 64-bit offsets, 5 with 64-bit sizes): the header, and values read by their
//! place in the file. Written from the format's specification (Unidata, NetCDF Classic Format Specification). The crates that read it
//! don't tell where values lie, and windows need a few frames of a file, from any thread.

mod records;

use std::fs::File;
use std::os::unix::fs::FileExt;

use records::Real;
pub(crate) use records::Records;

use crate::storage::size;

/// The first bytes of a file, before the version.
const MAGIC: [u8; 3] = *b"CDF";
/// Longest header that is read. Those of simulations have some kilobytes.
const LONGEST_HEADER: u64 = 1 << 20;
const DIMENSIONS: u64 = 10;
const VARIABLES: u64 = 11;
const ATTRIBUTES: u64 = 12;

/// A variable of the header.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Variable {
    pub name: String,
    pub shape: Vec<usize>,
    /// None for a type that is no real number.
    pub records: Option<Records>,
}

/// Whether a file begins like NetCDF's classic format.
pub(crate) fn is_classic(file: &File) -> bool {
    let mut start = [0; 3];
    file.read_exact_at(&mut start, 0).is_ok() && start == MAGIC
}

/// Reads the header.
///
/// # Errors
/// It is damaged, or of an unknown version.
pub(crate) fn variables(file: &File) -> Result<Vec<Variable>, String> {
    let length = file.metadata().map_err(|cause| cause.to_string())?.len();
    let mut bytes = vec![0; length.min(LONGEST_HEADER) as usize];
    file.read_exact_at(&mut bytes, 0).map_err(|cause| cause.to_string())?;
    Header { rest: bytes.get(4..).unwrap_or(&[]), version: bytes.get(3).copied().unwrap_or(0) }.read(length)
}

/// The header being read.
struct Header<'a> {
    rest: &'a [u8],
    version: u8,
}

/// A variable before the size of records is known: its place, bytes of a number, and bytes of all values or of one record of them.
struct Found {
    variable: Variable,
    has_records: bool,
    bytes: u64,
    offset: u64,
    real: Option<Real>,
}

impl<'a> Header<'a> {
    fn read(mut self, length: u64) -> Result<Vec<Variable>, String> {
        if ![1, 2, 5].contains(&self.version) {
            return Err(format!("version {} of NetCDF's classic format is unknown", self.version));
        }
        let stated = self.count()?;
        let dimensions = self.list(DIMENSIONS, |header| {
            header.name()?;
            header.count()
        })?;
        self.attributes()?;
        let mut found = self.list(VARIABLES, |header| header.variable(&dimensions))?;
        let of_records: Vec<&Found> = found.iter().filter(|found| found.has_records).collect();
        // A variable that is alone in its records is not padded.
        let padded = |found: &&Found| if of_records.len() == 1 { found.bytes } else { found.bytes.div_ceil(4).saturating_mul(4) };
        let apart = of_records.iter().map(padded).fold(0u64, u64::saturating_add);
        let begin = of_records.iter().map(|found| found.offset).min().unwrap_or(length);
        // A writer that did not know the number of records left it open.
        let unstated = stated == if self.version == 5 { u64::MAX } else { u64::from(u32::MAX) };
        let records = if unstated { length.saturating_sub(begin).checked_div(apart).unwrap_or(0) } else { stated };
        for found in &mut found {
            if found.has_records {
                found.variable.shape[0] = usize::try_from(records).map_err(|_| damaged())?;
            }
            let apart = found.has_records.then_some(apart);
            found.variable.records = found.real.map(|real| Records { offset: found.offset, real, apart });
        }
        Ok(found.into_iter().map(|found| found.variable).collect())
    }

    fn variable(&mut self, dimensions: &[u64]) -> Result<Found, String> {
        let name = self.name()?;
        let rank = self.count()?;
        let mut shape = Vec::new();
        let mut has_records = false;
        for axis in 0..rank {
            let dimension = self.count()?;
            let n = usize::try_from(dimension).ok().and_then(|at| dimensions.get(at)).ok_or_else(damaged)?;
            has_records |= *n == 0 && axis == 0;
            shape.push(usize::try_from(*n).map_err(|_| damaged())?);
        }
        self.attributes()?;
        let kind = self.number(4)?;
        let width = width(kind).ok_or_else(damaged)?;
        // The stated size is wrong for large variables by specification: it follows from the shape.
        self.count()?;
        let offset = self.number(if self.version == 1 { 4 } else { 8 })?;
        let entries = size(&shape[usize::from(has_records)..]).ok_or_else(damaged)?;
        let bytes = (entries as u64).checked_mul(width).ok_or_else(damaged)?;
        let real = match kind {
            5 => Some(Real::Single),
            6 => Some(Real::Double),
            _ => None,
        };
        Ok(Found { variable: Variable { name, shape, records: None }, has_records, bytes, offset, real })
    }

    fn attributes(&mut self) -> Result<(), String> {
        self.list(ATTRIBUTES, |header| {
            header.name()?;
            let kind = header.number(4)?;
            let count = header.count()?;
            let bytes = width(kind).and_then(|width| width.checked_mul(count)).ok_or_else(damaged)?;
            header.padded(bytes).map(|_| ())
        })
        .map(|_| ())
    }

    /// A list of entries after its tag and length; absent lists have zeros there.
    fn list<T>(&mut self, tag: u64, mut entry: impl FnMut(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let found = self.number(4)?;
        let count = self.count()?;
        if found != tag && (found, count) != (0, 0) {
            return Err(damaged());
        }
        // Each entry takes bytes of the header, so that a false count ends with it.
        (0..count).map(|_| entry(self)).collect()
    }

    fn name(&mut self) -> Result<String, String> {
        let length = self.count()?;
        Ok(String::from_utf8_lossy(self.padded(length)?).into_owned())
    }

    /// A size or a number of entries.
    fn count(&mut self) -> Result<u64, String> {
        self.number(if self.version == 5 { 8 } else { 4 })
    }

    fn number(&mut self, bytes: usize) -> Result<u64, String> {
        let (number, rest) = self.rest.split_at_checked(bytes).ok_or_else(damaged)?;
        self.rest = rest;
        Ok(number.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// So many bytes, which are followed by others up to a multiple of four.
    fn padded(&mut self, bytes: u64) -> Result<&'a [u8], String> {
        let whole = bytes.checked_next_multiple_of(4).and_then(|whole| usize::try_from(whole).ok()).ok_or_else(damaged)?;
        let (taken, rest) = self.rest.split_at_checked(whole).ok_or_else(damaged)?;
        self.rest = rest;
        Ok(&taken[..bytes as usize])
    }
}

fn damaged() -> String {
    "the NetCDF file is truncated or damaged: its header contradicts itself or has no end".into()
}

/// Bytes of one value of a type.
fn width(kind: u64) -> Option<u64> {
    match kind {
        1 | 2 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 5 | 9 => Some(4),
        6 | 10 | 11 => Some(8),
        _ => None,
    }
}
