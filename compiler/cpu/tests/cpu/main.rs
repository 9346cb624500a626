//! The CPU back end against the f64 interpreter: single operations, random graphs, stores, functions, a training step.

mod fusion;
mod maths;
mod ops;
mod rows;
mod stores;
mod support;
mod training;
