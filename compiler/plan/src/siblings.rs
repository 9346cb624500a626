//! Joins reductions that run over the same space and read some of the same memory: one pass over it serves them all.
//! Only groups of equal depth are joined; none of them can depend on another, and no cycle can arise.

use crate::build::Draft;
use crate::order::Dependencies;
use crate::plan::{Access, BufferId, Expr, ExprId, Fold, Reduce, Work};
use std::collections::BTreeMap;

/// Results of one joined group: more accumulators than this do not fit in registers.
const MOST: usize = 4;

type Key = (usize, Vec<usize>, Vec<bool>, bool);

pub fn join_reductions(draft: &mut Draft) {
    let depth = depths(draft);
    let mut alike: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (g, group) in draft.groups.iter().enumerate() {
        if let Work::Reduce(r) = &group.work {
            let key = (depth[g], r.space.clone(), r.reduced.clone(), r.fold == Fold::Max);
            alike.entry(key).or_default().push(g);
        }
    }
    let mut gone = vec![false; draft.groups.len()];
    for list in alike.values() {
        for (i, &first) in list.iter().enumerate() {
            for &second in &list[i + 1..] {
                if !gone[first] && !gone[second] && fits(draft, first, second) {
                    join(draft, first, second);
                    gone[second] = true;
                }
            }
        }
    }
    draft.remove(&gone);
}

/// Length of the longest chain of groups before each.
fn depths(draft: &Draft) -> Vec<usize> {
    let deps = Dependencies::new(draft);
    let mut waiting = deps.earlier.clone();
    let mut ready: Vec<usize> = (0..waiting.len()).filter(|g| waiting[*g] == 0).collect();
    let mut depth = vec![0; waiting.len()];
    while let Some(g) = ready.pop() {
        for &next in &deps.later[g] {
            depth[next] = depth[next].max(depth[g] + 1);
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(next);
            }
        }
    }
    depth
}

fn reduce<'d>(draft: &'d Draft, g: usize) -> &'d Reduce {
    match &draft.groups[g].work {
        Work::Reduce(r) => r,
        _ => panic!("only reductions are joined"),
    }
}

/// Equal element types, few results, and a load in common.
fn fits(draft: &Draft, a: usize, b: usize) -> bool {
    let (x, y) = (reduce(draft, a), reduce(draft, b));
    let dtype = |r: &Reduce| r.body[r.stores[0].value.0 as usize].dtype();
    let reads = |g: usize| -> Vec<(BufferId, &Access)> {
        let body = reduce(draft, g).body.iter();
        body.filter_map(|e| match e {
            Expr::Load { buffer, access, .. } => Some((draft.groups[g].buffers[*buffer], access)),
            _ => None,
        })
        .collect()
    };
    let elements: usize = x.space.iter().product();
    let full = |b: BufferId| draft.buffers[b.0 as usize].elements >= elements;
    let theirs = reads(b);
    dtype(x) == dtype(y) && x.stores.len() + y.stores.len() <= MOST && reads(a).iter().any(|r| full(r.0) && theirs.contains(r))
}

/// Moves the work of `second` into `first`; equal expressions become one.
fn join(draft: &mut Draft, first: usize, second: usize) {
    let Work::Reduce(other) = draft.groups[second].work.clone() else {
        panic!("only reductions are joined");
    };
    let theirs = draft.groups[second].buffers.clone();
    let anchor = draft.anchors[second];
    draft.anchors[first] = draft.anchors[first].max(anchor);
    let group = &mut draft.groups[first];
    let slots: Vec<usize> = theirs
        .iter()
        .map(|b| {
            group.buffers.iter().position(|x| x == b).unwrap_or_else(|| {
                group.buffers.push(*b);
                group.buffers.len() - 1
            })
        })
        .collect();
    let Work::Reduce(work) = &mut group.work else {
        panic!("only reductions are joined");
    };
    let mut renamed: Vec<ExprId> = vec![];
    for mut e in other.body {
        match &mut e {
            Expr::Load { buffer, .. } => *buffer = slots[*buffer],
            Expr::Apply { args, .. } => args.iter_mut().for_each(|a| *a = renamed[a.0 as usize]),
            Expr::Constant { .. } | Expr::Index { .. } => {}
        }
        let at = work.body.iter().position(|x| *x == e).unwrap_or_else(|| {
            work.body.push(e);
            work.body.len() - 1
        });
        renamed.push(ExprId(at as u32));
    }
    for mut store in other.stores {
        store.buffer = slots[store.buffer];
        store.value = renamed[store.value.0 as usize];
        work.stores.push(store);
    }
    draft.price(first);
}
