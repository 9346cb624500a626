//! PDEBench's incompressible flow: `velocity` (trajectory, time, x, y, 2), the `particles` that it carries (…, 1), the `force` on them
//! (trajectory, x, y, 2), which does not change, and the time `t` of each frame of each trajectory.

use std::path::Path;

use pfm_solvers::BoundaryKind;

use crate::error::DataError;
use crate::layouts::assembly::{Axis, Part};
use crate::layouts::{Container, Layout};
use crate::well::{Header, boundaries};

pub(in crate::layouts) const INCOMPRESSIBLE: Layout = Layout {
    name: "PDEBench's incompressible flow",
    recognises: |file| file.shape("velocity").is_some() && file.shape("particles").is_some() && file.shape("t").is_some(),
    header,
};

const SPACE: [Axis; 3] = [Axis::Space(0), Axis::Space(1), Axis::Component];

fn header(path: &Path, file: &Container) -> Result<Header, DataError> {
    let part = |object: &str, timed: bool, components: usize| {
        let failed = |cause: String| DataError::object(path, object, cause);
        let array = file.array(object).map_err(failed)?;
        let axes: Vec<Axis> = [Axis::Trajectory].into_iter().chain(timed.then_some(Axis::Time)).chain(SPACE).collect();
        if array.shape.len() != axes.len() || array.shape.last() != Some(&components) {
            let stored = if timed { "(trajectory, time, x, y" } else { "(trajectory, x, y" };
            return Err(failed(format!("its shape is {:?}, not {stored}, {components})", array.shape)));
        }
        Ok(Part { arrays: vec![array], axes, placements: (0..components).map(|c| (c, c)).collect() })
    };
    let velocity = part("velocity", true, 2)?;
    let &[trajectories, frames, nx, ny, _] = &velocity.arrays[0].shape[..] else { unreachable!("the shape was checked") };
    let grid = [nx, ny];
    let mut times = file.values("t").map_err(|cause| DataError::object(path, "t", cause))?;
    if times.len() < frames {
        return Err(DataError::object(path, "t", format!("it has {} times, `velocity` has {frames} frames", times.len())));
    }
    times.truncate(frames);
    let mut fields = vec![part("particles", true, 1)?.field("particles", 0, true, &grid)];
    fields.push(velocity.field("flow", 1, true, &grid));
    if file.shape("force").is_some() {
        fields.push(part("force", false, 2)?.field("force", 1, false, &grid));
    }
    Ok(Header {
        dataset_name: "pdebench_incompressible".into(),
        axes: vec!["x".into(), "y".into()],
        coordinates: file.coordinates(["x", "y"], &grid),
        grid: grid.to_vec(),
        trajectories,
        times,
        parameters: Vec::new(),
        boundaries: boundaries(&["x", "y"], &[BoundaryKind::Wall; 2]),
        fields,
    })
}
