//! Reading files as others write them: scrambled field order, fields that are constant along some axis, chunked and compressed
//! storage, double precision, tensors, walls, odd string types; and files that are broken.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use hdf5_metno::types::{FixedAscii, VarLenUnicode};
use hdf5_metno::{File, Group, H5Type, Location};
use ndarray::ArrayD;
use pfm_data::{BoundaryKind, DataError, Dataset, Split};

const TRAJECTORIES: usize = 2;
const FRAMES: usize = 5;
const GRID: [usize; 2] = [4, 3];

fn text(value: &str) -> VarLenUnicode {
    VarLenUnicode::from_str(value).unwrap()
}

fn strings(at: &Location, name: &str, values: &[&str]) {
    let values: Vec<_> = values.iter().map(|value| text(value)).collect();
    let attribute = at.new_attr::<VarLenUnicode>().shape([values.len()]).create(name).unwrap();
    attribute.write(&values).unwrap();
}

fn scalar<T: H5Type>(at: &Location, name: &str, value: T) {
    at.new_attr::<T>().create(name).unwrap().write_scalar(&value).unwrap();
}

/// How a field is stored.
#[derive(Clone, Copy)]
struct Storage {
    sample: bool,
    time: bool,
    dims: [bool; 2],
    compressed: bool,
}

const FULL: Storage = Storage { sample: true, time: true, dims: [true, true], compressed: false };

/// The value of a component, whatever the storage: it depends on nothing that the storage leaves out.
fn value(storage: Storage, trajectory: usize, frame: usize, cell: [usize; 2], component: usize) -> f32 {
    let mut value = component as f32;
    if storage.sample {
        value += 10.0 * trajectory as f32;
    }
    if storage.time {
        value += 100.0 * frame as f32;
    }
    for (d, varies) in storage.dims.iter().enumerate() {
        if *varies {
            value += 1000.0 * 10f32.powi(d as i32) * cell[d] as f32;
        }
    }
    value
}

fn field<T: H5Type + From<f32>>(group: &Group, name: &str, order: usize, storage: Storage) {
    let components = 2usize.pow(order as u32);
    let range = |varies, n: usize| 0..if varies { n } else { 1 };
    let mut values = Vec::new();
    for trajectory in range(storage.sample, TRAJECTORIES) {
        for frame in range(storage.time, FRAMES) {
            for i in range(storage.dims[0], GRID[0]) {
                for j in range(storage.dims[1], GRID[1]) {
                    for component in 0..components {
                        values.push(T::from(value(storage, trajectory, frame, [i, j], component)));
                    }
                }
            }
        }
    }
    let mut shape = Vec::new();
    shape.extend(storage.sample.then_some(TRAJECTORIES));
    shape.extend(storage.time.then_some(FRAMES));
    shape.extend((0..2).filter(|&d| storage.dims[d]).map(|d| GRID[d]));
    shape.extend(std::iter::repeat_n(2, order));
    let builder = group.new_dataset::<T>();
    let dataset = if storage.compressed {
        let mut chunk = shape.clone();
        chunk[..2].fill(1);
        builder.shape(shape.clone()).chunk(chunk).shuffle().deflate(1).create(name).unwrap()
    } else {
        builder.shape(shape.clone()).create(name).unwrap()
    };
    dataset.write(&ArrayD::from_shape_vec(shape, values).unwrap()).unwrap();
    let flags = dataset.new_attr::<bool>().shape([2]).create("dim_varying").unwrap();
    flags.write(&storage.dims).unwrap();
    scalar(&dataset, "sample_varying", storage.sample);
    // Some writers store booleans as integers.
    scalar(&dataset, "time_varying", i8::from(storage.time));
}

const STEADY: Storage = Storage { sample: true, time: false, ..FULL };
const PROFILE: Storage = Storage { sample: false, time: false, dims: [false, true], compressed: false };
const GZIP: Storage = Storage { compressed: true, ..FULL };

