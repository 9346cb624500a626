//! What goes between a program and its reading process: requests and outcomes, each a length and that many bytes. Neither side
//! trusts a length.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::well::Header;

/// Entries along one axis of a stored array: first, distance, number.
pub(crate) type Selection = Vec<(usize, usize, usize)>;

/// What to read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// The header of a file.
    Header(FilePath),
    /// Values of an array, whatever their type and storage.
    Values { file: FilePath, object: String, selection: Selection },
}

/// A path whose bytes need not be UTF-8.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FilePath(Vec<u8>);

impl From<&Path> for FilePath {
    fn from(path: &Path) -> Self {
        Self(path.as_os_str().as_bytes().to_vec())
    }
}

impl From<&FilePath> for PathBuf {
    fn from(path: &FilePath) -> Self {
        OsString::from_vec(path.0.clone()).into()
    }
}

/// What was read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Header(Box<Header>),
    Values(Vec<f32>),
}

/// Why it could not be read: the object in the file, if it is one, and the cause.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Fault {
    pub object: Option<String>,
    pub cause: String,
}

impl From<DataError> for Fault {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Object { object, cause, .. } => Self { object: Some(object), cause },
            DataError::Path { cause, .. } => Self { object: None, cause },
            other => Self { object: None, cause: other.to_string() },
        }
    }
}

pub(super) type Outcome = Result<Answer, Fault>;

/// Sends one message.
pub(super) fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let bytes = postcard::to_stdvec(message).map_err(io::Error::other)?;
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(&bytes)?;
    to.flush()
}

/// Receives the bytes of one message; None where the other side has closed.
pub(super) fn receive(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u64::from_le_bytes(length);
    // No memory is taken before the bytes are there.
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(Some(bytes)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The message that the bytes hold.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    postcard::from_bytes(bytes).map_err(|cause| cause.to_string())
}
