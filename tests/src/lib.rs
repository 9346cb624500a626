//! Tests that span layers live in `tests/tests/`; this crate itself holds what several of them need: large files and damaged ones.

pub mod damage;
pub mod large;
