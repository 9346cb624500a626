//! Random numbers for initial conditions: a ChaCha8 stream keyed by a hash of (system, parameters, seed, index). The stream
//! belongs to the problem, so neither the order of computation nor the number of threads changes a draw.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::problem::Problem;

/// The random stream of one problem.
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of this problem. The grid is left out of the key on purpose: the same seed on a finer grid is the same flow.
    pub fn new(problem: &Problem) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(problem.system.name.as_bytes());
        hash.update(&[0]);
        for value in &problem.parameters.values {
            hash.update(&value.to_bits().to_le_bytes());
        }
        hash.update(&problem.seed.to_le_bytes());
        hash.update(&problem.index.to_le_bytes());
        Self(ChaCha8Rng::from_seed(*hash.finalize().as_bytes()))
    }

    /// Uniform in [low, high).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let unit = (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        low + (high - low) * unit
    }

    /// Uniform in the logarithm, in [low, high).
    pub fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        self.uniform(low.ln(), high.ln()).exp()
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller 1958); takes two numbers off the stream.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform(0.0, 1.0)).ln()).sqrt();
        radius * (2.0 * std::f64::consts::PI * self.uniform(0.0, 1.0)).cos()
    }

    /// Uniform over low ..= high.
    pub fn integer(&mut self, low: u64, high: u64) -> u64 {
        low + (self.uniform(0.0, (high - low + 1) as f64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::system;

    #[test]
    fn normal_numbers_have_normal_moments() {
        let system = system("euler_multi_quadrants_openBC").expect("the system is registered");
        let parameters = (system.parameter_sets)(&[16, 16]).swap_remove(0);
        let problem = Problem { system, parameters, grid: vec![16, 16], frames: 1, seed: 3, index: 0, supersampling: 1 };
        let mut draw = Draw::new(&problem);
        let values: Vec<f64> = (0..100_000).map(|_| draw.normal()).collect();
        let moment = |power: i32| values.iter().map(|value| value.powi(power)).sum::<f64>() / values.len() as f64;
        for (power, expected, tolerance) in [(1, 0.0, 0.01), (2, 1.0, 0.02), (3, 0.0, 0.05), (4, 3.0, 0.1)] {
            assert!((moment(power) - expected).abs() < tolerance, "moment {power} is {}", moment(power));
        }
    }
}
