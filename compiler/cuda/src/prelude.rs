//! The text that stands before every generated function.

/// Types and device functions that generated code may use.
pub const PRELUDE: &str = include_str!("prelude.cu");
