//! Common subexpressions: of nodes with the same operation, operands and attributes the first stands for all.
//! Draws of `random` are shared too, for the stream that tells them apart is an attribute.

use crate::rebuild::rebuild;
use pfm_ir::{Attr, Attrs, Graph, ValueId};
use std::collections::BTreeMap;

/// Operation, operands, attributes with floats as bits.
type Key = (&'static str, Vec<ValueId>, Vec<u64>);

pub fn share(graph: Graph) -> Graph {
    let mut seen: BTreeMap<Key, Vec<ValueId>> = BTreeMap::new();
    rebuild(&graph, |b, node, operands| {
        let key = (node.op.name, operands.to_vec(), words(&node.attrs));
        let results = seen.entry(key).or_insert_with(|| b.op_multi(node.op.0, operands, node.attrs.clone()));
        Some(results.clone())
    })
}

/// The attributes of one operation as words: equal exactly when the attributes are, bit for bit.
fn words(attrs: &Attrs) -> Vec<u64> {
    let mut words = Vec::new();
    for (_, attr) in attrs.iter() {
        let mut list = |items: &mut dyn ExactSizeIterator<Item = u64>| {
            words.push(items.len() as u64);
            words.extend(items);
        };
        match attr {
            Attr::Int(v) => words.push(*v as u64),
            Attr::Float(v) => words.push(v.to_bits()),
            Attr::Bool(v) => words.push(u64::from(*v)),
            Attr::Text(v) => list(&mut v.bytes().map(u64::from)),
            Attr::Ints(v) => list(&mut v.iter().map(|x| *x as u64)),
            Attr::Floats(v) => list(&mut v.iter().map(|x| x.to_bits())),
        }
    }
    words
}
