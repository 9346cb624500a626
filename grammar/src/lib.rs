//! Text to tree and back. `parse` never fails: it returns a lossless tree, the typed tree of what could be read, and diagnostics.
//! `pfm.pest` is the grammar; a first reading cuts leaves and pairs brackets (`layout`), a second builds the trees (`build`).

pub mod ast;
mod brackets;
mod broken;
mod build;
mod format;
mod layout;
mod pairs;
mod rules;
mod tree;
mod words;

pub use format::format;
use layout::Layout;
use pest::Parser;
use pest::iterators::Pairs;
use pfm_diag::{Diagnostic, FileId};
pub use rules::Rule as SyntaxKind;
use rules::{PfmParser, Rule};
pub use tree::{Element, Leaf, LeafKind, Node, Tree};
pub use words::{WORDS, Word};

/// What a file says, as far as it can be read.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Its leaves cover every byte of the source.
    pub tree: Tree,
    /// The statements that could be read. Broken ones are left out and have a diagnostic.
    pub file: ast::File,
    /// In the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a whole file. Never fails and never panics, whatever the text.
pub fn parse(file: FileId, text: &str) -> Parsed {
    let layout = Layout::read(file, text);
    let pairs = second_reading(&layout);
    let tree = Tree::new(text, &layout, pairs.clone());
    let (file, diagnostics) = typed(&layout, pairs);
    Parsed { tree, file, diagnostics }
}

/// As `parse`, for those who need no tree of the text: the statements that could be read, and what is wrong.
pub fn read(file: FileId, text: &str) -> (ast::File, Vec<Diagnostic>) {
    let layout = Layout::read(file, text);
    typed(&layout, second_reading(&layout))
}

fn second_reading(layout: &Layout) -> Pairs<'_, Rule> {
    PfmParser::parse(Rule::file, &layout.masked).expect("`file` accepts every text with paired brackets")
}

fn typed(layout: &Layout, pairs: Pairs<Rule>) -> (ast::File, Vec<Diagnostic>) {
    let mut builder = build::Builder::new(layout.file, layout);
    let file = builder.file(pairs);
    let mut diagnostics = layout.diagnostics.clone();
    diagnostics.extend(builder.diagnostics);
    diagnostics.sort_by_key(|d| d.primary.as_ref().map(|l| (l.span.start, l.span.end)));
    (file, diagnostics)
}

/// Reads one value, such as the right side of `--set path=value`.
pub fn parse_expr(file: FileId, text: &str) -> (Option<ast::Expr>, Vec<Diagnostic>) {
    read_one(file, text, Rule::one_expr, |builder, pair| builder.expr(pair))
}

/// Reads one `path = value`, as after `--set`.
pub fn parse_setting(file: FileId, text: &str) -> (Option<ast::Setting>, Vec<Diagnostic>) {
    read_one(file, text, Rule::one_setting, |builder, pair| builder.setting(pair))
}

fn read_one<T>(
    file: FileId,
    text: &str,
    rule: Rule,
    build: impl Fn(&mut build::Builder, pairs::Pair) -> T,
) -> (Option<T>, Vec<Diagnostic>) {
    let layout = Layout::read(file, text);
    let mut diagnostics = layout.diagnostics.clone();
    match PfmParser::parse(rule, &layout.masked) {
        Ok(mut found) => {
            let outer = found.next().expect("a parse has one outer pair");
            let inner = outer.into_inner().next().expect("the construct itself");
            let mut builder = build::Builder::new(file, &layout);
            let value = build(&mut builder, inner);
            diagnostics.extend(builder.diagnostics);
            (Some(value), diagnostics)
        }
        Err(error) => {
            if diagnostics.is_empty() {
                let mut builder = build::Builder::new(file, &layout);
                builder.broken_alone(broken::position(&error), rule);
                diagnostics.extend(builder.diagnostics);
            }
            (None, diagnostics)
        }
    }
}
