//! The initial condition of the active matter data set: rods spread evenly over places and directions, disturbed by eight products of waves
//! in place and powers of a wave in direction. Only their moments matter here.

use std::f64::consts::TAU;

use super::LENGTH;
use crate::draw::Draw;
use crate::fourier::{Modes, Spectrum, Transform};
use crate::problem::Problem;

/// A wave over the box: amplitude, and per axis waves to the box and phase.
struct Wave {
    amplitude: f64,
    along: [(f64, f64); 2],
}

impl Wave {
    /// The direction's wave cos(2 theta + phase) is taken to the power `power`.
    fn at(&self, [x, y]: [f64; 2]) -> f64 {
        let along = |(waves, phase): (f64, f64), at: f64| (TAU * waves * at / LENGTH + phase).cos();
        self.amplitude * along(self.along[0], x) * along(self.along[1], y)
    }
}

/// Modes of the concentration and of both components of Q. The distribution over directions is 1 / (2 pi) times 1 plus the sum over
/// n = 1 .. 8 of A_n(x, y) cos(2 theta + phase_n)^n. An odd power has the fundamental as part of it, an even one a mean.
pub(super) fn initial(problem: &Problem, modes: &Modes) -> [Spectrum; 3] {
    let mut draw = Draw::new(problem);
    // Grids of less than 25 points show less than 8 waves.
    let most_waves = problem.grid.iter().map(|&n| ((n - 1) / 3) as u64).fold(8, u64::min);
    let ([nx, ny], [dx, dy]) = (modes.cells(), modes.spacing());
    let places: Vec<[f64; 2]> = (0..nx * ny).map(|at| [((at / ny) as f64 + 0.5) * dx, ((at % ny) as f64 + 0.5) * dy]).collect();
    let mut fields = [vec![1.0; places.len()], vec![0.0; places.len()], vec![0.0; places.len()]];
    for power in 1..=8 {
        let amplitude = 0.1 * (draw.uniform(0.0, 1.0) - 0.5);
        let along = [(); 2].map(|()| (draw.integer(1, most_waves) as f64, draw.uniform(0.0, 1.0)));
        let phase = draw.uniform(0.0, 1.0);
        let wave = Wave { amplitude, along };
        // Mean of cos^n over a period for even n; half the coefficient of the fundamental for odd n, which the moments of second
        // order halve again: 1/2 int cos(2 theta) psi.
        let weights = if power % 2 == 0 {
            [binomial(power), 0.0, 0.0]
        } else {
            let fundamental = 0.5 * binomial(power);
            [0.0, fundamental * phase.cos(), -fundamental * phase.sin()]
        };
        for (field, weight) in fields.iter_mut().zip(weights).filter(|(_, weight)| *weight != 0.0) {
            for (value, &place) in field.iter_mut().zip(&places) {
                *value += weight * wave.at(place);
            }
        }
    }
    let mut transform = Transform::new(modes);
    let mut spectra = fields.map(|values| {
        let mut spectrum = modes.zeros();
        transform.to_modes(&values, &mut spectrum);
        spectrum
    });
    // The waves have no mean, up to rounding.
    spectra[0][0] = 1.0.into();
    spectra
}

/// n over floor(n / 2), divided by 2^n: the mean of cos^n for even n, half its part of the fundamental for odd n.
fn binomial(n: u32) -> f64 {
    let below = n / 2;
    (0..below).map(|k| f64::from(n - k) / f64::from(k + 1)).product::<f64>() / f64::from(1u32 << n)
}

#[cfg(test)]
mod tests {
    #[test]
    fn parts_of_powers() {
        // Means of cos^2, cos^4, cos^6, cos^8; the fundamental has the parts 1, 3/4, 5/8, 35/64 of cos, cos^3, cos^5, cos^7.
        for (n, expected) in [(2, 0.5), (4, 0.375), (6, 0.3125), (8, 35.0 / 128.0)] {
            assert_eq!(super::binomial(n), expected);
        }
        for (n, part) in [(1, 1.0), (3, 0.75), (5, 0.625), (7, 35.0 / 64.0)] {
            assert_eq!(2.0 * super::binomial(n), part);
        }
    }
}
