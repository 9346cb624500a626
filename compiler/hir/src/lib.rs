//! From typed trees to a resolved `Experiment`: names, units, choices, globs, masks, profiles, grids and claims.

mod experiment;

pub use experiment::*;
