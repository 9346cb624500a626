//! Initial conditions: air at rest with round bubbles of warm or cold air in it.

use super::atmosphere::AtRest;
use super::{EXTENT, State};
use crate::draw::Draw;

/// Potential temperature raised by amplitude * cos^2(pi r / (2 radius)) within the radius. Lengths in m, temperature in K.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bubble {
    pub centre: [f64; 2],
    pub radius: f64,
    pub amplitude: f64,
}

impl Bubble {
    fn warming(&self, x: f64, z: f64) -> f64 {
        let distance = (x - self.centre[0]).hypot(z - self.centre[1]) / self.radius;
        if distance < 1.0 { self.amplitude * (0.5 * std::f64::consts::PI * distance).cos().powi(2) } else { 0.0 }
    }
}

/// miniWeather's collision: a warm bubble of 20 K at 2 km under a cold one of -20 K at 8 km.
pub fn collision() -> [Bubble; 2] {
    let bubble = |height, amplitude| Bubble { centre: [10e3, height], radius: 2e3, amplitude };
    [bubble(2e3, 20.0), bubble(8e3, -20.0)]
}

/// The same with random places, sizes and temperatures.
pub(super) fn random(draw: &mut Draw) -> [Bubble; 2] {
    let mut bubble = |sign: f64, heights: (f64, f64)| {
        let amplitude = sign * draw.uniform(10.0, 20.0);
        let x = draw.uniform(6e3, 14e3);
        let z = draw.uniform(heights.0, heights.1);
        Bubble { centre: [x, z], radius: draw.uniform(1.5e3, 2.5e3), amplitude }
    };
    [bubble(1.0, (2e3, 3e3)), bubble(-1.0, (7e3, 8e3))]
}

/// Cell averages of the perturbations, by three-point Gauss quadrature along each axis. Bubbles change the potential temperature
/// alone: density stays at rest, pressure rises.
pub(super) fn initial(bubbles: &[Bubble], [nx, nz]: [usize; 2]) -> State {
    const POINTS: [(f64, f64); 3] = [(-0.7745966692414834, 5.0 / 18.0), (0.0, 8.0 / 18.0), (0.7745966692414834, 5.0 / 18.0)];
    let [dx, dz] = [EXTENT[0] / nx as f64, EXTENT[1] / nz as f64];
    let mut state: State = std::array::from_fn(|_| vec![0.0; nx * nz]);
    for (i, column) in state[3].chunks_exact_mut(nz).enumerate() {
        for (k, heat) in column.iter_mut().enumerate() {
            for (a, weight_x) in POINTS {
                for (b, weight_z) in POINTS {
                    let x = (i as f64 + 0.5 + 0.5 * a) * dx;
                    let z = (k as f64 + 0.5 + 0.5 * b) * dz;
                    let warming: f64 = bubbles.iter().map(|bubble| bubble.warming(x, z)).sum();
                    *heat += weight_x * weight_z * AtRest::at(z).density * warming;
                }
            }
        }
    }
    state
}
