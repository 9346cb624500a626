//! Builds a graph node by node. Shapes are inferred as nodes are added; a broken rule is a broken invariant here,
//! so whoever turns user input into nodes asks `try_op` and reports the error.

use crate::{Attrs, Graph, Input, Node, NodeId, Op, OpRef, Output, Role, ShapeError, TensorType, Value, ValueId};
use std::sync::Arc;

#[derive(Default)]
pub struct Builder {
    pub graph: Graph,
    path: Arc<str>,
}

impl Builder {
    pub fn new(name: &str) -> Self {
        Builder { graph: Graph { name: name.to_string(), ..Graph::default() }, path: Arc::from("") }
    }

    /// Goes on adding nodes to an existing graph.
    pub fn resume(graph: Graph) -> Self {
        Builder { graph, path: Arc::from("") }
    }

    /// Path given to nodes from here on.
    pub fn set_path(&mut self, path: &str) {
        if &*self.path != path {
            self.path = Arc::from(path);
        }
    }

    pub fn path(&self) -> Arc<str> {
        self.path.clone()
    }

    pub fn ty(&self, v: ValueId) -> &TensorType {
        self.graph.ty(v)
    }

    pub fn shape(&self, v: ValueId) -> &[usize] {
        self.graph.shape(v)
    }

    pub fn input(&mut self, name: &str, role: Role, ty: TensorType) -> ValueId {
        let value = self.value(ty, None);
        self.graph.inputs.push(Input { name: name.to_string(), role, value });
        value
    }

    pub fn output(&mut self, name: &str, value: ValueId) {
        self.graph.outputs.push(Output { name: name.to_string(), value, into: None });
    }

    /// An output whose value replaces that of the named input when the graph has run.
    pub fn store(&mut self, name: &str, value: ValueId, input: &str) {
        let (into, slot) = self.graph.input(input).unwrap_or_else(|| panic!("no input `{input}` to store into"));
        assert_eq!(self.graph.ty(slot.value), self.graph.ty(value), "`{name}` has the type of `{input}`");
        self.graph.outputs.push(Output { name: name.to_string(), value, into: Some(into) });
    }

    /// Adds a node, or says which shape rule it breaks.
    pub fn try_op(&mut self, op: &'static Op, operands: &[ValueId], attrs: Attrs) -> Result<Vec<ValueId>, ShapeError> {
        let types: Vec<&TensorType> = operands.iter().map(|v| self.graph.ty(*v)).collect();
        let result_types = op.infer(&types, &attrs)?;
        let id = NodeId(self.graph.nodes.len() as u32);
        let results: Vec<ValueId> = result_types.into_iter().map(|t| self.value(t, Some(id))).collect();
        self.graph.nodes.push(Node {
            op: OpRef(op),
            operands: operands.to_vec(),
            attrs,
            results: results.clone(),
            path: self.path.clone(),
        });
        Ok(results)
    }

    pub fn op_multi(&mut self, op: &'static Op, operands: &[ValueId], attrs: Attrs) -> Vec<ValueId> {
        let types: Vec<String> = operands.iter().map(|v| self.graph.ty(*v).to_string()).collect();
        self.try_op(op, operands, attrs).unwrap_or_else(|e| panic!("{} {}: {} ({})", op.name, types.join(" "), e.message, e.rule))
    }

    /// Adds a node with one result.
    pub fn op(&mut self, op: &'static Op, operands: &[ValueId], attrs: Attrs) -> ValueId {
        let results = self.op_multi(op, operands, attrs);
        assert_eq!(results.len(), 1, "`{}` has one result", op.name);
        results[0]
    }

    fn value(&mut self, ty: TensorType, node: Option<NodeId>) -> ValueId {
        let id = ValueId(self.graph.values.len() as u32);
        self.graph.values.push(Value { ty, node });
        id
    }
}
