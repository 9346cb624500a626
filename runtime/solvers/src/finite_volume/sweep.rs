//! Fluxes along one axis: slopes and fluxes of a whole row of faces at a time, and their differences added to the rate of change.
//! Along x a row of faces lies between two rows of cells, along y between the cells of a row; rows are contiguous in both cases, so
//! that all loops vectorise.

use super::limiter::Slope;
use super::{Cells, Edge, Law, Mesh};

const GHOSTS: usize = 2;
/// Faces whose fluxes are computed together, in arrays of that length on the stack: the compiler sees that those don't overlap.
const LANES: usize = 8;

/// What to sweep: all rows of the mesh along one axis.
#[derive(Clone, Copy)]
pub(super) struct Sweep {
    pub mesh: Mesh,
    pub axis: usize,
    pub edge: Edge,
    pub slope: Slope,
}

/// A row of values of each variable, in the order of the sweep's axis, with room for a last block of lanes.
type Row<const N: usize> = [Vec<f64>; N];

/// Working arrays for rows of cells along y.
pub(super) struct Rows<const N: usize> {
    /// Averages; in a sweep along y with ghosts at both ends.
    average: [Row<N>; 2],
    /// Half slopes.
    half_slope: [Row<N>; 2],
    flux: [Row<N>; 2],
}

