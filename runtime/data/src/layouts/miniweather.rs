//! Thermals of miniWeather as MATEY reads them: one trajectory a file, in NetCDF, with perturbations `dens` and `theta` of density and
//! potential temperature and the velocities `uwnd` and `wwnd` (time, height, x), and the air at rest `hy_dens` and `hy_theta` (height).
//! Fields are totals with axes x, then y, the height.

use std::path::Path;

use pfm_solvers::BoundaryKind;

use crate::error::DataError;
use crate::layouts::assembly::{Assembly, Axis, Part};
use crate::layouts::{Container, Layout};
use crate::well::{Header, boundaries};

pub(super) const THERMALS: Layout = Layout {
    name: "miniWeather's thermals",
    recognises: |file| ["dens", "uwnd", "wwnd", "theta"].iter().all(|name| file.shape(name).is_some()),
    header,
};

fn header(path: &Path, file: &Container) -> Result<Header, DataError> {
    let part = |object: &str, component: usize, axes: &[Axis]| {
        let failed = |cause: String| DataError::object(path, object, cause);
        let array = file.array(object).map_err(failed)?;
        if array.shape.len() != axes.len() {
            return Err(failed(format!("its shape is {:?}, not {}", array.shape, ["", "(height)", "", "(time, height, x)"][axes.len()])));
        }
        Ok(Part { arrays: vec![array], axes: axes.to_vec(), placements: vec![(0, component)] })
    };
    let flow = |object, component| part(object, component, &[Axis::Time, Axis::Space(1), Axis::Space(0)]);
    let density = flow("dens", 0)?;
    let &[frames, nz, nx] = &density.arrays[0].shape[..] else { unreachable!("the shape was checked") };
    let grid = [nx, nz];
    let rest = |object: &str| {
        if file.shape(object).is_none() {
            let cause = "the array is missing: without the air at rest there are perturbations only; miniWeather itself does not write \
                         it, add it as a function of height";
            return Err(DataError::object(path, object, cause));
        }
        part(object, 0, &[Axis::Space(1)])
    };
    let times = file.values("t").map_err(|cause| DataError::object(path, "t", cause))?;
    if times.len() != frames {
        return Err(DataError::object(path, "t", format!("it has {} times, `dens` has {frames} frames", times.len())));
    }
    let density = Assembly::new(&grid, 1, vec![density, rest("hy_dens")?]);
    let temperature = Assembly::new(&grid, 1, vec![flow("theta", 0)?, rest("hy_theta")?]);
    let wind = Assembly::new(&grid, 2, vec![flow("uwnd", 0)?, flow("wwnd", 1)?]);
    Ok(Header {
        dataset_name: "miniweather_thermals".into(),
        axes: vec!["x".into(), "y".into()],
        coordinates: file.coordinates(["x", "z"], &grid),
        grid: grid.to_vec(),
        trajectories: 1,
        times,
        parameters: Vec::new(),
        boundaries: boundaries(&["x", "y"], &[BoundaryKind::Periodic, BoundaryKind::Wall]),
        fields: vec![
            density.field("air_density", 0, true),
            temperature.field("potential_temperature", 0, true),
            wind.field("wind", 1, true),
        ],
    })
}
