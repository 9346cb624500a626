//! Writes the body of a loop or a reduction: follows a value through views and unstored producers down to loads,
//! composing index maps on the way. A value met twice at the same map becomes one expression.

use crate::fuse::{Fusion, reshaped};
use crate::index::Map;
use crate::plan::{Access, BufferId, Expr, ExprId, Store};
use pfm_ir::{Class, Graph, Node, NodeId, ValueId, View};
use std::collections::BTreeMap;

/// By value: the buffer of each stored base.
type Memory<'m> = &'m [Option<BufferId>];

pub struct BodyBuilder<'a> {
    graph: &'a Graph,
    fusion: &'a Fusion,
    /// The cluster whose members are evaluated here even when they are stored.
    cluster: Option<NodeId>,
    memo: BTreeMap<(ValueId, Map), ExprId>,
    body: Vec<Expr>,
    pub stores: Vec<Store>,
    buffers: Vec<BufferId>,
    slots: BTreeMap<BufferId, usize>,
}

impl<'a> BodyBuilder<'a> {
    pub fn new(graph: &'a Graph, fusion: &'a Fusion, cluster: Option<NodeId>) -> Self {
        BodyBuilder { graph, fusion, cluster, memo: BTreeMap::new(), body: vec![], stores: vec![], buffers: vec![], slots: BTreeMap::new() }
    }

    /// The expression of `value` where its index follows from the space's by `map`. `memory` gives stored bases by value.
    pub fn value(&mut self, value: ValueId, map: &Map, memory: Memory) -> ExprId {
        let key = (value, map.clone());
        if let Some(id) = self.memo.get(&key) {
            return *id;
        }
        let id = self.make(value, map, memory);
        self.memo.insert(key, id);
        id
    }

    pub fn store(&mut self, value: ExprId, buffer: BufferId, access: Access) {
        let buffer = self.slot(buffer);
        self.stores.push(Store { buffer, access, value });
    }

    /// The body, its stores, and the buffers that they name by position.
    pub fn finish(self) -> (Vec<Expr>, Vec<Store>, Vec<BufferId>) {
        (self.body, self.stores, self.buffers)
    }

    pub fn constant(&mut self, value: f64, dtype: pfm_ir::DType) -> ExprId {
        self.push(Expr::Constant { value, dtype })
    }

    fn push(&mut self, e: Expr) -> ExprId {
        self.body.push(e);
        ExprId(self.body.len() as u32 - 1)
    }

    fn slot(&mut self, buffer: BufferId) -> usize {
        *self.slots.entry(buffer).or_insert_with(|| {
            self.buffers.push(buffer);
            self.buffers.len() - 1
        })
    }

    fn is_member(&self, value: ValueId) -> bool {
        self.cluster.is_some()
            && self.graph.values[value.0 as usize].node.is_some_and(|n| self.fusion.cluster[n.0 as usize] == self.cluster)
    }

    fn make(&mut self, value: ValueId, map: &Map, memory: Memory) -> ExprId {
        let graph = self.graph;
        let base = reshaped(graph, value);
        if self.fusion.stored[base.0 as usize] && !self.is_member(base) {
            return self.load(value, base, map, memory);
        }
        let node = graph.def(value).expect("an input is stored, so it was loaded");
        match node.op.class {
            Class::Pointwise(scalar) => {
                let args = node.operands.iter().map(|v| self.value(*v, map, memory)).collect();
                self.push(Expr::Apply { scalar, dtype: graph.ty(value).dtype, args })
            }
            Class::View(_) => self.view(node, value, map, memory),
            Class::Source => self.source(node, value, map),
            class => panic!("`{}` of class {class:?} is stored", node.op.name),
        }
    }

    /// A read of memory: `value` is `base` or a reshape of it, and shares its memory.
    fn load(&mut self, value: ValueId, base: ValueId, map: &Map, memory: Memory) -> ExprId {
        let buffer = memory[base.0 as usize].expect("a stored value has a buffer");
        let buffer = self.slot(buffer);
        let ty = self.graph.ty(value);
        self.push(Expr::Load { buffer, access: map.linear(&ty.shape), dtype: ty.dtype })
    }

    pub fn view(&mut self, node: &Node, value: ValueId, map: &Map, memory: Memory) -> ExprId {
        let operand = node.operands[0];
        let inner = map
            .through(node, self.graph.shape(operand), self.graph.shape(value))
            .unwrap_or_else(|| panic!("`{}` is affine, or its operand would be stored", node.op.name));
        self.value(operand, &inner, memory)
    }

    pub fn source(&mut self, node: &Node, value: ValueId, map: &Map) -> ExprId {
        let dtype = self.graph.ty(value).dtype;
        match node.op.name {
            "constant" => self.constant(node.attrs.get_float("value"), dtype),
            "iota" => {
                let axis = node.attrs.get_int("axis") as usize;
                self.push(Expr::Index { access: map.axis(axis).clone(), dtype })
            }
            name => panic!("`{name}` is a source kept in memory"),
        }
    }
}

/// Whether the node is a view that only re-indexes, without a condition.
pub fn is_plain_view(node: &Node) -> bool {
    matches!(node.op.class, Class::View(View::Permute | View::Broadcast | View::Slice | View::Flip | View::Reshape))
}
