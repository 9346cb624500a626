//! Decides what is stored and what is computed where it is read: the heart of the plan.
//! A value is stored when a kernel, a reduction or the outside needs it; other pointwise nodes gather into clusters that
//! share one loop, and cheap ones are recomputed by each reader. Everything here is a few linear passes over the nodes.
//!
//! Clusters never form a cycle: an edge between nodes that may share a loop keeps the level of its reader at least that of
//! its producer, every other edge raises it, and only nodes of equal level are joined.

use crate::fills::constant_of;
use crate::index::{reshape_splits, stored_through};
use pfm_ir::{Class, DType, Graph, Node, NodeId, Scalar, ValueId, View};

/// Pointwise arithmetic that a reader may repeat instead of loading the result.
const LIGHT: u32 = 8;
/// Nodes that may be drawn into another group's loop.
const DRAWN: usize = 48;

/// What fusion decided.
pub struct Fusion {
    /// By value: it has a buffer of its own that some group writes, or is an input.
    pub stored: Vec<bool>,
    /// By node: the cluster of a pointwise node that is computed in a loop of its own, as the first node of it.
    pub cluster: Vec<Option<NodeId>>,
    /// By value: what a kernel writes in place of this result of it, the result rounded to bf16.
    pub written_as: Vec<Option<ValueId>>,
    /// By value: a joined value whose parts are written straight into the memory of what it becomes a part or a view of.
    pub passed: Vec<bool>,
}

/// Where the readers of a value are.
#[derive(Clone, Copy, PartialEq)]
enum Readers {
    None,
    /// One reader that evaluates its operand in its own loop.
    One,
    Many,
}

struct Fuser<'a> {
    graph: &'a Graph,
    users: Vec<Vec<NodeId>>,
    stored: Vec<bool>,
    /// Pointwise nodes that are repeated by their readers.
    light: Vec<bool>,
    level: Vec<u32>,
    parent: Vec<u32>,
    written_as: Vec<Option<ValueId>>,
    passed: Vec<bool>,
    /// By value: a rounded result that a kernel writes.
    by_kernel: Vec<bool>,
}

pub fn fuse(graph: &Graph) -> Fusion {
    let mut fuser = Fuser {
        graph,
        users: graph.users(),
        stored: vec![false; graph.values.len()],
        light: vec![false; graph.nodes.len()],
        level: vec![0; graph.values.len()],
        parent: (0..graph.nodes.len() as u32).collect(),
        written_as: vec![None; graph.values.len()],
        passed: vec![false; graph.values.len()],
        by_kernel: vec![false; graph.values.len()],
    };
    fuser.find_rounded_results();
    fuser.require();
    fuser.pass_on();
    fuser.assign_levels();
    fuser.choose_light();
    fuser.sink();
    fuser.join();
    fuser.draw()
}

/// Whether a node's result is its operand's memory: reshapes, and collectives, which are identities on the one device
/// that there is.
pub fn shares_memory(node: &Node) -> bool {
    node.op.class == Class::View(View::Reshape) || matches!(node.op.name, "all_reduce" | "reduce_scatter" | "all_gather")
}

/// Follows such nodes down to the value that has memory of its own.
pub fn reshaped(graph: &Graph, mut value: ValueId) -> ValueId {
    while let Some(node) = graph.def(value) {
        if !shares_memory(node) {
            break;
        }
        value = node.operands[0];
    }
    value
}

/// Whether a view's result has more elements than its operand.
fn grows(graph: &Graph, view: &Node) -> bool {
    graph.ty(view.results[0]).elements() > graph.ty(view.operands[0]).elements()
}

/// Whether a scalar operation costs about as much as a load.
fn cheap(scalar: Scalar) -> bool {
    use Scalar::*;
    matches!(scalar, Neg | Abs | Add | Sub | Mul | Max | Min | Less | LessEqual | Equal | And | Or | Not | Select | Cast | Floor | Sign)
}

