//! Meaning of the experiment tier: names, units, profiles, choices, masks, grids and shapes are resolved here, once, into an
//! [`Experiment`] that later layers read without looking anything up.

mod experiment;

pub use experiment::*;
