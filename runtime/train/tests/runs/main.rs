//! Whole runs of a tiny analytic model: recovery after a kill anywhere, and evaluation against values worked out by hand.

mod arithmetic;
mod disk;
mod evaluation;
mod export;
mod killed;
mod resume;
mod staging;
mod tiny;
