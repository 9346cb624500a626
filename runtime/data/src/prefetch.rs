//! Reading batches ahead of their use: in the background, threads fill a bounded number of buffers in a fixed order while the
//! consumer computes. Buffers come back through `recycle`, so a long run allocates only a few.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::JoinHandle;

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::loading::Frames;
use crate::windows::WindowIndex;

/// Windows read into memory, as the files store them.
#[derive(Debug)]
pub struct Batch {
    dataset: Arc<Dataset>,
    index: Arc<WindowIndex>,
    windows: Vec<usize>,
    frames: Frames,
}

impl Batch {
    /// Reads these windows on up to `threads` threads.
    ///
    /// # Errors
    /// A file can't be read.
    ///
    /// # Panics
    /// There are no such windows.
    pub fn read(dataset: &Arc<Dataset>, index: &Arc<WindowIndex>, windows: Vec<usize>, threads: usize) -> Result<Self, DataError> {
        Self::read_into(dataset, index, windows, threads, Vec::new())
    }

    /// The same in memory of an earlier batch.
    ///
    /// # Errors
    /// As `read`.
    ///
    /// # Panics
    /// As `read`.
    pub fn read_into(
        dataset: &Arc<Dataset>,
        index: &Arc<WindowIndex>,
        windows: Vec<usize>,
        threads: usize,
        memory: Vec<f32>,
    ) -> Result<Self, DataError> {
        let frames = Frames::load(dataset, index, &windows, threads, memory)?;
        Ok(Self { dataset: dataset.clone(), index: index.clone(), windows, frames })
    }

    /// Which windows, in batch order.
    pub fn windows(&self) -> &[usize] {
        &self.windows
    }

    /// Puts the values into `out` [windows, frames, *grid, C], channels last.
    ///
    /// # Panics
    /// `out` has another size.
    pub fn write(&self, out: &mut [f32]) {
        self.frames.place(&self.dataset, &self.index, &self.windows, out);
    }

    /// The memory, for another batch.
    pub fn into_memory(self) -> Vec<f32> {
        self.frames.into_memory()
    }
}

/// Batches being read ahead. Dropping it ends the threads.
#[derive(Debug)]
pub struct Prefetch {
    /// None only while dropping.
    ready: Option<Receiver<Result<Batch, DataError>>>,
    spent: Sender<Vec<f32>>,
    thread: Option<JoinHandle<()>>,
}

impl Prefetch {
    /// Starts reading, each batch on up to `threads` threads. `order` gives the windows of one batch after the other and ends with
    /// None; at most `depth` finished batches wait (at least one).
    pub fn start(
        dataset: Arc<Dataset>,
        windows: Arc<WindowIndex>,
        depth: usize,
        threads: usize,
        order: impl Iterator<Item = Vec<usize>> + Send + 'static,
    ) -> Self {
        let (send, ready) = mpsc::sync_channel(depth.max(1));
        let (spent, buffers) = mpsc::channel();
        let thread = std::thread::spawn(move || read_all(&dataset, &windows, threads, order, &send, &buffers));
        Self { ready: Some(ready), spent, thread: Some(thread) }
    }

    /// The next batch, waiting for it if need be. None at the end; after an error nothing follows.
    pub fn next_batch(&mut self) -> Option<Result<Batch, DataError>> {
        self.ready.as_ref().and_then(|ready| ready.recv().ok())
    }

    /// Gives a batch's memory back.
    pub fn recycle(&mut self, batch: Batch) {
        // The thread may have read its last batch; then the buffer is simply freed.
        let _ = self.spent.send(batch.into_memory());
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        // Without a receiver the thread's next send fails and it ends.
        self.ready = None;
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

fn read_all(
    dataset: &Arc<Dataset>,
    index: &Arc<WindowIndex>,
    threads: usize,
    order: impl Iterator<Item = Vec<usize>>,
    ready: &SyncSender<Result<Batch, DataError>>,
    spent: &Receiver<Vec<f32>>,
) {
    for windows in order {
        let memory = spent.try_recv().unwrap_or_default();
        let batch = Batch::read_into(dataset, index, windows, threads, memory);
        let failed = batch.is_err();
        if ready.send(batch).is_err() || failed {
            return;
        }
    }
}
