//! Loading many windows at once. Each frame that some window needs is read once, in as few and as long reads as its storage allows,
//! on several threads; then every window takes its values from there, channels last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::storage::Storage;
use crate::threads::for_each;
use crate::well::{FrameKey, Run};
use crate::windows::WindowIndex;

/// A stored field that windows read, and which of its components go to which channels.
#[derive(Debug)]
struct Wanted {
    stored: usize,
    /// Component and channel.
    placements: Vec<(usize, usize)>,
}

/// Frames in memory as the files store them.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    wanted: Vec<Wanted>,
    /// Per wanted field: where each stored frame begins, by file and key.
    places: Vec<BTreeMap<(usize, FrameKey), usize>>,
    data: Vec<f32>,
}

/// Values of one read: more than that, and a thread gets a share of it.
const LONGEST_READ: usize = 1 << 20;
/// Values that are worth a thread.
const WORTH_A_THREAD: usize = 1 << 16;
/// Grid cells that are placed at a time, so that they stay in the fastest cache until all channels are there.
const BLOCK: usize = 512;

/// One read: a run of frames of a wanted field.
struct Job<'a> {
    file: usize,
    stored: usize,
    run: Run,
    out: &'a mut [f32],
}

impl Frames {
    /// The memory, for another load.
    pub fn into_memory(self) -> Vec<f32> {
        self.data
    }

    /// Reads all frames of these windows into `memory`.
    ///
    /// # Errors
    /// The first read, in the order of fields and files, that fails.
    pub fn load(dataset: &Dataset, index: &WindowIndex, windows: &[usize], threads: usize, memory: Vec<f32>) -> Result<Self, DataError> {
        let mut frames = Self { wanted: wanted(dataset, index), places: Vec::new(), data: memory };
        let mut total = 0;
        for wanted in &frames.wanted {
            frames.places.push(places(dataset, index, windows, wanted.stored, &mut total));
        }
        if frames.data.len() < total {
            frames.data.resize(total, 0.0);
        }
        let mut rest = &mut frames.data[..total];
        let mut jobs = Vec::new();
        for (wanted, places) in frames.wanted.iter().zip(&frames.places) {
            for (file, run) in runs(dataset, wanted.stored, places) {
                let source = &dataset.files()[file];
                let size = run.count * source.frame_size(&source.fields[wanted.stored]);
                let (out, others) = std::mem::take(&mut rest).split_at_mut(size);
                rest = others;
                jobs.push(Job { file, stored: wanted.stored, run, out });
            }
        }
        let inflated = inflate(dataset, &jobs, threads)?;
        let threads = threads.min(total.div_ceil(WORTH_A_THREAD));
        for_each(jobs, threads, Vec::new, |scratch, job| {
            let source = &dataset.files()[job.file];
            let chunk = |number| inflated[&(job.file, job.stored, number)].clone();
            source.read_frames(&source.fields[job.stored], job.run, job.out, &chunk, scratch)
        })?;
        Ok(frames)
    }

    /// Puts the windows into `out` [windows, frames, *grid, C].
    pub fn place(&self, dataset: &Dataset, index: &WindowIndex, windows: &[usize], out: &mut [f32]) {
        let channels = index.channels().len();
        let frame: usize = dataset.grid().iter().product::<usize>() * channels;
        assert_eq!(out.len(), windows.len() * index.length() * frame, "the buffer holds exactly the windows");
        let mut orders = BTreeMap::new();
        let starts = windows.iter().map(|&window| index.locate(window));
        let each = starts.flat_map(|at| index.offsets().iter().map(move |offset| (at, at.start + offset)));
        for ((at, time), out) in each.zip(out.chunks_exact_mut(frame.max(1))) {
            let file = &dataset.files()[at.file];
            let sources: Vec<Source<'_>> = (self.wanted.iter().zip(&self.places))
                .map(|(wanted, places)| {
                    let field = &file.fields[wanted.stored];
                    let first = places[&(at.file, field.key(at.trajectory, time))];
                    Source {
                        values: &self.data[first..][..file.frame_size(field)],
                        components: field.components,
                        placements: &wanted.placements,
                        order: orders.entry((at.file, wanted.stored)).or_insert_with(|| file.cell_order(field).map(Arc::from)).clone(),
                    }
                })
                .collect();
            place_frame(&sources, channels, out);
        }
    }
}

/// One field of one frame.
struct Source<'a> {
    values: &'a [f32],
    components: usize,
    placements: &'a [(usize, usize)],
    /// The stored cell of each grid cell, where they are not the same.
    order: Option<Arc<[usize]>>,
}

