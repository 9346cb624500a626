//! Data on disk, in The Well's layout or others: reading windows of frames for training, sampling them in a reproducible order, fetching
//! them ahead of time, and generating data sets with the shipped simulators. HDF5 and YAML are known here only. Every failure is
//! a `DataError` that names the file, the object in it and the cause.

mod convert;
mod dataset;
mod error;
mod generate;
mod identity;
mod inspect;
mod isolated;
mod layouts;
mod loading;
mod moments;
mod parts;
mod prefetch;
mod sampler;
mod samples;
mod scan;
mod statistics;
mod storage;
mod threads;
mod verify;
pub mod well;
mod windows;

pub use convert::{Converted, convert};
pub use dataset::{Dataset, EXTENSIONS, FieldName, Split};
pub use error::DataError;
pub use generate::{GenerateSpec, Summary, generate};
pub use identity::{identity, is_generated};
pub use inspect::{FileInspection, Inspection, SplitInspection, inspect};
pub use isolated::isolate_reading;
pub use moments::Moments;
pub use pfm_solvers::{BoundaryKind, Field, System, systems};
pub use prefetch::{Batch, Prefetch};
pub use sampler::{Shard, sample_order, shard_order};
pub use samples::{Sample, samples};
pub use statistics::{Statistics, Value};
pub use verify::{Finding, Severity, Verification, verify};
pub use windows::{WindowAt, WindowIndex, WindowShape};
