//! Text to tree and back. `parse` never fails: it returns a lossless tree, the typed tree of what could be read, and diagnostics.

pub mod ast;
