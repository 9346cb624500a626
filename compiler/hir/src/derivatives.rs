//! What gradients reach: which values a result depends on, and whether an operation without a derivative stands between.

use pfm_ir::{Gradient, Graph, ValueId};

/// For each value of the graph, whether a result depends on it in a differentiable way.
pub(crate) fn reaching(graph: &Graph, result: ValueId) -> Vec<bool> {
    let mut found = vec![false; graph.values.len()];
    found[result.0 as usize] = true;
    for node in graph.nodes.iter().rev() {
        let passes = !matches!(node.op.0.gradient, Gradient::Zero);
        if passes && node.results.iter().any(|v| found[v.0 as usize]) {
            node.operands.iter().for_each(|v| found[v.0 as usize] = true);
        }
    }
    found
}

/// The first operation without a derivative between values that are trained and a result: its name and its path in the model.
pub(crate) fn without_derivative(graph: &Graph, trained: &[ValueId], reaches: &[bool]) -> Option<(&'static str, String)> {
    let mut depends = vec![false; graph.values.len()];
    trained.iter().for_each(|v| depends[v.0 as usize] = true);
    for node in &graph.nodes {
        let gradient = &node.op.0.gradient;
        if matches!(gradient, Gradient::Zero) || !node.operands.iter().any(|v| depends[v.0 as usize]) {
            continue;
        }
        if matches!(gradient, Gradient::Undefined) && node.results.iter().any(|v| reaches[v.0 as usize]) {
            return Some((node.op.0.name, node.path.to_string()));
        }
        node.results.iter().for_each(|v| depends[v.0 as usize] = true);
    }
    None
}
