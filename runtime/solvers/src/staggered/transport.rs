//! Explicit rates of change: transport in conservative form with second-order central fluxes, and diffusion along x. Rows are taken as
//! slices of one length, so that the loops vectorise. Without viscosity the discrete kinetic energy is conserved on a uniform grid.

use super::grid::Grid;

/// Rates of change of the x velocity `u`, on the left faces of the cells.
pub(super) fn rate_u(grid: &Grid, viscosity: f64, u: &[f64], v: &[f64], rate: &mut [f64]) {
    let [n, ny] = grid.cells;
    let inverse = 1.0 / grid.width;
    let (transport_x, diffusion) = (-0.25 * inverse, viscosity * inverse * inverse);
    for j in 0..ny {
        let transport_y = -0.25 / grid.heights[j];
        let [below, here, above] = [j, j + 1, j + 2].map(|row| &grid.row(u, row)[..n + 2]);
        let [v_below, v_above] = [j + 1, j + 2].map(|row| &grid.row(v, row)[..n + 2]);
        let rate = &mut grid.row_mut(rate, j + 1)[1..n + 1];
        for i in 0..n {
            let (west, centre, east) = (here[i], here[i + 1], here[i + 2]);
            let along = (centre + east) * (centre + east) - (west + centre) * (west + centre);
            let up = (v_above[i] + v_above[i + 1]) * (centre + above[i + 1]);
            let down = (v_below[i] + v_below[i + 1]) * (below[i + 1] + centre);
            rate[i] = transport_x * along + transport_y * (up - down) + diffusion * ((west - centre) + (east - centre));
        }
    }
}

/// Rates of change of the y velocity `v`, on the lower faces of the cells; those on walls don't change.
pub(super) fn rate_v(grid: &Grid, viscosity: f64, u: &[f64], v: &[f64], rate: &mut [f64]) {
    let [n, ny] = grid.cells;
    let inverse = 1.0 / grid.width;
    let diffusion = viscosity * inverse * inverse;
    for j in 1..ny {
        // The flux through a side is the sum over the halves of both cells, which keeps continuity in the volume around a face.
        let (lower, upper) = (0.5 * grid.heights[j - 1], 0.5 * grid.heights[j]);
        let (transport_x, transport_y) = (-0.5 * inverse / (lower + upper), -0.25 / (lower + upper));
        let [below, here, above] = [j, j + 1, j + 2].map(|row| &grid.row(v, row)[..n + 2]);
        let [u_below, u_above] = [j, j + 1].map(|row| &grid.row(u, row)[..n + 2]);
        let rate = &mut grid.row_mut(rate, j + 1)[1..n + 1];
        for i in 0..n {
            let (west, centre, east) = (here[i], here[i + 1], here[i + 2]);
            let right = (lower * u_below[i + 2] + upper * u_above[i + 2]) * (centre + east);
            let left = (lower * u_below[i + 1] + upper * u_above[i + 1]) * (west + centre);
            let (up, down) = (centre + above[i + 1], below[i + 1] + centre);
            rate[i] =
                transport_x * (right - left) + transport_y * (up * up - down * down) + diffusion * ((west - centre) + (east - centre));
        }
    }
}

/// Rates of change of a scalar at cell centres.
pub(super) fn rate_scalar(grid: &Grid, diffusivity: f64, [u, v]: [&[f64]; 2], scalar: &[f64], rate: &mut [f64]) {
    let [n, ny] = grid.cells;
    let inverse = 1.0 / grid.width;
    let (transport_x, diffusion) = (-0.5 * inverse, diffusivity * inverse * inverse);
    for j in 0..ny {
        let transport_y = -0.5 / grid.heights[j];
        let [below, here, above] = [j, j + 1, j + 2].map(|row| &grid.row(scalar, row)[..n + 2]);
        let [v_below, v_above] = [j + 1, j + 2].map(|row| &grid.row(v, row)[..n + 2]);
        let u = &grid.row(u, j + 1)[..n + 2];
        let rate = &mut grid.row_mut(rate, j + 1)[1..n + 1];
        for i in 0..n {
            let (west, centre, east) = (here[i], here[i + 1], here[i + 2]);
            let along = u[i + 2] * (centre + east) - u[i + 1] * (west + centre);
            let across = v_above[i + 1] * (centre + above[i + 1]) - v_below[i + 1] * (below[i + 1] + centre);
            rate[i] = transport_x * along + transport_y * across + diffusion * ((west - centre) + (east - centre));
        }
    }
}

/// The divergence of a velocity at cell centres, times `factor`.
pub(super) fn divergence(grid: &Grid, factor: f64, u: &[f64], v: &[f64], target: &mut [f64]) {
    let [n, ny] = grid.cells;
    let scale_x = factor / grid.width;
    for j in 0..ny {
        let scale_y = factor / grid.heights[j];
        let [v_below, v_above] = [j + 1, j + 2].map(|row| &grid.row(v, row)[1..n + 1]);
        let u = &grid.row(u, j + 1)[..n + 2];
        let target = &mut grid.row_mut(target, j + 1)[1..n + 1];
        for i in 0..n {
            target[i] = scale_x * (u[i + 2] - u[i + 1]) + scale_y * (v_above[i] - v_below[i]);
        }
    }
}

/// Subtracts `factor` times the gradient of a scalar at cell centres, whose side columns are filled, from a velocity.
pub(super) fn subtract_gradient(grid: &Grid, factor: f64, scalar: &[f64], u: &mut [f64], v: &mut [f64]) {
    let [n, ny] = grid.cells;
    let scale = factor / grid.width;
    for row in 1..=ny {
        let here = &grid.row(scalar, row)[..n + 2];
        let u = &mut grid.row_mut(u, row)[1..n + 1];
        for i in 0..n {
            u[i] -= scale * (here[i + 1] - here[i]);
        }
        if row > 1 {
            let scale = factor / grid.gaps[row - 1];
            let below = &grid.row(scalar, row - 1)[..n + 2];
            let v = &mut grid.row_mut(v, row)[1..n + 1];
            for i in 0..n {
                v[i] -= scale * (here[i + 1] - below[i + 1]);
            }
        }
    }
}