/// Whether the node's kernel can write bf16.
fn rounds_results(node: &Node) -> bool {
    matches!(node.op.name, "contract" | "conv" | "conv_input_grad" | "conv_weight_grad" | "attend" | "attend_grad")
}

/// A cast from f32 to bf16.
fn rounds(graph: &Graph, node: &Node) -> bool {
    node.op.name == "cast" && graph.ty(node.results[0]).dtype == DType::Bf16 && graph.ty(node.operands[0]).dtype == DType::F32
}

impl Fuser<'_> {
    /// The class of a node here: a cast that a kernel does on the way out counts as part of that kernel.
    fn class(&self, node: &Node) -> Class {
        if self.by_kernel[node.results[0].0 as usize] { Class::Kernel } else { node.op.class }
    }

    /// Finds results of products that are only read rounded: the kernel rounds them as it writes.
    fn find_rounded_results(&mut self) {
        for node in self.graph.nodes.iter().filter(|n| rounds_results(n)) {
            for v in &node.results {
                if let [user] = self.users[v.0 as usize][..]
                    && rounds(self.graph, self.graph.node(user))
                    && self.graph.outputs.iter().all(|o| o.value != *v)
                {
                    let rounded = self.graph.node(user).results[0];
                    self.written_as[v.0 as usize] = Some(rounded);
                    self.by_kernel[rounded.0 as usize] = true;
                }
            }
        }
    }

    /// The pointwise node behind a value, if it is one.
    fn pointwise(&self, value: ValueId) -> Option<NodeId> {
        let id = self.graph.values[value.0 as usize].node?;
        matches!(self.class(self.graph.node(id)), Class::Pointwise(_)).then_some(id)
    }

    fn is_stored(&self, value: ValueId) -> bool {
        self.stored[value.0 as usize]
    }

    /// Gives a value memory; a reshape shares that of its operand.
    fn store(&mut self, value: ValueId) {
        let base = reshaped(self.graph, value);
        self.stored[base.0 as usize] = true;
    }

    /// Everything that has memory whatever fusion does.
    fn require(&mut self) {
        let graph = self.graph;
        for input in &graph.inputs {
            self.store(input.value);
        }
        for node in &graph.nodes {
            match self.class(node) {
                _ if shares_memory(node) => {}
                Class::Kernel | Class::ReduceSum | Class::ReduceMax | Class::Composite => {
                    for v in &node.results {
                        if self.written_as[v.0 as usize].is_none() {
                            self.store(*v);
                        }
                    }
                }
                // Rounding is for memory; what is joined is rounded on the way there.
                Class::Pointwise(_) if rounds(graph, node) && !self.is_only_joined(node.results[0]) => self.store(node.results[0]),
                Class::View(View::Pad | View::Concat) => self.store(node.results[0]),
                Class::Source if node.op.name == "literal" => self.store(node.results[0]),
                _ => {}
            }
            if matches!(node.op.class, Class::Kernel | Class::Composite) {
                node.operands.iter().for_each(|v| self.store(*v));
            }
            if self.class(node) == Class::View(View::Reshape)
                && !reshape_splits(graph.shape(node.operands[0]), graph.shape(node.results[0]))
            {
                self.store(node.operands[0]);
            }
        }
        for output in graph.outputs.iter().filter(|o| constant_of(graph, o).is_none()) {
            self.store(output.value);
        }
    }

    /// Whether the only reader of a value writes it into a part of its own memory.
    fn is_only_joined(&self, value: ValueId) -> bool {
        let into = |user: &NodeId| self.class(self.graph.node(*user));
        let returned = self.graph.outputs.iter().any(|o| o.value == value);
        !returned
            && matches!(self.users[value.0 as usize].as_slice(), [only] if matches!(into(only), Class::View(View::Pad | View::Concat)))
    }

    /// Takes the memory of joined values that only become parts of others, or views that are copied.
    fn pass_on(&mut self) {
        for node in self.graph.nodes.iter().filter(|n| n.op.class == Class::View(View::Concat)) {
            let result = node.results[0];
            if self.passes_on(result) {
                self.passed[result.0 as usize] = true;
                self.stored[result.0 as usize] = false;
            }
        }
    }

    fn passes_on(&self, mut value: ValueId) -> bool {
        loop {
            let [user] = self.users[value.0 as usize][..] else { return false };
            if self.graph.outputs.iter().any(|o| o.value == value) {
                return false;
            }
            let node = self.graph.node(user);
            let result = node.results[0];
            match node.op.class {
                Class::View(View::Concat) => return true,
                Class::View(View::Permute) if self.is_stored(result) => return true,
                Class::View(View::Permute | View::Reshape)
                    if stored_through(node, self.graph.shape(value), self.graph.shape(result)).is_some() =>
                {
                    value = result;
                }
                _ => return false,
            }
        }
    }

    /// A light node reads at most one full-size stored value and does little with it; its readers repeat it.
    fn choose_light(&mut self) {
        let mut cost = vec![(0u32, 0u32); self.graph.values.len()];
        for (i, node) in self.graph.nodes.iter().enumerate() {
            let result = node.results[0].0 as usize;
            match self.class(node) {
                Class::View(View::Reshape) if !self.is_stored(reshaped(self.graph, node.operands[0])) => {
                    cost[result] = cost[node.operands[0].0 as usize];
                }
                Class::View(View::Permute | View::Slice | View::Flip | View::Broadcast) if !self.is_stored(node.results[0]) => {
                    let grown = self.graph.ty(node.results[0]).elements() >= 4 * self.graph.ty(node.operands[0]).elements();
                    if grows(self.graph, node)
                        && let Some(base) = self.heavy_behind_views(node.operands[0])
                    {
                        // Work that a broadcast would repeat is stored first.
                        self.store(base);
                    }
                    let (work, loads) = self.operand_cost(node.operands[0], node.results[0], &cost);
                    cost[result] = (work, if grown { 0 } else { loads });
                }
                Class::Pointwise(scalar) if !self.is_stored(node.results[0]) => {
                    let summed = self.is_only_summed(node.results[0]);
                    let mut sum = (u32::from(node.op.name != "cast"), 0u32);
                    let mut kept = vec![];
                    for (o, &v) in node.operands.iter().enumerate() {
                        if node.operands[..o].contains(&v) {
                            continue;
                        }
                        let c = if self.outlives_its_loop(v, node.results[0]) || summed && self.is_summed_itself(v) {
                            kept.push(v);
                            (0, 1)
                        } else {
                            self.operand_cost(v, node.results[0], &cost)
                        };
                        sum = (sum.0.saturating_add(c.0), sum.1.saturating_add(c.1));
                    }
                    // A sum over a product reads its factors instead of having the product written and read.
                    self.light[i] = cheap(scalar) && sum.0 <= LIGHT && sum.1 <= if summed { 2 } else { 1 };
                    cost[result] = if self.light[i] { sum } else { (u32::MAX, u32::MAX) };
                    if self.light[i] {
                        kept.into_iter().for_each(|v| self.store(v));
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a pointwise value, not light, will be stored for `reader` anyway: another reader keeps it in an earlier loop.
    fn outlives_its_loop(&self, value: ValueId, reader: ValueId) -> bool {
        let Some(node) = self.pointwise(value) else {
            return false;
        };
        let level = |v: ValueId| self.level[v.0 as usize];
        let stays = |user: &NodeId| {
            let user = self.graph.node(*user);
            let pointwise = matches!(self.class(user), Class::Pointwise(_));
            !pointwise || level(user.results[0]) == level(value)
        };
        !self.light[node.0 as usize]
            && !self.is_stored(value)
            && level(reader) > level(value)
            && self.users[value.0 as usize].iter().any(stays)
    }

    fn is_sum(&self, node: &NodeId) -> bool {
        matches!(self.class(self.graph.node(*node)), Class::ReduceSum | Class::ReduceMax)
    }

    fn is_only_summed(&self, value: ValueId) -> bool {
        matches!(self.users[value.0 as usize].as_slice(), [only] if self.is_sum(only))
    }

    /// Whether a pointwise value, not light, has memory because a sum reads it.
    fn is_summed_itself(&self, value: ValueId) -> bool {
        let heavy = self.pointwise(value).is_some_and(|node| !self.light[node.0 as usize]);
        heavy && self.users[value.0 as usize].len() > 1 && self.users[value.0 as usize].iter().any(|user| self.is_sum(user))
    }

    /// Arithmetic and full-size loads to have `value` at every index of `reader`.
    fn operand_cost(&self, value: ValueId, reader: ValueId, cost: &[(u32, u32)]) -> (u32, u32) {
        if self.is_stored(reshaped(self.graph, value)) {
            let small = self.graph.ty(value).elements() * 4 <= self.graph.ty(reader).elements();
            (0, u32::from(!small))
        } else {
            cost[value.0 as usize]
        }
    }

    /// The pointwise node, not light, that a chain of views ends in.
    fn heavy_behind_views(&self, mut value: ValueId) -> Option<ValueId> {
        while !self.is_stored(value) {
            let node = self.graph.def(value)?;
            match self.class(node) {
                Class::View(_) => value = node.operands[0],
                Class::Pointwise(_) => {
                    let id = self.pointwise(value)?;
                    return (!self.light[id.0 as usize]).then_some(value);
                }
                _ => return None,
            }
        }
        None
    }

    /// The level that a value has for a reader that shares its index space.
    fn assign_levels(&mut self) {
        for node in &self.graph.nodes {
            let operands = node.operands.iter();
            let deepest = operands.map(|v| self.level[v.0 as usize]).max().unwrap_or(0);
            let level = match self.class(node) {
                Class::Pointwise(_) => deepest,
                Class::Source => 0,
                // Views of what exists from the start exist from the start.
                Class::View(View::Pad | View::Concat) => deepest + 2,
                Class::View(_) => {
                    let base = reshaped(self.graph, node.operands[0]);
                    let given = self.graph.values[base.0 as usize].node.is_none();
                    deepest + u32::from(!given)
                }
                _ => deepest + 2,
            };
            for v in &node.results {
                self.level[v.0 as usize] = level;
            }
        }
    }

    /// Moves what only pointwise nodes read to the level of the first of them, so that it joins that loop.
    fn sink(&mut self) {
        let mut target = vec![u32::MAX; self.graph.values.len()];
        for node in self.graph.nodes.iter().rev() {
            let result = node.results[0];
            let pointwise = matches!(self.class(node), Class::Pointwise(_));
            if pointwise {
                let to = target[result.0 as usize];
                if to != u32::MAX && to > self.level[result.0 as usize] {
                    self.level[result.0 as usize] = to;
                }
            }
            for v in &node.operands {
                let level = if pointwise {
                    self.level[result.0 as usize]
                } else {
                    // A reader of another kind comes later than any cluster that it reads.
                    self.level[v.0 as usize]
                };
                let t = &mut target[v.0 as usize];
                *t = (*t).min(level);
            }
        }
    }

    /// Joins neighbours of equal level into clusters.
    fn join(&mut self) {
        for (i, node) in self.graph.nodes.iter().enumerate() {
            if !matches!(self.class(node), Class::Pointwise(_)) || self.light[i] {
                continue;
            }
            self.join_operands(i, i);
        }
    }

    /// Joins `reader` with the members behind the operands of `node`, looking through light nodes.
    fn join_operands(&mut self, reader: usize, node: usize) {
        let graph = self.graph;
        for v in &graph.nodes[node].operands {
            let Some(producer) = self.pointwise(*v) else {
                continue;
            };
            let producer = producer.0 as usize;
            if self.light[producer] {
                self.join_operands(reader, producer);
            } else if self.level_of(producer) == self.level_of(reader) {
                let (a, b) = (self.find(producer), self.find(reader));
                let (low, high) = (a.min(b), a.max(b));
                self.parent[high as usize] = low;
            }
        }
    }

    fn level_of(&self, node: usize) -> u32 {
        self.level[self.graph.nodes[node].results[0].0 as usize]
    }

    fn find(&mut self, node: usize) -> u32 {
        let mut root = node as u32;
        while self.parent[root as usize] != root {
            root = self.parent[root as usize];
        }
        let mut at = node as u32;
        while self.parent[at as usize] != root {
            at = std::mem::replace(&mut self.parent[at as usize], root);
        }
        root
    }

    /// Draws clusters with a single reader into that reader's group; stores what the others give away.
    fn draw(mut self) -> Fusion {
        let nodes = self.graph.nodes.len();
        let roots: Vec<Option<u32>> = (0..nodes)
            .map(|i| {
                let member = matches!(self.class(&self.graph.nodes[i]), Class::Pointwise(_)) && !self.light[i];
                member.then(|| self.find(i))
            })
            .collect();
        let outside = self.outside_readers(&roots);
        let mut size = vec![0usize; nodes];
        let mut given = vec![Readers::None; nodes];
        let mut fixed = vec![false; nodes];
        for (i, root) in roots.iter().enumerate() {
            let Some(root) = root.map(|r| r as usize) else {
                continue;
            };
            let result = self.graph.nodes[i].results[0].0 as usize;
            size[root] += 1;
            fixed[root] |= self.stored[result];
            given[root] = both(given[root], outside[i]);
        }
        let mut cluster = vec![None; nodes];
        for (i, root) in roots.iter().enumerate() {
            let Some(root) = root.map(|r| r as usize) else {
                continue;
            };
            let drawn = !fixed[root] && given[root] == Readers::One && size[root] <= DRAWN;
            if !drawn {
                cluster[i] = Some(NodeId(root as u32));
                if outside[i] != Readers::None {
                    let result = self.graph.nodes[i].results[0].0 as usize;
                    self.stored[result] = true;
                }
            }
        }
        Fusion { stored: self.stored, cluster, written_as: self.written_as, passed: self.passed }
    }

    /// For each member, its readers outside its own cluster: views and light nodes pass on those they have themselves.
    fn outside_readers(&self, roots: &[Option<u32>]) -> Vec<Readers> {
        let mut of_value = vec![Readers::None; self.graph.values.len()];
        let mut of_member = vec![Readers::None; self.graph.nodes.len()];
        for i in (0..self.graph.nodes.len()).rev() {
            let node = &self.graph.nodes[i];
            for result in &node.results {
                let mut readers = Readers::None;
                for user in &self.users[result.0 as usize] {
                    let times = self.graph.node(*user).operands.iter();
                    let times = times.filter(|v| *v == result).count();
                    let reader = self.reading(*user, roots[i], roots, &of_value);
                    let reader = if times > 1 && roots[user.0 as usize].is_none() { both(reader, reader) } else { reader };
                    readers = both(readers, reader);
                }
                of_value[result.0 as usize] = readers;
                of_member[i] = readers;
            }
        }
        of_member
    }

    fn reading(&self, user: NodeId, own: Option<u32>, roots: &[Option<u32>], of_value: &[Readers]) -> Readers {
        let node = self.graph.node(user);
        match self.class(node) {
            Class::Pointwise(_) => match roots[user.0 as usize] {
                Some(root) if Some(root) == own => Readers::None,
                Some(_) => Readers::One,
                None => of_value[node.results[0].0 as usize],
            },
            Class::View(View::Pad | View::Concat) => Readers::One,
            Class::View(_) if self.is_stored(node.results[0]) => Readers::One,
            Class::View(_) => of_value[node.results[0].0 as usize],
            _ => Readers::One,
        }
    }
}

fn both(a: Readers, b: Readers) -> Readers {
    match (a, b) {
        (Readers::None, x) | (x, Readers::None) => x,
        _ => Readers::Many,
    }
}
