//! Gives each output its memory. A value goes straight into its destination when nothing stands against it;
//! otherwise a last group copies it there after everything that reads what it overwrites.

use crate::build::Draft;
use crate::fills::{constant_of, fill_inputs};
use crate::fuse::reshaped;
use crate::order::{Dependencies, positions};
use crate::plan::{Access, BufferId, Expr, OutputSlot, Place, Work};
use pfm_ir::ValueId;
use std::collections::BTreeMap;

/// Anchor of groups that only feed outputs: after everything else.
pub const LAST: usize = usize::MAX;

pub fn place_outputs(draft: &mut Draft) -> Vec<OutputSlot> {
    let claimed = claim(draft);
    let overwritten: Vec<bool> = (0..draft.graph.inputs.len()).map(|i| draft.graph.outputs.iter().any(|o| o.into == Some(i))).collect();
    let mut slots = Vec::new();
    let mut rank = 0;
    // First those that only read, so that the copies which overwrite come after all readers.
    let mut order: Vec<usize> = (0..draft.graph.outputs.len()).collect();
    order.sort_by_key(|i| draft.graph.outputs[*i].into.is_some());
    let mut made: BTreeMap<usize, BufferId> = BTreeMap::new();
    for &i in &order {
        let output = &draft.graph.outputs[i];
        if output.into.is_none() {
            let place = Place::Output(rank);
            rank += 1;
            made.insert(i, own_output(draft, i, place, &claimed));
        }
    }
    made.extend(fill_inputs(draft));
    let mut copies = Vec::new();
    for i in order.into_iter().filter(|i| constant_of(draft.graph, &draft.graph.outputs[*i]).is_none()) {
        if let Some(input) = draft.graph.outputs[i].into {
            let buffer = match claimed.get(&i) {
                Some(b) => *b,
                None => prepare_copy(draft, i, input, &overwritten, &mut copies),
            };
            made.insert(i, buffer);
        }
    }
    finish_copies(draft, &copies);
    for (i, output) in draft.graph.outputs.iter().enumerate() {
        slots.push(OutputSlot { name: output.name.clone(), ty: draft.graph.ty(output.value).clone(), into: output.into, buffer: made[&i] });
    }
    slots
}

/// Outputs whose value is written straight into its destination, with the buffer.
fn claim(draft: &mut Draft) -> BTreeMap<usize, BufferId> {
    let graph = draft.graph;
    let mut claimed = BTreeMap::new();
    let mut taken: Vec<bool> = vec![false; draft.buffers.len()];
    mark_final_groups(draft);
    let users = Users::new(draft);
    let mut base_order: Option<Vec<usize>> = None;
    for (i, output) in graph.outputs.iter().enumerate().filter(|(_, o)| constant_of(graph, o).is_none()) {
        let base = reshaped(graph, output.value);
        let buffer = draft.memory(base);
        let free = draft.buffers[buffer.0 as usize].place == Place::Arena(0) && !taken[buffer.0 as usize];
        if !free {
            continue;
        }
        let Some(input) = output.into else {
            continue;
        };
        let order = base_order.get_or_insert_with(|| positions(draft));
        if let Some(before) = in_place(draft, &users, buffer, input, order) {
            draft.after.extend(before);
            draft.buffers[buffer.0 as usize].place = Place::Input(input);
            taken[buffer.0 as usize] = true;
            claimed.insert(i, buffer);
        }
    }
    claimed
}

/// Groups whose results nothing reads may as well come last.
fn mark_final_groups(draft: &mut Draft) {
    let deps = Dependencies::new(draft);
    for g in 0..draft.groups.len() {
        let kernel = matches!(draft.groups[g].work, Work::Kernel(_));
        if !kernel && deps.later[g].is_empty() {
            draft.anchors[g] = LAST;
        }
    }
}

/// Whether the writer of `buffer` may write into the input's storage instead; then, the order that this needs.
fn in_place(draft: &Draft, users: &Users, buffer: BufferId, input: usize, order: &[usize]) -> Option<Vec<(usize, usize)>> {
    let old = draft.memory(draft.graph.inputs[input].value);
    let [writer] = users.writers[buffer.0 as usize][..] else {
        return None;
    };
    let mut before = vec![];
    for &g in &users.readers[old.0 as usize] {
        if g == writer {
            if !same_index(draft, writer, old, buffer) {
                return None;
            }
        } else if order[g] > order[writer] {
            return None;
        } else {
            before.push((g, writer));
        }
    }
    Some(before)
}

/// By buffer: the groups that read and write it, each once.
struct Users {
    readers: Vec<Vec<usize>>,
    writers: Vec<Vec<usize>>,
}

