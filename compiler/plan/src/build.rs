//! Turns a fused graph into groups: one loop per cluster, one group per reduction and kernel, copies for views that need
//! memory. Buffers are made here; their places and the order of groups are decided later.

use crate::body::{BodyBuilder, is_plain_view};
use crate::cost::price;
use crate::fuse::{Fusion, reshaped, shares_memory};
use crate::index::{Map, stored_through};
use crate::plan::{Access, Buffer, BufferId, Constant, Expr, Fold, Group, Kernel, Loop, Place, Reduce, Work};
use pfm_ir::{Class, DType, Graph, Node, NodeId, ValueId, View};
use std::sync::Arc;

/// Groups in the making.
pub struct Draft<'a> {
    pub graph: &'a Graph,
    pub fusion: &'a Fusion,
    pub buffers: Vec<Buffer>,
    pub groups: Vec<Group>,
    /// By group: its place in the source order, the index of its last node.
    pub anchors: Vec<usize>,
    /// By value, for stored bases.
    pub buffer_of: Vec<Option<BufferId>>,
    pub constants: Vec<Constant>,
    /// Groups that must follow others beyond what reads and writes say: (earlier, later).
    pub after: Vec<(usize, usize)>,
}

impl<'a> Draft<'a> {
    pub fn new(graph: &'a Graph, fusion: &'a Fusion) -> Draft<'a> {
        let mut draft = Draft {
            graph,
            fusion,
            buffers: vec![],
            groups: vec![],
            anchors: vec![],
            buffer_of: vec![None; graph.values.len()],
            constants: vec![],
            after: vec![],
        };
        draft.make_buffers();
        draft.make_groups();
        draft
    }

    pub fn buffer(&mut self, dtype: DType, elements: usize, place: Place) -> BufferId {
        self.buffers.push(Buffer { dtype, elements, place, live: (0, 0) });
        BufferId(self.buffers.len() as u32 - 1)
    }

    pub fn push(&mut self, work: Work, buffers: Vec<BufferId>, path: Arc<str>, anchor: usize) {
        let (flops, bytes) = price(&work, &buffers, &self.buffers);
        self.groups.push(Group { work, buffers, scratch: None, flops, bytes, path });
        self.anchors.push(anchor);
    }

    /// Counts a group's arithmetic and traffic again.
    pub fn price(&mut self, group: usize) {
        let g = &mut self.groups[group];
        (g.flops, g.bytes) = price(&g.work, &g.buffers, &self.buffers);
    }

    /// Leaves out groups whose work is done elsewhere. Orders between groups follow.
    pub fn remove(&mut self, gone: &[bool]) {
        let mut next = 0;
        let place: Vec<Option<usize>> = gone
            .iter()
            .map(|gone| {
                next += usize::from(!gone);
                (!gone).then(|| next - 1)
            })
            .collect();
        let kept = |g: usize| place[g].expect("no order names a group that is gone");
        self.after = self.after.iter().map(|(a, b)| (kept(*a), kept(*b))).collect();
        let mut at = 0..;
        self.groups.retain(|_| !gone[at.next().expect("an open range goes on")]);
        let mut at = 0..;
        self.anchors.retain(|_| !gone[at.next().expect("an open range goes on")]);
    }

    fn make_buffers(&mut self) {
        for (i, input) in self.graph.inputs.iter().enumerate() {
            let ty = self.graph.ty(input.value);
            let id = self.buffer(ty.dtype, ty.elements(), Place::Input(i));
            self.buffer_of[input.value.0 as usize] = Some(id);
        }
        for v in 0..self.graph.values.len() {
            if !self.fusion.stored[v] || self.buffer_of[v].is_some() {
                continue;
            }
            let ty = self.graph.ty(ValueId(v as u32));
            let node = self.graph.def(ValueId(v as u32)).expect("inputs have their buffers");
            let place = if node.op.name == "literal" {
                self.constants.push(literal(node, ty.dtype));
                Place::Constant(self.constants.len() - 1)
            } else {
                Place::Arena(0)
            };
            self.buffer_of[v] = Some(self.buffer(ty.dtype, ty.elements(), place));
        }
    }

    fn make_groups(&mut self) {
        let mut members: Vec<Vec<NodeId>> = vec![vec![]; self.graph.nodes.len()];
        for (i, root) in self.fusion.cluster.iter().enumerate() {
            if let Some(root) = root {
                members[root.0 as usize].push(NodeId(i as u32));
            }
        }
        for (i, members) in members.iter().enumerate() {
            let node = &self.graph.nodes[i];
            match node.op.class {
                Class::Pointwise(_) if !members.is_empty() => self.cluster(members),
                Class::Pointwise(_) => {}
                Class::ReduceSum => self.reduce(i, Fold::Sum),
                Class::ReduceMax => self.reduce(i, Fold::Max),
                Class::View(View::Concat) => self.concat(i),
                Class::View(View::Pad) => self.pad(i),
                Class::View(_) | Class::Source => self.copy_view(i),
                Class::Kernel | Class::Composite if shares_memory(node) => {}
                Class::Kernel | Class::Composite => self.kernel(i),
            }
        }
    }

    fn body(&self, cluster: Option<NodeId>) -> BodyBuilder<'a> {
        // The buffers of values do not change while groups are made, but the borrow of `self` would last too long.
        BodyBuilder::new(self.graph, self.fusion, cluster)
    }

    /// The buffer of a stored value.
    pub fn memory(&self, value: ValueId) -> BufferId {
        self.buffer_of[value.0 as usize].expect("a stored value has a buffer")
    }

    fn cluster(&mut self, members: &[NodeId]) {
        let graph = self.graph;
        let space = graph.shape(graph.node(members[0]).results[0]).to_vec();
        let map = Map::identity(space.len());
        let mut body = self.body(self.fusion.cluster[members[0].0 as usize]);
        for id in members {
            let value = graph.node(*id).results[0];
            let e = body.value(value, &map, &self.buffer_of);
            if self.fusion.stored[value.0 as usize] {
                body.store(e, self.memory(value), map.linear(&space));
            }
        }
        let last = *members.last().expect("a cluster has members");
        self.finish_loop(body, space, last.0 as usize);
    }

    fn finish_loop(&mut self, body: BodyBuilder, space: Vec<usize>, node: usize) {
        if body.stores.is_empty() {
            return;
        }
        let (body, stores, buffers) = body.finish();
        let work = Work::Loop(Loop { space, body, stores });
        let path = self.graph.nodes[node].path.clone();
        self.push(work, buffers, path, node);
    }

    fn reduce(&mut self, i: usize, fold: Fold) {
        let graph = self.graph;
        let node = &graph.nodes[i];
        let space = graph.shape(node.operands[0]).to_vec();
        let mut reduced = vec![false; space.len()];
        for a in node.attrs.get_sizes("axes") {
            reduced[a] = true;
        }
        let mut body = self.body(None);
        let map = Map::identity(space.len());
        let e = body.value(node.operands[0], &map, &self.buffer_of);
        let mut strides = vec![0; space.len()];
        let mut stride = 1;
        for a in (0..space.len()).rev() {
            if !reduced[a] {
                strides[a] = stride;
                stride *= space[a] as i64;
            }
        }
        let result = self.memory(node.results[0]);
        body.store(e, result, Access { offset: 0, strides });
        let (body, stores, buffers) = body.finish();
        let work = Work::Reduce(Reduce { space, reduced, fold, body, stores });
        self.push(work, buffers, node.path.clone(), i);
    }

    /// Writes each operand into its part of the result.
    fn concat(&mut self, i: usize) {
        let value = self.graph.nodes[i].results[0];
        if !self.fusion.passed[value.0 as usize] {
            let shape = self.graph.shape(value);
            let access = Map::identity(shape.len()).linear(shape);
            self.write_joined(value, self.memory(value), access, i);
        }
    }

    /// Writes the parts of a joined value, which may be joined themselves, or of a view of one. Its elements go where `access` says.
    fn write_joined(&mut self, value: ValueId, buffer: BufferId, access: Access, i: usize) {
        let graph = self.graph;
        let node = graph.def(value).expect("a joined value is computed");
        if is_plain_view(node) {
            let operand = node.operands[0];
            let map = stored_through(node, graph.shape(operand), graph.shape(value)).expect("fusion passes on through views like this");
            return self.write_part(operand, buffer, map.applied(&access), i);
        }
        let axis = node.attrs.get_int("axis") as usize;
        let mut access = access;
        for &operand in &node.operands {
            self.write_part(operand, buffer, access.clone(), i);
            access.offset += graph.shape(operand)[axis] as i64 * access.strides[axis];
        }
    }

    fn write_part(&mut self, value: ValueId, buffer: BufferId, access: Access, i: usize) {
        if self.is_joined(value) {
            return self.write_joined(value, buffer, access, i);
        }
        let shape = self.graph.shape(value).to_vec();
        let mut body = self.body(None);
        let e = body.value(value, &Map::identity(shape.len()), &self.buffer_of);
        body.store(e, buffer, access);
        self.finish_loop(body, shape, i);
    }

    /// Whether a value is a joined one without memory, or a view of one.
    fn is_joined(&self, mut value: ValueId) -> bool {
        loop {
            if self.fusion.passed[value.0 as usize] {
                return true;
            }
            match self.graph.def(value) {
                Some(node) if is_plain_view(node) && !self.fusion.stored[value.0 as usize] => value = node.operands[0],
                _ => return false,
            }
        }
    }

    /// Fills the result with the padding value, then writes the operand into its part.
    fn pad(&mut self, i: usize) {
        let graph = self.graph;
        let node = &graph.nodes[i];
        let result = node.results[0];
        let ty = graph.ty(result);
        let buffer = self.memory(result);
        let map = Map::identity(ty.rank());
        let mut body = self.body(None);
        let e = body.constant(node.attrs.get_float("value"), ty.dtype);
        body.store(e, buffer, map.linear(&ty.shape));
        self.finish_loop(body, ty.shape.clone(), i);

        let (low, interior) = (node.attrs.get_ints("low"), node.attrs.get_ints("interior"));
        let shape = graph.shape(node.operands[0]).to_vec();
        let mut access = map.linear(&ty.shape);
        for a in 0..shape.len() {
            access.offset += low[a] * access.strides[a];
            access.strides[a] *= interior[a] + 1;
        }
        let mut body = self.body(None);
        let e = body.value(node.operands[0], &map, &self.buffer_of);
        body.store(e, buffer, access);
        self.finish_loop(body, shape, i);
        self.after.push((self.groups.len() - 2, self.groups.len() - 1));
    }

    /// A view or source that something needs in memory.
    fn copy_view(&mut self, i: usize) {
        let graph = self.graph;
        let node = &graph.nodes[i];
        let value = node.results[0];
        if !self.fusion.stored[value.0 as usize] || node.op.name == "literal" {
            return;
        }
        let space = graph.shape(value).to_vec();
        let map = Map::identity(space.len());
        if is_plain_view(node) && self.is_joined(node.operands[0]) {
            return self.write_joined(value, self.memory(value), map.linear(&space), i);
        }
        let mut body = self.body(None);
        let e = if is_plain_view(node) { body.view(node, value, &map, &self.buffer_of) } else { body.source(node, value, &map) };
        body.store(e, self.memory(value), map.linear(&space));
        self.finish_loop(body, space, i);
    }

    fn kernel(&mut self, i: usize) {
        let graph = self.graph;
        let node = &graph.nodes[i];
        let operands = node.operands.iter();
        let mut buffers: Vec<BufferId> = operands.map(|v| self.memory(reshaped(graph, *v))).collect();
        let written: Vec<ValueId> = node.results.iter().map(|v| self.fusion.written_as[v.0 as usize].unwrap_or(*v)).collect();
        buffers.extend(written.iter().map(|v| self.memory(*v)));
        let types = |vs: &[ValueId]| vs.iter().map(|v| graph.ty(*v).clone()).collect();
        let work =
            Work::Kernel(Kernel { op: node.op, attrs: node.attrs.clone(), operands: types(&node.operands), results: types(&written) });
        self.push(work, buffers, node.path.clone(), i);
    }

    /// A group that copies one buffer into another of the same size; returns its position.
    pub fn copy(&mut self, from: BufferId, to: BufferId, path: Arc<str>, anchor: usize) -> usize {
        let (dtype, elements) = {
            let b = &self.buffers[from.0 as usize];
            (b.dtype, b.elements)
        };
        let access = Access { offset: 0, strides: vec![1] };
        let work = Work::Loop(Loop {
            space: vec![elements],
            body: vec![Expr::Load { buffer: 0, access: access.clone(), dtype }],
            stores: vec![crate::plan::Store { buffer: 1, access, value: crate::plan::ExprId(0) }],
        });
        self.push(work, vec![from, to], path, anchor);
        self.groups.len() - 1
    }
}

fn literal(node: &Node, dtype: DType) -> Constant {
    let data = node.attrs.get_floats("data");
    let words = match dtype {
        DType::F32 => data.iter().map(|v| (*v as f32).to_bits()).collect(),
        DType::Bf16 => {
            data.chunks(2).map(|pair| pair.iter().rev().fold(0, |word, v| word << 16 | u32::from(pfm_ir::to_bf16(*v as f32)))).collect()
        }
        DType::I32 | DType::Bool => data.iter().map(|v| *v as i32 as u32).collect(),
    };
    Constant { words }
}
