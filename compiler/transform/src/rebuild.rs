//! The frame of a pass that goes over a graph once, in order, and writes a new one.

use pfm_ir::{Builder, Graph, Node, ValueId};

/// Copies a graph node by node. `rewrite` sees each node with its operands already in the new graph and may add nodes and
/// answer with the values that stand for the results; None copies the node. Unused nodes are dropped at the end.
pub fn rebuild(graph: &Graph, mut rewrite: impl FnMut(&mut Builder, &Node, &[ValueId]) -> Option<Vec<ValueId>>) -> Graph {
    let mut b = Builder::new(&graph.name);
    b.graph.precision = graph.precision;
    let mut renamed = vec![ValueId(u32::MAX); graph.values.len()];
    for input in &graph.inputs {
        let ty = graph.ty(input.value).clone();
        renamed[input.value.0 as usize] = b.input(&input.name, input.role.clone(), ty);
    }
    for node in &graph.nodes {
        let operands: Vec<ValueId> = node.operands.iter().map(|v| renamed[v.0 as usize]).collect();
        b.set_path(&node.path);
        let results = rewrite(&mut b, node, &operands).unwrap_or_else(|| b.op_multi(node.op.0, &operands, node.attrs.clone()));
        for (old, new) in node.results.iter().zip(results) {
            let (was, is) = (graph.ty(*old), b.ty(new));
            assert_eq!(was, is, "rewriting `{}` keeps its type", node.op.name);
            renamed[old.0 as usize] = new;
        }
    }
    let mut new = b.graph;
    new.outputs = graph.outputs.clone();
    for output in &mut new.outputs {
        output.value = renamed[output.value.0 as usize];
    }
    pfm_ir::prune(new)
}
