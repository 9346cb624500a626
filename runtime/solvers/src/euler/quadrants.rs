//! Initial conditions of the Euler data sets: the unit square cut by one to three lines along each axis, and a constant random
//! state in every rectangle. The Well does not document its distribution; the ranges here are tuned so that means and standard
//! deviations over time come out near its published statistics.

use super::gas::Gas;
use crate::draw::Draw;
use crate::finite_volume::{Cells, Law, Mesh};

/// Ranges of the random states; density and pressure are uniform in the logarithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ranges {
    pub density: (f64, f64),
    pub pressure: (f64, f64),
    /// Each velocity component lies between minus and plus this.
    pub velocity: f64,
}

/// Cell averages of the conserved variables on a mesh of the unit square. Cells that a cut crosses get the area-weighted average,
/// so the same draw on a finer mesh is the same flow.
pub(super) fn initial(draw: &mut Draw, ranges: &Ranges, gas: &Gas, mesh: &Mesh) -> Cells<4> {
    let x = cuts(draw);
    let y = cuts(draw);
    let states: Vec<[f64; 4]> = (0..(x.len() + 1) * (y.len() + 1))
        .map(|_| {
            let density = draw.log_uniform(ranges.density.0, ranges.density.1);
            let pressure = draw.log_uniform(ranges.pressure.0, ranges.pressure.1);
            let u = draw.uniform(-ranges.velocity, ranges.velocity);
            let v = draw.uniform(-ranges.velocity, ranges.velocity);
            gas.conserved([density, u, v, pressure])
        })
        .collect();
    let along_x: Vec<_> = (0..mesh.cells[0]).map(|i| shares(&x, i, mesh.cells[0])).collect();
    let along_y: Vec<_> = (0..mesh.cells[1]).map(|j| shares(&y, j, mesh.cells[1])).collect();
    let mut cells: Cells<4> = std::array::from_fn(|_| Vec::with_capacity(mesh.len()));
    for share_x in &along_x {
        for share_y in &along_y {
            let mut average = [0.0; 4];
            for &(a, weight_x) in share_x {
                for &(b, weight_y) in share_y {
                    let state = &states[a * (y.len() + 1) + b];
                    for (sum, value) in average.iter_mut().zip(state) {
                        *sum += weight_x * weight_y * value;
                    }
                }
            }
            for (variable, value) in cells.iter_mut().zip(average) {
                variable.push(value);
            }
        }
    }
    cells
}

/// One to three sorted positions in (0.15, 0.85), at least 0.1 apart.
fn cuts(draw: &mut Draw) -> Vec<f64> {
    let count = draw.integer(1, 3) as usize;
    loop {
        let mut cuts: Vec<f64> = (0..count).map(|_| draw.uniform(0.15, 0.85)).collect();
        cuts.sort_by(f64::total_cmp);
        if cuts.windows(2).all(|pair| pair[1] - pair[0] >= 0.1) {
            return cuts;
        }
    }
}

/// The intervals between cuts that cell `i` of `n` touches, each with its share of the cell.
fn shares(cuts: &[f64], i: usize, n: usize) -> Vec<(usize, f64)> {
    let (low, high) = (i as f64 / n as f64, (i + 1) as f64 / n as f64);
    (0..=cuts.len())
        .filter_map(|k| {
            let from = if k == 0 { 0.0 } else { cuts[k - 1] };
            let to = if k == cuts.len() { 1.0 } else { cuts[k] };
            let share = (high.min(to) - low.max(from)) * n as f64;
            (share > 0.0).then_some((k, share))
        })
        .collect()
}
