//! One line of cells at a time: ghost cells, reconstruction at the faces, fluxes, and their differences added to the rate of
//! change. Lines are gathered into contiguous arrays, one per variable, so that the loops over faces vectorise.

use super::limiter::Slope;
use super::{Cells, Edge, Law, Mesh};

const GHOSTS: usize = 2;

/// What to sweep: all lines of the mesh along one axis.
#[derive(Clone, Copy)]
pub(super) struct Sweep {
    pub mesh: Mesh,
    pub axis: usize,
    pub edge: Edge,
    pub slope: Slope,
}

/// Working arrays for one line of cells along either axis.
pub(super) struct Line<const N: usize> {
    /// Primitive averages with ghosts: n + 4.
    average: [Vec<f64>; N],
    /// Half slopes of the cells that touch a face: n + 2.
    half_slope: [Vec<f64>; N],
    /// Fluxes through the faces: n + 1.
    flux: [Vec<f64>; N],
}

impl<const N: usize> Line<N> {
    pub fn new(longest: usize) -> Self {
        let zeros = |extra| std::array::from_fn(|_| vec![0.0; longest + extra]);
        Self { average: zeros(2 * GHOSTS), half_slope: zeros(2), flux: zeros(1) }
    }

    /// Adds the flux differences along the sweep's axis to the rate of change of the conserved variables.
    pub fn add_rate<L: Law<N>>(&mut self, law: &L, sweep: Sweep, primitive: &Cells<N>, rate: &mut Cells<N>) {
        let Sweep { mesh, axis, edge, slope } = sweep;
        let n = mesh.cells[axis];
        let stride = if axis == 0 { mesh.cells[1] } else { 1 };
        let step = if axis == 0 { 1 } else { mesh.cells[1] };
        let inverse = 1.0 / mesh.spacing[axis];
        for line in 0..mesh.cells[1 - axis] {
            let start = line * step;
            self.gather(primitive, axis, edge, (start, stride, n));
            self.reconstruct(n, slope);
            self.fluxes(law, n);
            for v in 0..N {
                let flux = &self.flux[v][..n + 1];
                let rate = &mut rate[turned(v, axis)];
                for i in 0..n {
                    rate[start + i * stride] -= (flux[i + 1] - flux[i]) * inverse;
                }
            }
        }
    }

    /// Copies the line (first cell, stride, length) and fills its ghost cells.
    fn gather(&mut self, primitive: &Cells<N>, axis: usize, edge: Edge, (start, stride, n): (usize, usize, usize)) {
        for v in 0..N {
            let source = &primitive[turned(v, axis)];
            let average = &mut self.average[v][..n + 2 * GHOSTS];
            for i in 0..n {
                average[GHOSTS + i] = source[start + i * stride];
            }
            for g in 0..GHOSTS {
                let (before, after) = match edge {
                    Edge::Open => (0, n - 1),
                    Edge::Periodic => ((n - 1) - (GHOSTS - 1 - g) % n, g % n),
                };
                average[g] = average[GHOSTS + before];
                average[GHOSTS + n + g] = average[GHOSTS + after];
            }
        }
    }

    fn reconstruct(&mut self, n: usize, slope: Slope) {
        for v in 0..N {
            let average = &self.average[v][..n + 4];
            let half = &mut self.half_slope[v][..n + 2];
            for i in 0..n + 2 {
                half[i] = slope.half(average[i + 1] - average[i], average[i + 2] - average[i + 1]);
            }
        }
    }

    fn fluxes<L: Law<N>>(&mut self, law: &L, n: usize) {
        let average: [&[f64]; N] = std::array::from_fn(|v| &self.average[v][1..n + 3]);
        let half: [&[f64]; N] = std::array::from_fn(|v| &self.half_slope[v][..n + 2]);
        let flux = self.flux.each_mut().map(|f| &mut f[..n + 1]);
        for i in 0..n + 1 {
            let left = std::array::from_fn(|v| average[v][i] + half[v][i]);
            let right = std::array::from_fn(|v| average[v][i + 1] - half[v][i + 1]);
            let through = law.flux(left, right);
            for v in 0..N {
                flux[v][i] = through[v];
            }
        }
    }
}

/// Which variable plays the part of `v` when sweeping along `axis`.
#[inline(always)]
fn turned(v: usize, axis: usize) -> usize {
    match (axis, v) {
        (1, 1) => 2,
        (1, 2) => 1,
        _ => v,
    }
}
