//! What lives when the arena is fullest: the buffers to look at when a plan takes too much memory.

use crate::plan::{Buffer, BufferId, Place, Plan};

/// The group at which most bytes live, and what lives there.
pub struct Peak {
    pub group: usize,
    /// Sum of the buffers; the arena is larger by the holes between them.
    pub bytes: usize,
    /// Largest first; those of equal size by their first group.
    pub buffers: Vec<BufferId>,
}

/// The first group with the largest sum. None for a plan without groups.
pub fn peak(plan: &Plan) -> Option<Peak> {
    let in_arena = |b: &Buffer| matches!(b.place, Place::Arena(_));
    let mut change = vec![0i64; plan.groups.len() + 1];
    for b in plan.buffers.iter().filter(|b| in_arena(b)) {
        change[b.live.0] += b.bytes() as i64;
        change[b.live.1 + 1] -= b.bytes() as i64;
    }
    let sums = change[..plan.groups.len()].iter().scan(0, |sum, c| {
        *sum += c;
        Some(*sum)
    });
    let (group, bytes) = sums.enumerate().max_by_key(|(group, sum)| (*sum, usize::MAX - group))?;
    let lives = |b: &Buffer| in_arena(b) && (b.live.0..=b.live.1).contains(&group);
    let mut buffers: Vec<BufferId> = (0..plan.buffers.len() as u32).map(BufferId).filter(|b| lives(&plan.buffers[b.0 as usize])).collect();
    buffers.sort_by_key(|b| {
        let buffer = &plan.buffers[b.0 as usize];
        (usize::MAX - buffer.bytes(), buffer.live.0, *b)
    });
    Some(Peak { group, bytes: bytes as usize, buffers })
}
