//! Documentation pages. An operation's page is the header of its source file, so that it is written once;
//! families that share a file write theirs in their table.

use pfm_ir::Op;

/// The leading `//!` lines of a source file.
pub(crate) const fn header(source: &'static str) -> &'static str {
    let bytes = source.as_bytes();
    let mut end = 0;
    while end + 3 <= bytes.len() && bytes[end] == b'/' && bytes[end + 1] == b'/' && bytes[end + 2] == b'!' {
        while end < bytes.len() && bytes[end] != b'\n' {
            end += 1;
        }
        if end < bytes.len() {
            end += 1;
        }
    }
    source.split_at(end).0
}

/// The page as Markdown: title, Meaning, Shapes with numbered rules, Gradient, References.
pub fn page(op: &Op) -> String {
    let mut text = String::new();
    for line in op.doc.lines() {
        let line = line.strip_prefix("//!").unwrap_or(line);
        text.push_str(line.strip_prefix(' ').unwrap_or(line));
        text.push('\n');
    }
    text
}
