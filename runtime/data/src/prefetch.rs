//! Reading batches ahead of their use: a background thread fills a bounded number of buffers in a fixed order while the consumer
//! computes. Buffers come back through `recycle`, so a long run allocates only a few.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::JoinHandle;

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::windows::WindowIndex;

/// Windows read into memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Which windows, in batch order.
    pub windows: Vec<usize>,
    /// Their values [windows, frames, *grid, C].
    pub data: Vec<f32>,
}

/// Batches being read ahead. Dropping it ends the thread.
#[derive(Debug)]
pub struct Prefetch {
    /// None only while dropping.
    ready: Option<Receiver<Result<Batch, DataError>>>,
    spent: Sender<Vec<f32>>,
    thread: Option<JoinHandle<()>>,
}

impl Prefetch {
    /// Starts reading. `order` gives the windows of one batch after the other and ends with None; at most `depth` finished
    /// batches wait (at least one).
    pub fn start(
        dataset: Arc<Dataset>,
        windows: Arc<WindowIndex>,
        depth: usize,
        order: impl Iterator<Item = Vec<usize>> + Send + 'static,
    ) -> Self {
        let (send, ready) = mpsc::sync_channel(depth.max(1));
        let (spent, buffers) = mpsc::channel();
        let thread = std::thread::spawn(move || read_all(&dataset, &windows, order, &send, &buffers));
        Self { ready: Some(ready), spent, thread: Some(thread) }
    }

    /// The next batch, waiting for it if need be. None at the end; after an error nothing follows.
    pub fn next_batch(&mut self) -> Option<Result<Batch, DataError>> {
        self.ready.as_ref().and_then(|ready| ready.recv().ok())
    }

    /// Gives a batch's memory back.
    pub fn recycle(&mut self, batch: Batch) {
        // The thread may have read its last batch; then the buffer is simply freed.
        let _ = self.spent.send(batch.data);
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
    dataset: &Dataset,
    index: &WindowIndex,
    order: impl Iterator<Item = Vec<usize>>,
    ready: &SyncSender<Result<Batch, DataError>>,
    spent: &Receiver<Vec<f32>>,
) {
    for windows in order {
        let mut data = spent.try_recv().unwrap_or_default();
        let batch = read(dataset, index, &windows, &mut data).map(|()| Batch { windows, data });
        let failed = batch.is_err();
        if ready.send(batch).is_err() || failed {
            return;
        }
    }
}

fn read(dataset: &Dataset, index: &WindowIndex, windows: &[usize], data: &mut Vec<f32>) -> Result<(), DataError> {
    let size = dataset.window_size(index);
    data.resize(size * windows.len(), 0.0);
    for (&window, out) in windows.iter().zip(data.chunks_exact_mut(size)) {
        dataset.read_window(index, window, out)?;
    }
    Ok(())
}