/// A file with every kind of field. `order` is the order of the scalars in `field_names`.
fn write(path: &Path, order: &[&str]) {
    let file = File::create(path).unwrap();
    scalar(&file, "dataset_name", text("made_by_hand"));
    scalar(&file, "grid_type", text("cartesian"));
    scalar(&file, "n_spatial_dims", 2u16);
    scalar(&file, "n_trajectories", TRAJECTORIES as u8);
    strings(&file, "simulation_parameters", &["alpha"]);
    scalar(&file, "alpha", -1.0f32);

    let dimensions = file.create_group("dimensions").unwrap();
    let names = ["x", "y"].map(|name| FixedAscii::<1>::from_ascii(name).unwrap());
    let attribute = dimensions.new_attr::<FixedAscii<1>>().shape([2]).create("spatial_dims").unwrap();
    attribute.write(&names).unwrap();
    let times: Vec<f32> = (0..FRAMES).map(|t| 0.5 * t as f32).collect();
    dimensions.new_dataset_builder().with_data(&times).create("time").unwrap();
    for (d, name) in ["x", "y"].into_iter().enumerate() {
        let points = vec![0.0f32; GRID[d]];
        dimensions.new_dataset_builder().with_data(&points).create(name).unwrap();
    }

    let boundaries = file.create_group("boundary_conditions").unwrap();
    for (d, (name, kind)) in [("x_periodic", "periodic"), ("y_wall_dirichlet", "WALL")].into_iter().enumerate() {
        let group = boundaries.create_group(name).unwrap();
        strings(&group, "associated_dims", &[["x", "y"][d]]);
        scalar(&group, "bc_type", text(kind));
        let mut mask = vec![0u8; GRID[d]];
        mask[0] = 1;
        if d == 0 {
            mask[GRID[d] - 1] = 1;
        }
        group.new_dataset_builder().with_data(&mask).create("mask").unwrap();
    }

    let scalars = file.create_group("t0_fields").unwrap();
    strings(&scalars, "field_names", order);
    field::<f32>(&scalars, "pressure", 0, FULL);
    field::<f64>(&scalars, "concentration", 0, FULL);
    field::<f32>(&scalars, "depth", 0, PROFILE);
    field::<f32>(&scalars, "buoyancy", 0, GZIP);
    let vectors = file.create_group("t1_fields").unwrap();
    strings(&vectors, "field_names", &["velocity", "force"]);
    field::<f32>(&vectors, "velocity", 1, GZIP);
    field::<f32>(&vectors, "force", 1, STEADY);
    let tensors = file.create_group("t2_fields").unwrap();
    strings(&tensors, "field_names", &["D"]);
    field::<f32>(&tensors, "D", 2, FULL);
}

const ORDER: [&str; 4] = ["pressure", "concentration", "depth", "buoyancy"];

/// Every channel with its storage and component.
fn channel(name: &str) -> (Storage, usize) {
    match name {
        "pressure" | "concentration" => (FULL, 0),
        "depth" => (PROFILE, 0),
        "buoyancy" => (GZIP, 0),
        "velocity_x" => (GZIP, 0),
        "velocity_y" => (GZIP, 1),
        "force_x" => (STEADY, 0),
        "force_y" => (STEADY, 1),
        "D_xx" => (FULL, 0),
        "D_xy" => (FULL, 1),
        "D_yx" => (FULL, 2),
        "D_yy" => (FULL, 3),
        other => panic!("unexpected channel {other}"),
    }
}

fn made() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    write(&path, &ORDER);
    (dir, path)
}

