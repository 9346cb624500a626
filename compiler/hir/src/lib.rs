//! Meaning of the experiment tier: names, units, profiles, choices, masks, grids and shapes are resolved here, once, into an
//! [`Experiment`] that later layers read without looking anything up.

mod amend;
mod axes;
mod bases;
mod blocks;
mod calls;
mod cells;
mod claims;
mod closed;
mod code;
mod data;
mod definitions;
mod experiment;
mod findings;
mod globs;
mod identity;
mod input;
mod masks;
mod measured;
mod mixtures;
mod models;
mod names;
mod origins;
mod overrides;
mod parts;
mod plots;
mod profiles;
mod remedies;
mod reports;
mod resolve;
mod schedules;
mod schema;
mod stages;
mod suggest;
mod tree;
mod units;
mod unused;
mod values;
mod weights;

pub use experiment::*;
pub use input::{Input, Other, ProfileChoice, Request};
pub use resolve::{resolve, resolve_all};
pub use schema::{EXPERIMENT, Kind, SettingInfo};
pub use suggest::nearest;
