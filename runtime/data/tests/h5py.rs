//! Files that h5py wrote (`fixtures/make.py`): fields in another order than HDF5 lists them, constant fields, tensors, filters and
//! numbers of all kinds read back to the bit, in windows of any shape, on any number of threads, each frame once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pfm_data::{Batch, BoundaryKind, Dataset, Split, WindowIndex, WindowShape};

const TRAJECTORIES: usize = 3;
const FRAMES: usize = 7;
const CELLS: usize = 6 * 5;

const SCRAMBLED: [&str; 25] = [
    "zeta",
    "alpha",
    "mean_depth",
    "half",
    "doubles",
    "ground",
    "big",
    "plain_doubles",
    "forcing",
    "velocity_x",
    "velocity_y",
    "unfiltered_x",
    "unfiltered_y",
    "checked_x",
    "checked_y",
    "body_force_x",
    "body_force_y",
    "D_xx",
    "D_xy",
    "D_yx",
    "D_yy",
    "A_xx",
    "A_xy",
    "A_yx",
    "A_yy",
];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The values that h5py was given.
fn values(name: &str) -> Vec<f32> {
    let bytes = std::fs::read(fixture(name)).unwrap();
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn open() -> (Arc<Dataset>, Vec<f32>) {
    (Arc::new(Dataset::open(&fixture("scrambled.hdf5"), Split::Train).unwrap()), values("scrambled.values"))
}

/// What a window must hold: the `channels` of SCRAMBLED in its frames.
fn expected(values: &[f32], index: &WindowIndex, window: usize, channels: &[usize]) -> Vec<u32> {
    let at = index.locate(window);
    let mut found = Vec::new();
    for offset in index.offsets() {
        let frame = at.trajectory * FRAMES + at.start + offset;
        for cell in 0..CELLS {
            let row = &values[(frame * CELLS + cell) * SCRAMBLED.len()..][..SCRAMBLED.len()];
            found.extend(channels.iter().map(|&channel| row[channel].to_bits()));
        }
    }
    found
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn whole_files_read_back_to_the_bit() {
    let (dataset, values) = open();
    let names: Vec<&str> = dataset.fields().iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, SCRAMBLED);
    let index = dataset.windows(FRAMES, 1);
    assert_eq!(index.len(), TRAJECTORIES);
    let mut all = Vec::new();
    for window in 0..index.len() {
        let mut out = vec![f32::NAN; dataset.window_size(&index)];
        dataset.read_window(&index, window, &mut out).unwrap();
        all.extend(out);
    }
    assert_eq!(bits(&all), bits(&values));
}

#[test]
fn headers_are_those_that_were_written() {
    let (dataset, _) = open();
    let file = &dataset.files()[0];
    assert_eq!(file.parameters, [("beta".to_string(), -3.5), ("alpha".to_string(), 0.25)]);
    let sides: Vec<_> = file.boundaries.iter().map(|b| (b.axis.as_str(), b.low, b.high)).collect();
    use BoundaryKind::{Periodic, Wall};
    assert_eq!(sides, [("x", Periodic, Periodic), ("y", Wall, Wall)]);
    assert_eq!((file.times[0], file.times[FRAMES - 1]), (0.0, 1.0));
    let field = |name: &str| file.fields.iter().find(|field| field.name == name).unwrap();
    assert_eq!((field("ground").time_varying, field("ground").dim_varying.as_slice()), (false, &[true, false][..]));
    assert!(!field("forcing").sample_varying && field("forcing").time_varying);
    assert_eq!((field("D").order, field("D").components), (2, 4));
}

#[test]
fn batches_hold_their_windows_whatever_the_threads() {
    let (dataset, values) = open();
    // Single channels, a tensor's components in another order, one alone, and a vector alone, which is copied whole.
    for channels in [&[20, 2, 9, 4, 18, 5][..], &[1], &[9, 10], &[24, 23, 22, 21]] {
        let names: Vec<&str> = channels.iter().map(|&channel| SCRAMBLED[channel]).collect();
        let index = Arc::new(dataset.windows_of(&names, 3, 2).unwrap());
        assert_eq!(index.len(), TRAJECTORIES * 3);
        // Windows that share frames, one of them twice.
        let windows = vec![4, 0, 1, 8, 4, 2];
        let wanted: Vec<u32> = windows.iter().flat_map(|&window| expected(&values, &index, window, channels)).collect();
        for threads in [1, 2, 5] {
            let batch = Batch::read(&dataset, &index, windows.clone(), threads).unwrap();
            assert_eq!(batch.windows(), windows);
            let mut out = vec![f32::NAN; windows.len() * dataset.window_size(&index)];
            batch.write(&mut out);
            assert_eq!(bits(&out), wanted, "{names:?} on {threads} threads");
        }
    }
}

#[test]
fn windows_have_any_stride_and_lead_time() {
    let (dataset, values) = open();
    for (context, stride, targets, lead, offsets) in [
        (1, 1, 1, 5, &[0, 5][..]),
        (3, 1, 1, 3, &[0, 1, 2, 5]),
        (2, 2, 2, 1, &[0, 2, 3, 4]),
        (1, 0, 3, 2, &[0, 2, 4, 6]),
        (2, 6, 0, 0, &[0, 6]),
        (4, 2, 1, 1, &[0, 2, 4, 6, 7]),
    ] {
        let index = dataset.windows_with(&["alpha", "D_xy"], WindowShape { context, stride, targets, lead }).unwrap();
        assert_eq!(index.offsets(), offsets);
        let span = offsets[offsets.len() - 1];
        assert_eq!(index.len(), TRAJECTORIES * FRAMES.saturating_sub(span), "{offsets:?}");
        let mut out = vec![f32::NAN; dataset.window_size(&index)];
        for window in 0..index.len() {
            dataset.read_window(&index, window, &mut out).unwrap();
            assert_eq!(bits(&out), expected(&values, &index, window, &[1, 18]), "window {window} of {offsets:?}");
        }
    }
}
