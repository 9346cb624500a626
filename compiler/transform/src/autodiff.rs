//! Reverse-mode differentiation on the graph being built. It runs on composites: an operation's own rule where it has one,
//! its decomposition otherwise. Only nodes between the wanted values and the loss get adjoints, so frozen parameters
//! cost nothing; contributions are added in a fixed order, so the same graph always gives the same gradients.

use pfm_ir::{Builder, GradCtx, Gradient, Meaning, Node, ValueId};
use pfm_ops::{add, constant_like};
use std::ops::Range;
use std::sync::Arc;

/// The loss depends on a wanted value through an operation that has no derivative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undifferentiable {
    pub op: &'static str,
    /// Path of the node, as in its note.
    pub path: Arc<str>,
}

impl std::fmt::Display for Undifferentiable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.path.is_empty() { "" } else { " in " };
        write!(f, "`{}`{place}{} has no derivative", self.op, self.path)
    }
}

impl std::error::Error for Undifferentiable {}

/// The gradients of the sum of `loss` in each of `wrt`; None where the loss does not depend on it.
/// Panics where `try_gradients` fails.
pub fn gradients(b: &mut Builder, loss: ValueId, wrt: &[ValueId]) -> Vec<Option<ValueId>> {
    try_gradients(b, loss, wrt).unwrap_or_else(|e| panic!("{e}"))
}

/// The gradients of the sum of `loss` (as a rule a scalar) in each of `wrt`, as new nodes; None where the loss does not
/// depend on it in a differentiable way.
pub fn try_gradients(b: &mut Builder, loss: ValueId, wrt: &[ValueId]) -> Result<Vec<Option<ValueId>>, Undifferentiable> {
    let path = b.path();
    let nodes = 0..b.graph.nodes.len();
    let mut reverse = Reverse { depends: vec![], adjoints: vec![] };
    for v in wrt {
        *at(&mut reverse.depends, *v) = true;
    }
    reverse.forward(b, nodes.clone());
    if !*at(&mut reverse.depends, loss) {
        return Ok(vec![None; wrt.len()]);
    }
    let one = constant_like(b, loss, 1.0);
    reverse.contribute(loss, one);
    let done = reverse.backward(b, nodes);
    let gradients = wrt.iter().map(|v| reverse.adjoint(b, *v)).collect();
    b.set_path(&path);
    done.map(|()| gradients)
}

/// The entry of a value in a table that grows with the graph.
fn at<T: Default + Clone>(table: &mut Vec<T>, v: ValueId) -> &mut T {
    let i = v.0 as usize;
    if table.len() <= i {
        table.resize(i + 1, T::default());
    }
    &mut table[i]
}

struct Reverse {
    /// Whether a value depends on one of those wanted.
    depends: Vec<bool>,
    /// Contributions to each value's gradient that have not been added up yet, in the order they came.
    adjoints: Vec<Vec<ValueId>>,
}

impl Reverse {
    /// Marks what depends on the wanted values, through operations that pass gradients on.
    fn forward(&mut self, b: &Builder, nodes: Range<usize>) {
        for n in nodes {
            let node = &b.graph.nodes[n];
            if matches!(node.op.gradient, Gradient::Zero) {
                continue;
            }
            if node.operands.iter().any(|v| *at(&mut self.depends, *v)) {
                for v in &node.results {
                    // Integers and booleans carry no gradient.
                    *at(&mut self.depends, *v) |= b.ty(*v).dtype.is_float();
                }
            }
        }
    }

    fn contribute(&mut self, to: ValueId, gradient: ValueId) {
        at(&mut self.adjoints, to).push(gradient);
    }

    /// Adds up what has come in for a value.
    fn adjoint(&mut self, b: &mut Builder, of: ValueId) -> Option<ValueId> {
        let parts = std::mem::take(at(&mut self.adjoints, of));
        let sum = parts.into_iter().reduce(|sum, part| add(b, sum, part))?;
        self.contribute(of, sum);
        Some(sum)
    }

    /// Goes backwards over nodes, each after all of its users.
    fn backward(&mut self, b: &mut Builder, nodes: Range<usize>) -> Result<(), Undifferentiable> {
        for n in nodes.rev() {
            let results = b.graph.nodes[n].results.clone();
            if results.iter().all(|v| at(&mut self.adjoints, *v).is_empty()) {
                continue;
            }
            let node = b.graph.nodes[n].clone();
            let wanted: Vec<bool> = node.operands.iter().map(|v| *at(&mut self.depends, *v)).collect();
            if !wanted.contains(&true) {
                continue;
            }
            b.set_path(&node.path);
            let upstream: Vec<Option<ValueId>> = results.iter().map(|v| self.adjoint(b, *v)).collect();
            self.through(b, &node, &upstream, &wanted)?;
        }
        Ok(())
    }

    /// Passes the gradients of one node's results to its operands.
    fn through(&mut self, b: &mut Builder, node: &Node, upstream: &[Option<ValueId>], wanted: &[bool]) -> Result<(), Undifferentiable> {
        match &node.op.0.gradient {
            Gradient::Zero => Ok(()),
            Gradient::Undefined => Err(Undifferentiable { op: node.op.name, path: node.path.clone() }),
            Gradient::Rule(rule) => {
                let context = GradCtx { operands: &node.operands, results: &node.results, upstream, attrs: &node.attrs, wanted };
                let gradients = rule(b, &context);
                for (i, gradient) in gradients.into_iter().enumerate() {
                    if let Some(g) = gradient.filter(|_| wanted[i]) {
                        let (found, of) = (b.ty(g), b.ty(node.operands[i]));
                        assert_eq!(found, of, "`{}` gives a gradient of its operand's type", node.op.name);
                        self.contribute(node.operands[i], g);
                    }
                }
                Ok(())
            }
            Gradient::FromMeaning => self.through_meaning(b, node, upstream),
        }
    }

    /// Writes the decomposition into the graph once more and goes backwards over it. What of it turns out unused is
    /// pruned later, and what repeats the forward pass is shared once that is decomposed too.
    fn through_meaning(&mut self, b: &mut Builder, node: &Node, upstream: &[Option<ValueId>]) -> Result<(), Undifferentiable> {
        let Meaning::Composite(meaning) = node.op.0.meaning else {
            panic!("`{}` has neither a gradient rule nor a decomposition", node.op.name);
        };
        let start = b.graph.nodes.len();
        let results = meaning(b, &node.operands, &node.attrs);
        let inner = start..b.graph.nodes.len();
        self.forward(b, inner.clone());
        for (v, g) in results.iter().zip(upstream) {
            if let Some(g) = g {
                self.contribute(*v, *g);
            }
        }
        self.backward(b, inner)
    }
}
