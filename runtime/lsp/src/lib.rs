//! The language server: what the compiler knows of a file, for editors that speak the language server protocol. It works on files
//! that are broken and not saved; the compiler's diagnostics are its diagnostics.

mod complete;
mod hover;
mod names;
mod place;
mod problems;
mod server;
mod text;
mod workspace;

pub use server::{serve, stdio};
