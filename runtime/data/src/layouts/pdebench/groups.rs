//! PDEBench's shallow water and diffusion-reaction: a group `0000`, `0001`, … for each trajectory, with all its values in `data` and
//! its coordinates in `grid`. One value per point is the height of water, with axes (time, x, y); two are activator and inhibitor,
//! with axes (time, y, x).

use std::path::Path;

use pfm_solvers::BoundaryKind;

use crate::error::DataError;
use crate::layouts::assembly::{Array, Axis, Part};
use crate::layouts::{Container, Layout};
use crate::well::{Header, boundaries};

pub(in crate::layouts) const GROUPS: Layout =
    Layout { name: "PDEBench's groups of trajectories", recognises: |file| first(file).is_some(), header };

/// One of the two data sets.
struct Set {
    name: &'static str,
    fields: &'static [&'static str],
    space: [Axis; 2],
    boundary: BoundaryKind,
}

const SETS: [Set; 2] = [
    Set { name: "pdebench_shallow_water", fields: &["height"], space: [Axis::Space(0), Axis::Space(1)], boundary: BoundaryKind::Open },
    Set {
        name: "pdebench_diffusion_reaction",
        fields: &["activator", "inhibitor"],
        space: [Axis::Space(1), Axis::Space(0)],
        boundary: BoundaryKind::Wall,
    },
];

fn groups(file: &Container) -> impl Iterator<Item = String> {
    file.names().into_iter().filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()))
}

fn first(file: &Container) -> Option<String> {
    groups(file).next().filter(|name| file.shape(&format!("{name}/data")).is_some())
}

fn header(path: &Path, file: &Container) -> Result<Header, DataError> {
    let first = first(file).unwrap_or_default();
    let failed = |object: &str, cause: String| DataError::object(path, format!("{first}/{object}"), cause);
    let array = |group: String| {
        let object = format!("{group}/data");
        file.array(&object).map_err(|cause| DataError::object(path, object, cause))
    };
    let arrays: Vec<Array> = groups(file).map(array).collect::<Result<_, _>>()?;
    let shape = &arrays[0].shape;
    let known = match shape[..] {
        [frames, a, b, values] => SETS.iter().find(|set| set.fields.len() == values).map(|set| (set, frames, [a, b])),
        _ => None,
    };
    let Some((set, frames, stored)) = known else {
        let cause = format!(
            "its shape is {shape:?}: shallow water has (time, x, y, 1) and diffusion-reaction (time, y, x, 2); other data sets of PDEBench \
             are not read"
        );
        return Err(failed("data", cause));
    };
    let mut grid = vec![0; 2];
    for (axis, n) in set.space.iter().zip(stored) {
        let Axis::Space(d) = axis else { continue };
        grid[*d] = n;
    }
    let times = file.values(&format!("{first}/grid/t")).map_err(|cause| failed("grid/t", cause))?;
    if times.len() != frames {
        return Err(failed("grid/t", format!("it has {} times, `data` has {frames} frames", times.len())));
    }
    let axes = vec![Axis::Time, set.space[0], set.space[1], Axis::Component];
    let field = |(entry, name): (usize, &&str)| {
        let part = Part { arrays: arrays.clone(), axes: axes.clone(), placements: vec![(entry, 0)] };
        part.field(name, 0, true, &grid)
    };
    Ok(Header {
        dataset_name: set.name.into(),
        axes: vec!["x".into(), "y".into()],
        coordinates: file.coordinates([&format!("{first}/grid/x"), &format!("{first}/grid/y")], &grid),
        grid: grid.clone(),
        trajectories: arrays.len(),
        times,
        parameters: Vec::new(),
        boundaries: boundaries(&["x", "y"], &[set.boundary; 2]),
        fields: set.fields.iter().enumerate().map(field).collect(),
    })
}
