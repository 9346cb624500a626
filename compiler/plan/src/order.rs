//! The order of groups: first a plain topological one by source position, to reason about in-place stores, then the one
//! that runs, which keeps the sum of living buffers low. Both depend on the draft alone.

use crate::build::Draft;
use crate::plan::{BufferId, Group, Place};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// Which groups must come before which.
pub struct Dependencies {
    /// By group: how many must come before it.
    pub earlier: Vec<usize>,
    /// By group: those that must come after it, each once.
    pub later: Vec<Vec<usize>>,
}

impl Dependencies {
    pub fn new(draft: &Draft) -> Dependencies {
        let n = draft.groups.len();
        let mut writers: Vec<Vec<usize>> = vec![vec![]; draft.buffers.len()];
        for (g, group) in draft.groups.iter().enumerate() {
            for b in group.writes() {
                writers[b.0 as usize].push(g);
            }
        }
        let mut edges: BTreeSet<(usize, usize)> = draft.after.iter().copied().collect();
        for (g, group) in draft.groups.iter().enumerate() {
            for b in group.reads() {
                edges.extend(writers[b.0 as usize].iter().filter(|w| **w != g).map(|w| (*w, g)));
            }
        }
        let mut earlier = vec![0; n];
        let mut later = vec![vec![]; n];
        for (a, b) in edges {
            earlier[b] += 1;
            later[a].push(b);
        }
        Dependencies { earlier, later }
    }
}

/// Position of each group in the topological order that follows the anchors.
pub fn positions(draft: &Draft) -> Vec<usize> {
    let order = by_anchor(draft, &Dependencies::new(draft));
    let mut position = vec![0; order.len()];
    for (p, g) in order.iter().enumerate() {
        position[*g] = p;
    }
    position
}

fn by_anchor(draft: &Draft, deps: &Dependencies) -> Vec<usize> {
    let mut waiting = deps.earlier.clone();
    let mut ready: BinaryHeap<Reverse<(usize, usize)>> =
        (0..waiting.len()).filter(|g| waiting[*g] == 0).map(|g| Reverse((draft.anchors[g], g))).collect();
    let mut order = Vec::with_capacity(waiting.len());
    while let Some(Reverse((_, g))) = ready.pop() {
        order.push(g);
        for &next in &deps.later[g] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(Reverse((draft.anchors[next], next)));
            }
        }
    }
    assert_eq!(order.len(), waiting.len(), "groups form no cycle: fusion only joins nodes of one level");
    order
}

/// As late as possible: the mirror image, from the last group back.
fn latest(draft: &Draft, deps: &Dependencies) -> Vec<usize> {
    let n = deps.later.len();
    let mut before: Vec<Vec<usize>> = vec![vec![]; n];
    for (a, list) in deps.later.iter().enumerate() {
        for &b in list {
            before[b].push(a);
        }
    }
    let mut waiting: Vec<usize> = deps.later.iter().map(Vec::len).collect();
    let mut ready: BinaryHeap<(usize, usize)> = (0..n).filter(|g| waiting[*g] == 0).map(|g| (draft.anchors[g], g)).collect();
    let mut order = Vec::with_capacity(n);
    while let Some((_, g)) = ready.pop() {
        order.push(g);
        for &b in &before[g] {
            waiting[b] -= 1;
            if waiting[b] == 0 {
                ready.push((draft.anchors[b], b));
            }
        }
    }
    order.reverse();
    order
}

