//! The standard library: the text of every `std/*.pfm`, embedded, by file name. It is ordinary language; nothing else
//! in the compiler knows these definitions except by name.

/// File name (as in `std/nn.pfm`) and text, in a fixed order.
pub const FILES: &[(&str, &str)] = &[];
