//! Convolutions and their gradients.

mod direct;

use crate::{Draft, Target};
use pfm_plan::Kernel;

pub fn draft(kernel: &Kernel, _: &Target) -> Draft {
    direct::draft(kernel)
}
