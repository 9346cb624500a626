//! Inner loops in the widest vectors of this machine. A program is built for any x86-64 processor, whose vectors hold two numbers;
//! work run through `wide` is compiled once more for AVX2, with four. Both do the same operations in the same order (a product and
//! a sum are never fused), so results are the same bytes.

/// Work whose loops gain from wide vectors. All that `run` calls must be `#[inline(always)]` to be compiled along with it.
pub(crate) trait Wide {
    type Output;
    /// Does the work; to be marked `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

/// Runs the work in the widest vectors at hand.
pub(crate) fn wide<W: Wide>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the features, as was just found out.
        #[allow(unsafe_code)]
        return unsafe { with_avx2(work) };
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<W: Wide>(work: W) -> W::Output {
    work.run()
}
