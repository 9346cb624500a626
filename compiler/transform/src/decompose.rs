//! Replaces composites by their meaning, down to operations that back ends run.

use crate::rebuild::rebuild;
use pfm_ir::{Builder, Class, Graph, Meaning, Op, ValueId};

/// Replaces every composite except those that the back end keeps. Operations of class Kernel stay, also those that
/// have a decomposition.
pub fn decompose(graph: Graph, keep: &dyn Fn(&Op) -> bool) -> Graph {
    expand(&graph, &|op| op.class != Class::Composite || keep(op))
}

/// Replaces every operation that has a decomposition, kernels too: what is left has its own reference.
pub fn decompose_all(graph: Graph) -> Graph {
    expand(&graph, &|_| false)
}

fn expand(graph: &Graph, keep: &dyn Fn(&Op) -> bool) -> Graph {
    rebuild(graph, |b, node, operands| match node.op.0.meaning {
        Meaning::Composite(meaning) if !keep(node.op.0) => {
            let start = b.graph.nodes.len();
            let results = meaning(b, operands, &node.attrs);
            Some(expand_from(b, start, results, keep))
        }
        _ => None,
    })
}

/// Decomposes the nodes that a meaning has added from `start` on, if they are composites themselves.
fn expand_from(b: &mut Builder, start: usize, results: Vec<ValueId>, keep: &dyn Fn(&Op) -> bool) -> Vec<ValueId> {
    let added = b.graph.nodes[start..].to_vec();
    let composite = |op: &Op| matches!(op.meaning, Meaning::Composite(_)) && !keep(op);
    if !added.iter().any(|node| composite(node.op.0)) {
        return results;
    }
    // Written once more after the first version, which nothing uses then.
    let first = b.graph.values.len();
    let mut renamed: Vec<ValueId> = (0..first as u32).map(ValueId).collect();
    for node in added {
        let operands: Vec<ValueId> = node.operands.iter().map(|v| renamed[v.0 as usize]).collect();
        let new = match node.op.0.meaning {
            Meaning::Composite(meaning) if !keep(node.op.0) => {
                let start = b.graph.nodes.len();
                let results = meaning(b, &operands, &node.attrs);
                expand_from(b, start, results, keep)
            }
            _ => b.op_multi(node.op.0, &operands, node.attrs.clone()),
        };
        for (old, new) in node.results.iter().zip(new) {
            renamed[old.0 as usize] = new;
        }
    }
    results.into_iter().map(|v| renamed[v.0 as usize]).collect()
}
