//! The graph itself: inputs with roles, nodes in topological order, outputs that may be stored into inputs.

use crate::{Attrs, OpRef, Precision, TensorType};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// What an input is for. Names are the convention between lowering and the runtime (see pfm-lower).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Changes each call: a batch, a step key, a learning rate.
    Data,
    /// A weight, named by its path.
    Parameter { trainable: bool },
    /// The gradient of the parameter of the same name.
    Gradient,
    /// An optimiser slot, named `path#slot`.
    State,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    pub name: String,
    pub role: Role,
    pub value: ValueId,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub op: OpRef,
    pub operands: Vec<ValueId>,
    pub attrs: Attrs,
    pub results: Vec<ValueId>,
    /// Where it comes from: the path of the block that made it, such as `core.blocks.2.spatial`. Not part of its meaning,
    /// except for `random`, whose draws it keys through an attribute.
    pub path: Arc<str>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pub name: String,
    pub value: ValueId,
    /// The input (by index) whose storage receives the value once the whole graph has run.
    pub into: Option<usize>,
}

/// What a value is: its type and the node result or input that defines it.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub ty: TensorType,
    /// The defining node; None for inputs.
    pub node: Option<NodeId>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    pub name: String,
    /// What the products of this graph are to be made in; the passes and back ends follow it.
    pub precision: Precision,
    pub values: Vec<Value>,
    pub inputs: Vec<Input>,
    /// In an order where operands come before their users.
    pub nodes: Vec<Node>,
    pub outputs: Vec<Output>,
}

impl Graph {
    pub fn ty(&self, v: ValueId) -> &TensorType {
        &self.values[v.0 as usize].ty
    }

    pub fn shape(&self, v: ValueId) -> &[usize] {
        &self.ty(v).shape
    }

    pub fn node(&self, n: NodeId) -> &Node {
        &self.nodes[n.0 as usize]
    }

    /// The node that defines a value, if it isn't an input.
    pub fn def(&self, v: ValueId) -> Option<&Node> {
        self.values[v.0 as usize].node.map(|n| self.node(n))
    }

    pub fn input(&self, name: &str) -> Option<(usize, &Input)> {
        self.inputs.iter().enumerate().find(|(_, i)| i.name == name)
    }

    pub fn output(&self, name: &str) -> Option<(usize, &Output)> {
        self.outputs.iter().enumerate().find(|(_, o)| o.name == name)
    }

    /// For each value, the nodes that read it, in order, each once.
    pub fn users(&self) -> Vec<Vec<NodeId>> {
        let mut users = vec![Vec::new(); self.values.len()];
        for (i, node) in self.nodes.iter().enumerate() {
            for v in &node.operands {
                let list: &mut Vec<NodeId> = &mut users[v.0 as usize];
                if list.last() != Some(&NodeId(i as u32)) {
                    list.push(NodeId(i as u32));
                }
            }
        }
        users
    }
}
