//! Files of other makers, read as they are: the four layouts of PDEBench and miniWeather's thermals in every version of NetCDF. Values
//! of the files in `layouts/` are digits of their places (see `make.py` there), so each is checked.

use std::path::{Path, PathBuf};

use pfm_data::{BoundaryKind, DataError, Dataset, Split, inspect, verify};

const FRAMES: usize = 4;
const GRID: [usize; 2] = [5, 3];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layouts").join(name)
}

/// What `make.py` stores for a channel.
fn digits(trajectory: usize, frame: usize, [x, y]: [usize; 2], channel: usize) -> f32 {
    (1000 * trajectory + 100 * frame + 10 * x + y) as f32 + channel as f32 / 8.0
}

/// Checks every value of every window of two frames: channels of the data set are those of `channels`, and its trajectories the file's
/// from `first` on.
fn holds(dataset: &Dataset, names: &[&str], channels: &[usize], first: usize) {
    assert_eq!(dataset.fields().iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), names);
    assert_eq!(dataset.grid(), GRID);
    let windows = dataset.windows_of(names, 2, 2).unwrap();
    assert_eq!(windows.len(), dataset.trajectories() * (FRAMES - 2));
    let mut values = vec![f32::NAN; dataset.window_size(&windows)];
    for i in 0..windows.len() {
        dataset.read_window(&windows, i, &mut values).unwrap();
        let at = windows.locate(i);
        let mut found = values.iter();
        for frame in [at.start, at.start + 2] {
            for cell in (0..GRID[0]).flat_map(|x| (0..GRID[1]).map(move |y| [x, y])) {
                for (&channel, name) in channels.iter().zip(names) {
                    let expected = digits(first + at.trajectory, frame, cell, channel);
                    assert_eq!(found.next(), Some(&expected), "{name} of trajectory {}, frame {frame}, {cell:?}", at.trajectory);
                }
            }
        }
    }
}

fn boundaries(dataset: &Dataset) -> Vec<(&str, BoundaryKind, BoundaryKind)> {
    dataset.boundary_conditions().iter().map(|boundary| (boundary.axis.as_str(), boundary.low, boundary.high)).collect()
}

#[test]
fn shallow_water_of_pdebench() {
    let path = file("shallow_water.h5");
    for (split, first, trajectories) in [(Split::Train, 0, 8), (Split::Valid, 8, 1), (Split::Test, 9, 1)] {
        let dataset = Dataset::open(&path, split).unwrap();
        assert_eq!(dataset.trajectories(), trajectories, "{split}");
        holds(&dataset, &["height"], &[0], first);
        assert_eq!(dataset.files()[0].dataset_name, "pdebench_shallow_water");
        assert_eq!(dataset.files()[0].times, [0.0, 0.25, 0.5, 0.75]);
        assert_eq!(boundaries(&dataset), [("x", BoundaryKind::Open, BoundaryKind::Open), ("y", BoundaryKind::Open, BoundaryKind::Open)]);
    }
    let inspection = inspect(&path).unwrap();
    assert_eq!(inspection.splits.iter().map(|split| split.trajectories).collect::<Vec<_>>(), [8, 1, 1]);
    // All trajectories are verified, whatever the split.
    let verification = verify(&path, 2, &mut |_, _| ()).unwrap();
    assert_eq!((verification.trajectories, verification.failed()), (10, false), "{verification:?}");
}

#[test]
fn diffusion_and_reaction_of_pdebench() {
    let dataset = Dataset::open(&file("diffusion_reaction.h5"), Split::Train).unwrap();
    assert_eq!((dataset.trajectories(), dataset.files()[0].dataset_name.as_str()), (2, "pdebench_diffusion_reaction"));
    holds(&dataset, &["activator", "inhibitor"], &[0, 1], 0);
    assert_eq!(boundaries(&dataset)[1], ("y", BoundaryKind::Wall, BoundaryKind::Wall));
    let one = dataset.windows_of(&["inhibitor"], 1, 1).unwrap();
    let mut values = vec![0.0; 15];
    dataset.read_window(&one, 5, &mut values).unwrap();
    assert_eq!(values[4], digits(1, 1, [1, 1], 1));
}

#[test]
fn incompressible_flow_of_pdebench() {
    let dataset = Dataset::open(&file("ns_sim_2d-7.h5"), Split::Train).unwrap();
    assert_eq!((dataset.trajectories(), dataset.files()[0].dataset_name.as_str()), (2, "pdebench_incompressible"));
    let names: Vec<&str> = dataset.fields().iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["particles", "flow_x", "flow_y", "force_x", "force_y"]);
    let windows = dataset.windows_of(&["flow_y", "particles", "force_x"], 2, 2).unwrap();
    let mut values = vec![0.0; 2 * 15 * 3];
    for i in 0..windows.len() {
        dataset.read_window(&windows, i, &mut values).unwrap();
        let at = windows.locate(i);
        for (k, found) in values.chunks_exact(3).enumerate() {
            let (frame, cell) = (at.start + k / 15 * 2, [k % 15 / 3, k % 3]);
            let value = |frame, channel| digits(at.trajectory, frame, cell, channel);
            // The force does not change in time: each frame has that of the file.
            assert_eq!(found, [value(frame, 1), value(frame, 2), value(0, 0) + 7.0], "trajectory {}, frame {frame}", at.trajectory);
        }
    }
}

