//! How fast windows load, beside plain reads of the same bytes, from the page cache:
//! `cargo run --release -p pfm-data --example loading [THREADS]`. Writes some 2 GB into the system's temporary folder.
//!
//! Contiguous files: random windows in batches, read by `Batch::read` and by bare positioned reads of the same places into a buffer
//! of the same size, by as many threads. Compressed files: the same windows by `Batch::read`, and by the HDF5 library.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use hdf5_metno::plist::dataset_create::FillTime;
use hdf5_metno::{Dataset as Hdf5Dataset, File as Hdf5File, SliceOrIndex};
use pfm_data::well::{Axis, Layout, Writer};
use pfm_data::{Batch, BoundaryKind, DataError, Dataset, Field, Split, WindowIndex, sample_order};
use rustix::time::{ClockId, clock_gettime};

const GRID: usize = 256;
const TRAJECTORIES: usize = 12;
const FRAMES: usize = 50;
const FIELDS: [Field; 4] = [Field::scalar("energy"), Field::scalar("density"), Field::scalar("pressure"), Field::vector("momentum")];
const CHANNELS: usize = 5;
const WINDOW: usize = 10;
const BATCH: usize = 8;
const ROUNDS: usize = 5;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let threads = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => std::thread::available_parallelism()?.get(),
    };
    let folder = tempfile::tempdir()?;
    let plain = folder.path().join("plain.hdf5");
    write_plain(&plain)?;
    println!("{GRID} x {GRID}, {CHANNELS} channels, windows of {WINDOW} frames, batches of {BATCH}, {threads} threads");
    contiguous(&plain, threads)?;
    let packed = folder.path().join("packed.hdf5");
    pack(&plain, &packed)?;
    compressed(&packed, threads)
}

/// A smooth field with noise in its last digits, as simulations leave.
fn frame(trajectory: usize, time: usize, components: usize) -> Vec<f32> {
    let mut noise = (trajectory * FRAMES + time) as u32 + 1;
    let mut values = Vec::with_capacity(GRID * GRID * components);
    for i in 0..GRID * GRID * components {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y) = ((i / components % GRID) as f32, (i / components / GRID) as f32);
        values.push((0.02 * (x + time as f32)).sin() + (0.03 * y).cos() + 1e-4 * (noise >> 16) as f32 / 65536.0);
    }
    values
}

fn write_plain(path: &Path) -> Result<(), DataError> {
    let axis =
        |name: &str| Axis { name: name.into(), coordinates: (0..GRID).map(|i| i as f32).collect(), boundary: [BoundaryKind::Periodic; 2] };
    let layout = Layout {
        dataset_name: "bench".into(),
        axes: vec![axis("x"), axis("y")],
        times: (0..FRAMES).map(|t| t as f32).collect(),
        trajectories: TRAJECTORIES,
        parameters: vec![],
        fields: FIELDS.iter().map(|&field| field.into()).collect(),
    };
    let mut writer = Writer::create(path, &layout)?;
    for trajectory in 0..TRAJECTORIES {
        let of = |field: &Field| (0..FRAMES).flat_map(|time| frame(trajectory, time, field.components())).collect::<Vec<f32>>();
        let values: Vec<Vec<f32>> = FIELDS.iter().map(of).collect();
        writer.write_trajectory(trajectory, &values.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    }
    writer.finish()
}

/// Batches of windows in the sampler's order, the same in every round.
fn batches(index: &WindowIndex) -> Vec<Vec<usize>> {
    (0..6).map(|step| sample_order(0, 0, step, BATCH, index.len())).collect()
}

/// Bytes per second of time, and of all threads' processor time, which a busy machine changes less.
#[derive(Clone, Copy, Default)]
struct Rate {
    wall: f64,
    processor: f64,
}

impl Rate {
    fn best(self, other: Self) -> Self {
        Self { wall: self.wall.max(other.wall), processor: self.processor.max(other.processor) }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} GB/s ({:.2} per processor second)", self.wall / 1e9, self.processor / 1e9)
    }
}

fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

/// The best of several rounds.
fn rate(bytes: usize, mut round: impl FnMut() -> Result<(), Failure>) -> Result<Rate, Failure> {
    let mut best = Rate::default();
    for _ in 0..ROUNDS {
        let (begun, processor) = (Instant::now(), processor_time());
        round()?;
        let seconds = (begun.elapsed().as_secs_f64(), processor_time() - processor);
        best = best.best(Rate { wall: bytes as f64 / seconds.0, processor: bytes as f64 / seconds.1 });
    }
    Ok(best)
}

fn contiguous(path: &Path, threads: usize) -> Result<(), Failure> {
    let dataset = Arc::new(Dataset::open(path, Split::Train)?);
    let index = Arc::new(dataset.windows(WINDOW, 1));
    let batches = batches(&index);
    let window = 4 * dataset.window_size(&index);
    let bytes = window * BATCH * batches.len();
    // Where the windows lie, from the library.
    let file = Hdf5File::open(path)?;
    let mut places = Vec::new();
    for field in FIELDS {
        let array = file.dataset(&format!("t{}_fields/{}", field.order, field.name))?;
        places.push((array.offset().ok_or("contiguous")? as usize, 4 * GRID * GRID * field.components()));
    }
    let raw = File::open(path)?;
    let mut memory = vec![0u8; window * BATCH];
    let mut out = vec![0.0f32; window / 4 * BATCH];
    let (mut plain_rates, mut load_rates) = (Rate::default(), Rate::default());
    // One after the other, so that both see the same machine.
    let mut spent = Vec::new();
    for _ in 0..ROUNDS {
        let plain = rate(bytes, || batches.iter().try_for_each(|batch| plain_reads(&raw, &index, &places, batch, threads, &mut memory)))?;
        let loaded = rate(bytes, || {
            for windows in &batches {
                let batch = Batch::read_into(&dataset, &index, windows.clone(), threads, std::mem::take(&mut spent))?;
                spent = batch.into_memory();
            }
            Ok(())
        })?;
        plain_rates = plain_rates.best(plain);
        load_rates = load_rates.best(loaded);
    }
    let batch = Batch::read(&dataset, &index, batches[0].clone(), threads)?;
    let placed = rate(window * BATCH, || {
        batch.write(&mut out);
        Ok(())
    })?;
    let shared: f64 = batches.iter().map(|batch| shared(&index, batch)).sum::<f64>() / batches.len() as f64;
    println!("{:.1} % of the frames of a batch are in two of its windows, and loaded once", 100.0 * shared);
    println!("contiguous, plain reads: {plain_rates}");
    println!("contiguous, loading:     {load_rates}");
    let share = |of: fn(&Rate) -> f64| 100.0 * of(&load_rates) / of(&plain_rates);
    println!("                         {:.0} % ({:.0} % per processor second)", share(|r| r.wall), share(|r| r.processor));
    println!("placing a batch channels last, one thread: {placed}");
    Ok(())
}

/// The share of a batch's frames that an earlier window of it has too.
fn shared(index: &WindowIndex, batch: &[usize]) -> f64 {
    let starts = batch.iter().map(|&window| index.locate(window));
    let frames: BTreeSet<_> = starts.flat_map(|at| (0..WINDOW).map(move |t| (at.trajectory, at.start + t))).collect();
    1.0 - frames.len() as f64 / (batch.len() * WINDOW) as f64
}

