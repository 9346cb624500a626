//! The result of a measurement, as plain numbers that serialise.

use crate::{Ceilings, Class, Group, GroupClock, Memory};
use pfm_train::StagingBytes;
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Bench {
    pub experiment: String,
    pub profile: Option<String>,
    pub stage: String,
    /// Compression per level, time x space.
    pub choice: String,
    pub batch: usize,
    pub parameters: usize,
    pub trainable: usize,
    /// Such as `cpu (avx512)`.
    pub device: String,
    /// Of the stage's products, as its file says: `f32`, `f32_split` or `bf16`.
    pub precision: String,
    pub threads: usize,
    pub instruction_set: String,
    pub warmup: usize,
    /// Of every step from the first, warm-up and all: the same numbers on every machine up to rounding.
    pub losses: Vec<f32>,
    /// Wall time of the steps after warm-up.
    pub seconds: Times,
    /// Time of all threads of the process.
    pub cpu_seconds: Times,
    /// The same steps with windows read from files; None where that was not asked for.
    pub reading: Option<Reading>,
    /// Of one step with the optimiser's usual update.
    pub flops: f64,
    /// What a calibration of this machine foretells of one step; None where it has none.
    pub planned_seconds: Option<f64>,
    /// What a step consists of.
    pub programs: Vec<Program>,
    /// The optimiser's part of the time of many steps, with each of its programs as often as it comes; of the measured steps where
    /// one of them was not among those.
    pub optimiser_share: f64,
    /// By which groups were timed. Without, there are none.
    pub clock: Option<GroupClock>,
    pub classes: Vec<Class>,
    pub groups: Vec<Group>,
    pub ceilings: Option<Ceilings>,
    pub memory: Memory,
}

/// Steps on windows that are read while earlier steps are made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// In the training split.
    pub windows: usize,
    /// The wait for the windows included.
    pub seconds: Times,
    pub cpu_seconds: Times,
    /// Medians over those of steps from memory.
    pub ratio: f64,
    pub cpu_ratio: f64,
    /// Memory for windows that travel to a device ahead of their step, which comes on top of the memory of steps from memory; None
    /// where none do.
    pub staging: Option<StagingBytes>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Times {
    pub median: f64,
    pub min: f64,
    pub mean: f64,
    pub all: Vec<f64>,
}

impl Times {
    /// # Panics
    /// If there are none.
    pub fn of(all: Vec<f64>) -> Times {
        let mut sorted = all.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Times { median: (low + high) / 2.0, min: sorted[0], mean: all.iter().sum::<f64>() / all.len() as f64, all }
    }
}

/// One of the programs that a step consists of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Program {
    /// `accumulate`, `update`, or `update.refresh` where an optimiser has several.
    pub name: String,
    /// How often it ran in all measured steps.
    pub runs: usize,
    pub seconds: Times,
    pub flops: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        let t = Times::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!((t.median, t.min, t.mean), (2.5, 1.0, 2.5));
        assert_eq!(Times::of(vec![5.0, 1.0, 2.0]).median, 2.0);
    }
}
