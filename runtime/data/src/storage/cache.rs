//! Chunks that were inflated lately. A chunk may hold several frames, and windows share frames: each chunk is inflated once while it
//! is wanted, even if several threads ask for it at the same time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// File, field and number of a chunk.
pub(crate) type ChunkKey = (usize, usize, usize);

type Slot = Arc<OnceLock<Result<Arc<[f32]>, String>>>;

/// A bounded number of bytes of inflated chunks; the least recently used go first.
#[derive(Debug)]
pub(crate) struct ChunkCache {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts requests.
    clock: u64,
    bytes: usize,
    /// With the last request for it, and the bytes it is counted with.
    slots: BTreeMap<ChunkKey, (u64, usize, Slot)>,
    /// Keys by last request.
    order: BTreeMap<u64, ChunkKey>,
}

impl ChunkCache {
    /// A cache of at most so many bytes, and of one chunk at least.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    /// The chunk of this many bytes, read by `read` unless it is there.
    ///
    /// # Errors
    /// Those of `read`, which are kept as chunks are.
    pub fn get(&self, key: ChunkKey, bytes: usize, read: impl FnOnce() -> Result<Vec<f32>, String>) -> Result<Arc<[f32]>, String> {
        // Other threads that want this chunk wait here for it; all others go on.
        self.slot(key, bytes).get_or_init(|| read().map(Into::into)).clone()
    }

    fn slot(&self, key: ChunkKey, bytes: usize) -> Slot {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        state.clock += 1;
        let now = state.clock;
        if let Some((last, _, slot)) = state.slots.get_mut(&key) {
            state.order.remove(last);
            state.order.insert(now, key);
            *last = now;
            return slot.clone();
        }
        while state.bytes + bytes > self.capacity {
            let Some((_, oldest)) = state.order.pop_first() else { break };
            if let Some((_, freed, _)) = state.slots.remove(&oldest) {
                state.bytes -= freed;
            }
        }
        let slot = Slot::default();
        state.bytes += bytes;
        state.slots.insert(key, (now, bytes, slot.clone()));
        state.order.insert(now, key);
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::ChunkCache;
    use std::cell::Cell;

    #[test]
    fn chunks_are_read_once_while_they_fit() {
        let cache = ChunkCache::new(24);
        let reads = Cell::new(0);
        let get = |i: usize| {
            let read = || {
                reads.set(reads.get() + 1);
                Ok(vec![i as f32; 2])
            };
            assert_eq!(cache.get((0, 0, i), 8, read).unwrap()[..], [i as f32; 2]);
            reads.get()
        };
        assert_eq!([0, 1, 2, 0, 1, 2].map(get), [1, 2, 3, 3, 3, 3]);
        // 0 is the least recently used, then 1.
        assert_eq!([3, 2, 1, 0].map(get), [4, 4, 4, 5]);
        let large = ChunkCache::new(4);
        assert_eq!(large.get((0, 0, 0), 8, || Ok(vec![1.0])).unwrap()[..], [1.0]);
        assert!(large.get((0, 0, 1), 8, || Err("broken".into())).is_err());
    }
}