impl Users {
    fn new(draft: &Draft) -> Users {
        let none = vec![vec![]; draft.buffers.len()];
        let mut users = Users { readers: none.clone(), writers: none };
        let note = |lists: &mut Vec<Vec<usize>>, b: BufferId, g: usize| {
            if lists[b.0 as usize].last() != Some(&g) {
                lists[b.0 as usize].push(g);
            }
        };
        for (g, group) in draft.groups.iter().enumerate() {
            group.reads().into_iter().for_each(|b| note(&mut users.readers, b, g));
            group.writes().into_iter().for_each(|b| note(&mut users.writers, b, g));
        }
        users
    }
}

/// A loop that reads `old` only where it writes `new`, in the same iteration.
fn same_index(draft: &Draft, group: usize, old: BufferId, new: BufferId) -> bool {
    let group = &draft.groups[group];
    let Work::Loop(work) = &group.work else {
        return false;
    };
    let stored: Vec<&Access> = work.stores.iter().filter(|s| group.buffers[s.buffer] == new).map(|s| &s.access).collect();
    work.body.iter().all(|e| match e {
        Expr::Load { buffer, access, .. } if group.buffers[*buffer] == old => stored.iter().all(|s| s == &access),
        _ => true,
    })
}

/// The buffer of an output with storage of its own.
fn own_output(draft: &mut Draft, output: usize, place: Place, claimed: &BTreeMap<usize, BufferId>) -> BufferId {
    let value = draft.graph.outputs[output].value;
    let buffer = draft.memory(reshaped(draft.graph, value));
    let free = draft.buffers[buffer.0 as usize].place == Place::Arena(0);
    if free && !claimed.values().any(|b| *b == buffer) {
        draft.buffers[buffer.0 as usize].place = place;
        return buffer;
    }
    let anchor = anchor_of(draft, value);
    let to = new_like(draft, buffer, place);
    draft.copy(buffer, to, "".into(), anchor);
    to
}

fn new_like(draft: &mut Draft, buffer: BufferId, place: Place) -> BufferId {
    let (dtype, elements) = {
        let b = &draft.buffers[buffer.0 as usize];
        (b.dtype, b.elements)
    };
    draft.buffer(dtype, elements, place)
}

/// A copy of an input can run at once; one of a computed value follows its node.
fn anchor_of(draft: &Draft, value: ValueId) -> usize {
    let base = reshaped(draft.graph, value);
    draft.graph.values[base.0 as usize].node.map_or(0, |n| n.0 as usize)
}

/// Notes a copy into the input's storage. What other copies will overwrite is saved first.
fn prepare_copy(
    draft: &mut Draft,
    output: usize,
    input: usize,
    overwritten: &[bool],
    copies: &mut Vec<(BufferId, BufferId, usize)>,
) -> BufferId {
    let value = draft.graph.outputs[output].value;
    let mut from = draft.memory(reshaped(draft.graph, value));
    match draft.buffers[from.0 as usize].place {
        Place::Input(i) if i == input => return from,
        Place::Input(i) if overwritten[i] => {
            let saved = new_like(draft, from, Place::Arena(0));
            let anchor = anchor_of(draft, value);
            let written = writer_of(draft, from);
            let copy = draft.copy(from, saved, "".into(), anchor);
            // A value placed in an input must be written before it is saved; an input before it is overwritten.
            draft.after.extend(written.map(|w| (w, copy)));
            if written.is_none() {
                let writers: Vec<usize> = (0..copy)
                    .filter(|g| draft.groups[*g].writes().iter().any(|b| draft.buffers[b.0 as usize].place == Place::Input(i)))
                    .collect();
                draft.after.extend(writers.into_iter().map(|w| (copy, w)));
            }
            from = saved;
        }
        _ => {}
    }
    let to = new_like(draft, from, Place::Input(input));
    copies.push((from, to, input));
    to
}

fn writer_of(draft: &Draft, buffer: BufferId) -> Option<usize> {
    (0..draft.groups.len()).find(|g| draft.groups[*g].writes().contains(&buffer))
}

/// The copies that overwrite inputs, each after all readers of that input.
fn finish_copies(draft: &mut Draft, copies: &[(BufferId, BufferId, usize)]) {
    let readers = draft.groups.len();
    for (from, to, input) in copies {
        let copy = draft.copy(*from, *to, "".into(), LAST);
        let old = draft.memory(draft.graph.inputs[*input].value);
        for g in 0..readers {
            if draft.groups[g].reads().contains(&old) {
                draft.after.push((g, copy));
            }
        }
    }
}
