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
    pulp::Arch::new().dispatch(Widened(work))
}

/// Work as the dispatcher takes it, which needs none of its vector operations: loops are widened by the compiler.
struct Widened<W>(W);

impl<W: Wide> pulp::WithSimd for Widened<W> {
    type Output = W::Output;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> W::Output {
        self.0.run()
    }
}
