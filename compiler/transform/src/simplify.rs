//! Applies the rewrite rules of `rules` until none fits. Every rule makes the graph smaller or moves it towards a fixed
//! form, so this ends; the number of rounds is bounded all the same.

use crate::rebuild::rebuild;
use crate::rules::{Match, Rule, rules};
use pfm_ir::Graph;

const ROUNDS: usize = 16;

pub fn simplify(graph: Graph) -> Graph {
    let all: Vec<&Rule> = rules().iter().collect();
    simplify_with(graph, &all)
}

/// With some of the rules only; the first that fits a node wins.
pub fn simplify_with(graph: Graph, rules: &[&Rule]) -> Graph {
    let mut graph = graph;
    for _ in 0..ROUNDS {
        let mut fired = false;
        graph = rebuild(&graph, |b, node, operands| {
            let found = Match { op: node.op.name, operands, attrs: &node.attrs };
            let applicable = rules.iter().filter(|rule| rule.op == node.op.name);
            let result = applicable.into_iter().find_map(|rule| (rule.rewrite)(b, &found))?;
            fired = true;
            Some(vec![result])
        });
        if !fired {
            break;
        }
    }
    graph
}