#[test]
fn every_storage_reads_right() {
    let (dir, _) = made();
    // The second file lists the same fields in another order.
    write(&dir.path().join("b.hdf5"), &["buoyancy", "depth", "pressure", "concentration"]);
    let dataset = Dataset::open(dir.path(), Split::Train).unwrap();
    let names: Vec<&str> = dataset.fields().iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names[..4], ORDER);
    assert_eq!(names[4..], ["velocity_x", "velocity_y", "force_x", "force_y", "D_xx", "D_xy", "D_yx", "D_yy"]);
    assert_eq!((dataset.trajectories(), dataset.grid()), (4, &GRID[..]));

    let reversed: Vec<&str> = names.iter().rev().copied().collect();
    let (length, stride) = (2, 2);
    let windows = dataset.windows_of(&reversed, length, stride).unwrap();
    assert_eq!(windows.len(), 2 * TRAJECTORIES * (FRAMES - 2));
    let mut out = vec![f32::NAN; dataset.window_size(&windows)];
    for i in 0..windows.len() {
        let at = windows.locate(i);
        dataset.read_window(&windows, i, &mut out).unwrap();
        let mut found = out.iter();
        for frame in 0..length {
            for cell in (0..GRID[0]).flat_map(|i| (0..GRID[1]).map(move |j| [i, j])) {
                for name in &reversed {
                    let (storage, component) = channel(name);
                    let expected = value(storage, at.trajectory, at.start + frame * stride, cell, component);
                    assert_eq!(*found.next().unwrap(), expected, "{name} in window {i} at {frame} {cell:?}");
                }
            }
        }
    }
}

#[test]
fn headers_are_understood() {
    let (_dir, path) = made();
    let dataset = Dataset::open(&path, Split::Test).unwrap();
    let file = &dataset.files()[0];
    assert_eq!(file.dataset_name, "made_by_hand");
    assert_eq!(file.parameters, [("alpha".to_string(), -1.0)]);
    assert_eq!(file.times, [0.0, 0.5, 1.0, 1.5, 2.0]);
    let sides: Vec<_> = file.boundaries.iter().map(|b| (b.axis.as_str(), b.low, b.high)).collect();
    use BoundaryKind::{Open, Periodic, Wall};
    // No mask marks the upper end of y.
    assert_eq!(sides, [("x", Periodic, Periodic), ("y", Wall, Open)]);
}

#[test]
fn windows_are_counted_as_in_the_well() {
    let (dir, path) = made();
    std::fs::copy(path, dir.path().join("b.h5")).unwrap();
    let dataset = Dataset::open(dir.path(), Split::Train).unwrap();
    for (length, stride, per_trajectory) in [(1, 1, 5), (5, 1, 1), (6, 1, 0), (3, 2, 1), (2, 3, 2), (2, 4, 1), (2, 5, 0)] {
        let windows = dataset.windows(length, stride);
        assert_eq!(windows.len(), 4 * per_trajectory, "length {length}, stride {stride}");
        assert_eq!(windows.is_empty(), per_trajectory == 0);
    }
    let windows = dataset.windows(4, 1);
    let places: Vec<_> = (0..windows.len()).map(|i| windows.locate(i)).map(|w| (w.file, w.trajectory, w.start)).collect();
    assert_eq!(places, [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)]);
}

#[test]
fn several_threads_read_at_once() {
    let (_dir, path) = made();
    let dataset = Dataset::open(&path, Split::Train).unwrap();
    let windows = dataset.windows(2, 1);
    let read = |i| {
        let mut out = vec![0.0; dataset.window_size(&windows)];
        dataset.read_window(&windows, i, &mut out).unwrap();
        out
    };
    let alone: Vec<Vec<f32>> = (0..windows.len()).map(read).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (i, expected) in alone.iter().enumerate() {
                    assert_eq!(read(i), *expected);
                }
            });
        }
    });
}

/// Opens and reads everything, and returns the error that must come.
fn failure(path: &Path) -> String {
    let result = Dataset::open(path, Split::Train).and_then(|dataset| {
        let windows = dataset.windows(FRAMES, 1);
        let mut out = vec![0.0; dataset.window_size(&windows)];
        (0..windows.len()).try_for_each(|i| dataset.read_window(&windows, i, &mut out))
    });
    result.unwrap_err().to_string()
}

