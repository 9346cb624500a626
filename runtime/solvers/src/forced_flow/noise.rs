//! Smooth random fields on the unit square: sums of waves with normal amplitudes, equal in size up to a wavenumber and falling with its
//! inverse square beyond.

use std::f64::consts::PI;

use crate::draw::Draw;

/// Waves along each axis have up to this many periods.
const MODES: i32 = 8;

/// Length below which fields are smooth: the scale of PDEBench's noise.
const SCALE: f64 = 0.4;

/// A random field of zero mean and unit mean square.
pub(super) struct Noise(Vec<Wave>);

struct Wave {
    periods: [i32; 2],
    cosine: f64,
    sine: f64,
}

impl Noise {
    /// Draws a field. Waves that a grid of `cells` resolves with fewer than four cells are drawn and left out, so that the same draw is
    /// the same field on any finer grid.
    pub fn new(draw: &mut Draw, cells: [usize; 2]) -> Self {
        let mut waves = Vec::new();
        let mut square = 0.0;
        for m in 0..=MODES {
            // One of each pair of opposite wave vectors.
            for n in if m == 0 { 1 } else { -MODES }..=MODES {
                let wavenumber = 2.0 * PI * f64::from(m * m + n * n).sqrt();
                let size = (2.0 * PI / SCALE / wavenumber).powi(2).min(1.0);
                let wave = Wave { periods: [m, n], cosine: size * draw.normal(), sine: size * draw.normal() };
                square += size * size;
                if 4 * m as usize <= cells[0] && 4 * n.unsigned_abs() as usize <= cells[1] {
                    waves.push(wave);
                }
            }
        }
        for wave in &mut waves {
            wave.cosine /= square.sqrt();
            wave.sine /= square.sqrt();
        }
        Self(waves)
    }

    /// The field at a point.
    pub fn at(&self, x: f64, y: f64) -> f64 {
        let wave = |wave: &Wave| {
            let angle = 2.0 * PI * (f64::from(wave.periods[0]) * x + f64::from(wave.periods[1]) * y);
            let (sine, cosine) = angle.sin_cos();
            wave.cosine * cosine + wave.sine * sine
        };
        self.0.iter().map(wave).sum()
    }
}
