//! Boundary conditions of a file, per axis and side. The Well marks a boundary by a mask over the axes it belongs to; what no
//! mask marks is open.

use std::path::Path;

use hdf5_metno::types::TypeDescriptor;
use hdf5_metno::{Dataset, File};
use pfm_solvers::BoundaryKind;
use serde::{Deserialize, Serialize};

use super::attribute;
use crate::error::DataError;

/// What happens at the two ends of an axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AxisBoundary {
    pub axis: String,
    #[serde(with = "Kind")]
    pub low: BoundaryKind,
    #[serde(with = "Kind")]
    pub high: BoundaryKind,
}

/// `BoundaryKind` as it goes between processes.
#[derive(Serialize, Deserialize)]
#[serde(remote = "BoundaryKind")]
enum Kind {
    Wall,
    Open,
    Periodic,
}

/// The same kind at both ends of each axis.
pub(crate) fn boundaries(axes: &[&str], kinds: &[BoundaryKind]) -> Vec<AxisBoundary> {
    axes.iter().zip(kinds).map(|(axis, &kind)| AxisBoundary { axis: axis.to_string(), low: kind, high: kind }).collect()
}

/// The kind's name in files.
pub(super) fn name(kind: BoundaryKind) -> &'static str {
    match kind {
        BoundaryKind::Wall => "WALL",
        BoundaryKind::Open => "OPEN",
        BoundaryKind::Periodic => "PERIODIC",
    }
}

fn kind(text: &str) -> Option<BoundaryKind> {
    [BoundaryKind::Wall, BoundaryKind::Open, BoundaryKind::Periodic].into_iter().find(|&kind| text.eq_ignore_ascii_case(name(kind)))
}

/// Reads all boundary groups.
pub(super) fn read(path: &Path, file: &File, axes: &[String]) -> Result<Vec<AxisBoundary>, DataError> {
    let mut boundaries: Vec<AxisBoundary> =
        axes.iter().map(|axis| AxisBoundary { axis: axis.clone(), low: BoundaryKind::Open, high: BoundaryKind::Open }).collect();
    let object = "/boundary_conditions";
    let group = file.group(object).map_err(|cause| DataError::object(path, object, cause))?;
    let mut names = group.member_names().map_err(|cause| DataError::object(path, object, cause))?;
    names.sort();
    for name in names {
        let object = format!("{object}/{name}");
        let failed = |cause: String| DataError::object(path, object.as_str(), cause);
        let group = group.group(&name).map_err(|cause| failed(cause.to_string()))?;
        let text = attribute::string(&group, "bc_type").map_err(failed)?;
        let kind = kind(&text).ok_or_else(|| failed(format!("bc_type is `{text}`, which is none of WALL, OPEN, PERIODIC")))?;
        let dims = attribute::strings(&group, "associated_dims").map_err(failed)?;
        let mask = group.dataset("mask").map_err(|_| failed("dataset `mask` is missing".into()))?;
        let (stored, values) = (mask.shape(), read_mask(&mask).map_err(failed)?);
        // A boundary that varies with sample or time has leading axes: its first state stands for all.
        let Some(leading) = stored.len().checked_sub(dims.len()) else {
            return Err(failed(format!("mask has shape {stored:?} for the axes {}", dims.join(", "))));
        };
        let shape = &stored[leading..];
        let mask = &values[..shape.iter().product()];
        for (d, dim) in dims.iter().enumerate() {
            let Some(boundary) = boundaries.iter_mut().find(|boundary| boundary.axis == *dim) else {
                return Err(failed(format!("associated_dims names `{dim}`, which is no spatial axis")));
            };
            for (side, end) in [(&mut boundary.low, 0), (&mut boundary.high, shape[d].saturating_sub(1))] {
                if marked(mask, shape, d, end, kind) {
                    *side = kind;
                }
            }
        }
    }
    Ok(boundaries)
}

fn read_mask(mask: &Dataset) -> Result<Vec<bool>, String> {
    let kind = mask.dtype().and_then(|t| t.to_descriptor()).map_err(|e| e.to_string())?;
    let values = if kind == TypeDescriptor::Boolean {
        mask.read_raw::<bool>()
    } else {
        mask.read_raw::<i64>().map(|values| values.iter().map(|&v| v != 0).collect())
    };
    values.map_err(|e| format!("mask: {e}"))
}

/// Whether the mask marks the side where axis `d` has index `end`: a wall must cover it, the other kinds need one entry.
fn marked(mask: &[bool], shape: &[usize], d: usize, end: usize, kind: BoundaryKind) -> bool {
    let inner: usize = shape[d + 1..].iter().product();
    let mut side = mask.iter().enumerate().filter(|(at, _)| at / inner % shape[d] == end).map(|(_, &m)| m);
    match kind {
        BoundaryKind::Wall => !mask.is_empty() && side.all(|m| m),
        BoundaryKind::Open | BoundaryKind::Periodic => side.any(|m| m),
    }
}
