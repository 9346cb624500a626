//! Converting: every layout and storage comes out as contiguous files of The Well's layout with the same values to the bit.

use std::path::{Path, PathBuf};

use pfm_data::{Dataset, GenerateSpec, Split, convert, generate, verify};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn quietly(from: &Path, to: &Path) -> pfm_data::Converted {
    convert(from, to, 2, &mut |_, _| ()).unwrap()
}

/// All frames of all channels.
fn values(dataset: &Dataset) -> Vec<u32> {
    let index = dataset.windows(1, 1);
    let mut frame = vec![0.0; dataset.window_size(&index)];
    let read = |i| {
        dataset.read_window(&index, i, &mut frame).unwrap();
        frame.iter().map(|value| value.to_bits()).collect::<Vec<u32>>()
    };
    (0..index.len()).flat_map(read).collect()
}

fn same(a: &Dataset, b: &Dataset) {
    assert_eq!((a.fields(), a.grid(), a.trajectories()), (b.fields(), b.grid(), b.trajectories()));
    assert_eq!(values(a), values(b));
    for (a, b) in a.files().iter().zip(b.files()) {
        let about = |file: &pfm_data::well::WellFile| (file.dataset_name.clone(), file.parameters.clone(), file.boundaries.clone());
        assert_eq!(about(a), about(b));
        let close = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs());
        assert!(close(&a.times, &b.times) && a.coordinates.iter().zip(&b.coordinates).all(|(a, b)| close(a, b)));
        for (a, b) in a.fields.iter().zip(&b.fields) {
            assert_eq!((a.sample_varying, a.time_varying, a.symmetric), (b.sample_varying, b.time_varying, b.symmetric), "{}", a.name);
        }
    }
}

#[test]
fn every_layout_comes_out_the_same() {
    let place = tempfile::tempdir().unwrap();
    let names = [
        "fixtures/scrambled.hdf5",
        "fixtures/small.hdf5",
        "layouts/2D_CFD_Rand_M0.1_Eta0.01_Zeta0.02_periodic_5_Train.hdf5",
        "layouts/diffusion_reaction.h5",
        "layouts/shallow_water.h5",
        "layouts/ns_sim_2d-7.h5",
        "layouts/thermals_classic.nc",
        "layouts/thermals_4.nc",
    ];
    for (n, name) in names.iter().enumerate() {
        let (from, to) = (fixture(name), place.path().join(n.to_string()));
        let before = Dataset::open(&from, Split::Train).unwrap();
        let done = quietly(&from, &to);
        assert_eq!((done.files, done.trajectories), (1, before.trajectories()), "{name}");
        same(&before, &Dataset::open(&to, Split::Train).unwrap());
        let written = to.join(from.file_name().unwrap()).with_extension("hdf5");
        let file = hdf5_metno::File::open(&written).unwrap();
        for group in ["t0_fields", "t1_fields", "t2_fields"] {
            for dataset in file.group(group).unwrap().datasets().unwrap() {
                assert!(dataset.offset().is_some() && !dataset.is_chunked(), "{name}: {} is contiguous", dataset.name());
            }
        }
    }
}

#[test]
fn splits_and_statistics_are_kept() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    let spec = GenerateSpec { grid: vec![16, 16], frames: 4, threads: 2, ..GenerateSpec::new("active_matter", 6, 1).unwrap() };
    generate(&spec, &from, &mut |_, _| ()).unwrap();
    let mut seen = vec![];
    let done = convert(&from, &to, 2, &mut |done, total| seen.push((done, total))).unwrap();
    assert_eq!((done.trajectories, seen.first(), seen.last()), (6, Some(&(0, done.files)), Some(&(done.files, done.files))));
    for split in Split::ALL {
        same(&Dataset::open(&from, split).unwrap(), &Dataset::open(&to, split).unwrap());
    }
    let text = |folder: &Path| std::fs::read_to_string(folder.join("stats.yaml")).unwrap();
    assert_eq!(text(&from), text(&to));
    assert!(!verify(&to, 2, &mut |_, _| ()).unwrap().failed());
    // Without statistics they are computed; files that are there are kept.
    std::fs::remove_file(from.join("stats.yaml")).unwrap();
    std::fs::remove_file(to.join("stats.yaml")).unwrap();
    assert_eq!(quietly(&from, &to), done);
    assert!(text(&to).contains("concentration"));
}

#[test]
fn data_are_not_written_over_themselves() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("a.hdf5");
    std::fs::copy(fixture("fixtures/small.hdf5"), &file).unwrap();
    let before = std::fs::read(&file).unwrap();
    let error = convert(&file, place.path(), 1, &mut |_, _| ()).unwrap_err();
    assert!(error.to_string().contains("over itself"), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert!(convert(&place.path().join("none"), place.path(), 1, &mut |_, _| ()).is_err());
}
