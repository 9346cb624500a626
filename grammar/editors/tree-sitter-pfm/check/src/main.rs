//! Generates the tree-sitter parser, compiles it, and parses the files that are named, each of which must hold no error; reports the
//! captures of the highlight query too. Run in this folder: `cargo run --release -- ../../../../experiments/*.pfm ../../../../stdlib/std/**/*.pfm`.
//! Needs node and a C compiler.

use std::path::{Path, PathBuf};
use std::process::Command;
use tree_sitter::{Language, Node, Parser, Query, QueryCursor, StreamingIterator};

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the grammar's folder").to_path_buf();
    let work = tempfile::tempdir().expect("a folder");
    let library = compiled(&here, work.path());
    let library = unsafe { libloading::Library::new(library) }.expect("the parser loads");
    let make: libloading::Symbol<unsafe extern "C" fn() -> *const ()> = unsafe { library.get(b"tree_sitter_pfm") }.expect("its language");
    let language = unsafe { Language::from_raw(make().cast()) };
    let mut parser = Parser::new();
    parser.set_language(&language).expect("one version of tree-sitter");
    let query = std::fs::read_to_string(here.join("queries/highlights.scm")).expect("the highlight query");
    let query = Query::new(&language, &query).expect("a query that fits the grammar");
    let mut wrong = 0;
    for file in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file}: {e}"));
        let tree = parser.parse(&text, None).expect("a tree");
        let errors = errors(tree.root_node());
        let mut cursor = QueryCursor::new();
        let mut captures = cursor.captures(&query, tree.root_node(), text.as_bytes());
        let mut highlighted = 0;
        while captures.next().is_some() {
            highlighted += 1;
        }
        println!("{file}: {} errors, {highlighted} captures", errors.len());
        for place in &errors {
            println!("  {place}");
        }
        wrong += errors.len();
    }
    std::process::exit(i32::from(wrong > 0));
}

/// The parser as a shared library.
fn compiled(here: &Path, work: &Path) -> PathBuf {
    for file in ["grammar.js", "words.json", "tree-sitter.json"] {
        std::fs::copy(here.join(file), work.join(file)).expect("it is copied");
    }
    let (none, level) = (None::<PathBuf>, tree_sitter_generate::OptLevel::default());
    let mut found = vec![];
    let made = tree_sitter_generate::generate_parser_in_directory(work.to_path_buf(), none.clone(), none, 15, None, Some("node"), true, level, &mut found);
    made.unwrap_or_else(|e| panic!("the grammar: {e}"));
    std::fs::copy(here.join("src/scanner.c"), work.join("src/scanner.c")).expect("it is copied");
    let library = work.join("pfm.so");
    let sources = [work.join("src/parser.c"), work.join("src/scanner.c")];
    let done = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-I"]).arg(work.join("src")).args(sources).arg("-o").arg(&library).status();
    assert!(done.is_ok_and(|s| s.success()), "the C compiler");
    library
}

fn errors(node: Node) -> Vec<String> {
    let mut out = vec![];
    if node.is_error() || node.is_missing() {
        let at = node.start_position();
        out.push(format!("{}:{}: {}", at.row + 1, at.column + 1, if node.is_missing() { "missing" } else { "error" }));
    }
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        out.extend(errors(child));
    }
    out
}
