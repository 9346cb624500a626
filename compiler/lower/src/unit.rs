//! The unit of compilation: one program of one stage.

use std::fmt;

/// What a program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Forward and backward of one micro-batch; gradients are added up.
    Accumulate,
    /// Clipping and the optimiser.
    Update(UpdatePhase),
    /// Context in, prediction out, in physical units.
    Predict,
    /// Truth and prediction in, metrics out.
    Measure { frames: usize },
}

/// Optimisers may act differently on the first gradient and every k steps; point-wise ones are always `Plain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UpdatePhase {
    First,
    Plain,
    Refresh,
}

impl UpdatePhase {
    pub const ALL: [UpdatePhase; 3] = [UpdatePhase::First, UpdatePhase::Plain, UpdatePhase::Refresh];

    /// What an optimiser's definition calls it.
    pub fn word(self) -> &'static str {
        match self {
            UpdatePhase::First => "first",
            UpdatePhase::Plain => "plain",
            UpdatePhase::Refresh => "refresh",
        }
    }
}

/// A stage's program for one of its data sets, one variant of the tokeniser and one number of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit {
    pub phase: Phase,
    /// Which part of the stage's mixture, counted from 0; 0 where there is one, or where the phase does not depend on it.
    pub set: usize,
    /// Index into the model's variants; 0 where the phase does not depend on it.
    pub variant: usize,
    /// Samples that go through at once; 0 where there are none.
    pub samples: usize,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = if self.set == 0 { String::new() } else { format!(".d{}", self.set) };
        match self.phase {
            Phase::Accumulate => write!(f, "accumulate{set}.v{}.b{}", self.variant, self.samples),
            Phase::Update(UpdatePhase::First) => write!(f, "update.first"),
            Phase::Update(UpdatePhase::Plain) => write!(f, "update"),
            Phase::Update(UpdatePhase::Refresh) => write!(f, "update.refresh"),
            Phase::Predict => write!(f, "predict{set}.v{}.b{}", self.variant, self.samples),
            Phase::Measure { frames } => write!(f, "measure{set}.f{frames}.b{}", self.samples),
        }
    }
}
