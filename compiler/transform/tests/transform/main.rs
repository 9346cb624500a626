//! Tests of the op table's derivatives and of every pass, in one binary.

mod autodiff;
mod narrow;
mod passes;
mod random;
mod rewrites;
mod table;
mod values;
