//! Makes a small data set with every simulator and writes down what is read from it, for `scripts/compare_the_well.py` to compare with what
//! the package `the_well` reads: `cargo run --release -p pfm-data --example the_well FOLDER`. A data set that is in the folder
//! already, in a folder of its own, is read too.

use std::path::{Path, PathBuf};

use pfm_data::{BoundaryKind, DataError, Dataset, GenerateSpec, Split, Statistics, generate};
use pfm_solvers::systems;

const GRID: [usize; 2] = [16, 24];
const FRAMES: usize = 7;
/// Frames of a window and the distance between them.
const WINDOWS: [(usize, usize); 3] = [(3, 1), (2, 3), (4, 2)];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("which folder?")?);
    let threads = std::thread::available_parallelism()?.get();
    for system in systems() {
        let own = GenerateSpec::new(system.name, 5, 11)?;
        let spec = GenerateSpec { grid: GRID.to_vec(), frames: FRAMES, threads, ..own };
        generate(&spec, &folder.join(system.name), &mut |_, _| ())?;
    }
    let mut sets: Vec<PathBuf> = std::fs::read_dir(&folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    sets.retain(|path| path.join("data").is_dir());
    sets.sort();
    for set in &sets {
        write_down(set)?;
        println!("{}", set.display());
    }
    Ok(())
}

/// Writes all windows of all splits into `read/`, and the rest into `read.json`.
fn write_down(set: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let out = set.join("read");
    std::fs::create_dir_all(&out)?;
    let mut splits = serde_json::Map::new();
    for split in Split::ALL {
        if !set.join("data").join(split.name()).is_dir() {
            continue;
        }
        let dataset = Dataset::open(set, split)?;
        let names: Vec<&str> = dataset.fields().iter().map(|field| field.name.as_str()).collect();
        for (length, stride) in WINDOWS {
            let bytes = windows(&dataset, length, stride)?;
            std::fs::write(out.join(format!("{split}_{length}_{stride}")), bytes)?;
        }
        let boundaries: Vec<[u8; 2]> = dataset.boundary_conditions().iter().map(|b| [code(b.low), code(b.high)]).collect();
        splits.insert(
            split.name().into(),
            serde_json::json!({ "fields": names, "grid": dataset.grid(), "boundaries": boundaries, "parameters": dataset.files()[0].parameters }),
        );
        if split == Split::Train {
            // Computed here, whatever lies beside the data.
            let statistics = serde_json::to_string(&Statistics::compute(&dataset, 2)?)?;
            std::fs::write(set.join("statistics.json"), statistics)?;
        }
    }
    let read = serde_json::json!({ "splits": splits, "windows": WINDOWS });
    std::fs::write(set.join("read.json"), serde_json::to_string(&read)?)?;
    Ok(())
}

fn windows(dataset: &Dataset, length: usize, stride: usize) -> Result<Vec<u8>, DataError> {
    let index = dataset.windows(length, stride);
    let mut out = vec![0.0f32; dataset.window_size(&index)];
    let mut bytes = Vec::new();
    for window in 0..index.len() {
        dataset.read_window(&index, window, &mut out)?;
        bytes.extend(out.iter().flat_map(|value| value.to_le_bytes()));
    }
    Ok(bytes)
}

/// The number that The Well gives a kind of boundary.
fn code(kind: BoundaryKind) -> u8 {
    match kind {
        BoundaryKind::Wall => 0,
        BoundaryKind::Open => 1,
        BoundaryKind::Periodic => 2,
    }
}
