//! That the schedules tell a missing barrier: each `__syncthreads()` of a kernel is left out in turn, and some schedule must then differ
//! from another or from the meaning.

use crate::support::{Case, case, kernel, ty};
use crate::{attend, conv, loops, shim, simple};
use pfm_cuda::Step;
use pfm_ir::{Attrs, DType};
use std::collections::BTreeMap;

const BARRIER: &str = "__syncthreads();";

/// The case once for each barrier of its functions, without it, and which of what family's it is.
fn without_one(case: &Case) -> Vec<(String, Case)> {
    let mut all = vec![];
    for (at, step) in case.draft.steps.iter().enumerate() {
        let Step::Launch(launch) = step else { continue };
        let family = launch.entry.rsplit_once('_').map_or("", |(family, _)| family);
        for (n, (place, _)) in launch.source.match_indices(BARRIER).enumerate() {
            let mut variant = case.clone();
            let Step::Launch(changed) = &mut variant.draft.steps[at] else { continue };
            changed.source.replace_range(place..place + BARRIER.len(), "");
            all.push((format!("barrier {n} of {family} in {}", case.kernel.op.name), variant));
        }
    }
    all
}

/// Functions whose every barrier is told by one of these cases or another.
fn cases() -> Vec<Case> {
    let qr = kernel("qr", &[ty(DType::F32, &[40, 13])], Attrs::new());
    let fft = kernel("fft", &[ty(DType::F32, &[3, 12, 10, 2])], Attrs::new().ints("axes", &[1]).bool("inverse", false));
    let mut all = vec![case("qr", qr, None, 2e-5, 80), case("fft", fft, None, 1e-5, 80), simple::eigenvectors(13)];
    all.extend(loops::with_barriers());
    all.extend(conv::with_barriers());
    all.extend(attend::with_barriers());
    all
}

/// What nothing depends on: convolutions in stages have one output frame, so that nothing comes after it; a round of `eigh` ends with a
/// barrier of the whole grid, and what its first barrier keeps apart is made good by the next round.
const NEEDLESS: [&str; 3] = ["barrier 1 of eigh in eigh", "barrier 2 of conv_tiles in conv", "barrier 3 of eigh in eigh"];

#[test]
fn a_missing_barrier_is_told() {
    let (mut variants, mut of) = (vec![], vec![]);
    for case in cases() {
        for (what, variant) in without_one(&case) {
            of.push(what);
            variants.push(variant);
        }
    }
    let held = shim::hold("barriers", &variants);
    let mut told: BTreeMap<&str, bool> = of.iter().map(|what| (what.as_str(), false)).collect();
    for (what, held) in of.iter().zip(&held) {
        *told.entry(what).or_default() |= !held;
    }
    println!("{} variants: {told:?}", variants.len());
    let missed: Vec<&str> = told.iter().filter(|(_, told)| !**told).map(|(what, _)| *what).collect();
    assert_eq!(missed, NEEDLESS);
}
