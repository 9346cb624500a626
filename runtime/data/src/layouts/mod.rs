//! Layouts of data files other than The Well's, read as they are: one file per layout, each with a `Layout` value and one line in
//! `LAYOUTS`. A layout recognises its files by what is in them, never by their names, and says which arrays make up each field; the
//! rest of the crate sees fields, grids and frames as it does for The Well.

mod assembly;
mod container;
mod divide;
mod miniweather;
mod netcdf_classic;
mod pdebench;

use std::path::Path;

pub(crate) use assembly::Assembly;
pub(crate) use container::Container;
pub(crate) use divide::{divide, divides};

use crate::error::DataError;
use crate::well::Header;

/// A way of laying out trajectories in a file.
pub(crate) struct Layout {
    /// For messages.
    pub name: &'static str,
    /// Whether a file is laid out so. A file that comes close, such as one of another dimension, may be claimed and refused by `header`,
    /// which can say more.
    pub recognises: fn(&Container) -> bool,
    /// What the file says of itself, and where each field's values lie.
    pub header: fn(&Path, &Container) -> Result<Header, DataError>,
}

static LAYOUTS: [Layout; 4] = [pdebench::GROUPS, pdebench::INCOMPRESSIBLE, pdebench::COMPRESSIBLE, miniweather::THERMALS];

/// The layout of a file; None for The Well's, or an unknown one.
pub(crate) fn recognise(file: &Container) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| (layout.recognises)(file))
}

/// What data files may be laid out like, for messages.
pub(crate) fn known() -> String {
    let names: Vec<&str> = LAYOUTS.iter().map(|layout| layout.name).collect();
    format!("The Well, {}", names.join(", "))
}
