//! Places the buffers that live only while a program runs: offsets in one arena, 64-byte aligned.
//! Buffers are taken one after the other; each goes into the smallest hole that holds it. The order is that of their birth at first;
//! then those that ended above what must live at one time come first, a few times over. The smallest arena is kept.

use crate::plan::{Buffer, Place};

pub const ALIGNMENT: usize = 64;

/// Bytes that a process takes beside weights, batches and arenas: code of the programs, stacks of its threads, weights while they are
/// drawn. Measured on the sizes of `experiments/bench`, rounded up.
pub const PROCESS_BYTES: usize = 8 << 20;

pub fn aligned(bytes: usize) -> usize {
    bytes.max(1).next_multiple_of(ALIGNMENT)
}

/// Orders that are tried.
const TRIES: usize = 24;

/// Sets the arena offsets of all buffers that live, and returns the size of the arena.
pub fn allocate(buffers: &mut [Buffer], live: &[bool]) -> usize {
    let mut order: Vec<usize> = (0..buffers.len()).filter(|b| live[*b] && matches!(buffers[*b].place, Place::Arena(_))).collect();
    // Long lives first among those born together, so that short ones fill the holes above them.
    order.sort_by_key(|b| (buffers[*b].live.0, usize::MAX - buffers[*b].live.1, *b));
    let least = most_at_once(buffers, &order);
    let mut best: Option<(usize, Vec<usize>)> = None;
    for _ in 0..TRIES {
        let offsets = place(buffers, &order);
        let end = |b: usize| offsets[b] + aligned(buffers[b].bytes());
        let size = order.iter().map(|b| end(*b)).max().unwrap_or(0);
        // A stable sort: both parts keep their order.
        order.sort_by_key(|b| end(*b) <= least);
        if best.as_ref().is_none_or(|(smallest, _)| size < *smallest) {
            best = Some((size, offsets));
        }
        if size == least {
            break;
        }
    }
    let (size, offsets) = best.expect("at least one order is tried");
    for b in order {
        buffers[b].place = Place::Arena(offsets[b]);
    }
    size
}

/// The largest sum of what lives at one time: no arena is smaller.
fn most_at_once(buffers: &[Buffer], order: &[usize]) -> usize {
    let groups = order.iter().map(|b| buffers[*b].live.1 + 2).max().unwrap_or(0);
    let mut change = vec![0i64; groups];
    for b in order.iter().map(|b| &buffers[*b]) {
        change[b.live.0] += aligned(b.bytes()) as i64;
        change[b.live.1 + 1] -= aligned(b.bytes()) as i64;
    }
    let sums = change.iter().scan(0, |sum, c| {
        *sum += c;
        Some(*sum)
    });
    sums.max().unwrap_or(0) as usize
}

/// Places buffers in this order; offsets by buffer.
fn place(buffers: &[Buffer], order: &[usize]) -> Vec<usize> {
    let mut offsets = vec![0; buffers.len()];
    // Offset, end and life of what is placed, by offset.
    let mut placed: Vec<(usize, usize, (usize, usize))> = vec![];
    for &b in order {
        let (first, last) = buffers[b].live;
        let need = aligned(buffers[b].bytes());
        let beside = placed.iter().filter(|p| p.2.0 <= last && first <= p.2.1);
        let offset = best_hole(beside.map(|p| (p.0, p.1)), need);
        let at = placed.partition_point(|p| p.0 < offset);
        placed.insert(at, (offset, offset + need, (first, last)));
        offsets[b] = offset;
    }
    offsets
}

/// The smallest gap that fits between spans in the order of their offsets, or the end of them all.
fn best_hole(spans: impl Iterator<Item = (usize, usize)>, need: usize) -> usize {
    let mut best: Option<(usize, usize)> = None;
    let mut end = 0;
    for (from, to) in spans {
        if from > end {
            let gap = from - end;
            if gap >= need && best.is_none_or(|(g, _)| gap < g) {
                best = Some((gap, end));
            }
        }
        end = end.max(to);
    }
    best.map_or(end, |(_, offset)| offset)
}
