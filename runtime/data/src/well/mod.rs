//! The Well's HDF5 layout: one file holds several trajectories of one parameter set; scalars, vectors and tensors live in the
//! groups `t0_fields`, `t1_fields` and `t2_fields`; axes that a field does not vary along are not stored.

mod attribute;
mod boundary;
mod file;
mod frames;
mod header;
mod write;

pub(crate) use boundary::boundaries;
pub(crate) use frames::{FrameKey, Run};
pub(crate) use header::{Header, number, open, read_header, storage};

pub use boundary::AxisBoundary;
pub use file::{StoredField, WellFile};
pub use write::{Axis, FieldLayout, Layout, Writer};

/// The groups of fields by tensor order.
pub(crate) const FIELD_GROUPS: [&str; 3] = ["t0_fields", "t1_fields", "t2_fields"];
