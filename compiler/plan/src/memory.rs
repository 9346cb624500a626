//! Places the buffers that live only while a program runs: offsets in one arena, 64-byte aligned.
//! Buffers are taken in the order of their birth; each goes into the smallest hole that holds it.

use crate::plan::{Buffer, Place};

pub const ALIGNMENT: usize = 64;

/// Bytes that a process takes beside weights, batches and arenas: code of the programs, stacks of its threads, weights while they are
/// drawn. Measured on the sizes of `experiments/bench`, rounded up.
pub const PROCESS_BYTES: usize = 8 << 20;

pub fn aligned(bytes: usize) -> usize {
    bytes.max(1).next_multiple_of(ALIGNMENT)
}

/// Sets the arena offsets of all buffers that live, and returns the size of the arena.
pub fn allocate(buffers: &mut [Buffer], live: &[bool]) -> usize {
    let mut order: Vec<usize> = (0..buffers.len()).filter(|b| live[*b] && matches!(buffers[*b].place, Place::Arena(_))).collect();
    // Long lives first among those born together, so that short ones fill the holes above them.
    order.sort_by_key(|b| (buffers[*b].live.0, usize::MAX - buffers[*b].live.1, *b));
    let mut size = 0;
    // Offset, end and last group of what lives, by offset.
    let mut placed: Vec<(usize, usize, usize)> = vec![];
    for b in order {
        let (first, last) = buffers[b].live;
        placed.retain(|p| p.2 >= first);
        let need = aligned(buffers[b].bytes());
        let offset = best_hole(&placed, need);
        let at = placed.partition_point(|p| p.0 < offset);
        placed.insert(at, (offset, offset + need, last));
        buffers[b].place = Place::Arena(offset);
        size = size.max(offset + need);
    }
    size
}

/// The smallest gap that fits, or the end of what is placed.
fn best_hole(placed: &[(usize, usize, usize)], need: usize) -> usize {
    let mut best: Option<(usize, usize)> = None;
    let mut end = 0;
    for p in placed {
        if p.0 > end {
            let gap = p.0 - end;
            if gap >= need && best.is_none_or(|(g, _)| gap < g) {
                best = Some((gap, end));
            }
        }
        end = end.max(p.1);
    }
    best.map_or(end, |(_, offset)| offset)
}
