//! Gas in four constant states, one in each quarter of the unit square.

use pfm_solvers::euler::Gas;
use pfm_solvers::finite_volume::{Cells, Law};

/// Four states (pressure, density, u, v) in the order north-east, north-west, south-west, south-east, cut at the middle.
pub fn quadrants(gas: &Gas, n: usize, states: [[f64; 4]; 4]) -> Cells<4> {
    let mut cells: Cells<4> = Default::default();
    for i in 0..n {
        for j in 0..n {
            let [pressure, density, u, v] = match (2 * i >= n, 2 * j >= n) {
                (true, true) => states[0],
                (false, true) => states[1],
                (false, false) => states[2],
                (true, false) => states[3],
            };
            for (variable, value) in cells.iter_mut().zip(gas.conserved([density, u, v, pressure])) {
                variable.push(value);
            }
        }
    }
    cells
}
