//! Whether gradients get through: an operation without a derivative may stand between a weight and the output.

use std::collections::BTreeSet;

use pfm_ir::{Gradient, Graph, ValueId};

/// The first operation without a derivative between values that are trained and a result: its name and its path in the model.
pub(crate) fn without_derivative(graph: &Graph, trained: &[ValueId], reaches: &BTreeSet<ValueId>) -> Option<(&'static str, String)> {
    let mut depends = vec![false; graph.values.len()];
    trained.iter().for_each(|v| depends[v.0 as usize] = true);
    for node in &graph.nodes {
        let gradient = &node.op.0.gradient;
        if matches!(gradient, Gradient::Zero) || !node.operands.iter().any(|v| depends[v.0 as usize]) {
            continue;
        }
        if matches!(gradient, Gradient::Undefined) && node.results.iter().any(|v| reaches.contains(v)) {
            return Some((node.op.0.name, node.path.to_string()));
        }
        node.results.iter().for_each(|v| depends[v.0 as usize] = true);
    }
    None
}
