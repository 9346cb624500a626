//! What must hold for every graph. Checked after each pass in debug and test builds:
//!
//! - V1 each value is defined once, by one input or one node result, and its record names that definition
//! - V2 operands are defined before their users
//! - V3 operands and attributes are as the operation declares, of the declared kinds and no others (rule R0)
//! - V4 result types are those of the operation's shape rule
//! - V5 outputs and stores name existing values and inputs; a store has its input's type, one store per input
//! - V6 input and output names are distinct within their kind
//! - V7 every node reaches an output

use crate::canonical::live_nodes;
use crate::{Graph, NodeId, TensorType, ValueId};

/// A property that does not hold, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// `V1` to `V7`, as listed in the module's documentation.
    pub property: &'static str,
    pub node: Option<NodeId>,
    pub message: String,
}

impl std::fmt::Display for VerifyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.node {
            Some(NodeId(n)) => write!(f, "{} at node {n}: {}", self.property, self.message),
            None => write!(f, "{}: {}", self.property, self.message),
        }
    }
}

/// Every broken property; empty for a sound graph. A graph with broken references is not checked further.
pub fn verify(graph: &Graph) -> Vec<VerifyError> {
    let mut errors = Errors(vec![]);
    check_references(graph, &mut errors);
    if !errors.0.is_empty() {
        return errors.0;
    }
    check_definitions(graph, &mut errors);
    check_types(graph, &mut errors);
    check_outputs(graph, &mut errors);
    check_names(graph, &mut errors);
    for (n, live) in live_nodes(graph).into_iter().enumerate() {
        if !live {
            let name = graph.nodes[n].op.name;
            errors.at("V7", n, format!("`{name}` reaches no output"));
        }
    }
    errors.0
}

struct Errors(Vec<VerifyError>);

impl Errors {
    fn at(&mut self, property: &'static str, node: usize, message: String) {
        self.0.push(VerifyError { property, node: Some(NodeId(node as u32)), message });
    }

    fn overall(&mut self, property: &'static str, message: String) {
        self.0.push(VerifyError { property, node: None, message });
    }
}

fn check_references(graph: &Graph, errors: &mut Errors) {
    let exists = |v: ValueId| (v.0 as usize) < graph.values.len();
    for (n, node) in graph.nodes.iter().enumerate() {
        for v in node.operands.iter().chain(&node.results) {
            if !exists(*v) {
                errors.at("V1", n, format!("value {} does not exist", v.0));
            }
        }
    }
    for input in &graph.inputs {
        if !exists(input.value) {
            errors.overall("V1", format!("input `{}` has no value", input.name));
        }
    }
    for output in &graph.outputs {
        if !exists(output.value) || output.into.is_some_and(|i| i >= graph.inputs.len()) {
            errors.overall("V5", format!("output `{}` refers to nothing", output.name));
        }
    }
}

fn check_definitions(graph: &Graph, errors: &mut Errors) {
    let mut defined = vec![false; graph.values.len()];
    for input in &graph.inputs {
        let v = input.value.0 as usize;
        if defined[v] || graph.values[v].node.is_some() {
            errors.overall("V1", format!("input `{}` is not the only definition", input.name));
        }
        defined[v] = true;
    }
    for (n, node) in graph.nodes.iter().enumerate() {
        for v in &node.operands {
            if !defined[v.0 as usize] {
                errors.at("V2", n, format!("value {} is not defined yet", v.0));
            }
        }
        for v in &node.results {
            let slot = &mut defined[v.0 as usize];
            if *slot || graph.values[v.0 as usize].node != Some(NodeId(n as u32)) {
                errors.at("V1", n, format!("value {} is defined elsewhere too", v.0));
            }
            *slot = true;
        }
    }
    for (v, _) in defined.iter().enumerate().filter(|(_, d)| !**d) {
        errors.overall("V1", format!("value {v} is never defined"));
    }
}

fn check_types(graph: &Graph, errors: &mut Errors) {
    for (n, node) in graph.nodes.iter().enumerate() {
        let operands: Vec<&TensorType> = node.operands.iter().map(|v| graph.ty(*v)).collect();
        match node.op.infer(&operands, &node.attrs) {
            Err(e) => {
                let property = if e.rule == "R0" { "V3" } else { "V4" };
                let name = node.op.name;
                errors.at(property, n, format!("`{name}`: {} ({})", e.message, e.rule));
            }
            Ok(types) => {
                let found: Vec<&TensorType> = node.results.iter().map(|v| graph.ty(*v)).collect();
                if types.iter().collect::<Vec<_>>() != found {
                    let message = format!("`{}` gives {types:?}, not {found:?}", node.op.name);
                    errors.at("V4", n, message);
                }
            }
        }
    }
}

fn check_outputs(graph: &Graph, errors: &mut Errors) {
    let mut stored = vec![false; graph.inputs.len()];
    for output in &graph.outputs {
        let Some(into) = output.into else { continue };
        let input = &graph.inputs[into];
        if graph.ty(output.value) != graph.ty(input.value) {
            let (from, to) = (graph.ty(output.value), graph.ty(input.value));
            errors.overall("V5", format!("`{}` stores {from} into {to}", output.name));
        }
        if std::mem::replace(&mut stored[into], true) {
            errors.overall("V5", format!("`{}` is stored into twice", input.name));
        }
    }
}

fn check_names(graph: &Graph, errors: &mut Errors) {
    let inputs: Vec<&str> = graph.inputs.iter().map(|i| i.name.as_str()).collect();
    let outputs: Vec<&str> = graph.outputs.iter().map(|o| o.name.as_str()).collect();
    for (kind, mut names) in [("input", inputs), ("output", outputs)] {
        names.sort_unstable();
        for pair in names.windows(2).filter(|w| w[0] == w[1]) {
            errors.overall("V6", format!("two {kind}s are called `{}`", pair[0]));
        }
    }
}