/// The cells on one side of a row of faces, from the first face on.
#[derive(Clone, Copy)]
struct Side<'a, const N: usize> {
    average: [&'a [f64]; N],
    half_slope: [&'a [f64]; N],
}

impl<const N: usize> Rows<N> {
    /// For a mesh with `columns` cells along y.
    pub fn new(columns: usize) -> Self {
        let row = || std::array::from_fn(|_| vec![0.0; columns + 2 * GHOSTS + LANES]);
        Self { average: [row(), row()], half_slope: [row(), row()], flux: [row(), row()] }
    }

    /// Adds the flux differences along the sweep's axis to the rate of change of the conserved variables.
    #[inline(always)]
    pub fn add_rate<L: Law<N>>(&mut self, law: &L, sweep: Sweep, primitive: &Cells<N>, rate: &mut Cells<N>) {
        if sweep.axis == 0 {
            self.across_rows(law, sweep, primitive, rate);
        } else {
            self.along_rows(law, sweep, primitive, rate);
        }
    }

    #[inline(always)]
    fn across_rows<L: Law<N>>(&mut self, law: &L, sweep: Sweep, primitive: &Cells<N>, rate: &mut Cells<N>) {
        let Sweep { mesh, edge, slope, .. } = sweep;
        let [rows, n] = mesh.cells;
        let inverse = 1.0 / mesh.spacing[0];
        let row = |i: isize| {
            let first = edge.cell(i, rows) * n;
            primitive.each_ref().map(|variable| &variable[first..first + n])
        };
        for face in 0..=rows + 1 {
            // The row of cells after the face; its slope is that of the cells before the next face.
            let after = face as isize - 1;
            self.average.swap(0, 1);
            self.half_slope.swap(0, 1);
            let [previous, here, next] = [after - 1, after, after + 1].map(row);
            for v in 0..N {
                self.average[1][v][..n].copy_from_slice(here[v]);
                half_slopes(slope, [previous[v], here[v], next[v]], &mut self.half_slope[1][v]);
            }
            if face == 0 {
                continue;
            }
            self.flux.swap(0, 1);
            let side = |k: usize| Side {
                average: self.average[k].each_ref().map(|a| &a[..]),
                half_slope: self.half_slope[k].each_ref().map(|h| &h[..]),
            };
            fluxes(law, n, side(0), side(1), &mut self.flux[1]);
            if face == 1 {
                continue;
            }
            let first = (face - 2) * n;
            for (v, rate) in rate.iter_mut().enumerate() {
                subtract(inverse, [&self.flux[0][v][..n], &self.flux[1][v][..n]], &mut rate[first..first + n]);
            }
        }
    }

    #[inline(always)]
    fn along_rows<L: Law<N>>(&mut self, law: &L, sweep: Sweep, primitive: &Cells<N>, rate: &mut Cells<N>) {
        let Sweep { mesh, edge, slope, .. } = sweep;
        let [rows, n] = mesh.cells;
        let inverse = 1.0 / mesh.spacing[1];
        let ([average, _], [half_slope, _], [flux, _]) = (&mut self.average, &mut self.half_slope, &mut self.flux);
        for first in (0..rows).map(|i| i * n) {
            for v in 0..N {
                let source = &primitive[turned(v)][first..first + n];
                let average = &mut average[v][..n + 2 * GHOSTS];
                average[GHOSTS..GHOSTS + n].copy_from_slice(source);
                for ghost in 0..GHOSTS {
                    average[ghost] = source[edge.cell(ghost as isize - GHOSTS as isize, n)];
                    average[GHOSTS + n + ghost] = source[edge.cell((n + ghost) as isize, n)];
                }
                half_slopes(slope, [&average[..n + 2], &average[1..n + 3], &average[2..]], &mut half_slope[v]);
            }
            let side = |shift: usize| Side {
                average: average.each_ref().map(|a| &a[1 + shift..]),
                half_slope: half_slope.each_ref().map(|h| &h[shift..]),
            };
            fluxes(law, n + 1, side(0), side(1), flux);
            for v in 0..N {
                subtract(inverse, [&flux[v][..n], &flux[v][1..n + 1]], &mut rate[turned(v)][first..first + n]);
            }
        }
    }
}

impl Edge {
    /// Which of an axis' `n` cells stands at place `i`, which may lie beyond the ends.
    fn cell(self, i: isize, n: usize) -> usize {
        match self {
            Self::Open => i.clamp(0, n as isize - 1) as usize,
            Self::Periodic => i.rem_euclid(n as isize) as usize,
        }
    }
}

/// Half the limited slopes of the cells `here`.
#[inline(always)]
fn half_slopes(slope: Slope, [previous, here, next]: [&[f64]; 3], half: &mut [f64]) {
    let n = here.len();
    let (previous, next, half) = (&previous[..n], &next[..n], &mut half[..n]);
    for i in 0..n {
        half[i] = slope.half(here[i] - previous[i], next[i] - here[i]);
    }
}

/// Fluxes through `n` faces between the cells on their left and on their right.
#[inline(always)]
fn fluxes<L: Law<N>, const N: usize>(law: &L, n: usize, left: Side<N>, right: Side<N>, flux: &mut Row<N>) {
    for first in (0..n).step_by(LANES) {
        let (mut at_left, mut at_right, mut through) = ([[0.0; LANES]; N], [[0.0; LANES]; N], [[0.0; LANES]; N]);
        for v in 0..N {
            add(&mut at_left[v], 1.0, [left.average[v], left.half_slope[v]], first);
            add(&mut at_right[v], -1.0, [right.average[v], right.half_slope[v]], first);
        }
        for k in 0..LANES {
            let values = law.flux(std::array::from_fn(|v| at_left[v][k]), std::array::from_fn(|v| at_right[v][k]));
            for v in 0..N {
                through[v][k] = values[v];
            }
        }
        for v in 0..N {
            flux[v][first..first + LANES].copy_from_slice(&through[v]);
        }
    }
}

/// sum = average + sign * half_slope, from `first` on.
#[inline(always)]
fn add(sum: &mut [f64; LANES], sign: f64, [average, half_slope]: [&[f64]; 2], first: usize) {
    let (average, half_slope) = (&average[first..first + LANES], &half_slope[first..first + LANES]);
    for k in 0..LANES {
        sum[k] = average[k] + sign * half_slope[k];
    }
}

/// rate -= (after - before) * inverse.
#[inline(always)]
fn subtract(inverse: f64, [before, after]: [&[f64]; 2], rate: &mut [f64]) {
    for ((rate, before), after) in rate.iter_mut().zip(before).zip(after) {
        *rate -= (after - before) * inverse;
    }
}

/// Which variable plays the part of `v` when sweeping along y.
#[inline(always)]
fn turned(v: usize) -> usize {
    match v {
        1 => 2,
        2 => 1,
        _ => v,
    }
}