#[test]
fn compressible_flow_of_pdebench() {
    let dataset = Dataset::open(&file("2D_CFD_Rand_M0.1_Eta0.01_Zeta0.02_periodic_5_Train.hdf5"), Split::Train).unwrap();
    let header = &dataset.files()[0];
    assert_eq!((header.trajectories, header.dataset_name.as_str()), (3, "pdebench_compressible_5"));
    holds(&dataset, &["density", "pressure", "velocity_x", "velocity_y"], &[0, 1, 2, 3], 0);
    assert_eq!(header.times, [0.0, 0.25, 0.5, 0.75]);
    // An attribute counts for more than the name.
    assert_eq!(header.parameters, [("M".into(), 0.1), ("eta".into(), 0.03), ("zeta".into(), 0.02)]);
    assert_eq!(boundaries(&dataset)[0], ("x", BoundaryKind::Periodic, BoundaryKind::Periodic));
}

#[test]
fn thermals_in_every_version_of_netcdf() {
    for name in ["thermals_classic.nc", "thermals_offset.nc", "thermals_data.nc", "thermals_4.nc"] {
        let dataset = Dataset::open(&file(name), Split::Test).unwrap();
        assert_eq!((dataset.trajectories(), dataset.files()[0].dataset_name.as_str()), (1, "miniweather_thermals"), "{name}");
        assert_eq!(dataset.files()[0].times, [0.0, 0.25, 0.5, 0.75]);
        holds(&dataset, &["air_density", "potential_temperature", "wind_x", "wind_y"], &[0, 1, 2, 3], 0);
        let kinds = boundaries(&dataset);
        assert_eq!((kinds[0].1, kinds[1].1), (BoundaryKind::Periodic, BoundaryKind::Wall));
    }
}

/// Files with a trajectory each are dealt to the splits.
#[test]
fn files_are_divided_where_they_hold_few_trajectories() {
    let folder = tempfile::tempdir().unwrap();
    for k in 0..5 {
        std::fs::copy(file("thermals_classic.nc"), folder.path().join(format!("run_{k}.nc"))).unwrap();
    }
    let names = |split| -> Vec<String> {
        let dataset = Dataset::open(folder.path(), split).unwrap();
        dataset.files().iter().map(|file| file.path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names(Split::Train), ["run_0", "run_1", "run_2"]);
    assert_eq!(names(Split::Valid), ["run_3"]);
    assert_eq!(names(Split::Test), ["run_4"]);
    // Folders of splits come first.
    let test = folder.path().join("test");
    std::fs::create_dir(&test).unwrap();
    std::fs::copy(file("thermals_4.nc"), test.join("other.nc")).unwrap();
    assert_eq!(names(Split::Test), ["other"]);
}

fn refusal(path: &Path) -> String {
    match Dataset::open(path, Split::Train) {
        Err(DataError::Files { first, .. }) => first.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thermals.nc");
    // The name of the density at rest in the header becomes another.
    let mut bytes = std::fs::read(file("thermals_classic.nc")).unwrap();
    let at = bytes.windows(7).position(|name| name == b"hy_dens").unwrap();
    bytes[at] = b'H';
    std::fs::write(&path, &bytes).unwrap();
    let message = refusal(&path);
    assert!(message.contains("hy_dens: the array is missing") && message.contains("perturbations only"), "{message}");

    let message = refusal(&file("filter.h5"));
    assert!(message.contains("0000/data: its filter 32015 can't be undone") && message.contains("h5repack"), "{message}");

    let path = folder.path().join("unknown.h5");
    let created = hdf5_metno::File::create(&path).unwrap();
    created.new_dataset::<f32>().shape([2, 3]).create("temperature").unwrap();
    drop(created);
    let message = refusal(&path);
    assert!(message.contains("none of those that are read") && message.contains("PDEBench's compressible flow"), "{message}");

    let path = folder.path().join("three_dimensions.h5");
    let created = hdf5_metno::File::create(&path).unwrap();
    for name in ["density", "pressure", "Vx", "Vy", "Vz"] {
        created.new_dataset::<f32>().shape([1, 2, 3, 4, 5]).create(name).unwrap();
    }
    created.new_dataset::<f32>().shape([3]).create("t-coordinate").unwrap();
    drop(created);
    let message = refusal(&path);
    assert!(message.contains("density: its shape is [1, 2, 3, 4, 5]") && message.contains("two dimensions"), "{message}");
}

/// A classic file that ends early, or whose header is damaged anywhere, is refused or read with other numbers, and never a crash.
#[test]
fn damaged_classic_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["thermals_classic.nc", "thermals_offset.nc", "thermals_data.nc"] {
        let whole = std::fs::read(file(name)).unwrap();
        let path = folder.path().join("damaged.nc");
        for length in (0..whole.len()).step_by(61) {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(Dataset::open(&path, Split::Train).is_err(), "{name}, {length} bytes of {}", whole.len());
        }
        let mut damaged = whole.clone();
        for at in (0..whole.len().min(900)).step_by(5) {
            damaged[at] ^= 0xff;
            std::fs::write(&path, &damaged).unwrap();
            if let Ok(dataset) = Dataset::open(&path, Split::Train) {
                let windows = dataset.windows(1, 1);
                if dataset.grid() == GRID && !windows.is_empty() {
                    let mut values = vec![0.0; dataset.window_size(&windows)];
                    // Both outcomes are sound; a panic is not.
                    let _ = dataset.read_window(&windows, 0, &mut values);
                }
            }
            damaged[at] = whole[at];
        }
    }
}
