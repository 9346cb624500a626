//! Canonical form: values numbered inputs first, then results in node order, and no node that nothing needs.
//! Two graphs that print alike are equal once canonical.

use crate::{Graph, Node, NodeId, Value, ValueId};

/// Renumbers values: inputs in order, then the results of nodes in order. Nothing else changes.
pub fn canonical(graph: Graph) -> Graph {
    keep(graph, |_| true)
}

/// Drops the nodes that no output depends on, and renumbers. Inputs stay, used or not.
pub fn prune(graph: Graph) -> Graph {
    let live = live_nodes(&graph);
    keep(graph, |n| live[n])
}

/// For each node, whether an output depends on it.
pub fn live_nodes(graph: &Graph) -> Vec<bool> {
    let mut needed = vec![false; graph.values.len()];
    for output in &graph.outputs {
        needed[output.value.0 as usize] = true;
    }
    let mut live = vec![false; graph.nodes.len()];
    for (n, node) in graph.nodes.iter().enumerate().rev() {
        if node.results.iter().any(|r| needed[r.0 as usize]) {
            live[n] = true;
            for v in &node.operands {
                needed[v.0 as usize] = true;
            }
        }
    }
    live
}

fn keep(mut graph: Graph, kept: impl Fn(usize) -> bool) -> Graph {
    const UNSEEN: ValueId = ValueId(u32::MAX);
    let mut renamed = vec![UNSEEN; graph.values.len()];
    let mut values: Vec<Value> = Vec::with_capacity(graph.values.len());
    let mut define = |old: ValueId, node: Option<NodeId>, renamed: &mut Vec<ValueId>| {
        let new = ValueId(values.len() as u32);
        let ty = graph.values[old.0 as usize].ty.clone();
        values.push(Value { ty, node });
        renamed[old.0 as usize] = new;
        new
    };
    for input in &mut graph.inputs {
        input.value = define(input.value, None, &mut renamed);
    }
    let mut nodes: Vec<Node> = Vec::with_capacity(graph.nodes.len());
    for (n, mut node) in std::mem::take(&mut graph.nodes).into_iter().enumerate() {
        if !kept(n) {
            continue;
        }
        for v in &mut node.operands {
            *v = renamed[v.0 as usize];
            assert_ne!(*v, UNSEEN, "operands come before their users");
        }
        let id = NodeId(nodes.len() as u32);
        for v in &mut node.results {
            *v = define(*v, Some(id), &mut renamed);
        }
        nodes.push(node);
    }
    for output in &mut graph.outputs {
        output.value = renamed[output.value.0 as usize];
    }
    graph.values = values;
    graph.nodes = nodes;
    graph
}
