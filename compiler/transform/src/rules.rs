//! The rewrite rules: one row each, with the identity in words and an example that a test checks on random values.
//! A rule looks at one node, whose operands are simplified already, and answers with the value that replaces its result.
//! Rules hold for all finite values; `x 0 = 0` also drops an infinity or NaN in x, as a zero factor is meant to.

mod arithmetic;
mod pads;
mod shapes;

use pfm_ir::{Attrs, Builder, Node, ValueId};

pub struct Rule {
    pub name: &'static str,
    /// The identity in words.
    pub identity: &'static str,
    /// The operation at the root of the pattern.
    pub op: &'static str,
    /// The value that replaces the node's only result, where the rule fits.
    pub rewrite: fn(&mut Builder, &Match) -> Option<ValueId>,
    /// Builds a graph that the rule changes, from x and y f32[2,3], m bool[2,3]; gives its output.
    pub example: fn(&mut Builder, Given) -> ValueId,
}

/// The node that a rule looks at.
pub struct Match<'a> {
    pub op: &'static str,
    pub operands: &'a [ValueId],
    pub attrs: &'a Attrs,
}

/// Inputs of examples: x and y are f32[2,3], m is bool[2,3].
#[derive(Clone, Copy)]
pub struct Given {
    pub x: ValueId,
    pub y: ValueId,
    pub m: ValueId,
}

/// Every rule, in the order in which they are tried.
pub fn rules() -> &'static [Rule] {
    static ALL: std::sync::LazyLock<Vec<Rule>> = std::sync::LazyLock::new(|| {
        let mut all = arithmetic::rules();
        all.extend(shapes::rules());
        all.extend(pads::rules());
        all
    });
    &ALL
}

/// The node that makes a value, if it is of this operation.
fn made_by<'a>(b: &'a Builder, v: ValueId, op: &str) -> Option<&'a Node> {
    b.graph.def(v).filter(|node| node.op.name == op)
}

/// The operand of a unary operation that makes a value.
fn operand_of(b: &Builder, v: ValueId, op: &str) -> Option<ValueId> {
    made_by(b, v, op).map(|node| node.operands[0])
}

/// The one value of a constant.
fn uniform(b: &Builder, v: ValueId) -> Option<f64> {
    made_by(b, v, "constant").map(|node| node.attrs.get_float("value"))
}

fn is(b: &Builder, v: ValueId, value: f64) -> bool {
    uniform(b, v) == Some(value)
}

/// For a commutative operation: the other operand, where one of the two has the property.
fn other(operands: &[ValueId], has: impl Fn(ValueId) -> bool) -> Option<ValueId> {
    match operands {
        [x, y] if has(*y) => Some(*x),
        [x, y] if has(*x) => Some(*y),
        _ => None,
    }
}
