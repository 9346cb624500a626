//! Initial conditions of the shear flow data set: layers of fluid that slide past each other, each edge disturbed by a sine. The
//! formulas are those of The Well's generator, made periodic; its description misplaces two factors.

use std::f64::consts::PI;

use super::LENGTHS;
use crate::draw::Draw;
use crate::fourier::{Modes, Spectrum, Transform};
use crate::problem::Problem;

/// One initial condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layers {
    /// Edges between layers, an even number.
    pub shears: u32,
    /// Half waves of the disturbance along x.
    pub blobs: u32,
    /// Thickness of the edges, in units that shrink with their number.
    pub width: f64,
    /// How far the disturbance is moved along x.
    pub shift: f64,
}

/// The published shapes.
const SHEARS: [u32; 2] = [2, 4];
const BLOBS: [u32; 4] = [2, 3, 4, 5];
const WIDTHS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

/// Cells that half the thickness of an edge must span: thinner ones ring on the grid as they roll up.
const CELLS_OF_AN_EDGE: f64 = 4.0;

/// The height of the box, over which layers repeat.
const HEIGHT: f64 = LENGTHS[1];

/// Repetitions beyond the box that are felt: 4 boxes away an edge of the largest width is level to rounding.
const REPEATS: i32 = 4;

impl Layers {
    /// The initial condition of a problem, one whose edges its grid resolves. The first trajectories of a parameter set take the
    /// published shapes, each once, in a random order; all later ones lie at random between them.
    pub fn of(problem: &Problem) -> Self {
        let thinnest = CELLS_OF_AN_EDGE * HEIGHT / problem.grid[1] as f64;
        let mut published = Self::published(thinnest);
        if let Some(place) = usize::try_from(problem.index).ok().filter(|&index| index < published.len()) {
            let mut draw = Draw::new(&Problem { index: 0, ..problem.clone() });
            for last in (1..published.len()).rev() {
                published.swap(last, draw.integer(0, last as u64) as usize);
            }
            return published[place];
        }
        let mut draw = Draw::new(problem);
        let like = published[draw.integer(0, published.len() as u64 - 1) as usize];
        let thinnest_width = like.width * (thinnest / like.thickness()).min(1.0);
        Self { width: draw.log_uniform(thinnest_width.max(WIDTHS[0]), WIDTHS[4]), shift: draw.uniform(0.0, 1.0), ..like }
    }

    /// The published shapes with edges of at least this thickness, or the thickest.
    fn published(thinnest: f64) -> Vec<Self> {
        let with = |shears, blobs| WIDTHS.map(|width| Self { shears, blobs, width, shift: 0.0 });
        let all = || SHEARS.iter().flat_map(move |&shears| BLOBS.iter().flat_map(move |&blobs| with(shears, blobs)));
        let thickest = all().map(|shape| shape.thickness()).fold(0.0, f64::max);
        all().filter(|shape| shape.thickness() >= thinnest.min(thickest)).collect()
    }

    /// Half the thickness of an edge.
    fn thickness(&self) -> f64 {
        self.width / (5.0 * f64::from(self.shears))
    }

    /// Velocity and tracer as modes. The tracer starts as the velocity along x.
    pub fn modes(&self, modes: &Modes) -> [Spectrum; 3] {
        let [nx, ny] = modes.cells();
        let wave = |i: usize| (f64::from(self.blobs) * PI * ((i as f64 + 0.5) / nx as f64 - self.shift).rem_euclid(1.0)).sin();
        let waves: Vec<f64> = (0..nx).map(wave).collect();
        let levels: Vec<(f64, f64)> = (0..ny).map(|j| self.level(-1.0 + (j as f64 + 0.5) * modes.spacing()[1])).collect();
        let u: Vec<f64> = waves.iter().flat_map(|_| levels.iter().map(|level| level.0)).collect();
        let v: Vec<f64> = waves.iter().flat_map(|wave| levels.iter().map(move |level| wave * level.1)).collect();
        let mut transform = Transform::new(modes);
        let [u, v] = [u, v].map(|values| {
            let mut spectrum = modes.zeros();
            transform.to_modes(&values, &mut spectrum);
            smooth(modes, &mut spectrum);
            spectrum
        });
        [u.clone(), v, u]
    }

    /// At height z: the velocity along x, and the amplitude of the sine of the velocity along z. The layers repeat above and below the
    /// box, so that thick edges, which reach beyond it, are periodic without a kink.
    fn level(&self, z: f64) -> (f64, f64) {
        let repeats = (-REPEATS..=REPEATS).flat_map(|repeat| (0..self.shears).map(move |edge| (repeat, edge)));
        repeats.fold((0.5, 0.0), |(u, v), (repeat, edge)| {
            let middle = -0.5 * HEIGHT + f64::from(2 * edge + 1) / f64::from(self.shears) + f64::from(repeat) * HEIGHT;
            let sign = if edge % 2 == 0 { -1.0 } else { 1.0 };
            let q = (z - middle) / self.thickness();
            (u + 0.5 * sign * q.tanh(), v + 0.1 * sign * (-q * q).exp())
        })
    }
}

/// Fades out the last modes: kinks of the initial condition would ring with them.
fn smooth(modes: &Modes, spectrum: &mut Spectrum) {
    let [last_x, last_y] = [modes.x(), modes.y()].map(|waves| waves.iter().fold(0.0f64, |last, &k| last.max(k)));
    let fade = |share: f64| (-36.0 * share.powi(36)).exp();
    modes.scale(spectrum, |kx, ky| fade(kx / last_x) * fade(ky / last_y));
}
