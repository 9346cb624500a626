//! Random smooth fields of the unit square: sums of the 64 waves with wave numbers -4 to 4 along each axis, zero left out, in
//! amplitudes |k|^(-1/2) and random phases. Scales are means over a grid that is always the same, so that a draw doesn't depend
//! on the grid it is evaluated on.

use std::f64::consts::PI;

use crate::draw::Draw;

const LARGEST: i32 = 4;
/// Cells along each axis of the grid over which means are taken.
pub(super) const SCALE_CELLS: [usize; 2] = [128, 128];

/// sine * sin(2 pi (k . x)) + cosine * cos(2 pi (k . x)).
#[derive(Clone, Copy, Debug)]
struct Wave {
    k: [f64; 2],
    sine: f64,
    cosine: f64,
}

/// A sum of waves.
#[derive(Clone, Debug)]
pub(super) struct Waves(Vec<Wave>);

impl Waves {
    pub fn random(draw: &mut Draw) -> Self {
        let numbers = || (-LARGEST..=LARGEST).filter(|&k| k != 0).map(f64::from);
        let mut wave = |k: [f64; 2]| {
            let amplitude = k[0].hypot(k[1]).sqrt().recip();
            let (sine, cosine) = draw.uniform(0.0, 2.0 * PI).sin_cos();
            Wave { k, sine: amplitude * cosine, cosine: amplitude * sine }
        };
        Self(numbers().flat_map(|kx| numbers().map(move |ky| [kx, ky])).map(&mut wave).collect())
    }

    pub fn times(self, factor: f64) -> Self {
        Self(self.0.into_iter().map(|wave| Wave { sine: factor * wave.sine, cosine: factor * wave.cosine, ..wave }).collect())
    }

    /// The part of a vector field without divergence: each wave's vector less its part along the wave number.
    pub fn without_divergence([x, y]: [Self; 2]) -> [Self; 2] {
        let (x, y) = x.0.into_iter().zip(y.0).map(|(x, y)| across(x, y)).unzip();
        [Self(x), Self(y)]
    }

    /// Values at the centres of the cells of the unit square.
    pub fn values(&self, cells: [usize; 2]) -> Vec<f64> {
        let mut values = vec![0.0; cells[0] * cells[1]];
        let angles = |k: f64, n: usize| (0..n).map(move |i| 2.0 * PI * k * (i as f64 + 0.5) / n as f64);
        for wave in &self.0 {
            let (sines, cosines): (Vec<f64>, Vec<f64>) = angles(wave.k[1], cells[1]).map(f64::sin_cos).unzip();
            for (row, angle) in values.chunks_exact_mut(cells[1]).zip(angles(wave.k[0], cells[0])) {
                let (sine, cosine) = angle.sin_cos();
                // The wave with the angle along x, as a wave along y.
                let along = (wave.sine * cosine - wave.cosine * sine, wave.sine * sine + wave.cosine * cosine);
                for ((value, sine), cosine) in row.iter_mut().zip(&sines).zip(&cosines) {
                    *value += along.0 * sine + along.1 * cosine;
                }
            }
        }
        values
    }
}

/// What of a wave's vector lies across its wave number.
fn across(x: Wave, y: Wave) -> (Wave, Wave) {
    let [kx, ky] = x.k;
    let square = kx * kx + ky * ky;
    let [sine, cosine] = [(x.sine, y.sine), (x.cosine, y.cosine)].map(|(x, y)| (kx * x + ky * y) / square);
    let less = |wave: Wave, k: f64| Wave { sine: wave.sine - k * sine, cosine: wave.cosine - k * cosine, ..wave };
    (less(x, kx), less(y, ky))
}

/// Scales a vector field so that its length has this mean.
pub(super) fn with_mean_length([x, y]: [Waves; 2], length: f64) -> [Waves; 2] {
    let [u, v] = [&x, &y].map(|waves| waves.values(SCALE_CELLS));
    let mean = u.iter().zip(&v).map(|(u, v)| u.hypot(*v)).sum::<f64>() / u.len() as f64;
    [x.times(length / mean), y.times(length / mean)]
}
