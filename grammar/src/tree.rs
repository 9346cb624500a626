//! The lossless tree: nodes with spans above leaves that cover every byte, so that printing the leaves gives the source back.
//! The formatter and editors work on it; the compiler works on the typed tree in `ast`.

use crate::layout::{Layout, Token};
use crate::pairs::Pair;
use crate::rules::Rule;
use pest::iterators::Pairs;
use pfm_diag::Span;
use std::sync::Arc;

pub use crate::layout::LeafKind;

#[derive(Clone, Debug)]
pub struct Tree {
    pub root: Node,
    source: Arc<str>,
}

/// One construct of the grammar. Its leaves are those that no child covers.
#[derive(Clone, Debug)]
pub struct Node {
    pub kind: Rule,
    pub span: Span,
    pub children: Vec<Element>,
}

#[derive(Clone, Debug)]
pub enum Element {
    Node(Node),
    Leaf(Leaf),
}

/// A token, a piece of trivia, or a stretch that is no token of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub kind: LeafKind,
    pub span: Span,
}

impl Tree {
    pub(crate) fn new(text: &str, layout: &Layout, mut pairs: Pairs<Rule>) -> Self {
        let file = pairs.next().expect("a parse has one outer pair");
        let mut tokens = layout.tokens.iter().copied().peekable();
        let mut root = Node { kind: Rule::file, span: Span::new(layout.file, 0, text.len()), children: vec![] };
        for pair in file.into_inner() {
            grow(&mut root, pair, layout, &mut tokens);
        }
        take_leaves(&mut root, layout, &mut tokens, text.len());
        Tree { root, source: Arc::from(text) }
    }

    /// The text of all leaves in order: the source, byte for byte.
    pub fn print(&self) -> String {
        let mut out = String::with_capacity(self.source.len());
        for leaf in self.leaves() {
            out.push_str(self.text(leaf.span));
        }
        out
    }

    pub fn text(&self, span: Span) -> &str {
        &self.source[span.start as usize..span.end as usize]
    }

    pub fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = vec![];
        collect(&self.root, &mut leaves);
        leaves
    }
}

fn collect(node: &Node, leaves: &mut Vec<Leaf>) {
    for child in &node.children {
        match child {
            Element::Node(n) => collect(n, leaves),
            Element::Leaf(l) => leaves.push(*l),
        }
    }
}

type Tokens<'a> = std::iter::Peekable<std::iter::Copied<std::slice::Iter<'a, Token>>>;

/// Adds the pair as a child of `parent`, with the leaves before it. A pair that covers no token of its own adds nothing.
fn grow(parent: &mut Node, pair: Pair, layout: &Layout, tokens: &mut Tokens) {
    let (start, end) = layout.range(&pair);
    take_leaves(parent, layout, tokens, start);
    let mut node = Node { kind: pair.as_rule(), span: Span::new(layout.file, start, end), children: vec![] };
    for inner in pair.into_inner() {
        grow(&mut node, inner, layout, tokens);
    }
    take_leaves(&mut node, layout, tokens, end);
    if !node.children.is_empty() {
        parent.children.push(Element::Node(node));
    }
}

/// Moves the tokens that start before `end` to the node.
fn take_leaves(node: &mut Node, layout: &Layout, tokens: &mut Tokens, end: usize) {
    while let Some(token) = tokens.next_if(|t| t.start < end) {
        node.children.push(Element::Leaf(Leaf { kind: token.kind, span: Span::new(layout.file, token.start, token.end) }));
    }
}
