//! Reading and writing HDF5 attributes the way h5py does: variable-length strings, enumerated booleans, numbers of any width.
//! Failures are causes as text; the caller knows the file and the object.

use hdf5_metno::types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode};
use hdf5_metno::{Attribute, H5Type, Location};

/// Longest fixed-length string that is accepted; The Well itself writes variable-length ones.
const LONGEST: usize = 256;

/// The cause of a failure.
pub(super) type Cause = String;

pub(super) fn missing(name: &str) -> Cause {
    format!("attribute `{name}` is missing")
}

fn open(at: &Location, name: &str) -> Result<Attribute, Cause> {
    at.attr(name).map_err(|_| missing(name))
}

fn wrong(name: &str, expected: &str, cause: impl std::fmt::Display) -> Cause {
    format!("attribute `{name}` is not {expected}: {cause}")
}

/// A list of strings; a single string is a list of one, an empty array of any type an empty list.
pub(super) fn strings(at: &Location, name: &str) -> Result<Vec<String>, Cause> {
    let attribute = open(at, name)?;
    if attribute.size() == 0 {
        return Ok(Vec::new());
    }
    let kind = attribute.dtype().and_then(|t| t.to_descriptor()).map_err(|e| wrong(name, "text", e))?;
    fn read<T: H5Type + ToString>(attribute: &Attribute) -> hdf5_metno::Result<Vec<String>> {
        Ok(attribute.read_raw::<T>()?.iter().map(T::to_string).collect())
    }
    let values = match kind {
        TypeDescriptor::VarLenUnicode => read::<VarLenUnicode>(&attribute),
        TypeDescriptor::VarLenAscii => read::<VarLenAscii>(&attribute),
        TypeDescriptor::FixedAscii(n) if n <= LONGEST => read::<FixedAscii<LONGEST>>(&attribute),
        TypeDescriptor::FixedUnicode(n) if n <= LONGEST => read::<FixedUnicode<LONGEST>>(&attribute),
        other => return Err(wrong(name, "text", format!("its type is {other}"))),
    };
    values.map_err(|e| wrong(name, "text", e))
}

/// One string.
pub(super) fn string(at: &Location, name: &str) -> Result<String, Cause> {
    match <[String; 1]>::try_from(strings(at, name)?) {
        Ok([value]) => Ok(value),
        Err(values) => Err(wrong(name, "one string", format!("it holds {}", values.len()))),
    }
}

/// One number of any width.
pub(super) fn number(at: &Location, name: &str) -> Result<f64, Cause> {
    let attribute = open(at, name)?;
    let values = attribute.read_raw::<f64>().map_err(|e| wrong(name, "a number", e))?;
    values.first().copied().ok_or_else(|| wrong(name, "a number", "it is empty"))
}

/// A count: a whole number that is not negative.
pub(super) fn count(at: &Location, name: &str) -> Result<usize, Cause> {
    let value = number(at, name)?;
    if value >= 0.0 && value.fract() == 0.0 && value < 1e15 { Ok(value as usize) } else { Err(wrong(name, "a count", value)) }
}

/// Booleans, stored as HDF5's enumeration or as integers.
pub(super) fn flags(at: &Location, name: &str) -> Result<Vec<bool>, Cause> {
    let attribute = open(at, name)?;
    let kind = attribute.dtype().and_then(|t| t.to_descriptor()).map_err(|e| wrong(name, "a boolean", e))?;
    let values = if kind == TypeDescriptor::Boolean {
        attribute.read_raw::<bool>()
    } else {
        attribute.read_raw::<i64>().map(|values| values.iter().map(|&v| v != 0).collect())
    };
    values.map_err(|e| wrong(name, "a boolean", e))
}

/// One boolean.
pub(super) fn flag(at: &Location, name: &str) -> Result<bool, Cause> {
    flags(at, name)?.first().copied().ok_or_else(|| wrong(name, "a boolean", "it is empty"))
}

/// The variable-length form of a string that has no zero bytes.
fn text(value: &str) -> hdf5_metno::Result<VarLenUnicode> {
    value.parse().map_err(|e| hdf5_metno::Error::from(format!("{value:?}: {e}")))
}

pub(super) fn write_string(at: &Location, name: &str, value: &str) -> hdf5_metno::Result<()> {
    at.new_attr::<VarLenUnicode>().create(name)?.write_scalar(&text(value)?)
}

pub(super) fn write_strings(at: &Location, name: &str, values: &[&str]) -> hdf5_metno::Result<()> {
    let attribute = at.new_attr::<VarLenUnicode>().shape([values.len()]).create(name)?;
    if values.is_empty() {
        return Ok(());
    }
    let values = values.iter().map(|value| text(value)).collect::<hdf5_metno::Result<Vec<_>>>()?;
    attribute.write(&values)
}

pub(super) fn write_scalar<T: H5Type>(at: &Location, name: &str, value: T) -> hdf5_metno::Result<()> {
    at.new_attr::<T>().create(name)?.write_scalar(&value)
}

pub(super) fn write_flags(at: &Location, name: &str, values: &[bool]) -> hdf5_metno::Result<()> {
    at.new_attr::<bool>().shape([values.len()]).create(name)?.write(values)
}

/// The two flags that every dataset and boundary carries.
pub(super) fn write_varying(at: &Location, sample: bool, time: bool) -> hdf5_metno::Result<()> {
    write_scalar(at, "sample_varying", sample)?;
    write_scalar(at, "time_varying", time)
}
