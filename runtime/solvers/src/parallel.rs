//! Many pieces of work on several threads, delivered in order. Each piece is done by one thread, so results are the same bytes for
//! any number of threads; only a few finished ones wait for their turn.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::problem::{Problem, SolverError};
use crate::trajectory::Trajectory;

/// Simulates all problems on `threads` threads and hands each result to `consume` in the problems' order.
/// `consume` returns whether to go on.
pub fn simulate_all(problems: &[Problem], threads: usize, consume: &mut dyn FnMut(usize, Result<Trajectory, SolverError>) -> bool) {
    in_order(problems.len(), threads, &|index| problems[index].simulate(), consume);
}

/// Does `work` for 0..count on `threads` threads and hands each result to `consume` in that order. `consume` returns whether to go on.
pub fn in_order<T: Send>(count: usize, threads: usize, work: &(dyn Fn(usize) -> T + Sync), consume: &mut dyn FnMut(usize, T) -> bool) {
    let threads = threads.clamp(1, count.max(1));
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    // A channel of `threads` places: a worker that runs ahead waits instead of piling up results.
    let (send, receive) = mpsc::sync_channel(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let send = send.clone();
            let (next, stop) = (&next, &stop);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    if send.send((index, work(index))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut waiting = BTreeMap::new();
        let mut due = 0;
        for (index, result) in receive {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&due) {
                if !consume(due, result) {
                    stop.store(true, Ordering::Relaxed);
                    // Leaving the loop drops the receiver, which wakes workers blocked on a full channel.
                    return;
                }
                due += 1;
            }
        }
    });
}