/// Changes a sound file and checks that the error names the file and says what is wrong.
fn broken(change: impl FnOnce(&File), expected: &str) {
    let (_dir, path) = made();
    let file = File::open_rw(&path).unwrap();
    change(&file);
    file.close().unwrap();
    let error = failure(&path);
    assert!(error.contains(path.to_str().unwrap()) && error.contains(expected), "{error}");
}

#[test]
fn truncated_files_are_named() {
    let (_dir, path) = made();
    let size = path.metadata().unwrap().len();
    for keep in [0, 40, size / 2, size - 1] {
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(keep).unwrap();
        let error = failure(&path);
        assert!(error.contains("a.h5"), "{error}");
        write(&path, &ORDER);
    }
    std::fs::write(&path, "not HDF5 at all").unwrap();
    assert!(failure(&path).contains("a.h5"));
}

#[test]
fn corrupt_values_are_an_error() {
    let (_dir, path) = made();
    let mut bytes = std::fs::read(&path).unwrap();
    // Overwrite the compressed chunks: whatever was zlib's header is none any more.
    for at in 0..bytes.len() - 1 {
        if bytes[at] == 0x78 && bytes[at + 1] == 0x01 {
            bytes[at] = 0xff;
        }
    }
    std::fs::write(&path, bytes).unwrap();
    let error = failure(&path);
    assert!(error.contains("a.h5: t0_fields/buoyancy") || error.contains("a.h5: t1_fields/velocity"), "{error}");
}

#[test]
fn missing_and_contradictory_objects_are_named() {
    broken(|file| file.unlink("t2_fields").unwrap(), "t2_fields: the group is missing");
    broken(|file| file.unlink("dimensions/time").unwrap(), "dimensions/time: the dataset is missing");
    broken(|file| file.unlink("t0_fields/depth").unwrap(), "t0_fields/depth: the dataset is missing");
    broken(
        |file| file.dataset("t1_fields/force").unwrap().delete_attr("time_varying").unwrap(),
        "t1_fields/force: attribute `time_varying` is missing",
    );
    broken(
        |file| {
            let force = file.dataset("t1_fields/force").unwrap();
            force.delete_attr("time_varying").unwrap();
            scalar(&force, "time_varying", true);
        },
        "its attributes say [2, 5, 4, 3, 2]",
    );
    broken(
        |file| {
            let group = file.group("boundary_conditions/x_periodic").unwrap();
            group.delete_attr("bc_type").unwrap();
            scalar(&group, "bc_type", text("SLIP"));
        },
        "`SLIP`, which is none of WALL, OPEN, PERIODIC",
    );
    broken(
        |file| {
            file.delete_attr("n_trajectories").unwrap();
            scalar(file, "n_trajectories", -3);
        },
        "attribute `n_trajectories` is not a count: -3",
    );
}

#[test]
fn files_must_fit_together() {
    let (dir, _) = made();
    write(&dir.path().join("b.h5"), &["pressure", "depth"]);
    let error = failure(dir.path());
    assert!(error.contains("b.h5: fields: the fields are pressure, depth"), "{error}");
}

#[test]
fn absent_data_and_fields_are_named() {
    let (dir, path) = made();
    let dataset = Dataset::open(&path, Split::Train).unwrap();
    let error = dataset.windows_of(&["density"], 1, 1).unwrap_err();
    assert!(matches!(&error, DataError::Files { failing: 1, files: 1, .. }) && error.to_string().contains("`density`"), "{error}");
    let nowhere = dir.path().join("nowhere");
    assert!(failure(&nowhere).contains("no such file or folder"));
    std::fs::create_dir(&nowhere).unwrap();
    assert!(failure(&nowhere).contains("no .hdf5, .h5 or .nc files"));
}
