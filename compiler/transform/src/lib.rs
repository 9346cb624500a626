//! Graph to graph: reverse-mode differentiation and one file per pass. A pass takes a sound graph and gives a sound
//! graph with the same inputs, outputs and meaning; the order of passes is the business of pfm-compiler.

pub mod autodiff;
mod decompose;
mod fold;
mod merge;
mod narrow;
mod rebuild;
mod recompute;
mod rules;
mod share;
mod simplify;
mod sums;

pub use autodiff::{Undifferentiable, gradients, try_gradients};
pub use decompose::{decompose, decompose_all};
pub use fold::fold;
pub use merge::merge;
pub use narrow::{narrow_products, narrow_stored};
pub use pfm_ir::prune;
pub use rebuild::rebuild;
pub use recompute::recompute;
pub use rules::{Given, Match, Rule, rules};
pub use share::share;
pub use simplify::{simplify, simplify_with};
pub use sums::sums;
