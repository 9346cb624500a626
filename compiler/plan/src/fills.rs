//! Outputs that set an input to a constant, as an update does with gradients. The loop that reads the input last writes the constant
//! in the same pass where it can; elsewhere a group of its own does. Such a constant has no memory beside the input's.

use crate::build::Draft;
use crate::index::Map;
use crate::order::positions;
use crate::outputs::LAST;
use crate::plan::{BufferId, Expr, ExprId, Loop, Place, Store, Work};
use pfm_ir::{Graph, Output};
use std::collections::BTreeMap;

/// The constant that an output sets its input to.
pub fn constant_of(graph: &Graph, output: &Output) -> Option<f64> {
    let node = graph.def(output.value).filter(|node| node.op.name == "constant" && output.into.is_some())?;
    Some(node.attrs.get_float("value"))
}

/// Writes all of them; buffers by output.
pub fn fill_inputs(draft: &mut Draft) -> BTreeMap<usize, BufferId> {
    let graph = draft.graph;
    let mut made = BTreeMap::new();
    let outputs = graph.outputs.iter().enumerate();
    let fills: Vec<(usize, usize, f64)> = outputs.filter_map(|(i, o)| Some((i, o.into?, constant_of(graph, o)?))).collect();
    if fills.is_empty() {
        return made;
    }
    let mut readers: BTreeMap<BufferId, Vec<usize>> = BTreeMap::new();
    for (g, group) in draft.groups.iter().enumerate() {
        for b in group.reads() {
            let list = readers.entry(b).or_default();
            if list.last() != Some(&g) {
                list.push(g);
            }
        }
    }
    // Fills that join a loop add only orders that hold in this one, so that it stays one for all of them.
    let order = positions(draft);
    for (i, input, value) in fills {
        let old = draft.memory(graph.inputs[input].value);
        let ty = graph.ty(graph.inputs[input].value).clone();
        let to = draft.buffer(ty.dtype, ty.elements(), Place::Input(input));
        let all = readers.get(&old).cloned().unwrap_or_default();
        let last = all.iter().copied().max_by_key(|g| order[*g]);
        let writer = match last.filter(|g| reads_each_once(draft, *g, old)) {
            Some(g) => {
                join(draft, g, to, value);
                g
            }
            None => fill(draft, to, value),
        };
        draft.after.extend(all.into_iter().filter(|g| *g != writer).map(|g| (g, writer)));
        made.insert(i, to);
    }
    made
}

/// Whether a group is a loop whose every step reads the element of its own index, over the whole buffer.
fn reads_each_once(draft: &Draft, group: usize, buffer: BufferId) -> bool {
    let group = &draft.groups[group];
    let Work::Loop(work) = &group.work else { return false };
    let own = Map::identity(work.space.len()).linear(&work.space);
    let elements: usize = work.space.iter().product();
    elements == draft.buffers[buffer.0 as usize].elements
        && work.body.iter().all(|e| match e {
            Expr::Load { buffer: slot, access, .. } => group.buffers[*slot] != buffer || *access == own,
            _ => true,
        })
}

fn join(draft: &mut Draft, group: usize, to: BufferId, value: f64) {
    let dtype = draft.buffers[to.0 as usize].dtype;
    let g = &mut draft.groups[group];
    let Work::Loop(work) = &mut g.work else { panic!("only loops take fills") };
    g.buffers.push(to);
    work.body.push(Expr::Constant { value, dtype });
    let access = Map::identity(work.space.len()).linear(&work.space);
    work.stores.push(Store { buffer: g.buffers.len() - 1, access, value: ExprId(work.body.len() as u32 - 1) });
    draft.price(group);
}

/// A group of its own; its position.
fn fill(draft: &mut Draft, to: BufferId, value: f64) -> usize {
    let (dtype, space) = {
        let b = &draft.buffers[to.0 as usize];
        (b.dtype, vec![b.elements])
    };
    let stores = vec![Store { buffer: 0, access: Map::identity(1).linear(&space), value: ExprId(0) }];
    let work = Work::Loop(Loop { space, body: vec![Expr::Constant { value, dtype }], stores });
    draft.push(work, vec![to], "".into(), LAST);
    draft.groups.len() - 1
}
