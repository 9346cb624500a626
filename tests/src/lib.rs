//! Tests that span layers live in `tests/tests/`; this crate itself holds nothing else.
