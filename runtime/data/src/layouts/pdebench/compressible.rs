//! PDEBench's compressible flow in two dimensions: `density`, `pressure`, `Vx` and `Vy` (trajectory, time, x, y), and coordinates, of
//! which `t-coordinate` has one entry more than there are frames.

use std::path::Path;

use pfm_solvers::BoundaryKind;

use crate::error::DataError;
use crate::layouts::assembly::{Assembly, Axis, Part};
use crate::layouts::{Container, Layout};
use crate::well::{Header, boundaries};

pub(in crate::layouts) const COMPRESSIBLE: Layout = Layout {
    name: "PDEBench's compressible flow",
    recognises: |file| ["density", "pressure", "Vx", "t-coordinate"].iter().all(|name| file.shape(name).is_some()),
    header,
};

/// Parameters, and what stands before their values in names of files.
const PARAMETERS: [(&str, &str); 3] = [("M", "_M"), ("eta", "_Eta"), ("zeta", "_Zeta")];

fn header(path: &Path, file: &Container) -> Result<Header, DataError> {
    let part = |object: &str, component: usize| {
        let failed = |cause: String| DataError::object(path, object, cause);
        let array = file.array(object).map_err(failed)?;
        if array.shape.len() != 4 {
            let cause = format!("its shape is {:?}, not (trajectory, time, x, y): flow in two dimensions is read", array.shape);
            return Err(failed(cause));
        }
        let axes = vec![Axis::Trajectory, Axis::Time, Axis::Space(0), Axis::Space(1)];
        Ok(Part { arrays: vec![array], axes, placements: vec![(0, component)] })
    };
    let density = part("density", 0)?;
    let &[trajectories, frames, nx, ny] = &density.arrays[0].shape[..] else { unreachable!("the shape was checked") };
    let grid = [nx, ny];
    let object = "t-coordinate";
    let mut times = file.values(object).map_err(|cause| DataError::object(path, object, cause))?;
    if times.len() < frames {
        return Err(DataError::object(path, object, format!("it has {} times, `density` has {frames} frames", times.len())));
    }
    times.truncate(frames);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = |(parameter, before): (&str, &str)| {
        let value = file.number(parameter).or_else(|| in_name(&name, before));
        value.map(|value| (parameter.to_string(), value))
    };
    let velocity = Assembly::new(&grid, 2, vec![part("Vx", 0)?, part("Vy", 1)?]);
    let boundary = if name.contains("_trans_") { BoundaryKind::Open } else { BoundaryKind::Periodic };
    Ok(Header {
        dataset_name: if name.contains("Turb") { "pdebench_turbulent".into() } else { format!("pdebench_compressible_{nx}") },
        axes: vec!["x".into(), "y".into()],
        coordinates: file.coordinates(["x-coordinate", "y-coordinate"], &grid),
        grid: grid.to_vec(),
        trajectories,
        times,
        parameters: PARAMETERS.into_iter().filter_map(number).collect(),
        boundaries: boundaries(&["x", "y"], &[boundary; 2]),
        fields: vec![
            density.field("density", 0, true, &grid),
            part("pressure", 0)?.field("pressure", 0, true, &grid),
            velocity.field("velocity", 1, true),
        ],
    })
}

/// The number after `before` in a file's name such as `2D_CFD_Rand_M0.1_Eta1e-08_Zeta1e-08_periodic_512_Train.hdf5`.
fn in_name(name: &str, before: &str) -> Option<f64> {
    name.match_indices(before).find_map(|(at, _)| name[at + before.len()..].split('_').next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::in_name;

    #[test]
    fn parameters_in_names() {
        let name = "2D_CFD_Rand_M0.1_Eta1e-08_Zeta0.01_periodic_512_Train.hdf5";
        assert_eq!(["_M", "_Eta", "_Zeta"].map(|before| in_name(name, before)), [Some(0.1), Some(1e-8), Some(0.01)]);
        assert_eq!(in_name("2D_Mixed_flow.hdf5", "_M"), None);
    }
}