fn place_frame(sources: &[Source<'_>], channels: usize, out: &mut [f32]) {
    // A field alone, whole and in its own order, is laid out as it is stored.
    if let [Source { values, components, placements, order: None }] = sources
        && *components == channels
        && placements.iter().enumerate().all(|(i, &placement)| placement == (i, i))
    {
        out.copy_from_slice(values);
        return;
    }
    for (block, out) in out.chunks_mut(BLOCK * channels).enumerate() {
        for source in sources {
            let first = block * BLOCK;
            for &(component, channel) in source.placements {
                let target = out[channel..].iter_mut().step_by(channels);
                match &source.order {
                    None => {
                        let values = source.values[first * source.components + component..].iter().step_by(source.components);
                        target.zip(values).for_each(|(to, from)| *to = *from);
                    }
                    Some(order) => {
                        let cells = order[first..].iter();
                        target.zip(cells).for_each(|(to, cell)| *to = source.values[cell * source.components + component]);
                    }
                }
            }
        }
    }
}

fn wanted(dataset: &Dataset, index: &WindowIndex) -> Vec<Wanted> {
    // All wanted components of a stored field are taken from one read.
    let mut wanted: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (channel, &field) in index.channels().iter().enumerate() {
        wanted.entry(dataset.stored(field)).or_default().push((dataset.fields()[field].component, channel));
    }
    wanted.into_iter().map(|(stored, placements)| Wanted { stored, placements }).collect()
}

/// The stored frames that the windows need of a field, each with its place in memory, from `total` on.
fn places(
    dataset: &Dataset,
    index: &WindowIndex,
    windows: &[usize],
    stored: usize,
    total: &mut usize,
) -> BTreeMap<(usize, FrameKey), usize> {
    let mut keys = BTreeSet::new();
    for &window in windows {
        let at = index.locate(window);
        let field = &dataset.files()[at.file].fields[stored];
        keys.extend(index.offsets().iter().map(|offset| (at.file, field.key(at.trajectory, at.start + offset))));
    }
    let mut place = |key: (usize, FrameKey)| {
        let file = &dataset.files()[key.0];
        let first = *total;
        *total += file.frame_size(&file.fields[stored]);
        (key, first)
    };
    keys.into_iter().map(&mut place).collect()
}

/// Joins frames that follow each other in a file.
fn runs(dataset: &Dataset, stored: usize, places: &BTreeMap<(usize, FrameKey), usize>) -> Vec<(usize, Run)> {
    let mut runs: Vec<(usize, Run)> = Vec::new();
    for &(file, key) in places.keys() {
        let source = &dataset.files()[file];
        let longest = LONGEST_READ / source.frame_size(&source.fields[stored]).max(1);
        match runs.last_mut() {
            Some((same, run))
                if *same == file
                    && run.first.trajectory == key.trajectory
                    && run.first.frame + run.count == key.frame
                    && run.count < longest =>
            {
                run.count += 1;
            }
            _ => runs.push((file, Run { first: key, count: 1 })),
        }
    }
    runs
}

type InflatedChunks = BTreeMap<(usize, usize, usize), Arc<[f32]>>;

/// Inflates every chunk that the jobs need, each once, on all threads.
fn inflate(dataset: &Dataset, jobs: &[Job<'_>], threads: usize) -> Result<InflatedChunks, DataError> {
    let mut keys = BTreeSet::new();
    for job in jobs {
        let file = &dataset.files()[job.file];
        let numbers = file.chunks_of(&file.fields[job.stored], job.run).unwrap_or_default();
        keys.extend(numbers.into_iter().map(|number| (job.file, job.stored, number)));
    }
    let mut chunks: Vec<(_, Option<Arc<[f32]>>)> = keys.into_iter().map(|key| (key, None)).collect();
    for_each(
        chunks.iter_mut().collect(),
        threads,
        || (),
        |(), (key, chunk)| {
            let file = &dataset.files()[key.0];
            let field = &file.fields[key.1];
            let Storage::Chunked(table) = &field.storage else { return Ok::<(), DataError>(()) };
            let bytes = 4 * table.shape.iter().product::<usize>();
            let read = dataset.chunks().get(*key, bytes, || table.read(&file.raw, key.2));
            *chunk = Some(read.map_err(|cause| DataError::object(&file.path, field.object(), cause))?);
            Ok(())
        },
    )?;
    Ok(chunks.into_iter().filter_map(|(key, chunk)| chunk.map(|chunk| (key, chunk))).collect())
}
