//! The two-dimensional data sets of PDEBench (Takamoto et al. 2022) as its files hold them, with the fields of `std/pdebench.pfm`.

mod compressible;
mod groups;
mod incompressible;

pub(super) use compressible::COMPRESSIBLE;
pub(super) use groups::GROUPS;
pub(super) use incompressible::INCOMPRESSIBLE;