/// Always the ready group that frees most and takes least; ties by position in the source.
fn greedy(draft: &Draft, deps: &Dependencies) -> Vec<usize> {
    let mut readers: Vec<usize> = vec![0; draft.buffers.len()];
    let touched: Vec<BTreeSet<BufferId>> = draft.groups.iter().map(touches).collect();
    for b in touched.iter().flatten() {
        readers[b.0 as usize] += 1;
    }
    let total = readers.clone();
    let mut waiting = deps.earlier.clone();
    let mut ready: Vec<usize> = (0..waiting.len()).filter(|g| waiting[*g] == 0).collect();
    let mut order = Vec::with_capacity(waiting.len());
    while !ready.is_empty() {
        let gain = |g: usize| -> i64 {
            let sizes = touched[g].iter().map(|b| {
                let i = b.0 as usize;
                let bytes = if matches!(draft.buffers[i].place, Place::Arena(_)) { draft.buffers[i].bytes() as i64 } else { 0 };
                bytes * (i64::from(readers[i] == total[i]) - i64::from(readers[i] == 1))
            });
            sizes.sum()
        };
        let (at, &g) = ready.iter().enumerate().min_by_key(|(_, g)| (gain(**g), draft.anchors[**g], **g)).expect("some group is ready");
        ready.swap_remove(at);
        order.push(g);
        for b in &touched[g] {
            readers[b.0 as usize] -= 1;
        }
        for &next in &deps.later[g] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(next);
            }
        }
    }
    order
}

fn touches(group: &Group) -> BTreeSet<BufferId> {
    group.buffers.iter().copied().collect()
}

/// Largest sum of arena buffers that live at one time.
fn peak(draft: &Draft, order: &[usize]) -> usize {
    let mut change = vec![0i64; order.len() + 1];
    for (b, live) in lives(draft.buffers.len(), &draft.groups, order).iter().enumerate() {
        if let (Some((first, last)), Place::Arena(_)) = (live, draft.buffers[b].place) {
            change[*first] += draft.buffers[b].bytes() as i64;
            change[last + 1] -= draft.buffers[b].bytes() as i64;
        }
    }
    let mut sum = 0;
    let mut most = 0;
    for c in change {
        sum += c;
        most = most.max(sum);
    }
    most as usize
}

/// By buffer: first and last position in the order that touches it.
pub fn lives(buffers: usize, groups: &[Group], order: &[usize]) -> Vec<Option<(usize, usize)>> {
    let mut live: Vec<Option<(usize, usize)>> = vec![None; buffers];
    for (p, g) in order.iter().enumerate() {
        for b in groups[*g].buffers.iter().chain(&groups[*g].scratch) {
            let l = live[b.0 as usize].get_or_insert((p, p));
            l.1 = p;
        }
    }
    live
}

/// The order that runs: of three candidates, as they are and settled, the one with the lowest peak.
pub fn schedule(draft: &Draft) -> Vec<usize> {
    let deps = Dependencies::new(draft);
    let candidates = [by_anchor(draft, &deps), latest(draft, &deps), greedy(draft, &deps)];
    let settled: Vec<Vec<usize>> = candidates.iter().map(|order| settle(draft, &deps, order.clone())).collect();
    candidates.into_iter().chain(settled).min_by_key(|order| peak(draft, order)).expect("there are candidates")
}

/// Puts off every group that takes more memory than it frees until just before its first reader.
fn settle(draft: &Draft, deps: &Dependencies, mut order: Vec<usize>) -> Vec<usize> {
    let mut live = lives(draft.buffers.len(), &draft.groups, &order);
    for place in (0..order.len()).rev() {
        let g = order[place];
        let first = order[place + 1..].iter().position(|later| deps.later[g].contains(later));
        let Some(between @ 1..) = first else {
            continue;
        };
        let grows: i64 = touches(&draft.groups[g])
            .iter()
            .filter(|b| matches!(draft.buffers[b.0 as usize].place, Place::Arena(_)))
            .map(|b| {
                let (made, last) = live[b.0 as usize].expect("a touched buffer lives");
                draft.buffers[b.0 as usize].bytes() as i64 * (i64::from(made == place) - i64::from(last == place))
            })
            .sum();
        if grows > 0 {
            order[place..=place + between].rotate_left(1);
            live = lives(draft.buffers.len(), &draft.groups, &order);
        }
    }
    order
}