/// Reads the bytes of a batch's windows, window by window and field by field.
fn plain_reads(
    raw: &File,
    index: &WindowIndex,
    places: &[(usize, usize)],
    batch: &[usize],
    threads: usize,
    memory: &mut [u8],
) -> Result<(), Failure> {
    let mut jobs = Vec::new();
    let mut rest = memory;
    for &window in batch {
        let at = index.locate(window);
        for &(offset, size) in places {
            let (own, others) = rest.split_at_mut(WINDOW * size);
            rest = others;
            jobs.push((own, offset + (at.trajectory * FRAMES + at.start) * size));
        }
    }
    let shares = jobs.len().div_ceil(threads);
    let failed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for share in jobs.chunks_mut(shares) {
            let failed = &failed;
            scope.spawn(move || {
                for (own, offset) in share {
                    if raw.read_exact_at(own, *offset as u64).is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    if failed.into_inner() == 0 { Ok(()) } else { Err("a read failed".into()) }
}

/// The same file with every frame a chunk, shuffled and deflated.
fn pack(plain: &Path, packed: &Path) -> Result<(), Failure> {
    std::fs::copy(plain, packed)?;
    let file = Hdf5File::open_rw(packed)?;
    for field in FIELDS {
        let group = file.group(&format!("t{}_fields", field.order))?;
        let old = group.dataset(field.name)?;
        let values = old.read_dyn::<f32>()?;
        let mut chunk = old.shape();
        chunk[..2].fill(1);
        group.unlink(field.name)?;
        let new = group.new_dataset::<f32>().shape(old.shape()).chunk(chunk).shuffle().deflate(1).fill_time(FillTime::Never);
        let new = new.create(field.name)?;
        new.write(&values)?;
        for name in ["sample_varying", "time_varying"] {
            new.new_attr::<bool>().create(name)?.write_scalar(&true)?;
        }
        new.new_attr::<bool>().shape([2]).create("dim_varying")?.write(&[true, true])?;
    }
    file.close()?;
    Ok(())
}

fn compressed(path: &Path, threads: usize) -> Result<(), Failure> {
    let dataset = Arc::new(Dataset::open(path, Split::Train)?);
    let index = Arc::new(dataset.windows(WINDOW, 1));
    let batches = batches(&index);
    let bytes = 4 * dataset.window_size(&index) * BATCH;
    let file = Hdf5File::open(path)?;
    let arrays: Vec<Hdf5Dataset> =
        FIELDS.iter().map(|field| file.dataset(&format!("t{}_fields/{}", field.order, field.name))).collect::<Result<_, _>>()?;
    let mut packed = 0;
    for array in &arrays {
        array.chunks_visit(|chunk| {
            packed += chunk.size;
            0
        })?;
    }
    let (mut next, mut nth, mut spent) = (0, 0, Vec::new());
    let library = rate(bytes, || {
        for &window in &batches[next % batches.len()] {
            let at = index.locate(window);
            for array in &arrays {
                let frames = SliceOrIndex::SliceCount { start: at.start, step: 1, count: WINDOW, block: 1 };
                let mut selection = vec![SliceOrIndex::Index(at.trajectory), frames];
                selection.extend(array.shape()[2..].iter().map(|&count| SliceOrIndex::SliceCount { start: 0, step: 1, count, block: 1 }));
                let read = array.read_slice::<f32, _, ndarray::IxDyn>(hdf5_metno::Hyperslab::from(selection))?;
                std::hint::black_box(read);
            }
        }
        next += 1;
        Ok(())
    })?;
    let loaded = rate(bytes, || {
        // Opened afresh, so that nothing inflated is left.
        let fresh = Arc::new(Dataset::open(path, Split::Train)?);
        let memory = std::mem::take(&mut spent);
        spent = Batch::read_into(&fresh, &index, batches[nth % batches.len()].clone(), threads, memory)?.into_memory();
        nth += 1;
        Ok(())
    })?;
    let stored = TRAJECTORIES * FRAMES * CHANNELS * GRID * GRID * 4;
    println!("shuffled and deflated to {:.0} %, the library: {library}", 100.0 * packed as f64 / stored as f64);
    println!("shuffled and deflated, loading: {loaded}: {:.1} times as fast", loaded.wall / library.wall);
    Ok(())
}
